/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/api/store.h"
#include "tests/unit/control/api_fixture.h"

static void must(struct api *api, int fd, const char *method, const char *params)
{
	json_t *reply = api_callf(api, fd, method, params);
	if (api_error_code(reply) != 0)
		fail_msg("%s %s: %s", method, params, json_dumps(reply, 0));
	json_decref(reply);
}

static void refused(
    struct api *api, int fd, const char *method, const char *params, int code, const char *path)
{
	json_t *reply = api_callf(api, fd, method, params);
	const char *got = json_string_value(api_at(reply, "/error/data/path"));
	if (api_error_code(reply) != code ||
	    (path != NULL && (got == NULL || strcmp(got, path) != 0)))
		fail_msg("%s %s: %s", method, params, json_dumps(reply, 0));
	json_decref(reply);
}

static bool exists(struct api *api, const char *network)
{
	return store_find(api->daemon.store, API_TABLE_NETWORK, network) != NULL;
}

/* Networks a and b of owner o, c of owner other. */
static int begin_with_three(struct api *api)
{
	int fd = api_connect(api);
	must(api, fd, "txn.commit",
	    "{'txn_id':'1','owner':'o','ops':[{'op':'put','table':'network','name':'a','object':{'"
	    "vni':1}},"
	    "{'op':'put','table':'network','name':'b','object':{'vni':2}}]}");
	must(api, fd, "txn.commit",
	    "{'txn_id':'2','owner':'other','ops':[{'op':'put','table':'network','name':'c','object'"
	    ":{'vni':3}}]}");
	return fd;
}

static void end_makes_the_stated_set_true_in_one_transaction(void **state)
{
	struct api *api = *state;
	int fd = begin_with_three(api);
	must(api, fd, "reconcile.begin", "{'owner':'o','epoch':1}");
	must(api, fd, "reconcile.put",
	    "{'owner':'o','epoch':1,'objects':[{'table':'network','name':'b','object':{'vni':22}}]"
	    "}");
	must(api, fd, "reconcile.put",
	    "{'owner':'o','epoch':1,'objects':[{'table':'network','name':'d','object':{'vni':4}}]"
	    "}");
	assert_int_equal(store_generation(api->daemon.store), 2);
	json_t *reply =
	    api_callf(api, fd, "reconcile.end", "{'owner':'o','epoch':1,'dry_run':true}");
	assert_string_equal(json_string_value(api_at(reply, "/result/deleted/0/name")), "a");
	assert_int_equal(json_integer_value(api_at(reply, "/result/n_updated")), 1);
	json_decref(reply);
	assert_true(exists(api, "a"));
	must(api, fd, "reconcile.end", "{'owner':'o','epoch':1}");
	assert_int_equal(store_generation(api->daemon.store), 3);
	assert_false(exists(api, "a"));
	assert_true(exists(api, "b") && exists(api, "c") && exists(api, "d"));
	/* Asked again it has nothing left to do. */
	must(api, fd, "reconcile.end", "{'owner':'o','epoch':1}");
	assert_int_equal(store_generation(api->daemon.store), 3);
	close(fd);
}

static void empty_set_deletes_all_of_the_owner_but_not_by_mistake(void **state)
{
	struct api *api = *state;
	int fd = begin_with_three(api);
	for (int i = 0; i < 12; i++) {
		char params[200];
		snprintf(params, sizeof(params),
		    "{'txn_id':'n%d','owner':'o','ops':[{'op':'put','table':'network','name':'n%d',"
		    "'object':{'vni':%d}}]}",
		    i, i, 100 + i);
		must(api, fd, "txn.commit", params);
	}
	must(api, fd, "reconcile.begin", "{'owner':'o','epoch':1}");
	refused(api, fd, "reconcile.end", "{'owner':'o','epoch':1}", 1010, NULL);
	must(api, fd, "reconcile.end", "{'owner':'o','epoch':1,'force':true}");
	assert_int_equal(store_count(api->daemon.store, API_TABLE_NETWORK), 1);
	assert_true(exists(api, "c"));
	close(fd);
}

static void older_epoch_is_not_primary(void **state)
{
	struct api *api = *state;
	int fd = begin_with_three(api), other = api_connect(api);
	must(api, fd, "reconcile.begin", "{'owner':'o','epoch':5}");
	must(api, other, "reconcile.begin", "{'owner':'o','epoch':6}");
	refused(api, fd, "reconcile.put", "{'owner':'o','epoch':5,'objects':[]}", -32003, "/epoch");
	refused(api, fd, "reconcile.end", "{'owner':'o','epoch':5}", -32003, "/epoch");
	refused(api, fd, "reconcile.begin", "{'owner':'o','epoch':5}", -32003, "/epoch");
	assert_true(exists(api, "a"));
	close(fd);
	close(other);
}

static void beginning_again_forgets_what_was_put(void **state)
{
	struct api *api = *state;
	int fd = begin_with_three(api);
	must(api, fd, "reconcile.begin", "{'owner':'o','epoch':1}");
	must(api, fd, "reconcile.put",
	    "{'owner':'o','epoch':1,'objects':[{'table':'network','name':'d','object':{'vni':4}}]"
	    "}");
	must(api, fd, "reconcile.begin", "{'owner':'o','epoch':2}");
	must(api, fd, "reconcile.put",
	    "{'owner':'o','epoch':2,'objects':[{'table':'network','name':'a','object':{'vni':1}}]"
	    "}");
	must(api, fd, "reconcile.end", "{'owner':'o','epoch':2}");
	assert_true(exists(api, "a"));
	assert_false(exists(api, "b") || exists(api, "d"));
	close(fd);
}

static void bad_input_is_refused_whole(void **state)
{
	struct api *api = *state;
	int fd = begin_with_three(api);
	refused(api, fd, "reconcile.put", "{'owner':'o','epoch':1,'objects':[]}", -32004, "/epoch");
	refused(api, fd, "reconcile.begin", "{'epoch':1}", -32602, "/owner");
	refused(api, fd, "reconcile.begin", "{'owner':'o'}", -32602, "/epoch");
	refused(api, fd, "reconcile.begin", "{'owner':'o','epoch':'1'}", -32602, "/epoch");
	must(api, fd, "reconcile.begin", "{'owner':'o','epoch':1}");
	refused(api, fd, "reconcile.put",
	    "{'owner':'o','epoch':1,'objects':[{'table':'network','name':'x','object':{'vni':9}},"
	    "{'table':'network','name':'y','object':{'vni':0}},{'table':'nope','name':'y','object':"
	    "{}},7]}",
	    -32602, "/objects/1/object/vni");
	refused(
	    api, fd, "reconcile.put", "{'owner':'o','epoch':1,'objects':{}}", -32602, "/objects");
	/* Nothing of the refused put is there. */
	must(api, fd, "reconcile.put",
	    "{'owner':'o','epoch':1,'objects':[{'table':'network','name':'a','object':{'vni':1}},"
	    "{'table':'network','name':'b','object':{'vni':2}}]}");
	must(api, fd, "reconcile.end", "{'owner':'o','epoch':1}");
	assert_int_equal(store_generation(api->daemon.store), 2);
	close(fd);
}

static void object_of_another_owner_is_not_taken(void **state)
{
	struct api *api = *state;
	int fd = begin_with_three(api);
	must(api, fd, "reconcile.begin", "{'owner':'o','epoch':1}");
	must(api, fd, "reconcile.put",
	    "{'owner':'o','epoch':1,'objects':[{'table':'network','name':'c','object':{'vni':9}}]"
	    "}");
	refused(api, fd, "reconcile.end", "{'owner':'o','epoch':1}", -32002, NULL);
	assert_int_equal(store_generation(api->daemon.store), 2);
	close(fd);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)
	const struct CMUnitTest tests[] = {
	    T(end_makes_the_stated_set_true_in_one_transaction),
	    T(empty_set_deletes_all_of_the_owner_but_not_by_mistake),
	    T(older_epoch_is_not_primary),
	    T(beginning_again_forgets_what_was_put),
	    T(bad_input_is_refused_whole),
	    T(object_of_another_owner_is_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
