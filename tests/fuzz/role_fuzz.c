/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "control/api/role.h"
#include "control/api/rpc_tls.h"
#include "datapath/base/json_util.h"
#include "tests/fuzz/fuzz.h"

/* A rule or an address: what is taken is whole, what is not is explained. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct role_rules rules;
	struct sockaddr_storage addr;
	struct err err = {0};
	char text[1024], role[ROLE_TEXT_SIZE];

	snprintf(
	    text, sizeof(text), "%.*s", (int)MIN_OF(size, sizeof(text) - 1), (const char *)data);
	rules.n = 0;
	if (role_rules_add(&rules, text, &err) != 0) {
		FUZZ_ASSERT(rules.n == 0 && err.what[0] != '\0');
	} else {
		const struct role *r = &rules.rules[0].role;
		const char *sign = strrchr(text, '=');
		FUZZ_ASSERT(rules.n == 1 && sign != NULL && r->level <= ROLE_ADMIN);
		FUZZ_ASSERT(strcmp(role_format(r, role), sign + 1) == 0);
		FUZZ_ASSERT(r->level != ROLE_OWNER || json_name_is_valid(r->owner));
	}
	if (rpc_tls_parse_address(text, &addr, &err) == 0)
		FUZZ_ASSERT(addr.ss_family == AF_INET || addr.ss_family == AF_INET6);
	return 0;
}
