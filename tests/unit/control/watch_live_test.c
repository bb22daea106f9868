/* SPDX-License-Identifier: Apache-2.0 */
/* Events without history: port states and packets sent to the controller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/api/watch.h"
#include "tests/unit/control/api_fixture.h"

static void start(struct api *api, int fd, const char *params)
{
	json_t *reply = api_callf(api, fd, "watch.start", params);
	assert_int_equal(api_error_code(reply), 0);
	json_decref(reply);
}

static json_t *next(struct api *api, int fd)
{
	char *line = api_read_line(api, fd);
	assert_non_null(line);
	json_t *msg = json_loads(line, 0, NULL);
	assert_non_null(msg);
	free(line);
	return msg;
}

static void punt(struct api *api, const char *port, size_t size)
{
	char *packet = calloc(1, size + 1);
	memset(packet, 'f', size);
	watch_live(api->daemon.watch, WATCH_PUNT, port,
	    json_pack("{s:s, s:s}", "bridge", "br0", "packet", packet));
	free(packet);
}

static void a_punt_comes_to_who_named_it(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api), other = api_connect(api), all = api_connect(api);
	start(api, fd, "{'tables':['punt']}");
	json_decref(next(api, fd)); // the empty snapshot
	start(api, other, "{'tables':['port_state']}");
	json_decref(next(api, other));
	start(api, all, "{}");
	json_decref(next(api, all));
	assert_true(watch_wants(api->daemon.watch, WATCH_PUNT));
	punt(api, "vm1", 4);
	json_t *msg = next(api, fd);
	assert_string_equal(json_string_value(api_at(msg, "/params/changes/0/table")), "punt");
	assert_string_equal(json_string_value(api_at(msg, "/params/changes/0/name")), "vm1");
	assert_string_equal(
	    json_string_value(api_at(msg, "/params/changes/0/object/packet")), "ffff");
	json_decref(msg);
	assert_true(api_is_silent(api, other));
	assert_true(api_is_silent(api, all));
	close(fd);
	close(other);
	close(all);
}

static void nobody_wants_punts_after_the_watcher_has_gone(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	assert_false(watch_wants(api->daemon.watch, WATCH_PUNT));
	start(api, fd, "{'tables':['punt']}");
	close(fd);
	api_run(api);
	assert_false(watch_wants(api->daemon.watch, WATCH_PUNT));
}

static void a_filter_holds_for_live_events_too(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	start(api, fd, "{'tables':['punt'], 'filter':{'name':'vm2'}}");
	json_decref(next(api, fd));
	punt(api, "vm1", 4);
	assert_true(api_is_silent(api, fd));
	punt(api, "vm2", 4);
	json_decref(next(api, fd));
	close(fd);
}

/* Room beyond the limit is for the message that ends a watch, however short the events are. */
static void a_reader_that_does_not_read_costs_no_more_than_its_limit(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	start(api, fd, "{'tables':['punt']}");
	json_decref(next(api, fd));
	struct rpc_limits limits = rpc_server_limits(api->daemon.rpc);
	limits.output_size = 4096;
	rpc_server_set_limits(api->daemon.rpc, &limits);
	for (int i = 0; i < 1000; i++)
		punt(api, "vm1", 4); // without a turn of the loop: nothing is written meanwhile
	size_t n = 0;
	while (!api_is_silent(api, fd)) {
		char *line = api_read_line(api, fd);
		n += strlen(line) + 1;
		free(line);
	}
	assert_in_range(n, 2048, 4096);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)
	    T(a_punt_comes_to_who_named_it),
	    T(nobody_wants_punts_after_the_watcher_has_gone),
	    T(a_filter_holds_for_live_events_too),
	    T(a_reader_that_does_not_read_costs_no_more_than_its_limit),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
