/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/address.h"

#include <string.h>

#include "tests/unit/test.h"

static void check(const char *text, bool passive, bool tls, const char *peer)
{
	struct ovsdb_address a;
	struct err err = {0};
	char name[OVSDB_PEER_SIZE];
	if (ovsdb_address_parse(text, &a, &err) != 0)
		fail_msg("%s: %s", text, err.what);
	assert_int_equal(a.is_passive, passive);
	assert_int_equal(a.is_tls, tls);
	assert_string_equal(ovsdb_address_format_peer(&a, name), peer);
}

static void every_form_is_read(void **)
{
	check("ptcp:6640", true, false, "tcp:0.0.0.0:6640");
	check("ptcp:", true, false, "tcp:0.0.0.0:6640");
	check("ptcp:0:127.0.0.1", true, false, "tcp:127.0.0.1:0");
	check("ptcp:0:[::1]", true, false, "tcp:[::1]:0");
	check("pssl:6641:[::]", true, true, "ssl:[::]:6641");
	check("tcp:127.0.0.1:80", false, false, "tcp:127.0.0.1:80");
	check("tcp:127.0.0.1", false, false, "tcp:127.0.0.1:6640");
	check("ssl:[2001:db8::1]:443", false, true, "ssl:[2001:db8::1]:443");
	check("punix:/tmp/x", true, false, "unix");
	check("unix:db.sock", false, false, "unix");
}

static void others_are_refused(void **)
{
	static const char *const bad[] = {"", "tcp", "udp:1", "ptcp:x", "ptcp:70000", "ptcp:-1",
	    "ptcp:1:host.example", "ptcp:1:[::1", "ptcp:1:[::1]x", "tcp:", "tcp::6640",
	    "tcp:::1:80", "tcp:1.2.3.4:80:90", "ssl:[::1]80", "punix:", "ptcp:1:127.0.0.1:5"};
	char long_path[200] = "punix:";
	struct ovsdb_address a;
	struct err err = {0};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (ovsdb_address_parse(bad[i], &a, &err) == 0)
			fail_msg("%s is taken", bad[i]);
	memset(long_path + 6, 'x', 110);
	assert_int_not_equal(ovsdb_address_parse(long_path, &a, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_form_is_read),
	    cmocka_unit_test(others_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
