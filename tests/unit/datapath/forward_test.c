/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/forward.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/datapath/fake_exits.h"
#include "tests/unit/datapath/pipeline_env.h"

static struct env *e;

/* UDP from MAC 02:…:src to 02:…:dst. */
struct udp {
	uint8_t src, dst, ttl;
	uint16_t sport;
	uint32_t ip_src;
};

static int setup(void **state)
{
	(void)state;
	e = env_create();
	for (uint16_t id = 1; id <= 5; id++)
		env_port(e, id, 1, id * 10);
	exits_reset();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(exits.n_alive, 0);
	for (unsigned int id = 1; id < ENV_N_PORTS; id++) {
		const struct port_counters *c = &e->w->ports[id];
		uint64_t drops = 0;
		for (unsigned int r = 0; r < DP_DROP__COUNT; r++)
			drops += c->drops[r];
		assert_int_equal(c->rx_packets + c->copies, c->sent + drops);
	}
	env_destroy(e);
	return 0;
}

static struct rte_mbuf *make_udp(uint16_t port, const struct udp *u)
{
	uint8_t b[60] = {
	    2, 0, 0, 0, 0, u->dst, 2, 0, 0, 0, 0, u->src, 8, 0, 0x45, 0, 0, 46, 0, 0, 0x40, 0};
	b[22] = u->ttl != 0 ? u->ttl : 64;
	b[23] = 17;
	uint32_t src = htonl(u->ip_src != 0 ? u->ip_src : 0x0a000001), dst = htonl(0x0a000002);
	memcpy(b + 26, &src, 4);
	memcpy(b + 30, &dst, 4);
	uint32_t sum = 0;
	for (unsigned int i = 14; i < 34; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	b[24] = (uint8_t)(sum >> 8);
	b[25] = (uint8_t)sum;
	b[34] = (uint8_t)(u->sport >> 8);
	b[35] = (uint8_t)u->sport;
	b[37] = 53;
	b[39] = 26;
	e->w->ports[port].rx_packets++;
	return fake_packet(b, sizeof(b), port);
}

static void receive(uint16_t port, struct rte_mbuf *m)
{
	exits_reset();
	forward_burst(e->w, port, &m, 1);
}

static void receive_udp(uint16_t port, uint8_t src, uint8_t dst)
{
	receive(port, make_udp(port, &(struct udp){.src = src, .dst = dst}));
}

static uint16_t only_output(void)
{
	assert_int_equal(exits.n_drops, 0);
	assert_int_equal(exits.n_out, 1);
	return exits.out[0].port;
}

static struct actions *output_to(uint32_t ofport)
{
	static struct actions l;
	l.size = 0;
	add_output(&l, ofport);
	return &l;
}

/* A full sweep now. */
static void settle_all(void)
{
	(void)session_sweep(e->w, UINT32_MAX);
}

static void second_packet_hits_the_session_of_the_first(void **state)
{
	(void)state;
	struct rule *r = env_rule(e, 1, 0, 1, "", output_to(20));
	env_commit(e);
	for (int i = 0; i < 10; i++) {
		receive_udp(1, 1, 2);
		assert_int_equal(only_output(), 2);
	}
	assert_int_equal(e->w->stats.session_misses, 1);
	assert_int_equal(e->w->stats.session_hits, 9);
	assert_int_equal(e->w->rules[0][r->stats_idx].n_packets, 0); // lazily
	settle_all();
	assert_int_equal(e->w->rules[0][r->stats_idx].n_packets, 10);
	assert_int_equal(e->w->rules[0][r->stats_idx].n_bytes, 600);
}

static void second_packet_of_a_burst_hits_the_session_of_the_first(void **state)
{
	(void)state;
	env_rule(e, 1, 0, 1, "", output_to(20));
	env_commit(e);
	struct rte_mbuf *m[BURST];
	for (unsigned int i = 0; i < BURST; i++)
		m[i] = make_udp(1, &(struct udp){.src = 1, .dst = 2, .sport = (uint16_t)(i / 16)});
	exits_reset();
	forward_burst(e->w, 1, m, BURST);
	assert_int_equal(exits.n_out, BURST);
	assert_int_equal(exits.out[31].data[35], 1); // in order
	assert_int_equal(e->w->stats.session_misses, 2);
	assert_int_equal(session_count(e->w->sessions), 2);
}

static void packets_in_a_row_of_one_flow_all_count(void **state)
{
	(void)state;
	struct rule *r = env_rule(e, 1, 0, 1, "", output_to(20));
	env_commit(e);
	for (unsigned int burst = 0; burst < 2; burst++) {
		struct rte_mbuf *m[BURST];
		// Rows of 1, 2, 3, …; the TTL is not looked at, so it parts nothing.
		unsigned int flow = 0;
		for (unsigned int i = 0, left = 1; i < BURST; i++, left--) {
			if (left == 0)
				left = ++flow + 1;
			m[i] = make_udp(1, &(struct udp){.src = 1,
					       .dst = 2,
					       .ttl = (uint8_t)(10 + i),
					       .sport = (uint16_t)flow});
		}
		exits_reset();
		forward_burst(e->w, 1, m, BURST);
		assert_int_equal(exits.n_out, BURST);
		for (unsigned int i = 0; i < BURST; i++)
			assert_int_equal(exits.out[i].data[22], 10 + i); // in order
	}
	assert_int_equal(session_count(e->w->sessions), 8);
	assert_int_equal(e->w->stats.session_misses, 8);
	assert_int_equal(e->w->stats.session_hits, 2 * BURST - 8);
	settle_all();
	assert_int_equal(e->w->rules[0][r->stats_idx].n_packets, 2 * BURST);
	assert_int_equal(e->w->rules[0][r->stats_idx].n_bytes, 2 * BURST * 60);
}

static void stale_session_runs_the_new_rules_and_pays_the_old(void **state)
{
	(void)state;
	struct rule *old = env_rule(e, 1, 0, 1, "", output_to(20));
	env_commit(e);
	receive_udp(1, 1, 2);
	receive_udp(1, 1, 2);
	env_rule_del(e, old);
	env_commit(e);
	struct rule *new = env_rule(e, 1, 0, 1, "", output_to(30));
	env_commit(e);
	receive_udp(1, 1, 2);
	assert_int_equal(only_output(), 3);
	assert_int_equal(e->w->stats.session_stale, 1);
	assert_int_equal(e->w->rules[0][old->stats_idx].n_packets, 2);
	settle_all();
	assert_int_equal(e->w->rules[0][old->stats_idx].n_packets, 2);
	assert_int_equal(e->w->rules[0][new->stats_idx].n_packets, 1);
	assert_int_equal(program_cache_count(e->w->programs), 1);
}

static void session_that_becomes_a_drop_is_deleted(void **state)
{
	(void)state;
	struct rule *old = env_rule(e, 1, 0, 1, "", output_to(20));
	env_commit(e);
	struct rte_mbuf *m[4];
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 4; i++)
			m[i] = make_udp(
			    1, &(struct udp){.src = 1, .dst = 2, .sport = (uint16_t)(i % 2)});
		exits_reset();
		forward_burst(e->w, 1, m, 4);
		if (round == 0)
			assert_int_equal(session_count(e->w->sessions), 2);
		env_rule_del(e, old);
		env_commit(e);
	}
	assert_int_equal(exits.n_drops, 4);
	assert_int_equal(exits.reason, DP_DROP_TABLE_MISS);
	assert_int_equal(session_count(e->w->sessions), 0);
	assert_int_equal(e->w->rules[0][old->stats_idx].n_packets, 4);
}

static void drops_and_arp_make_no_session_but_count(void **state)
{
	(void)state;
	struct rule *drop = env_rule(e, 1, 0, 1, "", NULL);
	struct rule *arp = env_rule(e, 1, 0, 2, "eth_type=0x0806", output_to(20));
	env_commit(e);
	receive_udp(1, 1, 2);
	receive_udp(1, 1, 2);
	assert_int_equal(exits.reason, DP_DROP_RULE_DROP);
	assert_int_equal(exits.rule, drop->id);
	uint8_t b[42] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0,
	    1, 2, 0, 0, 0, 0, 1};
	e->w->ports[1].rx_packets++;
	receive(1, fake_packet(b, sizeof(b), 1));
	assert_int_equal(only_output(), 2);
	assert_int_equal(session_count(e->w->sessions), 0);
	assert_int_equal(e->w->rules[0][drop->stats_idx].n_packets, 2);
	assert_int_equal(e->w->rules[0][arp->stats_idx].n_packets, 1);
}

static void port_without_bridge_drops(void **state)
{
	(void)state;
	env_port(e, 9, 0, 0);
	receive_udp(9, 1, 2);
	assert_int_equal(exits.reason, DP_DROP_NO_BRIDGE);
	receive_udp(30, 1, 2); // no such port
	assert_int_equal(exits.reason, DP_DROP_NO_BRIDGE);
}

static void malformed_packet_drops_with_the_parsers_reason(void **state)
{
	(void)state;
	env_rule(e, 1, 0, 1, "", output_to(20));
	env_commit(e);
	uint8_t b[20] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45};
	e->w->ports[1].rx_packets++;
	receive(1, fake_packet(b, sizeof(b), 1));
	assert_int_equal(exits.reason, DP_DROP_BAD_IP4);
}

static void packets_of_other_ttl_share_a_session_unless_a_rule_looks(void **state)
{
	(void)state;
	env_rule(e, 1, 0, 1, "", output_to(20));
	env_commit(e);
	for (uint8_t ttl = 1; ttl < 200; ttl++)
		receive(1, make_udp(1, &(struct udp){.src = 1, .dst = 2, .ttl = ttl}));
	assert_int_equal(session_count(e->w->sessions), 1);
	env_rule(e, 1, 0, 2, "eth_type=0x0800,ip_ttl=7", output_to(30));
	env_commit(e);
	for (unsigned int round = 0; round < 2; round++) {
		for (uint8_t ttl = 1; ttl < 10; ttl++) {
			receive(1, make_udp(1, &(struct udp){.src = 1, .dst = 2, .ttl = ttl}));
			assert_int_equal(only_output(), ttl == 7 ? 3 : 2);
		}
	}
}

static void ttl_runs_out_on_hit_and_miss_alike(void **state)
{
	(void)state;
	struct actions l = {0};
	add_action(&l, DP_ACTION_DEC_TTL);
	add_output(&l, 20);
	env_rule(e, 1, 0, 1, "", &l);
	env_commit(e);
	const uint8_t ttls[] = {1, 64, 1, 2};
	for (unsigned int i = 0; i < ARRAY_SIZE(ttls); i++) {
		receive(1, make_udp(1, &(struct udp){.src = 1, .dst = 2, .ttl = ttls[i]}));
		assert_int_equal(exits.n_out, ttls[i] > 1);
		if (ttls[i] > 1)
			assert_int_equal(exits.out[0].data[22], ttls[i] - 1);
		else
			assert_int_equal(exits.reason, DP_DROP_TTL_EXPIRED);
	}
	assert_int_equal(e->w->stats.session_hits, 2); // the first made no session
}

static void learned_destination_that_moves_is_followed_without_a_new_version(void **state)
{
	(void)state;
	env_rule(e, 1, 0, 0, "", output_to(DP_OFPORT_NORMAL));
	env_commit(e);
	receive_udp(1, 1, 2);
	assert_int_equal(exits.n_out, 4);
	receive_udp(2, 2, 1);
	assert_int_equal(only_output(), 1);
	receive_udp(1, 1, 2);
	assert_int_equal(only_output(), 2);
	uint64_t n_hits = e->w->stats.session_hits;
	receive_udp(1, 1, 2);
	assert_int_equal(e->w->stats.session_hits, n_hits + 1);
	receive_udp(3, 2, 1); // station 2 is behind port 3 now
	receive_udp(1, 1, 2);
	assert_int_equal(only_output(), 3);
	fdb_flush(e->bridges[1].fdb);
	receive_udp(1, 1, 2);
	assert_int_equal(exits.n_out, 4);
}

static void source_that_moved_away_and_back_is_learned_again(void **state)
{
	(void)state;
	env_rule(e, 1, 0, 0, "", output_to(DP_OFPORT_NORMAL));
	env_commit(e);
	receive_udp(1, 1, 2);
	receive_udp(1, 1, 2);
	receive_udp(3, 1, 2);
	receive_udp(1, 1, 2); // its session says port 1, the table port 3
	struct mac_addr mac = {{2, 0, 0, 0, 0, 1}};
	assert_int_equal(fdb_lookup(e->bridges[1].fdb, &mac, 0, e->w->now_ms), 1);
	assert_int_equal(exits.n_out, 4);
}

static void sessions_keep_their_source_from_ageing(void **state)
{
	(void)state;
	env_rule(e, 1, 0, 0, "", output_to(DP_OFPORT_NORMAL));
	env_commit(e);
	struct mac_addr mac = {{2, 0, 0, 0, 0, 1}};
	for (unsigned int i = 0; i < 100; i++) {
		e->w->now_ms += 20000;
		receive_udp(1, 1, 2);
		fdb_age(e->bridges[1].fdb, e->w->now_ms);
	}
	assert_int_equal(e->w->stats.session_misses, 1);
	assert_int_equal(fdb_lookup(e->bridges[1].fdb, &mac, 0, e->w->now_ms), 1);
}

static void patch_port_leads_to_the_other_bridges_rules(void **state)
{
	(void)state;
	struct port *p1 = env_port(e, 11, 1, 110), *p2 = env_port(e, 12, 2, 120);
	p1->kind = p2->kind = DP_PORT_PATCH;
	p1->conf.peer = 12;
	p2->conf.peer = 11;
	env_port(e, 13, 2, 130);
	env_port(e, 14, 2, 140);
	env_rule(e, 1, 0, 1, "", output_to(110));
	env_rule(e, 2, 0, 1, "", output_to(130));
	env_commit(e);
	receive_udp(1, 1, 2);
	receive_udp(1, 1, 2);
	assert_int_equal(only_output(), 13);
	assert_int_equal(e->w->stats.session_hits, 1);
	env_rule(e, 2, 0, 2, "", output_to(140));
	env_commit(e);
	receive_udp(1, 1, 2);
	assert_int_equal(only_output(), 14);
	// Both crossings were counted; the packet stays the first port's.
	assert_int_equal(e->w->ports[11].tx_packets, 3);
	assert_int_equal(e->w->ports[12].rx_packets, 3);
}

static void full_session_table_still_forwards(void **state)
{
	(void)state;
	session_table_destroy(e->w->sessions);
	e->w->sessions = session_table_create(16, &e->dp->secret);
	struct rule *r = env_rule(e, 1, 0, 1, "", output_to(20));
	env_commit(e);
	for (uint16_t i = 1; i <= 100; i++) {
		receive(1, make_udp(1, &(struct udp){.src = 1, .dst = 2, .sport = i}));
		assert_int_equal(only_output(), 2);
	}
	assert_in_range(session_count(e->w->sessions), 8, 16);
	assert_int_equal(e->w->stats.session_refused, 100 - session_count(e->w->sessions));
	settle_all();
	assert_int_equal(e->w->rules[0][r->stats_idx].n_packets, 100);
}

static void full_program_arena_still_forwards(void **state)
{
	(void)state;
	program_cache_destroy(e->w->programs);
	e->w->programs = program_cache_create(64, &e->dp->secret);
	env_rule(e, 1, 0, 1, "", output_to(20));
	env_commit(e);
	for (unsigned int i = 0; i < 3; i++) {
		receive_udp(1, 1, 2);
		assert_int_equal(only_output(), 2);
	}
	assert_int_equal(session_count(e->w->sessions), 0);
	assert_int_equal(e->w->stats.session_refused, 3);
}

static void idle_sweeps_once_a_second_and_expires(void **state)
{
	(void)state;
	env_rule(e, 1, 0, 1, "", output_to(20));
	env_commit(e);
	for (uint16_t i = 1; i <= 500; i++)
		receive(1, make_udp(1, &(struct udp){.src = 1, .dst = 2, .sport = i}));
	for (unsigned int ms = 0; ms < 10000; ms++) {
		e->w->now_ms++;
		forward_idle(e->w);
	}
	assert_in_range(e->w->sweep_epoch, 10, 21);
	assert_int_equal(e->w->stats.n_sessions, 500);
	for (unsigned int ms = 0; ms < 22000; ms++) {
		e->w->now_ms++;
		forward_idle(e->w);
	}
	assert_int_equal(e->w->stats.n_sessions, 0);
	assert_int_equal(program_cache_count(e->w->programs), 0);
}

static void uplink_drops_what_no_tunnel_takes(void **state)
{
	(void)state;
	env_port(e, 20, 0, 0)->conf.flags = DP_PORT_F_UPLINK;
	receive_udp(20, 1, 2);
	assert_int_equal(exits.reason, DP_DROP_UPLINK_NOT_OURS);
}

static void policing_lets_the_burst_and_then_the_rate_through(void **)
{
	struct port *p = &e->ports[1];
	unsigned int n_sent = 0;
	p->conf.policing_kbps = 8;        // 1000 bytes a second
	p->conf.policing_burst_kbit = 40; // 5000 bytes
	e->w->stats.tsc_hz = 1000000;
	e->w->now_tsc = 5000000;
	env_rule(e, 1, 0, 1, "", output_to(20));
	env_commit(e);
	for (unsigned int i = 0; i < 200; i++) {
		exits_reset();
		receive_udp(1, 1, 2);
		n_sent += exits.n_out;
		assert_int_equal(exits.n_out + exits.n_drops, 1);
		assert_true(exits.n_out == 1 || exits.reason == DP_DROP_POLICED);
	}
	unsigned int len = 5000 / n_sent; // of a packet, about
	assert_in_range(n_sent, 30, 120);
	// Two seconds later: as many as 2000 bytes are.
	e->w->now_tsc += 2 * e->w->stats.tsc_hz;
	unsigned int n_more = 0;
	for (unsigned int i = 0; i < 200; i++) {
		exits_reset();
		receive_udp(1, 1, 2);
		n_more += exits.n_out;
	}
	assert_in_range(n_more, 2000 / len - 2, 2000 / len + 2);
	// A long time later no more than the burst; without a limit all.
	e->w->now_tsc += 1000 * e->w->stats.tsc_hz;
	unsigned int n_burst = 0;
	for (unsigned int i = 0; i < 200; i++) {
		exits_reset();
		receive_udp(1, 1, 2);
		n_burst += exits.n_out;
	}
	assert_int_equal(n_burst, n_sent);
	p->conf.policing_kbps = 0;
	exits_reset();
	receive_udp(1, 1, 2);
	assert_int_equal(exits.n_out, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(second_packet_hits_the_session_of_the_first),
	    TEST(second_packet_of_a_burst_hits_the_session_of_the_first),
	    TEST(packets_in_a_row_of_one_flow_all_count),
	    TEST(stale_session_runs_the_new_rules_and_pays_the_old),
	    TEST(session_that_becomes_a_drop_is_deleted),
	    TEST(drops_and_arp_make_no_session_but_count),
	    TEST(port_without_bridge_drops),
	    TEST(malformed_packet_drops_with_the_parsers_reason),
	    TEST(packets_of_other_ttl_share_a_session_unless_a_rule_looks),
	    TEST(ttl_runs_out_on_hit_and_miss_alike),
	    TEST(learned_destination_that_moves_is_followed_without_a_new_version),
	    TEST(source_that_moved_away_and_back_is_learned_again),
	    TEST(sessions_keep_their_source_from_ageing),
	    TEST(patch_port_leads_to_the_other_bridges_rules),
	    TEST(full_session_table_still_forwards),
	    TEST(full_program_arena_still_forwards),
	    TEST(idle_sweeps_once_a_second_and_expires),
	    TEST(uplink_drops_what_no_tunnel_takes),
	    TEST(policing_lets_the_burst_and_then_the_rate_through),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
