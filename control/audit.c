/* SPDX-License-Identifier: Apache-2.0 */
#include "control/audit.h"

#include <inttypes.h>

#define LOG_MODULE "audit"
#include "datapath/base/log.h"

void audit_write(const struct audit *a, uint64_t generation, const struct err *err)
{
	if (err == NULL)
		log_info("%s owner %s txn %s: %zu changes as generation %" PRIu64, a->client,
		    a->owner, a->txn_id, a->n_changes, generation);
	else
		log_info("%s owner %s txn %s: refused, %s %s: %s", a->client, a->owner, a->txn_id,
		    err_name(err->code), err->path, err->what);
}

void audit_call(const char *client, const char *method, const char *what)
{
	log_info("%s %s %s", client, method, what);
}

void audit_forbidden(const char *client, const char *method)
{
	log_info("%s %s: refused, the role does not allow it", client, method);
}
