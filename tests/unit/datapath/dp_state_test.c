/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "datapath/base/clock.h"
#include "datapath/rcu.h"
#include "datapath/rule_stats.h"
#include "datapath/rule_timeout.h"
#include "tests/unit/datapath/state_fixture.h"

static int setup(void **state)
{
	*state = fixture_create();
	return 0;
}

static int teardown(void **state)
{
	fixture_destroy(*state);
	return 0;
}

/* A bridge with a port and a rule, committed. */
static void commit_base(struct fixture *f)
{
	put_bridge(f, 1);
	put_port(f, 1, 1, 1);
	put_rule(
	    f, 100, (struct rule_args){.bridge = 1, .priority = 10, .tp_dst = 80, .cookie = 7});
	assert_int_equal(commit(f), 0);
}

static void add_up(const struct dp_dump_entry *e, void *arg)
{
	*(uint64_t *)arg ^= e->digest;
}

static void assert_digest_is_of_dump(const struct fixture *f)
{
	uint64_t digest = 0;
	dp_state_foreach(f->dp.state, add_up, &digest);
	assert_int_equal(dp_state_digest(f->dp.state), digest);
}

static void assert_refused(struct fixture *f, int r, uint32_t op_index, const char *word)
{
	uint64_t version = f->dp.version, generation = dp_state_generation(f->dp.state);
	uint64_t digest = dp_state_digest(f->dp.state);

	assert_int_equal(commit(f), r);
	assert_int_equal(f->error.errno_value, -r);
	assert_int_equal(f->error.op_index, op_index);
	if (strstr(f->error.what, word) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", f->error.what, word);
	assert_int_equal(f->dp.version, version);
	assert_int_equal(dp_state_generation(f->dp.state), generation);
	assert_int_equal(dp_state_digest(f->dp.state), digest);
	assert_digest_is_of_dump(f);
}

static void transaction_becomes_visible(void **state)
{
	struct fixture *f = *state;
	commit_base(f);

	assert_non_null(lookup(f, 1, 0, 80));
	assert_int_equal(lookup(f, 1, 0, 80)->cookie, 7);
	assert_null(lookup(f, 1, 0, 81));
	assert_int_equal(bridge_find_port(f->dp.bridges[1], 1, f->dp.version), 1);
	assert_int_equal(f->reply.generation, 1);
	assert_int_equal(f->reply.n_workers, FIXTURE_N_WORKERS);
	assert_int_equal(f->reply.digest, dp_state_digest(f->dp.state));
	assert_digest_is_of_dump(f);
}

static void old_generation_is_refused(void **state)
{
	struct fixture *f = *state;
	commit_base(f);

	assert_int_equal(commit_at(f, 0, 0), -ESTALE);
	assert_int_equal(commit_at(f, 1, 0), 0); // a replay, or the rest of a generation
	assert_int_equal(commit_at(f, 5, 0), 0);
	assert_int_equal(commit_at(f, 4, 0), -ESTALE);
	assert_int_equal(dp_state_generation(f->dp.state), 5);
	assert_int_equal(commit_at(f, 6, 2), -EINVAL);
}

static void identical_put_changes_nothing(void **state)
{
	struct fixture *f = *state;
	commit_base(f);
	const struct rule *rule = lookup(f, 1, 0, 80);
	uint64_t digest = dp_state_digest(f->dp.state), change = f->dp.bridges[1]->change_version;

	commit_base(f);
	assert_ptr_equal(lookup(f, 1, 0, 80), rule);
	assert_int_equal(fake_ports.n_created, 1);
	assert_int_equal(dp_state_digest(f->dp.state), digest);
	assert_int_equal(f->dp.bridges[1]->change_version, change);
}

static void reset_keeps_what_is_put_again(void **state)
{
	struct fixture *f = *state;
	commit_base(f);
	put_rule(f, 101, (struct rule_args){.bridge = 1, .priority = 10, .tp_dst = 81});
	put_port(f, 2, 1, 2);
	assert_int_equal(commit(f), 0);
	const struct rule *rule = lookup(f, 1, 0, 80);
	const struct port *port = f->dp.ports[1];

	put_bridge(f, 1);
	put_port(f, 1, 1, 1);
	put_rule(
	    f, 100, (struct rule_args){.bridge = 1, .priority = 10, .tp_dst = 80, .cookie = 7});
	assert_int_equal(commit_at(f, 1, DP_TXN_F_RESET), 0);
	assert_ptr_equal(lookup(f, 1, 0, 80), rule);
	assert_ptr_equal(f->dp.ports[1], port);
	assert_null(lookup(f, 1, 0, 81));
	assert_null(f->dp.ports[2]);
	assert_int_equal(dp_state_n_objects(f->dp.state), 3);
	assert_digest_is_of_dump(f);

	assert_int_equal(commit_at(f, 1, DP_TXN_F_RESET), 0);
	assert_int_equal(dp_state_n_objects(f->dp.state), 0);
	assert_int_equal(dp_state_digest(f->dp.state), 0);
	assert_null(f->dp.bridges[1]);
}

static void last_op_on_an_object_counts(void **state)
{
	struct fixture *f = *state;
	put_bridge(f, 1);
	put_rule(f, 1, (struct rule_args){.bridge = 1, .tp_dst = 80, .cookie = 1});
	del(f, DP_KIND_RULE, 1);
	put_rule(f, 1, (struct rule_args){.bridge = 1, .tp_dst = 80, .cookie = 2});
	put_rule(f, 2, (struct rule_args){.bridge = 1, .tp_dst = 81});
	del(f, DP_KIND_RULE, 2);
	del(f, DP_KIND_RULE, 3);
	assert_int_equal(commit(f), 0);
	assert_int_equal(lookup(f, 1, 0, 80)->cookie, 2);
	assert_null(lookup(f, 1, 0, 81));
	assert_int_equal(dp_state_n_objects(f->dp.state), 2);
}

static void order_among_ops_does_not_matter(void **state)
{
	struct fixture *f = *state;
	put_rule(f, 1, (struct rule_args){.bridge = 1, .tp_dst = 80});
	put_group(f, 1, 5, DP_OFPORT_ANY, 1);
	put_port(f, 1, 1, 1);
	put_bridge(f, 1);
	assert_int_equal(commit(f), 0);
	del(f, DP_KIND_BRIDGE, 1);
	del(f, DP_KIND_PORT, 1);
	del(f, DP_KIND_GROUP, 1ULL << 32 | 5);
	del(f, DP_KIND_RULE, 1);
	assert_int_equal(commit(f), 0);
	assert_int_equal(dp_state_n_objects(f->dp.state), 0);
}

static void dangling_bridge_is_refused(void **state)
{
	struct fixture *f = *state;
	commit_base(f);

	put_rule(f, 1, (struct rule_args){.bridge = 1, .tp_dst = 81});
	put_rule(f, 2, (struct rule_args){.bridge = 2});
	assert_refused(f, -ENOENT, 1, "bridge 2");
	put_port(f, 2, 9, 2);
	assert_refused(f, -ENOENT, 0, "bridge 9");
	put_group(f, 3, 1, DP_OFPORT_ANY, 1);
	assert_refused(f, -ENOENT, 0, "bridge 3");
	assert_null(lookup(f, 1, 0, 81));
}

static void bridge_in_use_is_not_deleted(void **state)
{
	struct fixture *f = *state;
	commit_base(f);

	del(f, DP_KIND_BRIDGE, 1);
	assert_refused(f, -EBUSY, 0, "port p1");
	del(f, DP_KIND_PORT, 1);
	del(f, DP_KIND_BRIDGE, 1);
	assert_refused(f, -EBUSY, 1, "rules");
	assert_non_null(f->dp.ports[1]);
}

static void equal_port_numbers_are_refused(void **state)
{
	struct fixture *f = *state;
	commit_base(f);

	put_rule(f, 5, (struct rule_args){.bridge = 1, .tp_dst = 90});
	put_port(f, 2, 1, 1);
	assert_refused(f, -EEXIST, 1, "number 1");
	// Moving both in one transaction is fine: only where they end counts.
	put_port(f, 1, 1, 2);
	put_port(f, 2, 1, 1);
	assert_int_equal(commit(f), 0);
	assert_int_equal(bridge_find_port(f->dp.bridges[1], 1, f->dp.version), 2);
	assert_int_equal(bridge_find_port(f->dp.bridges[1], 2, f->dp.version), 1);
}

static void malformed_op_is_refused_whole(void **state)
{
	struct fixture *f = *state;
	commit_base(f);

	put_rule(f, 1, (struct rule_args){.bridge = 1, .tp_dst = 81});
	put(f, DP_KIND_BRIDGE, 2, "12345678", 8);
	assert_refused(f, -EINVAL, 1, "bridge");
	put_rule(f, 1, (struct rule_args){.bridge = 1, .tp_dst = 81});
	f->n_ops = 2;
	assert_refused(f, -EINVAL, 1, "op");
	put_bridge(f, 2);
	f->n_ops = 0;
	assert_refused(f, -EINVAL, DP_OP_NONE, "behind the last op");
	f->n_ops = UINT32_MAX;
	assert_refused(f, -EINVAL, DP_OP_NONE, "n_ops");
}

static void late_refusal_leaves_no_trace(void **state)
{
	struct fixture *f = *state;
	commit_base(f);
	uint32_t n_slots = rule_stats_n_used(dp_state_rule_stats(f->dp.state));
	fake_ports.refuse_id = 9;

	put_bridge(f, 2);
	put_rule(f, 1, (struct rule_args){.bridge = 1, .tp_dst = 81, .ttl = 1});
	put_rule(f, 2, (struct rule_args){.bridge = 2, .tp_dst = 81});
	put_rule(
	    f, 100, (struct rule_args){.bridge = 1, .priority = 10, .tp_dst = 80, .cookie = 8});
	put_group(f, 1, 1, DP_OFPORT_ANY, 1);
	put_local(f, 1, 0x0a000001);
	put_route(f, 1, 0x0a000002, 1500);
	put_port(f, 1, 1, 7); // in place
	put_port(f, 8, 1, 8);
	put_port(f, 9, 1, 9);
	assert_refused(f, -EINVAL, 9, "refused by the test");

	assert_null(f->dp.bridges[2]);
	assert_null(f->dp.ports[8]);
	assert_int_equal(f->dp.ports[1]->conf.ofport, 1);
	assert_int_equal(fake_ports.n_updated, 0); // not even for a moment: workers were reading it
	assert_int_equal(bridge_find_port(f->dp.bridges[1], 1, f->dp.version), 1);
	assert_null(bridge_find_group(f->dp.bridges[1], 1, f->dp.version));
	assert_int_equal(f->dp.bridges[1]->session_mask->ip_ttl, 0);
	assert_int_equal(table_n_rules(f->dp.bridges[1]->tables[0]), 1);
	// Nor at any later version.
	assert_int_equal(commit(f), 0);
	assert_int_equal(lookup(f, 1, 0, 80)->cookie, 7);
	assert_null(lookup(f, 1, 0, 81));
	assert_int_equal(tunnel_find_route(f->dp.tunnels, &(struct ip_addr){0}), PKT_NO_SLOT);
	// The slots wait for the workers' sweeps, then all are free again.
	for (int i = 0; i < 2; i++) {
		for (int w = 0; w < FIXTURE_N_WORKERS; w++)
			f->workers[w].sweep_epoch += 2;
		dp_state_run(f->dp.state, 1000);
	}
	assert_int_equal(rule_stats_n_used(dp_state_rule_stats(f->dp.state)), n_slots);
}

static void rule_keeps_counters_when_only_actions_change(void **state)
{
	struct fixture *f = *state;
	commit_base(f);
	uint32_t idx = lookup(f, 1, 0, 80)->stats_idx;

	put_rule(f, 100, (struct rule_args){.bridge = 1, .priority = 10, .tp_dst = 80, .out = 3});
	assert_int_equal(commit(f), 0);
	assert_int_equal(lookup(f, 1, 0, 80)->stats_idx, idx);
	put_rule(f, 100, (struct rule_args){.bridge = 1, .priority = 11, .tp_dst = 80, .out = 3});
	assert_int_equal(commit(f), 0);
	assert_int_not_equal(lookup(f, 1, 0, 80)->stats_idx, idx);
}

static void group_goes_after_the_rules_that_name_it(void **state)
{
	struct fixture *f = *state;
	commit_base(f);
	put_group(f, 1, 3, DP_OFPORT_ANY, 1);
	put_group(f, 1, 1, DP_OFPORT_ANY, 1);
	put_group(f, 1, 2, DP_OFPORT_ANY, 1);
	assert_int_equal(commit(f), 0);
	uint64_t change = f->dp.bridges[1]->change_version;
	for (uint32_t id = 1; id <= 3; id++)
		assert_int_equal(
		    bridge_find_group(f->dp.bridges[1], id, f->dp.version)->group_id, id);
	const struct group *g3 = bridge_find_group(f->dp.bridges[1], 3, f->dp.version);

	put_group(f, 1, 1, DP_OFPORT_ANY, 9);
	del(f, DP_KIND_GROUP, 1ULL << 32 | 2);
	assert_int_equal(commit(f), 0);
	assert_int_equal(
	    bridge_find_group(f->dp.bridges[1], 1, f->dp.version)->buckets[0].actions->output.port,
	    9);
	assert_null(bridge_find_group(f->dp.bridges[1], 2, f->dp.version));
	assert_ptr_equal(bridge_find_group(f->dp.bridges[1], 3, f->dp.version), g3);
	assert_true(f->dp.bridges[1]->change_version > change);
	assert_int_equal(f->dp.bridges[1]->change_version, f->dp.version);
}

static void port_is_updated_in_place_or_made_anew(void **state)
{
	struct fixture *f = *state;
	commit_base(f);
	const struct port *port = f->dp.ports[1];
	uint64_t add_version = f->dp.version;
	assert_int_equal(port->add_version, add_version);

	put_port(f, 1, 1, 5);
	assert_int_equal(commit(f), 0);
	assert_ptr_equal(f->dp.ports[1], port);
	assert_int_equal(port->add_version, add_version);
	assert_int_equal(bridge_find_port(f->dp.bridges[1], 5, f->dp.version), 1);
	fake_ports.reopen = true;
	put_port(f, 1, 1, 6);
	assert_int_equal(commit(f), 0);
	assert_int_equal(fake_ports.n_created, 2);
	assert_int_equal(fake_ports.n_destroyed, 1);
	assert_int_equal(f->dp.ports[1]->conf.ofport, 6);
	assert_int_equal(
	    f->dp.ports[1]->add_version, f->dp.version); // nothing that waits is for it
}

static void port_lives_on_while_workers_cannot_be_told(void **state)
{
	struct fixture *f = *state;
	commit_base(f);
	fake_ports.assign_fails = true;

	del(f, DP_KIND_PORT, 1);
	assert_int_equal(commit(f), 0);
	dp_state_run(f->dp.state, 1000);
	assert_int_equal(fake_ports.n_destroyed, 0);
	fake_ports.assign_fails = false;
	dp_state_run(f->dp.state, 2000);
	assert_int_equal(fake_ports.n_destroyed, 1);
}

static void deleted_port_is_forgotten_by_the_macs(void **state)
{
	struct fixture *f = *state;
	commit_base(f);
	struct mac_addr mac = {{2, 0, 0, 0, 0, 9}};
	int32_t idx;
	assert_int_equal(fdb_learn(f->dp.bridges[1]->fdb, &mac, 0, 1, 16, 1000, &idx), FDB_LEARNED);

	del(f, DP_KIND_PORT, 1);
	assert_int_equal(commit(f), 0);
	assert_int_equal(fdb_lookup(f->dp.bridges[1]->fdb, &mac, 0, 1000), -1);
}

static void port_that_changes_its_vlans_is_forgotten_and_their_list_is_the_bridges_own(void **state)
{
	struct fixture *f = *state;
	commit_base(f);
	const struct mac_addr mac = {{2, 0, 0, 0, 0, 9}};
	struct fdb *fdb = f->dp.bridges[1]->fdb;
	int32_t idx;

	put_vlan_port(f, 1, 0, 70);
	put_vlan_port(f, 2, 5, 0);
	assert_int_equal(commit(f), 0);
	assert_int_equal(fdb_learn(fdb, &mac, 70, 1, 16, 1000, &idx), FDB_LEARNED);
	put_vlan_port(f, 2, 6, 0);
	assert_int_equal(commit(f), 0);
	assert_int_equal(fdb_lookup(fdb, &mac, 70, 1000), 1); // another port's
	uint64_t version = f->dp.version;
	const struct bridge_port *p = bridge_port_of(f->dp.bridges[1], 1, 0, version);
	assert_non_null(p);
	assert_int_equal(p->vlan.mode, DP_VLAN_TRUNK);
	assert_int_equal(p->vlan.trunks[1], 1ULL << 6);
	p = bridge_port_of(f->dp.bridges[1], 2, 2, version);
	assert_int_equal(p->vlan.tag, 6);
	assert_null(p->vlan.trunks);
	assert_null(bridge_port_of(f->dp.bridges[1], 9, 1, version));

	put_vlan_port(f, 1, 0, 71);
	assert_int_equal(commit(f), 0);
	assert_int_equal(fdb_lookup(fdb, &mac, 70, 1000), -1);
}

static void note_event(const struct dp_port_event *ev, void *arg)
{
	struct dp_port_event *last = arg;
	last[0] = *ev;
	last[0].error[0]++; // counts
}

static void link_change_is_reported_and_refreshes_watchers(void **state)
{
	struct fixture *f = *state;
	commit_base(f);
	put_bridge(f, 2);
	assert_int_equal(commit(f), 0);
	struct dp_port_event ev = {0};

	dp_state_poll_ports(f->dp.state, 1000, note_event, &ev);
	assert_int_equal(ev.id, 1);
	assert_int_equal(ev.state, DP_PORT_UP);
	ev.id = 0;
	dp_state_poll_ports(f->dp.state, 1100, note_event, &ev);
	assert_int_equal(ev.id, 0);

	// Nobody watches: no new version.
	uint64_t version = f->dp.version;
	fake_ports.state[1] = DP_PORT_LINK_DOWN;
	dp_state_poll_ports(f->dp.state, 1200, note_event, &ev);
	assert_int_equal(ev.state, DP_PORT_LINK_DOWN);
	assert_int_equal(ev.link_up, 0);
	assert_int_equal(f->dp.version, version);

	put_group(f, 1, 1, 1, 1);
	assert_int_equal(commit(f), 0);
	version = f->dp.version;
	fake_ports.state[1] = DP_PORT_UP;
	dp_state_poll_ports(f->dp.state, 1300, note_event, &ev);
	assert_int_equal(f->dp.version, version + 1);
	assert_int_equal(f->dp.bridges[1]->change_version, version + 1);
	assert_true(f->dp.bridges[2]->change_version < version);
}

static void route_keeps_its_slot(void **state)
{
	struct fixture *f = *state;
	struct ip_addr remote = ip_from_v4(htonl(0x0a000002)),
		       other = ip_from_v4(htonl(0x0a000003));
	put_bridge(f, 1);
	put_vxlan(f, 1, 1, 1);
	put_route(f, 1, 0x0a000002, 1500);
	put_route(f, 2, 0x0a000003, 1500);
	assert_int_equal(commit(f), 0);
	uint16_t slot = tunnel_find_route(f->dp.tunnels, &remote);
	assert_int_not_equal(slot, PKT_NO_SLOT);
	assert_int_not_equal(slot, tunnel_find_route(f->dp.tunnels, &other));
	uint64_t change = f->dp.bridges[1]->change_version;

	put_route(f, 1, 0x0a000002, 1400);
	assert_int_equal(commit(f), 0);
	assert_int_equal(tunnel_find_route(f->dp.tunnels, &remote), slot);
	assert_int_equal(tunnel_route(f->dp.tunnels, slot)->mtu, 1400);
	assert_int_equal(f->dp.bridges[1]->change_version, change);

	// The same remote under another id; the freed id goes to a third remote, whose slot is a new one.
	del(f, DP_KIND_ROUTE, 1);
	put_route(f, 7, 0x0a000002, 1300);
	put_route(f, 2, 0x0a000004, 1500);
	assert_int_equal(commit(f), 0);
	assert_int_equal(tunnel_find_route(f->dp.tunnels, &remote), slot);
	assert_int_equal(tunnel_find_route(f->dp.tunnels, &other), PKT_NO_SLOT);
	assert_int_equal(f->dp.bridges[1]->change_version, f->dp.version);

	put_route(f, 8, 0x0a000002, 1500);
	assert_refused(f, -EEXIST, 0, "same remote");
}

static void limits_hold(void **state)
{
	struct fixture *f = *state;
	for (uint32_t i = 0; i < TNL_MAX_LOCALS; i++)
		put_local(f, i, 0x0a000001 + i);
	for (uint32_t i = 0; i < DP_MAX_ROUTES; i++)
		put_route(f, i, 0x0a010000 + i, 1500);
	assert_int_equal(commit(f), 0);
	put_local(f, 99, 0x0a0000ff);
	assert_refused(f, -ENOSPC, 0, "15");
	put_route(f, 99999, 0x0b000000, 1500);
	assert_refused(f, -ENOSPC, 0, "4096");
	// Full, but one goes and one comes.
	del(f, DP_KIND_ROUTE, 5);
	put_route(f, 99999, 0x0b000000, 1500);
	assert_int_equal(commit(f), 0);
	struct ip_addr remote = ip_from_v4(htonl(0x0b000000));
	assert_int_not_equal(tunnel_find_route(f->dp.tunnels, &remote), PKT_NO_SLOT);

	put_bridge(f, 1);
	for (uint16_t i = 1; i <= STATE_MAX_TUNNEL_PORTS + 1; i++)
		put_vxlan(f, i, 1, i);
	assert_refused(f, -ENOSPC, STATE_MAX_TUNNEL_PORTS + 1, "256");
}

static void patch_joined_bridges_change_together(void **state)
{
	struct fixture *f = *state;
	for (uint32_t b = 1; b <= 3; b++)
		put_bridge(f, b);
	put_patch(f, 1, 1, 1, 2);
	put_patch(f, 2, 2, 1, 1);
	put_rule(f, 1, (struct rule_args){.bridge = 2, .tp_dst = 80, .ttl = 3});
	put_rule(f, 2, (struct rule_args){.bridge = 1, .tp_dst = 80});
	assert_int_equal(commit(f), 0);
	assert_int_equal(f->dp.bridges[1]->session_mask->ip_ttl, 0xff);
	assert_int_equal(f->dp.bridges[2]->session_mask->ip_ttl, 0xff);
	assert_int_equal(f->dp.bridges[3]->session_mask->ip_ttl, 0);

	uint64_t before = f->dp.bridges[3]->change_version;
	put_rule(f, 3, (struct rule_args){.bridge = 2, .tp_dst = 81});
	assert_int_equal(commit(f), 0);
	assert_int_equal(f->dp.bridges[1]->change_version, f->dp.version);
	assert_int_equal(f->dp.bridges[3]->change_version, before);

	// Parted: the first still notices that, and no longer looks at what only the second does.
	del(f, DP_KIND_PORT, 2);
	assert_int_equal(commit(f), 0);
	assert_int_equal(f->dp.bridges[1]->change_version, f->dp.version);
	assert_int_equal(f->dp.bridges[1]->session_mask->ip_ttl, 0);
	assert_int_equal(f->dp.bridges[2]->session_mask->ip_ttl, 0xff);
	uint64_t parted = f->dp.version;
	del(f, DP_KIND_RULE, 1);
	assert_int_equal(commit(f), 0);
	assert_int_equal(f->dp.bridges[1]->change_version, parted);
	assert_int_equal(f->dp.bridges[2]->change_version, parted + 1);
}

static void session_mask_shrinks_with_the_rules(void **state)
{
	struct fixture *f = *state;
	commit_base(f);
	for (uint32_t i = 0; i < 10; i++)
		put_rule(f, 200 + i,
		    (struct rule_args){.bridge = 1, .tp_dst = (uint16_t)(i + 1), .ttl = 9});
	assert_int_equal(commit(f), 0);
	assert_int_equal(f->dp.bridges[1]->session_mask->ip_ttl, 0xff);
	for (uint32_t i = 0; i < 10; i++)
		del(f, DP_KIND_RULE, 200 + i);
	assert_int_equal(commit(f), 0);
	assert_int_equal(f->dp.bridges[1]->session_mask->ip_ttl, 0);
}

static void empty_table_is_no_table(void **state)
{
	struct fixture *f = *state;
	commit_base(f);
	del(f, DP_KIND_RULE, 100);
	assert_int_equal(commit(f), 0);
	assert_null(f->dp.bridges[1]->tables[0]);
	put_rule(f, 100, (struct rule_args){.bridge = 1, .tp_dst = 80});
	assert_int_equal(commit(f), 0);
	assert_non_null(lookup(f, 1, 0, 80));
}

static void note_removed(const struct dp_removed_event *ev, void *arg)
{
	*(struct dp_removed_event *)arg = *ev;
}

/* Every worker sweeps its sessions; the clock that idle rules are judged by follows. */
static void sweep(struct fixture *f, uint64_t now_ms)
{
	for (int i = 0; i < FIXTURE_N_WORKERS; i++)
		f->workers[i].sweep_epoch += 2;
	dp_state_run(f->dp.state, now_ms);
}

static void rules_time_out(void **state)
{
	struct fixture *f = *state;
	struct dp_removed_event ev = {0};
	commit_base(f);
	put_rule(f, 1, (struct rule_args){.bridge = 1, .tp_dst = 1, .hard_s = 10});
	put_rule(f, 2,
	    (struct rule_args){
		.bridge = 1, .tp_dst = 2, .idle_s = 5, .flags = DP_RULE_F_SEND_REMOVED});
	assert_int_equal(commit(f), 0);
	uint64_t generation = dp_state_generation(f->dp.state),
		 digest = dp_state_digest(f->dp.state);
	uint64_t now_ms = clock_ms();
	struct rule_counters *c =
	    worker_rule_counters(&f->workers[1], lookup(f, 1, 0, 2)->stats_idx);

	// Idle on the clock, but who knows what unswept sessions hold: it stays.
	assert_int_equal(rule_timeout_run(f->dp.state, now_ms + 9000, note_removed, &ev), 0);
	c->used_ms = now_ms + 4000;
	c->n_packets = 3;
	sweep(f, now_ms + 8000);
	sweep(f, now_ms + 8900);
	assert_int_equal(rule_timeout_run(f->dp.state, now_ms + 8950, note_removed, &ev), 0);
	assert_non_null(lookup(f, 1, 0, 2));
	sweep(f, now_ms + 9100);
	sweep(f, now_ms + 9200);
	assert_int_equal(rule_timeout_run(f->dp.state, now_ms + 9300, note_removed, &ev), 1);
	assert_null(lookup(f, 1, 0, 2));
	assert_int_equal(ev.rule, 2);
	assert_int_equal(ev.reason, 0);
	assert_int_equal(ev.stats.n_packets, 3);

	assert_int_equal(rule_timeout_run(f->dp.state, now_ms + 10100, note_removed, &ev), 1);
	assert_null(lookup(f, 1, 0, 1));
	assert_int_equal(ev.rule, 2); // rule 1 did not ask for an event
	assert_non_null(lookup(f, 1, 0, 80));
	assert_int_equal(dp_state_generation(f->dp.state), generation);
	assert_int_not_equal(dp_state_digest(f->dp.state), digest);
	assert_digest_is_of_dump(f);
}

/* A rule that is old when it first gets a timeout is not over at once. */
static void timeouts_count_from_when_they_were_set(void **state)
{
	struct fixture *f = *state;
	struct dp_removed_event ev = {0};
	commit_base(f);
	put_rule(f, 1, (struct rule_args){.bridge = 1, .tp_dst = 1, .cookie = 1});
	assert_int_equal(commit(f), 0);
	nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 10000000}, NULL);
	put_rule(f, 1, (struct rule_args){.bridge = 1, .tp_dst = 1, .cookie = 1, .hard_s = 1});
	assert_int_equal(commit(f), 0);
	uint64_t set_ms = lookup(f, 1, 0, 1)->timed_since_ms;
	assert_int_equal(rule_timeout_run(f->dp.state, set_ms + 999, note_removed, &ev), 0);
	// Other actions are no reason to live longer.
	put_rule(f, 1, (struct rule_args){.bridge = 1, .tp_dst = 1, .cookie = 2, .hard_s = 1});
	assert_int_equal(commit(f), 0);
	assert_int_equal(rule_timeout_run(f->dp.state, set_ms + 1000, note_removed, &ev), 1);
	assert_null(lookup(f, 1, 0, 1));
}

/* The model: what each rule object should be. */
enum { MODEL_RULES = 40 };

struct model {
	uint16_t tp_dst[MODEL_RULES]; // 0: not there
	uint64_t cookie[MODEL_RULES];
};

static void assert_is_model(const struct fixture *f, const struct model *m)
{
	for (uint16_t port = 1; port <= 8; port++) {
		uint64_t want = 0; // the smallest id wins among equals
		for (uint32_t i = 0; want == 0 && i < MODEL_RULES; i++)
			want = m->tp_dst[i] == port ? m->cookie[i] : 0;
		const struct rule *r = lookup(f, 1, 0, port);
		assert_int_equal(r != NULL ? r->cookie : 0, want);
	}
	size_t n = 2; // bridge and port
	for (uint32_t i = 0; i < MODEL_RULES; i++)
		n += m->tp_dst[i] != 0;
	assert_int_equal(dp_state_n_objects(f->dp.state), n);
	assert_digest_is_of_dump(f);
}

static void random_transactions_match_a_model(void **state)
{
	struct fixture *f = *state;
	const char *env = getenv("SLUICE_TEST_SEED");
	unsigned int seed =
	    env != NULL ? (unsigned int)strtoul(env, NULL, 0) : (unsigned int)clock_ns();
	struct model model = {0};
	uint64_t next_cookie = 1;

	print_message("SLUICE_TEST_SEED=%u\n", seed);
	put_bridge(f, 1);
	put_port(f, 1, 1, 1);
	assert_int_equal(commit(f), 0);
	for (int round = 0; round < 1000; round++) {
		struct model next = model;
		int n = rand_r(&seed) % 8;
		bool bad = rand_r(&seed) % 4 == 0;
		int bad_at = n > 0 ? rand_r(&seed) % n : 0;
		bool reset = rand_r(&seed) % 50 == 0;
		if (reset) {
			memset(&next, 0, sizeof(next));
			put_bridge(f, 1);
			put_port(f, 1, 1, 1);
		}
		for (int i = 0; i < n; i++) {
			uint32_t id = (uint32_t)rand_r(&seed) % MODEL_RULES;
			if (bad && i == bad_at)
				put_rule(f, 999, (struct rule_args){.bridge = 7});
			if (rand_r(&seed) % 3 == 0) {
				del(f, DP_KIND_RULE, id + 1);
				next.tp_dst[id] = 0;
				continue;
			}
			next.tp_dst[id] = (uint16_t)(1 + rand_r(&seed) % 8);
			next.cookie[id] = next_cookie++;
			put_rule(f, id + 1,
			    (struct rule_args){
				.bridge = 1, .tp_dst = next.tp_dst[id], .cookie = next.cookie[id]});
		}
		bool refused = bad && n > 0;
		int r =
		    commit_at(f, dp_state_generation(f->dp.state) + 1, reset ? DP_TXN_F_RESET : 0);
		assert_int_equal(r, refused ? -ENOENT : 0);
		if (!refused)
			model = next;
		assert_is_model(f, &model);
	}
}

/* A worker that looks up two rules per burst and wants them from the same transaction. */
struct reader {
	struct fixture *f;
	unsigned int id;
	bool stop;
	uint64_t n_bursts, n_mixed;
};

static void *read_rules(void *arg)
{
	struct reader *r = arg;

	rcu_worker_register(r->id);
	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		uint64_t version = __atomic_load_n(&r->f->dp.version, __ATOMIC_ACQUIRE);
		const struct rule *a = lookup_at(r->f, 1, 0, 80, version);
		const struct rule *b = lookup_at(r->f, 1, 3, 443, version);
		r->n_mixed += a == NULL || b == NULL || a->cookie != b->cookie;
		r->n_bursts++;
		rcu_worker_quiescent(r->id);
	}
	rcu_worker_unregister(r->id);
	return NULL;
}

static void workers_see_all_of_a_transaction_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct reader reader = {.f = f};
	pthread_t thread;

	put_bridge(f, 1);
	put_rule(f, 1, (struct rule_args){.bridge = 1, .tp_dst = 80});
	put_rule(f, 2, (struct rule_args){.bridge = 1, .table = 3, .tp_dst = 443});
	assert_int_equal(commit(f), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_rules, &reader), 0);
	for (uint64_t i = 1; i < 300; i++) {
		uint64_t id = i % 2 == 0 ? 1 : 11;
		// By new objects and by replaced ones in turn.
		if (i % 4 < 2)
			del(f, DP_KIND_RULE, id == 1 ? 11 : 1);
		put_rule(f, id,
		    (struct rule_args){
			.bridge = 1, .tp_dst = 80, .priority = (uint16_t)i, .cookie = i});
		put_rule(
		    f, 2, (struct rule_args){.bridge = 1, .table = 3, .tp_dst = 443, .cookie = i});
		assert_int_equal(commit(f), 0);
	}
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_true(reader.n_bursts > 0);
	assert_int_equal(reader.n_mixed, 0);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(transaction_becomes_visible),
	    TEST(old_generation_is_refused),
	    TEST(identical_put_changes_nothing),
	    TEST(reset_keeps_what_is_put_again),
	    TEST(last_op_on_an_object_counts),
	    TEST(order_among_ops_does_not_matter),
	    TEST(dangling_bridge_is_refused),
	    TEST(bridge_in_use_is_not_deleted),
	    TEST(equal_port_numbers_are_refused),
	    TEST(malformed_op_is_refused_whole),
	    TEST(late_refusal_leaves_no_trace),
	    TEST(rule_keeps_counters_when_only_actions_change),
	    TEST(group_goes_after_the_rules_that_name_it),
	    TEST(port_is_updated_in_place_or_made_anew),
	    TEST(port_lives_on_while_workers_cannot_be_told),
	    TEST(deleted_port_is_forgotten_by_the_macs),
	    TEST(port_that_changes_its_vlans_is_forgotten_and_their_list_is_the_bridges_own),
	    TEST(link_change_is_reported_and_refreshes_watchers),
	    TEST(route_keeps_its_slot),
	    TEST(limits_hold),
	    TEST(patch_joined_bridges_change_together),
	    TEST(session_mask_shrinks_with_the_rules),
	    TEST(empty_table_is_no_table),
	    TEST(rules_time_out),
	    TEST(timeouts_count_from_when_they_were_set),
	    TEST(random_transactions_match_a_model),
	    TEST(workers_see_all_of_a_transaction_or_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
