/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: rules, and clients that are tied to an owner on every path that writes. */
#include "tests/unit/test.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/api/store.h"
#include "tests/unit/control/api_fixture.h"
#include "tests/unit/control/test_methods.h"

static int id_counter;

static json_t *commit(struct api *api, int fd, const char *owner, const char *ops)
{
	char params[2048];
	snprintf(params, sizeof(params), "{'txn_id':'t%d','owner':'%s','ops':[%s]}", ++id_counter,
	    owner, ops);
	return api_callf(api, fd, "txn.commit", params);
}

static void done(json_t *reply)
{
	char *text = json_dumps(reply, 0);
	if (api_error_code(reply) != 0 || reply == NULL)
		fail_msg("%s", text);
	free(text);
	json_decref(reply);
}

/* Forbidden, at this path and object, with a hint. */
static void forbidden(json_t *reply, const char *path, const char *object)
{
	char *text = json_dumps(reply, 0);
	const char *got_path = json_string_value(api_at(reply, "/error/data/path"));
	const char *got_object = json_string_value(api_at(reply, "/error/data/object"));
	if (api_error_code(reply) != -32002 || api_at(reply, "/error/data/hint") == NULL ||
	    (path != NULL && (got_path == NULL || strcmp(got_path, path) != 0)) ||
	    (object != NULL && (got_object == NULL || strcmp(got_object, object) != 0)))
		fail_msg("%s", text);
	free(text);
	json_decref(reply);
}

#define NET(name, vni)      "{'op':'put','table':'network','name':'" name "','object':{'vni':" vni "}}"
#define PORT(name, members) "{'op':'put','table':'port','name':'" name "','object':{" members "}}"

static void rules_are_read_and_wrong_ones_explained(void **)
{
	static const char *const good[] = {"uid:0=admin", "uid:root=read", "gid:root=operate",
	    "gid:12=owner:a.b_c:d-e", "cert:DNS:agent1=owner:red",
	    "cert:URI:spiffe://x/y?a=b=admin", "cert:email:a@b=read"};
	static const char *const bad[] = {"", "=", "uid:1", "uid:=read", "uid:-1=read",
	    "uid:4294967295=read", "uid:99999999999999999999=read", "uid:1x=read", "uid: 1=read",
	    "gid:no-such-group=read", "user:1=read", "uid:1=", "uid:1=owner",
	    "uid:1=owner:", "uid:1=owner:a b", "uid:1=Admin", "cert:agent1=read", "cert:DNS:=read",
	    "cert:IP:1.2.3.4=read"};
	struct role_rules rules = {0};
	struct err err = {0};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (role_rules_add(&rules, good[i], &err) != 0)
			fail_msg("%s: %s", good[i], err.what);
	assert_int_equal(rules.n, ARRAY_SIZE(good));
	assert_string_equal(rules.rules[3].role.owner, "a.b_c:d-e");
	assert_string_equal(rules.rules[5].name, "URI:spiffe://x/y?a=b");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err.what[0] = '\0';
		if (role_rules_add(&rules, bad[i], &err) == 0 || err.what[0] == '\0')
			fail_msg("%s passed", bad[i]);
	}
	char text[600] = "cert:DNS:";
	memset(text + 9, 'x', 500);
	strcpy(text + 509, "=read");
	assert_int_not_equal(role_rules_add(&rules, text, &err), 0);
	while (rules.n < ROLE_MAX_RULES)
		assert_int_equal(role_rules_add(&rules, "uid:7=read", &err), 0);
	assert_int_not_equal(role_rules_add(&rules, "uid:7=read", &err), 0);
	assert_int_equal(err.code, ERR_QUOTA);
}

static void first_rule_that_fits_counts(void **)
{
	struct role_rules rules = {0};
	struct err err = {0};
	const gid_t groups[] = {5, 77};
	assert_int_equal(role_rules_add(&rules, "uid:1000=owner:red", &err), 0);
	assert_int_equal(role_rules_add(&rules, "gid:77=operate", &err), 0);
	assert_int_equal(role_rules_add(&rules, "uid:1001=admin", &err), 0);
	assert_int_equal(role_rules_add(&rules, "uid:0=read", &err), 0);
	struct role role = role_of_user(&rules, 1000, groups, 2);
	assert_int_equal(role.level, ROLE_OWNER);
	assert_string_equal(role.owner, "red");
	assert_int_equal(role_of_user(&rules, 1001, groups, 2).level, ROLE_OPERATE);
	assert_int_equal(role_of_user(&rules, 1001, groups, 1).level, ROLE_ADMIN);
	assert_int_equal(role_of_user(&rules, 1002, groups, 1).level, ROLE_READ);
	assert_int_equal(role_of_user(&rules, 0, groups, 2).level, ROLE_ADMIN);

	static const char names[2][ROLE_NAME_SIZE] = {"DNS:agent1", "URI:x"};
	const char *name = NULL;
	assert_null(role_of_names(&rules, names, 2, &name));
	assert_int_equal(role_rules_add(&rules, "cert:URI:x=owner:blue", &err), 0);
	assert_int_equal(role_rules_add(&rules, "cert:DNS:agent1=admin", &err), 0);
	assert_string_equal(role_of_names(&rules, names, 2, &name)->owner, "blue");
	assert_string_equal(name, "URI:x");
	assert_null(role_of_names(&rules, names, 0, &name));
	assert_int_equal(role_of_user(&rules, 1002, groups, 1).level, ROLE_READ);
}

static void owner_changes_what_it_has_and_nothing_else(void **state)
{
	struct api *api = *state;
	int admin = api_connect(api), red = api_connect_as(api, "owner:red");
	done(commit(api, admin, "blue", NET("b1", "5002")));
	done(commit(api, red, "red", NET("r1", "5001")));
	done(commit(api, red, "red", PORT("rp", "'network':'r1'")));
	uint64_t before = store_generation(api->daemon.store);

	forbidden(commit(api, red, "blue", NET("r2", "5003")), "/owner", NULL);
	forbidden(commit(api, red, "blue", "{'op':'delete','table':'network','name':'b1'}"),
	    "/owner", NULL);
	forbidden(commit(api, red, "red", NET("b1", "5002")), "/ops/0", "network/b1");
	forbidden(
	    commit(api, red, "red",
		NET("r2",
		    "5003") ",{'op':'patch','table':'network','name':'b1','object':{'mtu':1400}}"),
	    "/ops/1", "network/b1");
	forbidden(commit(api, red, "red", "{'op':'delete','table':'network','name':'b1'}"),
	    "/ops/0", "network/b1");
	/* What is its own is not hung on what is not. */
	forbidden(commit(api, red, "red", PORT("rp2", "'network':'b1'")), "/ops/0/object/network",
	    "port/rp2");
	forbidden(
	    commit(api, red, "red",
		"{'op':'put','table':'tunnel_peer','name':'t','object':{'remote_ip':'192.0.2.9',"
		"'networks':['r1','b1']}}"),
	    "/ops/0/object/networks/1", "tunnel_peer/t");
	forbidden(commit(api, red, "red",
		      "{'op':'patch','table':'port','name':'rp','object':{'network':'b1'}}"),
	    "/ops/0/object/network", "port/rp");
	forbidden(api_callf(api, red, "sys.log_level", "{'level':'debug'}"), NULL, NULL);
	assert_int_equal(store_generation(api->daemon.store), before);
	/* It may look at all. */
	done(api_callf(api, red, "state.get", "{'table':'network','name':'b1'}"));
	done(commit(api, red, "red", "{'op':'assert','table':'network','name':'b1'}"));
	/* Whoever may operate chooses the owner; objects still belong to one. */
	int operator_fd = api_connect_as(api, "operate");
	done(commit(api, operator_fd, "blue", PORT("bp", "'network':'r1'")));
	forbidden(commit(api, operator_fd, "blue", NET("r1", "5001")), "/ops/0", "network/r1");
	close(operator_fd);
	close(admin);
	close(red);
}

static void owner_reaches_nothing_of_the_host(void **state)
{
	static const char *const ports[][2] = {
	    {"'kind':'tap','bridge':'rb'", "/ops/0/object/kind"},
	    {"'kind':'uplink','interface':'eth0'", "/ops/0/object/kind"},
	    {"'kind':'pcap','bridge':'rb','device':'tx=/etc/passwd'", "/ops/0/object/kind"},
	    {"'kind':'ethdev','bridge':'rb','device':'net_tap0'", "/ops/0/object/kind"},
	    {"'kind':'vxlan','bridge':'rb'", "/ops/0/object/kind"},
	    {"'bridge':'rb','socket':'/etc/x'", "/ops/0/object/socket"},
	    {"'kind':'remote','network':'r1','peer':'bt'", "/ops/0/object/peer"},
	};
	struct api *api = *state;
	int admin = api_connect(api), red = api_connect_as(api, "owner:red");
	done(commit(api, red, "red",
	    NET("r1", "5001") ",{'op':'put','table':'bridge','name':'rb','object':{}}"));
	done(commit(api, admin, "blue",
	    "{'op':'put','table':'tunnel_peer','name':'bt','object':{'remote_ip':'192.0.2.9'}}"));
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		char op[300];
		snprintf(op, sizeof(op), "{'op':'put','table':'port','name':'p','object':{%s}}",
		    ports[i][0]);
		forbidden(commit(api, red, "red", op), ports[i][1], "port/p");
	}
	/* An operator makes it for the owner, who may then change the rest of it. */
	done(commit(api, admin, "red", PORT("p", "'kind':'tap','bridge':'rb'")));
	done(commit(
	    api, red, "red", "{'op':'patch','table':'port','name':'p','object':{'punt_pps':7}}"));
	done(commit(api, red, "red", "{'op':'delete','table':'port','name':'p'}"));
	done(commit(api, red, "red", PORT("p", "'bridge':'rb'")));
	close(admin);
	close(red);
}

static void owner_reconciles_for_itself_only(void **state)
{
	struct api *api = *state;
	int admin = api_connect(api), red = api_connect_as(api, "owner:red");
	const char *blue = "{'owner':'blue','epoch':1}";
	done(commit(api, admin, "blue", NET("b1", "5002")));
	done(api_callf(api, admin, "reconcile.begin", blue));
	forbidden(
	    api_callf(api, red, "reconcile.begin", "{'owner':'blue','epoch':9}"), "/owner", NULL);
	forbidden(api_callf(api, red, "reconcile.put", "{'owner':'blue','epoch':1,'objects':[]}"),
	    "/owner", NULL);
	forbidden(api_callf(api, red, "reconcile.end", blue), "/owner", NULL);
	assert_non_null(store_find(api->daemon.store, API_TABLE_NETWORK, "b1"));

	done(api_callf(api, red, "reconcile.begin", "{'owner':'red','epoch':1}"));
	done(api_callf(api, red, "reconcile.put",
	    "{'owner':'red','epoch':1,'objects':[{'table':'network','name':'r1','object':{'vni':7}}"
	    ","
	    "{'table':'port','name':'rp','object':{'network':'b1'}}]}"));
	forbidden(api_callf(api, red, "reconcile.end", "{'owner':'red','epoch':1}"),
	    "/ops/1/object/network", "port/rp");
	done(api_callf(api, red, "reconcile.begin", "{'owner':'red','epoch':2}"));
	done(api_callf(api, red, "reconcile.put",
	    "{'owner':'red','epoch':2,'objects':[{'table':'network','name':'r1','object':{'vni':7}}"
	    "]}"));
	done(api_callf(api, red, "reconcile.end", "{'owner':'red','epoch':2}"));
	assert_non_null(store_find(api->daemon.store, API_TABLE_NETWORK, "r1"));
	close(admin);
	close(red);
}

static void reader_writes_nowhere(void **state)
{
	static const char *const calls[][2] = {
	    {"txn.commit", "{'txn_id':'x','owner':'o','ops':[]}"},
	    {"reconcile.begin", "{'owner':'o','epoch':1}"},
	    {"reconcile.put", "{'owner':'o','epoch':1,'objects':[]}"},
	    {"reconcile.end", "{'owner':'o','epoch':1}"},
	    {"sys.log_level", "{'level':'info'}"},
	    {"fdb.flush", "{'bridge':'b'}"},
	};
	struct api *api = *state;
	int fd = api_connect_as(api, "read");
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		forbidden(api_callf(api, fd, calls[i][0], calls[i][1]), NULL, NULL);
	assert_int_equal(rpc_server_counters(api->daemon.rpc).n_forbidden, ARRAY_SIZE(calls));
	/* No method that writes is in the table with the role read. */
	for (size_t i = 0; i < rpc_n_methods; i++)
		if (rpc_methods[i].mutating && strncmp(rpc_methods[i].name, "test.", 5) != 0)
			assert_true(rpc_methods[i].role > ROLE_READ);
	json_t *reply = api_callf(api, fd, "sys.hello", "{}");
	assert_string_equal(json_string_value(api_at(reply, "/result/role")), "read");
	json_decref(reply);
	close(fd);
}

static void eight_connections_of_a_user_and_the_ninth_is_told(void **state)
{
	struct api *api = *state;
	int fds[9];
	for (size_t i = 0; i < 9; i++)
		fds[i] = api_connect_as(api, "owner:red");
	char *line = api_read_line(api, fds[8]);
	assert_non_null(strstr(line, "too many connections of this user"));
	free(line);
	assert_null(api_read_line(api, fds[8]));
	assert_int_equal(rpc_server_counters(api->daemon.rpc).n_refused, 1);
	int blue = api_connect_as(api, "owner:blue");
	done(api_callf(api, blue, "test.echo", "{}"));
	close(fds[0]);
	api_run(api);
	int again = api_connect_as(api, "owner:red");
	done(api_callf(api, again, "test.echo", "{}"));
	for (size_t i = 1; i < 9; i++)
		close(fds[i]);
	close(blue);
	close(again);
}

/* A real user, as the kernel names it: the rule decides, not the group. */
static void rule_holds_for_a_user_of_the_kernel(void **state)
{
	struct api *api = *state;
	struct err err = {0};
	if (geteuid() != 0)
		skip();
	api_stop(api);
	assert_int_equal(role_rules_add(&api->rules, "uid:65534=owner:red", &err), 0);
	api_start(api);
	chmod(api->dir, 0755);
	chmod(api->socket, 0666);
	pid_t pid = fork();
	if (pid == 0) {
		static const char text[] =
		    "{\"jsonrpc\":\"2.0\",\"method\":\"txn.commit\",\"id\":1,\"params\":{\"txn_"
		    "id\":"
		    "\"k1\",\"owner\":\"red\",\"ops\":[{\"op\":\"put\",\"table\":\"network\","
		    "\"name\":\"k\",\"object\":{\"vni\":9}}]}}\n";
		struct sockaddr_un addr = {.sun_family = AF_UNIX};
		char reply[1000] = {0};
		strcpy(addr.sun_path, api->socket);
		int s = socket(AF_UNIX, SOCK_STREAM, 0);
		if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0 ||
		    connect(s, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
		    write(s, text, sizeof(text) - 1) < 0 || read(s, reply, sizeof(reply) - 1) <= 0)
			_exit(2);
		_exit(strstr(reply, "\"n_created\":1") != NULL ? 0 : 3);
	}
	int status = -1;
	for (int i = 0; i < 5000 && waitpid(pid, &status, WNOHANG) == 0; i++) {
		api_run(api);
		usleep(1000);
	}
	assert_int_equal(status, 0);
	assert_string_equal(store_find(api->daemon.store, API_TABLE_NETWORK, "k")->owner, "red");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rules_are_read_and_wrong_ones_explained),
	    cmocka_unit_test(first_rule_that_fits_counts),
	    T(owner_changes_what_it_has_and_nothing_else),
	    T(owner_reaches_nothing_of_the_host),
	    T(owner_reconciles_for_itself_only),
	    T(reader_writes_nowhere),
	    T(eight_connections_of_a_user_and_the_ninth_is_told),
	    T(rule_holds_for_a_user_of_the_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
