/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction in two phases, what workers see meanwhile, and rules whose end control may not have seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "datapath/removed_rules.h"
#include "datapath/rule.h"
#include "datapath/rule_timeout.h"
#include "tests/unit/datapath/state_fixture.h"

static int setup(void **state)
{
	struct fixture *f = fixture_create();

	*state = f;
	put_bridge(f, 1);
	put_port(f, 1, 1, 1);
	put_rule(f, 100, (struct rule_args){.bridge = 1, .tp_dst = 80, .cookie = 1});
	return commit(f);
}

static int teardown(void **state)
{
	fixture_destroy(*state);
	return 0;
}

/* What was put, as a transaction that is prepared only. */
static int prepare(struct fixture *f, uint64_t generation)
{
	struct dp_txn txn = {.generation = generation, .n_ops = f->n_ops};
	int r = dp_state_prepare(f->dp.state, &txn, f->ops.data, f->ops.size, &f->error);

	// The switch keeps a copy.
	memset(f->ops.data, 0x5a, f->ops.size);
	buf_writer_fini(&f->ops);
	buf_writer_init(&f->ops, DP_BODY_MAX);
	f->n_ops = 0;
	return r;
}

static int finish(struct fixture *f, uint64_t generation)
{
	return dp_state_commit_prepared(f->dp.state, generation, &f->reply, &f->error);
}

static void put_change(struct fixture *f)
{
	put_bridge(f, 2);
	put_port(f, 2, 2, 1);
	put_rule(f, 101, (struct rule_args){.bridge = 2, .tp_dst = 81});
	put_rule(f, 100, (struct rule_args){.bridge = 1, .tp_dst = 80, .cookie = 2});
}

static void assert_unchanged(struct fixture *f, uint64_t digest)
{
	assert_int_equal(dp_state_digest(f->dp.state), digest);
	assert_int_equal(dp_state_generation(f->dp.state), 1);
	assert_int_equal(lookup(f, 1, 0, 80)->cookie, 1);
	assert_null(f->dp.bridges[2] != NULL ? lookup(f, 2, 0, 81) : NULL);
	assert_null(f->dp.ports[2]);
}

static void prepared_is_invisible_and_committed_is_all_there(void **state)
{
	struct fixture *f = *state;
	uint64_t digest = dp_state_digest(f->dp.state);

	put_change(f);
	assert_int_equal(prepare(f, 5), 0);
	assert_true(dp_state_is_prepared(f->dp.state));
	assert_unchanged(f, digest);
	assert_int_equal(finish(f, 5), 0);
	assert_false(dp_state_is_prepared(f->dp.state));
	assert_int_equal(f->reply.generation, 5);
	assert_int_equal(f->reply.digest, dp_state_digest(f->dp.state));
	assert_int_not_equal(f->reply.digest, digest);
	assert_int_equal(lookup(f, 1, 0, 80)->cookie, 2);
	assert_non_null(lookup(f, 2, 0, 81));
	assert_non_null(f->dp.ports[2]);
}

static void aborted_leaves_no_trace_and_may_come_again(void **state)
{
	struct fixture *f = *state;
	uint64_t digest = dp_state_digest(f->dp.state);
	uint32_t n_destroyed = fake_ports.n_destroyed;

	for (uint64_t i = 0; i < 3; i++) {
		put_change(f);
		assert_int_equal(prepare(f, 5), 0);
		dp_state_abort(f->dp.state);
		assert_unchanged(f, digest);
		assert_int_equal(fake_ports.n_destroyed, n_destroyed + i + 1);
		assert_int_equal(finish(f, 5), -ESTALE);
		assert_true(f->error.what[0] != '\0');
	}
	dp_state_abort(f->dp.state); // nothing there
	put_change(f);
	assert_int_equal(prepare(f, 6), 0);
	assert_int_equal(finish(f, 5), -ESTALE); // another one's
	assert_int_equal(finish(f, 6), 0);
}

static void refused_is_refused_when_it_is_prepared(void **state)
{
	struct fixture *f = *state;
	uint64_t digest = dp_state_digest(f->dp.state);

	put_change(f);
	put_port(f, 9, 1, 9);
	fake_ports.refuse_id = 9;
	assert_int_equal(prepare(f, 5), -EINVAL);
	fake_ports.refuse_id = 0;
	assert_int_equal(f->error.op_index, 4);
	assert_false(dp_state_is_prepared(f->dp.state));
	assert_unchanged(f, digest);
}

/* Versions, counters and places that it took would be taken twice. */
static void nothing_else_changes_while_one_is_prepared(void **state)
{
	struct fixture *f = *state;
	uint64_t now_ms = clock_ms();

	put_rule(f, 102, (struct rule_args){.bridge = 1, .tp_dst = 82, .hard_s = 1});
	assert_int_equal(commit(f), 0);
	put_change(f);
	assert_int_equal(prepare(f, 5), 0);
	put_rule(f, 103, (struct rule_args){.bridge = 1, .tp_dst = 83});
	assert_int_equal(commit(f), -EBUSY);
	put_rule(f, 103, (struct rule_args){.bridge = 1, .tp_dst = 83});
	assert_int_equal(prepare(f, 6), -EBUSY);
	uint64_t version = f->dp.version;
	assert_int_equal(rule_timeout_run(f->dp.state, now_ms + 5000, NULL, NULL), 0);
	fake_ports.state[1] = DP_PORT_UP;
	dp_state_poll_ports(f->dp.state, now_ms, NULL, NULL);
	assert_int_equal(f->dp.version, version);
	assert_int_equal(finish(f, 5), 0);
	assert_int_equal(rule_timeout_run(f->dp.state, now_ms + 5000, NULL, NULL), 1);
}

static void note_port(const struct dp_port_event *, void *)
{
}

static void one_that_is_forgotten_by_its_client_is_dropped(void **state)
{
	struct fixture *f = *state;
	uint64_t digest = dp_state_digest(f->dp.state), now_ms = clock_ms();

	put_change(f);
	assert_int_equal(prepare(f, 5), 0);
	dp_state_poll_ports(f->dp.state, now_ms + DP_PREPARED_MS - 1000, note_port, NULL);
	assert_true(dp_state_is_prepared(f->dp.state));
	dp_state_poll_ports(f->dp.state, now_ms + DP_PREPARED_MS + 1000, note_port, NULL);
	assert_false(dp_state_is_prepared(f->dp.state));
	assert_unchanged(f, digest);
	assert_int_equal(finish(f, 5), -ESTALE);
}

static void a_switch_that_ends_between_the_phases_ends_cleanly(void **state)
{
	struct fixture *f = *state;

	put_change(f);
	assert_int_equal(prepare(f, 5), 0); // the sanitizers look at what teardown leaves
}

static void count_event(const struct dp_removed_event *ev, void *arg)
{
	*(struct dp_removed_event *)arg = *ev;
}

static void a_rule_that_timed_out_is_remembered_until_it_is_named_again(void **state)
{
	struct fixture *f = *state;
	const struct removed_rules *removed = dp_state_removed(f->dp.state);
	struct dp_removed_event ev = {0};
	uint64_t now_ms = clock_ms(), digest = dp_state_digest(f->dp.state);

	for (int i = 0; i < 2; i++) {
		put_rule(f, 102,
		    (struct rule_args){
			.bridge = 1, .tp_dst = 82, .hard_s = 1, .flags = DP_RULE_F_SEND_REMOVED});
		assert_int_equal(commit(f), 0);
		assert_int_equal(removed_rules_count(removed), 0);
		uint64_t with_it = dp_state_digest(f->dp.state);
		assert_int_equal(rule_timeout_run(f->dp.state, now_ms + 5000, count_event, &ev), 1);
		assert_int_equal(ev.digest, digest ^ with_it);
		assert_int_equal(ev.reason, DP_REMOVED_HARD);
		assert_int_equal(removed_rules_count(removed), 1);
		put_bridge(f, 3); // of something else
		assert_int_equal(commit(f), 0);
		assert_int_equal(removed_rules_count(removed), 1);
		del(f, DP_KIND_BRIDGE, 3);
		// A deletion of what is gone already; in the other round it comes back.
		if (i == 0) {
			del(f, DP_KIND_RULE, 102);
			assert_int_equal(commit(f), 0);
			assert_int_equal(removed_rules_count(removed), 0);
		}
	}
}

static void a_hard_timeout_counts_from_the_installation(void **state)
{
	struct fixture *f = *state;
	uint64_t now_ms = clock_ms(), wall_ms = clock_wall_ms();
	struct dp_removed_event ev = {0};

	put_rule(f, 1,
	    (struct rule_args){
		.bridge = 1, .tp_dst = 1, .hard_s = 100, .installed_ms = wall_ms - 90000});
	put_rule(f, 2,
	    (struct rule_args){
		.bridge = 1, .tp_dst = 2, .hard_s = 100, .installed_ms = wall_ms - 900000});
	put_rule(f, 3, // a clock that was set back meanwhile: no more than all of it
	    (struct rule_args){
		.bridge = 1, .tp_dst = 3, .hard_s = 100, .installed_ms = wall_ms + 900000});
	assert_int_equal(commit(f), 0);
	assert_int_equal(rule_timeout_run(f->dp.state, now_ms + 1000, count_event, &ev), 1);
	assert_null(lookup(f, 1, 0, 2));
	assert_int_equal(rule_timeout_run(f->dp.state, now_ms + 8000, count_event, &ev), 0);
	assert_int_equal(rule_timeout_run(f->dp.state, now_ms + 12000, count_event, &ev), 1);
	assert_null(lookup(f, 1, 0, 1));
	assert_int_equal(rule_timeout_run(f->dp.state, now_ms + 99000, count_event, &ev), 0);
	assert_int_equal(rule_timeout_run(f->dp.state, now_ms + 102000, count_event, &ev), 1);
}

static struct fixture *watched; // whose transaction is half-way
static uint64_t version_before;

/* Between the publication and the grace period: some workers are still in a burst of the version before. */
static void assert_each_version_has_its_own(void)
{
	const struct bridge *br = watched->dp.bridges[1];
	uint64_t now = watched->dp.version;
	assert_int_equal(now, version_before + 1);
	const struct group *old = bridge_find_group(br, 1, version_before);
	assert_non_null(old);
	assert_int_equal(old->buckets[0].actions->output.port, 1);
	assert_int_equal(bridge_find_group(br, 1, now)->buckets[0].actions->output.port, 9);
	assert_non_null(bridge_find_group(br, 2, version_before));
	assert_null(bridge_find_group(br, 2, now));
	assert_null(bridge_find_group(br, 3, version_before));
	assert_non_null(bridge_find_group(br, 3, now));
	assert_int_equal(bridge_find_port(br, 1, version_before), 1);
	assert_int_equal(bridge_find_port(br, 1, now), 2);
	assert_int_equal(bridge_find_port(br, 7, version_before), 0);
	assert_int_equal(bridge_ports_at(br, version_before)->n, 1);
	assert_int_equal(bridge_ports_at(br, now)->n, 3);
}

static void a_burst_of_the_version_before_sees_its_groups_and_ports(void **state)
{
	struct fixture *f = *state;
	put_group(f, 1, 1, DP_OFPORT_ANY, 1);
	put_group(f, 1, 2, DP_OFPORT_ANY, 1);
	assert_int_equal(commit(f), 0);
	watched = f;
	version_before = f->dp.version;
	fake_ports.on_assign = assert_each_version_has_its_own;
	put_group(f, 1, 1, DP_OFPORT_ANY, 9);
	del(f, DP_KIND_GROUP, 1ULL << 32 | 2);
	put_group(f, 1, 3, DP_OFPORT_ANY, 1);
	put_port(f, 1, 1, 2); // the two change places, and a third
	put_port(f, 2, 1, 1);
	put_port(f, 7, 1, 7);
	assert_int_equal(commit(f), 0);
	fake_ports.on_assign = NULL;
	assert_int_equal(f->dp.version, version_before + 1);
	assert_null(rcu_get(f->dp.bridges[1]->groups)->before);
	assert_null(rcu_get(f->dp.bridges[1]->ports)->before);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(prepared_is_invisible_and_committed_is_all_there),
	    TEST(aborted_leaves_no_trace_and_may_come_again),
	    TEST(refused_is_refused_when_it_is_prepared),
	    TEST(nothing_else_changes_while_one_is_prepared),
	    TEST(one_that_is_forgotten_by_its_client_is_dropped),
	    TEST(a_switch_that_ends_between_the_phases_ends_cleanly),
	    TEST(a_rule_that_timed_out_is_remembered_until_it_is_named_again),
	    TEST(a_hard_timeout_counts_from_the_installation),
	    TEST(a_burst_of_the_version_before_sees_its_groups_and_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
