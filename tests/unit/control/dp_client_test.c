/* SPDX-License-Identifier: Apache-2.0 */
/* The dp client against a fake switch: connecting, reconciling, the two phases, refusals, timeouts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/base/clock.h"
#include "datapath/base/hash.h"
#include "tests/unit/control/fake_switch.h"

static void keep(const struct dp_op *op, uint64_t, void *arg)
{
	fake_apply(arg, op);
}

static void an_equal_switch_is_sent_nothing(void **state)
{
	struct fake *f = *state;

	model_foreach(f->fx.model, keep, f);
	f->generation = 41;
	fake_listen(f);
	fake_client_start(f);
	fake_until(f, &f->n_up, 1);
	fake_run_ms(f, 30);
	assert_int_equal(f->n_msgs[DP_MSG_HELLO], 1);
	assert_int_equal(f->n_msgs[DP_MSG_DUMP] + f->n_msgs[DP_MSG_TXN], 0);
	assert_int_equal(dp_client_hello(f->client)->generation, 41);
}

static void an_empty_switch_is_sent_everything(void **state)
{
	struct fake *f = *state;

	fake_listen(f);
	fake_client_start(f);
	fake_until(f, &f->n_up, 1);
	assert_int_equal(f->n_ops, model_n_objects(f->fx.model));
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void only_the_difference_is_sent(void **state)
{
	struct fake *f = *state;
	struct dp_op stray = {
	    .verb = DP_PUT, .kind = DP_KIND_RULE, .size = sizeof(stray), .id = 99};

	model_foreach(f->fx.model, keep, f);
	f->digest ^= f->objs[3].digest; // one is missing
	f->objs[3] = f->objs[--f->n_objs];
	fake_apply(f, &stray);
	f->digest ^= f->objs[0].digest ^ 5; // one differs
	f->objs[0].digest = 5;
	fake_listen(f);
	fake_client_start(f);
	fake_until(f, &f->n_up, 1);
	assert_int_equal(f->n_ops, 3);
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void large_bodies_travel_in_a_sealed_memfd(void **state)
{
	struct fake *f = *state;

	fx_must(&f->fx, API_TABLE_BRIDGE, "br1", "{}");
	for (int i = 0; i < 1500; i++) {
		char name[16], json[128];
		snprintf(name, sizeof(name), "f%d", i);
		snprintf(json, sizeof(json),
		    "{'bridge':'br1','match':{'reg0':%d},'actions':['drop']}", i);
		fx_put(&f->fx, API_TABLE_FLOW, name, json);
	}
	assert_true(fx_commit(&f->fx));
	fake_listen(f);
	fake_client_start(f);
	fake_until(f, &f->n_up, 1);
	assert_true(f->last_memfd);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	// And back: the dump of as many objects is over the inline limit when two differ.
	fake_hang_up(f);
	f->objs[0].digest ^= 1;
	f->digest ^= 1;
	fake_until(f, &f->n_up, 2);
	assert_int_equal(f->n_ops, 1);
}

static void a_switch_that_starts_later_is_found(void **state)
{
	struct fake *f = *state;

	fake_client_start(f);
	fake_run_ms(f, 60);
	assert_false(dp_client_is_connected(f->client));
	fake_listen(f);
	fake_until(f, &f->n_up, 1);
}

static void a_killed_switch_is_filled_again(void **state)
{
	struct fake *f = *state;

	fake_listen(f);
	fake_client_start(f);
	fake_until(f, &f->n_up, 1);
	fake_kill(f);
	fake_until(f, &f->n_down, 1);
	assert_false(dp_client_is_connected(f->client));
	fake_listen(f);
	uint64_t start_ms = clock_ms();
	fake_until(f, &f->n_up, 2);
	assert_true(clock_ms() - start_ms < 500);
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void requests_without_a_connection_fail_at_once(void **state)
{
	struct fake *f = *state;
	struct buf_writer none;

	buf_writer_init(&none, 16);
	fake_client_start(f);
	dp_client_prepare(f->client, 1, &none, 0, on_reply, f);
	assert_int_equal(f->n_replies, 1);
	assert_int_equal(f->reply_error, -ENOTCONN);
	dp_client_request(f->client, DP_MSG_STATS, NULL, 0, on_reply, f);
	assert_int_equal(f->n_replies, 2);
	buf_writer_fini(&none);
}

static void waiting_requests_are_told_that_the_connection_was_lost(void **state)
{
	struct fake *f = *state;

	fake_listen(f);
	fake_client_start(f);
	fake_until(f, &f->n_up, 1);
	f->lie = SILENT;
	for (int i = 0; i < 5; i++)
		dp_client_request(f->client, DP_MSG_STATS, "12345678", 8, on_reply, f);
	fake_until(f, &f->n_msgs[DP_MSG_STATS], 5);
	fake_hang_up(f);
	fake_until(f, &f->n_replies, 5);
	assert_int_equal(f->reply_error, -ENOTCONN);
	f->lie = HONEST;
	fake_until(f, &f->n_up, 2);
}

/* What no queue has room for is refused at once, and what was taken is answered, in order, on the same connection. */
static void more_requests_than_the_switch_takes_are_refused(void **state)
{
	struct fake *f = *state;

	fake_listen(f);
	fake_client_start(f);
	fake_until(f, &f->n_up, 1);
	for (int i = 0; i < 3000; i++)
		dp_client_request(f->client, DP_MSG_STATS, "12345678", 8, on_reply, f);
	assert_in_range(f->n_replies, 1, 2999);
	assert_int_equal(f->reply_error, -EAGAIN);
	fake_until(f, &f->n_replies, 3000);
	assert_int_equal(f->n_connections, 1);
	assert_int_equal(f->n_down, 0);
}

static void a_refusal_is_passed_on_in_words(void **state)
{
	struct fake *f = *state;
	struct buf_writer none;

	buf_writer_init(&none, 16);
	fake_listen(f);
	fake_client_start(f);
	fake_until(f, &f->n_up, 1);
	f->lie = REFUSE;
	dp_client_prepare(f->client, f->generation + 1, &none, 0, on_reply, f);
	fake_until(f, &f->n_replies, 1);
	assert_int_equal(f->reply_error, -ENOSPC);
	assert_string_equal(f->reply_what, "too many of them");
	assert_true(dp_client_is_connected(f->client));
	/* And is over: the next one is prepared as if it had not been. */
	f->lie = HONEST;
	dp_client_prepare(f->client, f->generation + 1, &none, 0, on_reply, f);
	fake_until(f, &f->n_replies, 2);
	assert_int_equal(f->reply_error, 0);
	dp_client_abort(f->client);
	buf_writer_fini(&none);
}

/* Whatever is wrong, to whichever message: the connection is dropped, nothing worse, and the next honest one works. */
static void hostile_replies_end_the_connection_only(void **state)
{
	static const enum lie lies[] = {SHORT_HEADER, WRONG_SEQ, WRONG_SIZE, ODD_SIZE, OPEN_MEMFD,
	    SHORT_MEMFD, MISSING_MEMFD, WRONG_VERSION, WRONG_DIGEST, REFUSE};
	static const enum dp_msg_type about[] = {DP_MSG_HELLO, DP_MSG_DUMP, DP_MSG_TXN};
	struct fake *f = *state;

	fake_listen(f);
	fake_client_start(f);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(about); k++) {
			if ((lies[i] == WRONG_VERSION && about[k] != DP_MSG_HELLO) ||
			    (lies[i] == WRONG_DIGEST && about[k] != DP_MSG_TXN))
				continue;
			unsigned int n_up = f->n_up, n_connections = f->n_connections;
			f->n_objs = 0;
			f->digest = 0;
			f->lie = lies[i];
			f->lie_about = about[k];
			fake_hang_up(f);
			fake_until(f, &f->n_connections, n_connections + 2);
			// A transaction that was applied and answered wrongly is found applied by the next greeting.
			if (about[k] != DP_MSG_TXN)
				assert_int_equal(f->n_up, n_up);
			f->lie = HONEST;
			fake_until(f, &f->n_up, n_up + 1);
			assert_int_equal(f->digest, model_digest(f->fx.model));
		}
	}
}

static void a_digest_that_never_agrees_is_no_busy_loop(void **state)
{
	struct fake *f = *state;

	f->lie = WRONG_DIGEST;
	fake_listen(f);
	fake_client_start(f);
	fake_run_ms(f, 300);
	assert_int_equal(f->n_up, 0);
	assert_in_range(f->n_msgs[DP_MSG_TXN], 1, 8);
}

static void malformed_events_are_ignored(void **state)
{
	struct fake *f = *state;
	struct dp_port_event ev = {.id = 1};
	struct dp_punt_event punt = {.snap = 1000};
	struct dp_msg msg = {.type = DP_MSG_EV_PORT, .size = sizeof(ev) - 8};

	fake_listen(f);
	fake_client_start(f);
	fake_until(f, &f->n_up, 1);
	fake_send_packet(f, &msg, sizeof(msg), &ev, sizeof(ev) - 8, -1);
	msg = (struct dp_msg){.type = DP_MSG_EV_PUNT, .size = sizeof(punt)};
	fake_send_packet(f, &msg, sizeof(msg), &punt, sizeof(punt), -1);
	msg = (struct dp_msg){.type = 12345};
	fake_send_packet(f, &msg, sizeof(msg), NULL, 0, -1);
	msg = (struct dp_msg){.type = DP_MSG_EV_PORT, .size = sizeof(ev)};
	fake_send_packet(f, &msg, sizeof(msg), &ev, sizeof(ev), -1);
	fake_until(f, &f->n_ports, 1);
	assert_true(dp_client_is_connected(f->client));
}

/* A transaction of one port more, planned but not in the model. */
static struct model_plan *plan_port(struct fake *f, const char *name, const char *mac)
{
	char json[128];

	snprintf(json, sizeof(json), "{'network':'blue','mac':'%s'}", mac);
	fx_put(&f->fx, API_TABLE_PORT, name, json);
	return fx_plan(&f->fx);
}

static void prepare(struct fake *f, const struct model_plan *plan)
{
	uint32_t n_ops;
	const struct buf_writer *ops = model_plan_ops(plan, &n_ops);

	assert_true(n_ops > 0);
	dp_client_prepare(f->client, 1, ops, n_ops, on_reply, f);
}

static void connected(struct fake *f)
{
	fake_listen(f);
	fake_client_start(f);
	fake_until(f, &f->n_up, 1);
}

static void prepared_is_not_there_until_it_is_committed(void **state)
{
	struct fake *f = *state;

	connected(f);
	size_t n_objs = f->n_objs;
	struct model_plan *plan = plan_port(f, "vm2", "02:00:00:00:00:02");
	prepare(f, plan);
	fake_until(f, &f->n_replies, 1);
	assert_int_equal(f->reply_error, 0);
	assert_int_equal(f->n_objs, n_objs);
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f);
	fake_until(f, &f->n_replies, 2);
	assert_int_equal(f->reply_error, 0);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	// And taken back.
	plan = plan_port(f, "vm3", "02:00:00:00:00:03");
	prepare(f, plan);
	fake_until(f, &f->n_replies, 3);
	model_discard(plan);
	dp_client_abort(f->client);
	fake_until(f, &f->n_msgs[DP_MSG_ABORT], 1);
	assert_null(f->prepared);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	assert_int_equal(f->n_connections, 1);
}

/* Journalled, then killed before it said commit: the switch drops it, and the next daemon brings the switch to its state. */
static void a_daemon_that_dies_before_the_commit_brings_it_when_it_is_back(void **state)
{
	struct fake *f = *state;

	connected(f);
	struct model_plan *plan = plan_port(f, "vm2", "02:00:00:00:00:02");
	prepare(f, plan);
	fake_until(f, &f->n_replies, 1);
	dp_client_destroy(f->client);
	model_commit(f->fx.model, plan);
	fake_run_ms(f, 20);
	assert_null(f->prepared);
	fake_client_start(f);
	fake_until(f, &f->n_up, 2);
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void a_switch_that_dies_before_the_commit_is_filled_when_it_is_back(void **state)
{
	struct fake *f = *state;

	connected(f);
	struct model_plan *plan = plan_port(f, "vm2", "02:00:00:00:00:02");
	prepare(f, plan);
	fake_until(f, &f->n_replies, 1);
	fake_kill(f);
	fake_until(f, &f->n_down, 1);
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f);
	assert_int_equal(f->n_replies, 2);
	assert_int_equal(f->reply_error, -ENOTCONN);
	fake_listen(f);
	fake_until(f, &f->n_up, 2);
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void a_commit_that_came_too_late_is_brought_as_a_difference(void **state)
{
	struct fake *f = *state;

	connected(f);
	struct model_plan *plan = plan_port(f, "vm2", "02:00:00:00:00:02");
	prepare(f, plan);
	fake_until(f, &f->n_replies, 1);
	f->forgets = true;
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f);
	fake_until(f, &f->n_msgs[DP_MSG_TXN], 2);
	assert_int_equal(f->reply_error, -ESTALE);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	assert_int_equal(f->n_connections, 1);
}

static struct dp_client_status status(struct fake *f)
{
	struct dp_client_status s;

	dp_client_status(f->client, &s);
	return s;
}

/* One bad object does not keep the others away; it is said, and offered again. */
static void what_is_refused_is_left_out_listed_and_offered_again(void **state)
{
	struct fake *f = *state;

	f->refuse_kind = DP_KIND_PORT;
	f->refuse_id = model_port_id(f->fx.model, "vm1");
	connected(f);
	assert_int_equal(f->n_objs, model_n_objects(f->fx.model) - 1);
	assert_int_equal(status(f).n_refusals, 1);
	assert_int_equal(status(f).refusals[0].id, f->refuse_id);
	assert_string_equal(status(f).refusals[0].what, "not this one");
	assert_in_range(status(f).retry_ms, 1, 1000);
	// Others still go their way.
	struct model_plan *plan = plan_port(f, "vm2", "02:00:00:00:00:02");
	prepare(f, plan);
	fake_until(f, &f->n_replies, 1);
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f);
	fake_until(f, &f->n_replies, 2);
	assert_int_equal(f->reply_error, 0);

	f->refuse_id = 0;
	fake_until(f, &f->n_msgs[DP_MSG_TXN], 3);
	fake_run_ms(f, 20);
	assert_int_equal(status(f).n_refusals, 0);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	assert_int_equal(f->n_connections, 1);
}

static void a_switch_that_refuses_too_much_is_left_and_tried_again(void **state)
{
	struct fake *f = *state;

	fx_must(&f->fx, API_TABLE_BRIDGE, "br1", "{}");
	for (int i = 0; i < DP_MAX_REFUSALS + 20; i++) {
		char name[16], json[128];
		snprintf(name, sizeof(name), "f%d", i);
		snprintf(json, sizeof(json), "{'bridge':'br1','match':{'reg0':%d}}", i);
		fx_put(&f->fx, API_TABLE_FLOW, name, json);
	}
	assert_true(fx_commit(&f->fx));
	f->refuse_all_rules = true;
	fake_listen(f);
	fake_client_start(f);
	fake_until(f, &f->n_connections, 2);
	assert_int_equal(f->n_up, 0);
	assert_string_equal(status(f).last_error, "it refuses too much");
	f->refuse_all_rules = false;
	fake_until(f, &f->n_up, 1);
	assert_string_equal(status(f).last_error, "");
	fake_run_ms(f, 1100); // what this connection was refused before
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void a_refused_change_of_the_underlay_is_listed_and_offered_again(void **state)
{
	struct fake *f = *state;
	const struct dp_route_conf route = {.remote = ip_from_v4(0x0900000a), .mtu = 1500};
	struct buf_writer ops;

	connected(f);
	buf_writer_init(&ops, DP_BODY_MAX);
	uint32_t n = model_put_underlay(f->fx.model, &route, 1, NULL, 0, &ops);
	f->refuse_kind = DP_KIND_ROUTE;
	f->refuse_id = ((const struct dp_op *)(const void *)ops.data)->id;
	dp_client_apply(f->client, &ops, n, NULL, NULL);
	fake_until(
	    f, &f->n_msgs[DP_MSG_TXN], 4); // at the start; refused; without an exception; with one
	fake_run_ms(f, 20);
	assert_int_equal(status(f).n_refusals, 1);
	assert_int_equal(status(f).refusals[0].kind, DP_KIND_ROUTE);
	assert_true(status(f).is_connected);
	f->refuse_id = 0;
	fake_until(f, &f->n_msgs[DP_MSG_TXN], 5);
	fake_run_ms(f, 20);
	assert_int_equal(status(f).n_refusals, 0);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	buf_writer_fini(&ops);
}

/* Between the two phases nothing else may reach the switch: it would be refused, and the fake fails on it. */
static void a_prepare_waits_for_a_repair_and_a_repair_for_a_commit(void **state)
{
	struct fake *f = *state;

	f->refuse_kind = DP_KIND_PORT;
	f->refuse_id = model_port_id(f->fx.model, "vm1");
	connected(f);
	struct model_plan *plan = plan_port(f, "vm2", "02:00:00:00:00:02");
	prepare(f, plan);
	fake_until(f, &f->n_replies, 1);
	unsigned int n_txns = f->n_msgs[DP_MSG_TXN];
	f->refuse_id = 0;
	fake_run_ms(f, 1200); // its time to offer it again comes, and it does not
	assert_int_equal(f->n_msgs[DP_MSG_TXN], n_txns);
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f); // the repair begins
	plan = plan_port(f, "vm3", "02:00:00:00:00:03");
	prepare(f, plan);
	assert_int_equal(f->n_msgs[DP_MSG_PREPARE], 1);
	fake_until(f, &f->n_replies, 3);
	assert_int_equal(f->reply_error, 0);
	assert_int_equal(f->n_msgs[DP_MSG_PREPARE], 2);
	assert_int_equal(f->n_msgs[DP_MSG_TXN], n_txns + 1);
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f);
	fake_until(f, &f->n_replies, 4);
	assert_int_equal(f->digest, model_digest(f->fx.model));
	assert_int_equal(f->n_connections, 1);
}

static const struct dp_op *find_rule(struct fake *f, const char *name)
{
	for (size_t i = 0; i < f->n_objs; i++) {
		const char *is = model_flow_name(f->fx.model, f->objs[i].id);
		if (f->objs[i].kind == DP_KIND_RULE && is != NULL && strcmp(is, name) == 0)
			return model_find(f->fx.model, DP_KIND_RULE, f->objs[i].id);
	}
	fail_msg("no rule of %s", name);
	return NULL;
}

static void expire(struct fake *f, const struct dp_op *op, uint64_t digest)
{
	const struct dp_op del = {
	    .verb = DP_DEL, .kind = DP_KIND_RULE, .size = sizeof(del), .id = op->id};

	fake_apply(f, &del);
	f->removed[f->n_removed++] = (struct dp_removed_event){.rule = op->id, .digest = digest};
}

static void rules_that_timed_out_meanwhile_do_not_come_back(void **state)
{
	struct fake *f = *state;

	fx_must(&f->fx, API_TABLE_BRIDGE, "br1", "{}");
	fx_must(&f->fx, API_TABLE_FLOW, "over",
	    "{'bridge':'br1','match':{'reg0':1},'idle_timeout_s':5}");
	fx_must(&f->fx, API_TABLE_FLOW, "changed",
	    "{'bridge':'br1','match':{'reg0':2},'idle_timeout_s':5}");
	connected(f);
	const struct dp_op *over = find_rule(f, "over"), *changed = find_rule(f, "changed");
	const struct dp_op unknown = {.id = 12345};
	fake_hang_up(f);
	expire(f, over, hash_stable(over, over->size));
	expire(f, changed, 7); // another rule than the one that is wanted now
	expire(f, &unknown, 8);
	fake_until(f, &f->n_up, 2);
	fake_until(f, &f->n_expired, 1);
	assert_int_equal(f->n_expired, 1);
	assert_int_equal(f->expired, over->id);
	assert_int_equal(f->digest, model_digest(f->fx.model) ^ hash_stable(over, over->size));
	assert_int_equal(f->n_removed, 1); // until the flow is deleted
	// As its owner would: the flow goes, and with it what the switch remembers.
	fx_del(&f->fx, API_TABLE_FLOW, "over");
	struct model_plan *plan = fx_plan(&f->fx);
	prepare(f, plan);
	fake_until(f, &f->n_replies, 1);
	model_commit(f->fx.model, plan);
	dp_client_commit(f->client, on_reply, f);
	fake_until(f, &f->n_replies, 2);
	assert_int_equal(f->n_removed, 0);
	assert_int_equal(f->digest, model_digest(f->fx.model));
}

static void a_new_switch_does_not_get_flows_whose_hard_timeout_is_over(void **state)
{
	struct fake *f = *state;
	char json[160];

	fx_must(&f->fx, API_TABLE_BRIDGE, "br1", "{}");
	for (unsigned int i = 0; i < 2; i++) {
		snprintf(json, sizeof(json),
		    "{'bridge':'br1','match':{'reg0':%u},'hard_timeout_s':10,'_installed_ms':%lu}",
		    i, clock_wall_ms() - 9000 - 2000 * i);
		fx_must(&f->fx, API_TABLE_FLOW, i == 0 ? "young" : "old", json);
	}
	connected(f);
	fake_until(f, &f->n_expired, 1);
	assert_int_equal(f->n_objs, model_n_objects(f->fx.model) - 1);
	assert_string_equal(model_flow_name(f->fx.model, f->expired), "old");
	find_rule(f, "young");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
	    T(an_equal_switch_is_sent_nothing),
	    T(an_empty_switch_is_sent_everything),
	    T(only_the_difference_is_sent),
	    T(large_bodies_travel_in_a_sealed_memfd),
	    T(a_switch_that_starts_later_is_found),
	    T(a_killed_switch_is_filled_again),
	    T(requests_without_a_connection_fail_at_once),
	    T(waiting_requests_are_told_that_the_connection_was_lost),
	    T(more_requests_than_the_switch_takes_are_refused),
	    T(a_refusal_is_passed_on_in_words),
	    T(hostile_replies_end_the_connection_only),
	    T(a_digest_that_never_agrees_is_no_busy_loop),
	    T(malformed_events_are_ignored),
	    T(prepared_is_not_there_until_it_is_committed),
	    T(a_daemon_that_dies_before_the_commit_brings_it_when_it_is_back),
	    T(a_switch_that_dies_before_the_commit_is_filled_when_it_is_back),
	    T(a_commit_that_came_too_late_is_brought_as_a_difference),
	    T(what_is_refused_is_left_out_listed_and_offered_again),
	    T(a_switch_that_refuses_too_much_is_left_and_tried_again),
	    T(a_refused_change_of_the_underlay_is_listed_and_offered_again),
	    T(a_prepare_waits_for_a_repair_and_a_repair_for_a_commit),
	    T(rules_that_timed_out_meanwhile_do_not_come_back),
	    T(a_new_switch_does_not_get_flows_whose_hard_timeout_is_over),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
