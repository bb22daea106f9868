/* SPDX-License-Identifier: Apache-2.0 */
/* TLS: who has a certificate of our CA and a role is served; all others are refused, counted, and do no harm. */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/api/openssl.h"
#include "control/api/rpc_tls.h"
#include "control/api/store.h"
#include "datapath/base/clock.h"
#include "tests/unit/control/api_fixture.h"
#include "tests/unit/control/test_methods.h"
#include "tests/unit/control/tls_fixture.h"

enum { DAY_S = 86400 };

static struct tls_ca ca, other_ca;
static int port;
static char files[3][128];

static void run(void *arg)
{
	api_run(arg);
}

static int setup(void **state)
{
	static const char *const rules[] = {
	    "cert:DNS:admin1=admin", "cert:DNS:red1=owner:red", "cert:URI:spiffe://x/reader=read"};
	struct err err = {0};
	char address[32];
	api_setup(state);
	struct api *api = *state;
	api_stop(api);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		assert_int_equal(role_rules_add(&api->rules, rules[i], &err), 0);
	api_start(api);
	tls_ca_init(&ca, api->dir, "ca");
	tls_ca_init(&other_ca, api->dir, "other-ca");
	tls_ca_issue(&ca, "server", "DNS:sluiced", DAY_S);
	tls_ca_issue(&ca, "admin", "DNS:admin1", DAY_S);
	tls_ca_issue(&ca, "red", "email:x@y,DNS:red1", DAY_S);
	tls_ca_issue(&ca, "reader", "URI:spiffe://x/reader", DAY_S);
	tls_ca_issue(&ca, "nobody", "DNS:nobody", DAY_S);
	tls_ca_issue(&ca, "nameless", NULL, DAY_S);
	tls_ca_issue(&ca, "expired", "DNS:admin1", -60);
	tls_ca_issue(&other_ca, "stranger", "DNS:admin1", DAY_S);
	static const char *const names[] = {"server.pem", "server.key", "ca.pem"};
	for (size_t i = 0; i < 3; i++)
		snprintf(files[i], sizeof(files[i]), "%s/%s", api->dir, names[i]);
	const struct tls_files tls = {.cert = files[0], .key = files[1], .ca = files[2]};
	for (port = 20000 + getpid() % 20000; port < 60000; port++) {
		snprintf(address, sizeof(address), "127.0.0.1:%d", port);
		if (rpc_server_listen_tls(api->daemon.rpc, address, &tls, &err) == 0)
			return 0;
	}
	return -1;
}

static int teardown(void **state)
{
	tls_ca_fini(&ca);
	tls_ca_fini(&other_ca);
	return api_teardown(state);
}

static struct rpc_counters counters(struct api *api)
{
	api_run(api);
	return rpc_server_counters(api->daemon.rpc);
}

static struct tls_client client(struct api *api)
{
	return (struct tls_client){.run = run, .arg = api};
}

static char *call(struct tls_client *c, const char *method, const char *params)
{
	char text[1000];
	snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}\n", method, params);
	return tls_client_send(c, text) ? tls_client_read_line(c) : NULL;
}

/* The handshake may be over for the client before the server has judged it: then nothing is ever answered. */
static void is_refused(struct api *api, const char *cert, const char *ca_name, int max_version)
{
	struct tls_client c = client(api);
	struct rpc_counters before = counters(api);
	if (tls_client_connect(&c, port, api->dir, cert, ca_name, max_version)) {
		char *line = call(&c, "test.echo", "{}");
		if (line != NULL)
			fail_msg("%s was served: %s", cert != NULL ? cert : "nobody", line);
	}
	tls_client_close(&c);
	struct rpc_counters after = counters(api);
	assert_int_equal(after.n_tls_failed, before.n_tls_failed + 1);
	assert_int_equal(after.n_tls_accepted, before.n_tls_accepted);
	assert_int_equal(after.n_requests, before.n_requests);
	assert_int_equal(after.n_connections, before.n_connections);
}

static void is_served(struct api *api, const char *cert, const char *role)
{
	char want[80];
	struct tls_client c = client(api);
	assert_true(tls_client_connect(&c, port, api->dir, cert, "ca", 0));
	assert_int_equal(SSL_version(c.tls), TLS1_3_VERSION);
	char *line = call(&c, "sys.hello", "{}");
	assert_non_null(line);
	snprintf(want, sizeof(want), "\"role\":\"%s\"", role);
	if (strstr(line, want) == NULL)
		fail_msg("%s: %s", cert, line);
	free(line);
	tls_client_close(&c);
}

static void names_of_certificates_have_roles(void **state)
{
	struct api *api = *state;
	is_served(api, "admin", "admin");
	is_served(api, "red", "owner:red");
	is_served(api, "reader", "read");
	assert_int_equal(counters(api).n_tls_accepted, 3);
	assert_int_equal(counters(api).n_tls_failed, 0);
	struct tls_client c = client(api);
	assert_true(tls_client_connect(&c, port, api->dir, "red", "ca", 0));
	char *line = call(&c, "txn.commit",
	    "{\"txn_id\":\"t1\",\"owner\":\"red\",\"ops\":[{\"op\":\"put\",\"table\":\"network\","
	    "\"name\":\"n\",\"object\":{\"vni\":9}}]}");
	assert_non_null(strstr(line, "\"n_created\":1"));
	free(line);
	line = call(&c, "txn.commit", "{\"txn_id\":\"t2\",\"owner\":\"blue\",\"ops\":[]}");
	assert_non_null(strstr(line, "-32002"));
	free(line);
	tls_client_close(&c);
	assert_string_equal(store_find(api->daemon.store, API_TABLE_NETWORK, "n")->owner, "red");
}

static void certificate_without_a_role_is_told_and_closed(void **state)
{
	static const char *const certs[] = {"nobody", "nameless"};
	struct api *api = *state;
	for (size_t i = 0; i < ARRAY_SIZE(certs); i++) {
		struct tls_client c = client(api);
		assert_true(tls_client_connect(&c, port, api->dir, certs[i], "ca", 0));
		char *line = tls_client_read_line(&c);
		assert_non_null(line);
		assert_non_null(strstr(line, "-32002"));
		assert_non_null(strstr(line, "--role"));
		free(line);
		assert_null(tls_client_read_line(&c));
		tls_client_close(&c);
		assert_int_equal(counters(api).n_tls_unknown, i + 1);
	}
	assert_int_equal(counters(api).n_connections, 0);
	is_served(api, "admin", "admin");
}

static void strangers_are_refused_and_counted(void **state)
{
	struct api *api = *state;
	is_refused(api, NULL, "ca", 0);
	is_refused(api, "stranger", "ca", 0);
	is_refused(api, "expired", "ca", 0);
	is_refused(api, "admin", "ca", TLS1_2_VERSION);
	/* It does not like us. */
	is_refused(api, "admin", "other-ca", 0);
	is_served(api, "admin", "admin");
}

static int connect_raw(struct api *api)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	api_run(api);
	return fd;
}

static void garbage_is_refused(void **state)
{
	static const char plain[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"test.echo\"}\n";
	struct api *api = *state;
	char bytes[600];
	srandom(7);
	for (int i = 0; i < 200; i++) {
		int fd = connect_raw(api);
		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (char)random();
		/* Some look like a record with a handshake in it. */
		if (i % 2 == 0)
			memcpy(bytes, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
		if (i == 1)
			memcpy(bytes, plain, sizeof(plain));
		send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
		shutdown(fd, SHUT_WR);
		api_run(api);
		assert_int_equal(counters(api).n_tls_failed, i + 1);
		close(fd);
	}
	assert_int_equal(counters(api).n_requests, 0);
	is_served(api, "admin", "admin");
}

static void slow_handshakes_end_and_do_not_keep_others_out(void **state)
{
	struct api *api = *state;
	struct rpc_limits limits = rpc_server_limits(api->daemon.rpc);
	limits.handshake_ms = 80;
	rpc_server_set_limits(api->daemon.rpc, &limits);
	int fds[TLS_HANDSHAKES_PER_ADDRESS + 2];
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = connect_raw(api);
		send(fds[i], "\x16\x03", 2, MSG_NOSIGNAL);
	}
	/* More of one address than it may have are closed at once. */
	assert_int_equal(counters(api).n_refused, 2);
	for (uint64_t end = clock_ms() + 5000;
	     clock_ms() < end && counters(api).n_tls_late < TLS_HANDSHAKES_PER_ADDRESS;)
		usleep(1000);
	assert_int_equal(counters(api).n_tls_late, TLS_HANDSHAKES_PER_ADDRESS);
	char byte;
	assert_true(recv(fds[0], &byte, 1, MSG_DONTWAIT) <= 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	limits.handshake_ms = 5000;
	rpc_server_set_limits(api->daemon.rpc, &limits);
	is_served(api, "admin", "admin");
}

static void large_messages_pass_both_ways(void **state)
{
	struct api *api = *state;
	struct tls_client c = client(api);
	assert_true(tls_client_connect(&c, port, api->dir, "admin", "ca", 0));
	char *text = malloc(400000), *end = text;
	for (int i = 0; i < 3; i++) {
		end = stpcpy(end,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"test.echo\",\"params\":{\"a\":[0");
		for (int k = 0; k < 20000; k++)
			end = stpcpy(end, ",12");
		end = stpcpy(end, "]}}\n");
	}
	assert_true(tls_client_send(&c, text));
	for (int i = 0; i < 3; i++) {
		char *line = tls_client_read_line(&c);
		assert_non_null(line);
		assert_true(strlen(line) > 60000 && strstr(line, "\"result\"") != NULL);
		free(line);
	}
	free(text);
	tls_client_close(&c);
	assert_int_equal(counters(api).memory_bytes, 0);
}

/* Key updates have to be answered; they must neither end the connection nor be forgotten. */
static void key_updates_are_answered(void **state)
{
	struct api *api = *state;
	struct tls_client c = client(api);
	assert_true(tls_client_connect(&c, port, api->dir, "admin", "ca", 0));
	for (int i = 0; i < 20; i++) {
		assert_int_equal(SSL_key_update(c.tls, SSL_KEY_UPDATE_REQUESTED), 1);
		char *line = call(&c, "test.echo", "{}");
		assert_non_null(line);
		free(line);
	}
	tls_client_close(&c);
}

static void reload_takes_new_files_and_keeps_the_old_when_they_are_bad(void **state)
{
	struct api *api = *state;
	struct err err = {0};
	struct tls_client kept = client(api);
	assert_true(tls_client_connect(&kept, port, api->dir, "admin", "ca", 0));
	/* The other CA takes over. */
	tls_ca_issue(&other_ca, "server", "DNS:sluiced", DAY_S);
	char path[128];
	snprintf(path, sizeof(path), "%s/other-ca.pem", api->dir);
	assert_int_equal(rename(path, files[2]), 0);
	assert_int_equal(rpc_server_reload_tls(api->daemon.rpc, &err), 0);
	is_served(api, "stranger", "admin");
	struct tls_client c = client(api);
	if (tls_client_connect(&c, port, api->dir, "admin", "ca", 0))
		assert_null(call(&c, "test.echo", "{}"));
	tls_client_close(&c);
	char *line = call(&kept, "test.echo", "{}"); // who was there stays
	assert_non_null(line);
	free(line);
	tls_client_close(&kept);
	assert_int_equal(truncate(files[1], 10), 0);
	assert_int_not_equal(rpc_server_reload_tls(api->daemon.rpc, &err), 0);
	assert_non_null(strstr(err.what, "server.key"));
	is_served(api, "stranger", "admin");
}

static void certificate_that_ends_takes_the_connection_with_it(void **state)
{
	struct api *api = *state;
	struct rpc_limits limits = rpc_server_limits(api->daemon.rpc);
	limits.handshake_ms = 400; // a quick tick
	rpc_server_set_limits(api->daemon.rpc, &limits);
	tls_ca_issue(&ca, "short", "DNS:admin1", 2);
	struct tls_client c = client(api);
	assert_true(tls_client_connect(&c, port, api->dir, "short", "ca", 0));
	char *line = call(&c, "test.echo", "{}");
	assert_non_null(line);
	free(line);
	line = tls_client_read_line(&c);
	assert_non_null(line);
	assert_non_null(strstr(line, "expired"));
	free(line);
	assert_null(tls_client_read_line(&c));
	tls_client_close(&c);
}

static void eight_connections_of_a_certificate(void **state)
{
	struct api *api = *state;
	struct tls_client c[9];
	for (size_t i = 0; i < 9; i++) {
		c[i] = client(api);
		assert_true(tls_client_connect(&c[i], port, api->dir, "admin", "ca", 0));
	}
	char *line = tls_client_read_line(&c[8]);
	assert_non_null(strstr(line, "too many connections of this user"));
	free(line);
	for (size_t i = 0; i < 9; i++)
		tls_client_close(&c[i]);
	is_served(api, "admin", "admin");
}

static void addresses_are_numbers(void **)
{
	static const char *const good[] = {
	    "127.0.0.1:1", "[::1]:9443", "[::]:65535", "0.0.0.0:9443"};
	static const char *const bad[] = {"", ":", ":9443", "9443", "127.0.0.1",
	    "127.0.0.1:", "::1:9443", "[::1]", "[::1]:", "[]:1", "localhost:9443", "127.0.0.1:x",
	    "[127.0.0.1:1"};
	struct sockaddr_storage addr;
	struct err err = {0};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (rpc_tls_parse_address(good[i], &addr, &err) != 0)
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (rpc_tls_parse_address(bad[i], &addr, &err) == 0)
			fail_msg("%s passed", bad[i]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(names_of_certificates_have_roles),
	    T(certificate_without_a_role_is_told_and_closed),
	    T(strangers_are_refused_and_counted),
	    T(garbage_is_refused),
	    T(slow_handshakes_end_and_do_not_keep_others_out),
	    T(large_messages_pass_both_ways),
	    T(key_updates_are_answered),
	    T(reload_takes_new_files_and_keeps_the_old_when_they_are_bad),
	    T(certificate_that_ends_takes_the_connection_with_it),
	    T(eight_connections_of_a_certificate),
	    cmocka_unit_test(addresses_are_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
