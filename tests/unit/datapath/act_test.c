/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "datapath/act.h"
#include "datapath/base/hash.h"
#include "datapath/csum.h"
#include "datapath/parse.h"
#include "datapath/wire.h"
#include "tests/unit/datapath/packet_fixture.h"

static const struct mac_addr mac_c = {{2, 0, 0, 0, 0, 0xc}}, mac_d = {{2, 0, 0, 0, 0, 0xd}};

/* A program of whole-size ops; the last output takes the packet. */
static union {
	struct program prog;
	uint8_t space[sizeof(struct program) + 8 * sizeof(struct prog_op)];
} buffer;

static void begin(void)
{
	memset(&buffer, 0, sizeof(buffer));
	buffer.prog.rule = 99;
	fx.drop = DP_DROP__COUNT;
}

static void op(struct prog_op o)
{
	o.len = sizeof(o);
	memcpy((uint8_t *)buffer.prog.ops + buffer.prog.size, &o, sizeof(o));
	buffer.prog.size += sizeof(o);
}

static bool run(struct rte_mbuf *m)
{
	return act_run(&fx.w, &buffer.prog, m);
}

/* The packet after one rewrite, parsed anew: what act left in struct pkt must be what the parser finds. */
static struct rte_mbuf *rewrite(struct rte_mbuf *m, struct prog_op o)
{
	begin();
	op(o);
	op((struct prog_op){.type = PROG_OUTPUT, .flags = PROG_F_LAST, .output.port = 2});
	assert_true(run(m));
	assert_int_equal(fx.n_out, 1);
	assert_int_equal(fx.out[0].port, 2);
	fx.n_out = 0;
	struct pkt after = *pkt_of(m);
	fixture_parse(m);
	assert_int_equal(pkt_of(m)->l3_ofs, after.l3_ofs);
	assert_int_equal(pkt_of(m)->l4_ofs, after.l4_ofs);
	assert_int_equal(pkt_of(m)->l4_payload_ofs, after.l4_payload_ofs);
	return m;
}

static uint8_t *at(struct rte_mbuf *m, uint32_t ofs)
{
	return rte_pktmbuf_mtod_offset(m, uint8_t *, ofs);
}

static void make_partial(struct rte_mbuf *m)
{
	struct pkt *pkt = pkt_of(m);
	uint8_t *ip = at(m, pkt->l3_ofs);
	uint32_t end = pkt->l3_ofs + (ip[0] >> 4 == 4 ? get_be16(ip + 2) : 40u + get_be16(ip + 4));
	pkt->flags |= PKT_F_CSUM_PARTIAL;
	pkt->csum_start = pkt->l4_ofs;
	pkt->csum_offset = pkt->l4_proto == IP_PROTO_TCP ? TCP_CSUM_OFS : UDP_CSUM_OFS;
	store16(at(m, pkt->l4_ofs + pkt->csum_offset),
	    csum_fold(csum_pseudo(ip, pkt->l4_proto, end - pkt->l4_ofs)));
}

struct rewrite_case {
	const char *packet;
	struct prog_op op;
};

static const struct rewrite_case rewrites[] = {
    {"ip4_tcp", {.type = PROG_SET_IP4, .flags = 3, .ip4 = {0x01020304, 0x05060708}}},
    {"ip4_udp", {.type = PROG_SET_IP4, .flags = 1, .ip4 = {0x01020304, 0}}},
    {"ip4_udp_no_csum", {.type = PROG_SET_IP4, .flags = 2, .ip4 = {0, 0x01020304}}},
    {"ip4_icmp", {.type = PROG_SET_IP4, .flags = 3, .ip4 = {0x01020304, 0x05060708}}},
    {"ip4_gre", {.type = PROG_SET_IP4, .flags = 3, .ip4 = {0x01020304, 0x05060708}}},
    {"ip4_options", {.type = PROG_SET_IP4, .flags = 3, .ip4 = {0xffffffff, 0}}},
    {"ip4_padded", {.type = PROG_SET_IP4, .flags = 3, .ip4 = {0xffffffff, 0xfffffffe}}},
    {"frag_later", {.type = PROG_SET_IP4, .flags = 3, .ip4 = {0x01020304, 0x05060708}}},
    {"vlan", {.type = PROG_SET_IP4, .flags = 3, .ip4 = {0x01020304, 0x05060708}}},
    {"ip6_tcp", {.type = PROG_SET_IP6, .flags = 7, .ip6 = {0xffffffff, {{1, 2, 3}}, {{4, 5, 6}}}}},
    {"ip6_udp", {.type = PROG_SET_IP6, .flags = 2, .ip6 = {0, {{1, 2, 3}}, {{0}}}}},
    {"ip6_icmp", {.type = PROG_SET_IP6, .flags = 6, .ip6 = {0, {{1, 2, 3}}, {{4, 5, 6}}}}},
    {"ip6_hbh_dst_routing",
	{.type = PROG_SET_IP6, .flags = 6, .ip6 = {0, {{1, 2, 3}}, {{4, 5, 6}}}}},
    {"ip4_tcp", {.type = PROG_SET_TOS, .tos = {0xb8, 0xfc}}},
    {"ip6_tcp", {.type = PROG_SET_TOS, .tos = {0x03, 0x03}}},
    {"ip4_tcp", {.type = PROG_SET_TTL, .ttl = {255}}},
    {"ip6_tcp", {.type = PROG_SET_TTL, .ttl = {1}}},
    {"ip4_udp", {.type = PROG_DEC_TTL, .ttl = {63}}},
    {"ip6_udp", {.type = PROG_DEC_TTL, .ttl = {1}}},
    {"ip4_tcp", {.type = PROG_SET_TP, .flags = 3, .tp = {0x1234, 0x5678}}},
    {"ip4_udp", {.type = PROG_SET_TP, .flags = 2, .tp = {0, 0x5678}}},
    {"ip4_udp_no_csum", {.type = PROG_SET_TP, .flags = 1, .tp = {0x1234, 0}}},
    {"ip6_tcp", {.type = PROG_SET_TP, .flags = 1, .tp = {0x1234, 0}}},
    {"ip4_icmp", {.type = PROG_SET_ICMP, .flags = 3, .icmp = {0, 7}}},
    {"ip6_icmp", {.type = PROG_SET_ICMP, .flags = 3, .icmp = {129, 1}}},
    {"ns", {.type = PROG_SET_ND, .flags = 5, .nd = {{{9, 9, 9, 9, 9, 9}}, {{0}}, {{7, 7}}}}},
    {"na", {.type = PROG_SET_ND, .flags = 6, .nd = {{{0}}, {{9, 9, 9, 9, 9, 9}}, {{7, 7}}}}},
    {"ns_bare", {.type = PROG_SET_ND, .flags = 1, .nd = {{{9, 9, 9, 9, 9, 9}}, {{0}}, {{0}}}}},
};

static void checksums_follow_every_rewrite(void **)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(rewrites); i++) {
		struct rte_mbuf *m = fixture_parsed(rewrites[i].packet);
		if (!fixture_checksums_ok(m))
			fail_msg("%s comes with a wrong checksum", rewrites[i].packet);
		m = rewrite(m, rewrites[i].op);
		if (!fixture_checksums_ok(m))
			fail_msg("case %u, %s", i, rewrites[i].packet);
		rte_pktmbuf_free(m);
	}
}

static void partial_checksums_follow_every_rewrite(void **)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(rewrites); i++) {
		struct rte_mbuf *m = fixture_parsed(rewrites[i].packet);
		bool has_l4 = pkt_of(m)->l4_ofs != 0 && (pkt_of(m)->l4_proto == IP_PROTO_TCP ||
							    pkt_of(m)->l4_proto == IP_PROTO_UDP);
		if (has_l4) {
			make_partial(m);
			m = rewrite(m, rewrites[i].op);
			assert_true((pkt_of(m)->flags & PKT_F_CSUM_PARTIAL) != 0);
			csum_complete(m);
			if (!fixture_checksums_ok(m))
				fail_msg("case %u, %s", i, rewrites[i].packet);
		}
		rte_pktmbuf_free(m);
	}
}

static void damaged_packets_stay_damaged(void **)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(rewrites); i++) {
		struct rte_mbuf *m = fixture_parsed(rewrites[i].packet);
		bool is_guarded = pkt_of(m)->l4_ofs != 0 && csum_l4_ok(m);
		*at(m, m->pkt_len - 1) ^= 0x55;
		is_guarded = is_guarded && !csum_l4_ok(m);
		m = rewrite(m, rewrites[i].op);
		if (is_guarded)
			assert_false(csum_l4_ok(m));
		rte_pktmbuf_free(m);
	}
}

static void rewrites_write_what_they_say(void **)
{
	struct rte_mbuf *m = rewrite(fixture_parsed("ip4_tcp"),
	    (struct prog_op){.type = PROG_SET_ETH, .flags = 2, .eth = {mac_c, mac_d}});
	assert_memory_equal(at(m, 0), ((uint8_t[]){2, 0, 0, 0, 0, 0xb}), 6);
	assert_memory_equal(at(m, 6), &mac_d, 6);
	m = rewrite(m, (struct prog_op){.type = PROG_SET_TOS, .tos = {0xff, 0xfc}});
	assert_int_equal(*at(m, 15), 0xfc);
	m = rewrite(m, (struct prog_op){.type = PROG_DEC_TTL, .ttl = {3}});
	assert_int_equal(*at(m, 22), 61);
	m = rewrite(m, (struct prog_op){.type = PROG_SET_TP, .flags = 2, .tp = {0, RTE_BE16(443)}});
	assert_int_equal(get_be16(at(m, 34)), 1000);
	assert_int_equal(get_be16(at(m, 36)), 443);
	rte_pktmbuf_free(m);
	m = rewrite(fixture_parsed("ip6_tos_label"),
	    (struct prog_op){.type = PROG_SET_TOS, .tos = {0, 0xfc}});
	assert_int_equal(get_be32(at(m, 14)), 0x601abcde);
	m = rewrite(
	    m, (struct prog_op){.type = PROG_SET_IP6, .flags = 1, .ip6.label = RTE_BE32(0x12345)});
	assert_int_equal(get_be32(at(m, 14)), 0x60112345);
	rte_pktmbuf_free(m);
	m = rewrite(fixture_parsed("arp_request"),
	    (struct prog_op){.type = PROG_SET_ARP,
		.flags = 31,
		.arp = {RTE_BE16(2), mac_c, mac_d, 0x01010101, 0x02020202}});
	assert_memory_equal(at(m, 20),
	    ((uint8_t[]){0, 2, 2, 0, 0, 0, 0, 0xc, 1, 1, 1, 1, 2, 0, 0, 0, 0, 0xd, 2, 2, 2, 2}),
	    22);
	rte_pktmbuf_free(m);
}

static void later_fragments_keep_their_payload(void **)
{
	struct rte_mbuf *m = fixture_parsed("frag_later");
	m = rewrite(m, (struct prog_op){.type = PROG_SET_TP, .flags = 3, .tp = {0x1111, 0x2222}});
	m = rewrite(m, (struct prog_op){.type = PROG_SET_IP4, .flags = 3, .ip4 = {1, 2}});
	assert_memory_equal(at(m, 34), "hello, world", 12);
	rte_pktmbuf_free(m);
}

static void rewrites_of_absent_headers_do_nothing(void **)
{
	static const struct prog_op ops[] = {
	    {.type = PROG_SET_IP4, .flags = 3},
	    {.type = PROG_SET_IP6, .flags = 7},
	    {.type = PROG_SET_TOS, .tos = {9, 255}},
	    {.type = PROG_SET_TTL, .ttl = {9}},
	    {.type = PROG_DEC_TTL, .ttl = {1}},
	    {.type = PROG_SET_TP, .flags = 3},
	    {.type = PROG_SET_ICMP, .flags = 3},
	    {.type = PROG_SET_ND, .flags = 7},
	    {.type = PROG_SET_VLAN},
	    {.type = PROG_POP_VLAN},
	    {.type = PROG_SET_ARP, .flags = 31},
	};
	struct packet_row row;
	fixture_row("unknown_ethertype", &row);
	struct rte_mbuf *m = fixture_parsed("unknown_ethertype");
	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
		m = rewrite(m, ops[i]);
		assert_memory_equal(at(m, 0), row.bytes, row.size);
	}
	rte_pktmbuf_free(m);
}

static void vlan_tags_are_pushed_set_and_popped(void **)
{
	struct packet_row row;
	fixture_row("ip4_udp", &row);
	struct rte_mbuf *m = fixture_parsed("ip4_udp");
	m = rewrite(m, (struct prog_op){.type = PROG_PUSH_VLAN, .vlan = {0x8100, 0x7064}});
	assert_int_equal(get_be32(at(m, 12)), 0x81006064); // bit 12 is the key's, not the tag's
	m = rewrite(m, (struct prog_op){.type = PROG_PUSH_VLAN, .vlan = {0x88a8, 5}});
	assert_int_equal(pkt_of(m)->n_vlans, 2);
	m = rewrite(m, (struct prog_op){.type = PROG_SET_VLAN, .vlan = {0, 0x2007}});
	assert_int_equal(get_be32(at(m, 12)), 0x88a82007);
	m = rewrite(m, (struct prog_op){.type = PROG_POP_VLAN});
	m = rewrite(m, (struct prog_op){.type = PROG_POP_VLAN});
	assert_int_equal(pkt_of(m)->n_vlans, 0);
	assert_memory_equal(at(m, 0), row.bytes, row.size);
	rte_pktmbuf_free(m);
	m = rewrite(fixture_parsed("vlan_dei"),
	    (struct prog_op){.type = PROG_SET_VLAN, .vlan = {0, 0x2007}});
	assert_int_equal(get_be16(at(m, 14)), 0x3007);
	rte_pktmbuf_free(m);
}

static void partial_checksum_moves_with_vlan_tags(void **)
{
	struct rte_mbuf *m = fixture_parsed("ip4_udp");
	make_partial(m);
	m = rewrite(m, (struct prog_op){.type = PROG_PUSH_VLAN, .vlan = {0x8100, 1}});
	assert_int_equal(pkt_of(m)->csum_start, 38);
	csum_complete(m);
	assert_true(fixture_checksums_ok(m));
	rte_pktmbuf_free(m);
}

static void push_without_headroom_drops(void **)
{
	struct rte_mbuf *m = fixture_parsed("ip4_udp");
	assert_non_null(rte_pktmbuf_prepend(m, rte_pktmbuf_headroom(m)));
	begin();
	op((struct prog_op){.type = PROG_PUSH_VLAN, .vlan = {0x8100, 1}});
	op((struct prog_op){.type = PROG_OUTPUT, .flags = PROG_F_LAST, .output.port = 2});
	assert_true(run(m));
	assert_int_equal(fx.drop, DP_DROP_BAD_VLAN);
	assert_int_equal(fx.n_out, 0);
}

static uint32_t sctp_crc(struct rte_mbuf *m, uint32_t ofs, uint32_t len)
{
	uint8_t copy[256];
	memcpy(copy, at(m, ofs), len);
	memset(copy + 8, 0, 4);
	return crc32c(0, copy, len);
}

static void sctp_crc_is_made_anew_only_when_it_was_right(void **)
{
	struct rte_mbuf *m = fixture_parsed("ip4_sctp");
	assert_int_equal(sctp_crc(m, 34, 24), load32(at(m, 42))); // scapy's
	m = rewrite(m, (struct prog_op){.type = PROG_SET_TP, .flags = 3, .tp = {1, 2}});
	assert_int_equal(sctp_crc(m, 34, 24), load32(at(m, 42)));
	*at(m, 57) ^= 1;
	m = rewrite(m, (struct prog_op){.type = PROG_SET_TP, .flags = 3, .tp = {3, 4}});
	assert_int_not_equal(sctp_crc(m, 34, 24), load32(at(m, 42)));
	rte_pktmbuf_free(m);
}

static void ttl_that_would_reach_zero_drops(void **)
{
	struct rte_mbuf *m = fixture_parsed("ip4_udp");
	begin();
	op((struct prog_op){.type = PROG_OUTPUT, .output.port = 3}); // before: goes out as it is
	op((struct prog_op){.type = PROG_DEC_TTL, .ttl = {64}});
	op((struct prog_op){.type = PROG_OUTPUT, .flags = PROG_F_LAST, .output.port = 2});
	assert_true(run(m));
	assert_int_equal(fx.drop, DP_DROP_TTL_EXPIRED);
	assert_int_equal(fx.drop_rule, 99);
	assert_int_equal(fx.n_out, 1);
	assert_int_equal(*at(fx.out[0].m, 22), 64);
}

static uint64_t all_drops(const struct port_counters *c)
{
	uint64_t n = 0;
	for (unsigned int i = 0; i < DP_DROP__COUNT; i++)
		n += c->drops[i];
	return n;
}

/* One packet came in by port 1. */
static void assert_conserved(void)
{
	const struct port_counters *c = &fx.w.ports[1];
	assert_int_equal(1 + c->copies, c->sent + all_drops(c));
}

static void copies_see_only_the_rewrites_before_them(void **)
{
	begin();
	op((struct prog_op){.type = PROG_OUTPUT, .output.port = 2});
	op((struct prog_op){.type = PROG_SET_ETH, .flags = 1, .eth = {mac_c, mac_d}});
	op((struct prog_op){.type = PROG_OUTPUT, .output.port = 3});
	op((struct prog_op){.type = PROG_SET_ETH, .flags = 1, .eth = {mac_d, mac_d}});
	op((struct prog_op){.type = PROG_OUTPUT, .flags = PROG_F_LAST, .output.port = 4});
	assert_true(run(fixture_parsed("ip4_udp")));
	assert_int_equal(fx.n_out, 3);
	assert_int_equal(*at(fx.out[0].m, 5), 0xb);
	assert_int_equal(*at(fx.out[1].m, 5), 0xc);
	assert_int_equal(*at(fx.out[2].m, 5), 0xd);
	assert_int_equal(fx.w.ports[1].copies, 2);
	assert_conserved();
}

static void a_copy_that_fails_does_not_stop_the_others(void **)
{
	fx.copies_fail = true;
	begin();
	op((struct prog_op){.type = PROG_OUTPUT, .output.port = 2});
	op((struct prog_op){.type = PROG_OUTPUT, .flags = PROG_F_LAST, .output.port = 4});
	assert_true(run(fixture_parsed("ip4_udp")));
	assert_int_equal(fx.n_out, 1);
	assert_conserved();
}

static void drop_names_reason_and_rule(void **)
{
	begin();
	op((struct prog_op){.type = PROG_DROP, .drop.reason = DP_DROP_SPOOF_MAC});
	assert_true(run(fixture_parsed("ip4_udp")));
	assert_int_equal(fx.drop, DP_DROP_SPOOF_MAC);
	assert_int_equal(fx.drop_rule, 99);
	begin();
	assert_true(run(fixture_parsed("ip4_udp"))); // an empty program loses nothing
	assert_int_equal(fx.drop, DP_DROP_RULE_DROP);
}

static void stale_session_leaves_the_packet_alone(void **)
{
	static struct bridge bridge;
	bridge.fdb = (struct fdb *)&bridge; // never looked into: fdb_refresh is the fixture's
	fx.dp.bridges[1] = &bridge;
	begin();
	op((struct prog_op){.type = PROG_PATCH, .patch = {5, 6}});
	op((struct prog_op){.type = PROG_REFRESH, .refresh = {.idx = 3, .bridge = 1}});
	op((struct prog_op){.type = PROG_OUTPUT, .flags = PROG_F_LAST, .output.port = 2});
	struct rte_mbuf *m = fixture_parsed("ip4_udp");
	fx.is_fresh = false;
	assert_false(run(m));
	assert_int_equal(fx.n_out, 0);
	assert_int_equal(fx.w.ports[5].tx_packets, 0);
	fx.is_fresh = true;
	assert_true(run(m));
	assert_int_equal(fx.n_out, 1);
	assert_int_equal(fx.w.ports[5].tx_packets, 1);
	assert_int_equal(fx.w.ports[6].rx_packets, fx.w.ports[6].sent);
	fx.dp.bridges[1] = NULL;
}

static struct prog_op punt_op(uint16_t max_len, uint8_t flags)
{
	return (struct prog_op){.type = PROG_PUNT,
	    .flags = flags,
	    .punt = {
		.max_len = max_len, .reason = 1, .bridge = 4, .rule = 7, .cookie = 8, .table = 9}};
}

static void punt_describes_and_cuts_the_packet(void **)
{
	void *event_mbuf = NULL;
	struct dp_punt_event event;
	struct packet_row row;
	fixture_row("ip4_udp", &row);
	fx.dp.controller_connected = true;
	begin();
	op(punt_op(20, 0));
	op((struct prog_op){.type = PROG_OUTPUT, .flags = PROG_F_LAST, .output.port = 2});
	assert_true(run(fixture_parsed("ip4_udp")));
	assert_int_equal(rte_ring_dequeue(fx.w.punts, &event_mbuf), 0);
	struct rte_mbuf *m = event_mbuf;
	memcpy(&event, at(m, 0), sizeof(event));
	assert_int_equal(m->pkt_len, sizeof(event) + 20);
	assert_int_equal(event.snap, 20);
	assert_int_equal(event.len, row.size);
	assert_int_equal(event.port, 1);
	assert_int_equal(event.rule, 7);
	assert_int_equal(event.table, 9);
	assert_memory_equal(at(m, sizeof(event)), row.bytes, 20);
	rte_pktmbuf_free(m);
	assert_int_equal(fx.w.ports[1].copies, 1);
	assert_conserved();
}

static void punt_hands_the_controller_whole_checksums(void **)
{
	void *event_mbuf = NULL;
	struct packet_row row;
	fixture_row("ip4_udp", &row);
	fx.dp.controller_connected = true;
	begin();
	op(punt_op(UINT16_MAX, PROG_F_LAST));
	struct rte_mbuf *m = fixture_parsed("ip4_udp");
	make_partial(m);
	assert_true(run(m));
	assert_int_equal(rte_ring_dequeue(fx.w.punts, &event_mbuf), 0);
	assert_memory_equal(at(event_mbuf, sizeof(struct dp_punt_event)), row.bytes, row.size);
	rte_pktmbuf_free(event_mbuf);
	assert_conserved();
}

static void punts_are_metered_and_accounted(void **)
{
	static struct port port = {.conf.punt_pps = 1000};
	fx.dp.controller_connected = true;
	fx.dp.ports[1] = &port;
	begin();
	op(punt_op(UINT16_MAX, PROG_F_LAST));
	for (unsigned int i = 0; i < 40; i++)
		assert_true(run(fixture_parsed("ip4_udp")));
	assert_int_equal(fx.w.ports[1].drops[DP_DROP_PUNT_RATE], 8);
	assert_int_equal(rte_ring_count(fx.w.punts), 32);
	fx.w.now_tsc += fx.w.stats.tsc_hz / 1000; // one more token
	assert_true(run(fixture_parsed("ip4_udp")));
	assert_true(run(fixture_parsed("ip4_udp")));
	assert_int_equal(fx.w.ports[1].drops[DP_DROP_PUNT_RATE], 9);
	assert_int_equal(fx.w.ports[1].sent, 33);
	fx.dp.ports[1] = NULL;
}

static void punt_ring_full_and_no_controller_have_their_reasons(void **)
{
	fx.dp.controller_connected = true;
	while (!rte_ring_full(fx.w.punts))
		assert_int_equal(rte_ring_enqueue(fx.w.punts, rte_pktmbuf_alloc(fx.pool)), 0);
	begin();
	op(punt_op(UINT16_MAX, PROG_F_LAST));
	assert_true(run(fixture_parsed("ip4_udp")));
	assert_int_equal(fx.drop, DP_DROP_PUNT_FULL);
	assert_int_equal(fx.drop_rule, 7);
	fx.dp.controller_connected = false;
	assert_true(run(fixture_parsed("ip4_udp")));
	assert_int_equal(fx.drop, DP_DROP_PUNT_NONE);
}

static struct rte_mbuf *answer(struct rte_mbuf *m, uint8_t type, struct mac_addr mac)
{
	begin();
	op((struct prog_op){.type = type, .flags = PROG_F_LAST, .reply = {mac, 0}});
	fx.n_out = 0;
	assert_true(run(m));
	return fx.n_out == 1 ? fx.out[0].m : NULL;
}

static void arp_request_becomes_its_reply(void **)
{
	struct rte_mbuf *m = answer(fixture_parsed("arp_vlan"), PROG_ARP_REPLY, mac_c);
	assert_non_null(m);
	assert_int_equal(fx.out[0].port, 1);
	static const uint8_t want[] = {2, 0, 0, 0, 0, 0xa, 2, 0, 0, 0, 0, 0xc, 0x81, 0, 0, 7, 8, 6,
	    0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 0xc, 10, 0, 0, 2, 2, 0, 0, 0, 0, 0xa, 10, 0, 0,
	    1};
	assert_memory_equal(at(m, 0), want, sizeof(want));
}

/* A rule can turn an echo request into the number of a solicitation; its bytes stay too few for one. */
static void no_neighbour_field_is_written_behind_the_packet(void **)
{
	struct rte_mbuf *m = fixture_parsed("ip6_icmp4_means_nothing");
	struct prog_op nd = {.type = PROG_SET_ND, .flags = 7};
	memset(&nd.nd, 0xee, sizeof(nd.nd));
	*at(m, 20) = 58;
	*at(m, 54) = 128;
	fixture_parse(m);
	begin();
	op((struct prog_op){.type = PROG_SET_ICMP, .flags = 1, .icmp.type = ND_NS});
	op(nd);
	op((struct prog_op){.type = PROG_OUTPUT, .flags = PROG_F_LAST, .output.port = 2});
	memset(at(m, m->pkt_len), 0, 32);
	assert_true(run(m));
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(*at(m, m->pkt_len + i), 0);
}

static void solicitation_becomes_an_advertisement(void **)
{
	static const char *const names[] = {
	    "ns", "ns_bare", "ns_other_option_first", "ns_behind_extension"};
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		struct rte_mbuf *m = answer(fixture_parsed(names[i]), PROG_ND_REPLY, mac_c);
		struct session_key key;
		struct flow_key k;
		assert_non_null(m);
		assert_int_equal(parse_packet(m, &key), DP_DROP__COUNT);
		assert_true(fixture_checksums_ok(m));
		parse_flow_key(m, &key, 1, NULL, &k);
		assert_int_equal(m->pkt_len, 14 + 40 + 32);
		assert_int_equal(k.icmp_type, ND_NA);
		assert_int_equal(k.ip_ttl, 255);
		assert_memory_equal(&k.nd_tll, &mac_c, 6);
		assert_memory_equal(&k.eth_src, &mac_c, 6);
		assert_int_equal(k.eth_dst.b[5], 0xa);
		assert_int_equal(k.ip6_src.b[15], 2);
		assert_int_equal(k.ip6_dst.b[15], 1);
		assert_int_equal(k.nd_target.b[15], 2);
		assert_int_equal(*at(m, 58), 0x60); // solicited, override
		rte_pktmbuf_free(m);
	}
	fx.n_out = 0;
}

static void duplicate_address_check_for_another_is_answered_to_all_nodes(void **)
{
	struct rte_mbuf *m = fixture_parsed("ns_bare");
	struct ip6_addr zero = {0};
	m = rewrite(m, (struct prog_op){.type = PROG_SET_IP6, .flags = 2, .ip6.src = zero});
	m = answer(m, PROG_ND_REPLY, mac_c);
	assert_non_null(m);
	assert_true(fixture_checksums_ok(m));
	assert_memory_equal(
	    at(m, 38), ((uint8_t[]){0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}), 16);
	assert_int_equal(*at(m, 58), 0x20);
}

static void requests_that_no_host_would_answer_are_not(void **)
{
	const struct mac_addr self = {{2, 0, 0, 0, 0, 0xa}};
	assert_null(answer(fixture_parsed("arp_request"), PROG_ARP_REPLY, self));
	assert_int_equal(fx.drop, DP_DROP_ARP_ND_SELF);
	assert_null(answer(fixture_parsed("ns"), PROG_ND_REPLY, self));
	assert_int_equal(fx.drop, DP_DROP_ARP_ND_SELF);
	assert_null(answer(fixture_parsed("arp_reply"), PROG_ARP_REPLY, mac_c));
	assert_int_equal(fx.drop, DP_DROP_RESPONDER);
	static const char *const wrong[] = {"na", "ip6_icmp", "ip4_udp", "llc", "arp_request"};
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_null(answer(fixture_parsed(wrong[i]), PROG_ND_REPLY, mac_c));
		assert_int_equal(fx.drop, DP_DROP_RESPONDER);
	}
	struct rte_mbuf *m =
	    rewrite(fixture_parsed("ns"), (struct prog_op){.type = PROG_SET_TTL, .ttl = {254}});
	assert_null(answer(m, PROG_ND_REPLY, mac_c));
	m = fixture_parsed("ns");
	*at(m, 62) ^= 1; // checksum
	assert_null(answer(m, PROG_ND_REPLY, mac_c));
	// RFC 4861 7.1.1: from nobody, and not to a solicited-node address. RFC 4291 2.7: from a group.
	struct prog_op from_nobody = {.type = PROG_SET_IP6, .flags = 2 | 4};
	from_nobody.ip6.dst = (struct ip6_addr){{0xfd, [15] = 2}};
	assert_null(answer(rewrite(fixture_parsed("ns_bare"), from_nobody), PROG_ND_REPLY, mac_c));
	from_nobody.ip6.dst = (struct ip6_addr){{0xff, 2, [15] = 1}};
	assert_null(answer(rewrite(fixture_parsed("ns_bare"), from_nobody), PROG_ND_REPLY, mac_c));
	struct prog_op from_group = {.type = PROG_SET_IP6, .flags = 2};
	from_group.ip6.src = (struct ip6_addr){{0xff, 2, [15] = 1}};
	assert_null(answer(rewrite(fixture_parsed("ns"), from_group), PROG_ND_REPLY, mac_c));
	assert_int_equal(fx.drop, DP_DROP_RESPONDER);
	m = fixture_parsed("arp_request");
	pkt_of(m)->tun_peer = 1;
	assert_null(answer(m, PROG_ARP_REPLY, mac_c));
	assert_int_equal(fx.drop, DP_DROP_RESPONDER);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_reset, fixture_reset)
	const struct CMUnitTest tests[] = {
	    TEST(checksums_follow_every_rewrite),
	    TEST(partial_checksums_follow_every_rewrite),
	    TEST(damaged_packets_stay_damaged),
	    TEST(rewrites_write_what_they_say),
	    TEST(later_fragments_keep_their_payload),
	    TEST(rewrites_of_absent_headers_do_nothing),
	    TEST(vlan_tags_are_pushed_set_and_popped),
	    TEST(partial_checksum_moves_with_vlan_tags),
	    TEST(push_without_headroom_drops),
	    TEST(sctp_crc_is_made_anew_only_when_it_was_right),
	    TEST(ttl_that_would_reach_zero_drops),
	    TEST(copies_see_only_the_rewrites_before_them),
	    TEST(a_copy_that_fails_does_not_stop_the_others),
	    TEST(drop_names_reason_and_rule),
	    TEST(stale_session_leaves_the_packet_alone),
	    TEST(punt_describes_and_cuts_the_packet),
	    TEST(punt_hands_the_controller_whole_checksums),
	    TEST(punts_are_metered_and_accounted),
	    TEST(punt_ring_full_and_no_controller_have_their_reasons),
	    TEST(arp_request_becomes_its_reply),
	    TEST(no_neighbour_field_is_written_behind_the_packet),
	    TEST(solicitation_becomes_an_advertisement),
	    TEST(duplicate_address_check_for_another_is_answered_to_all_nodes),
	    TEST(requests_that_no_host_would_answer_are_not),
	};
	return cmocka_run_group_tests(tests, fixture_init, NULL);
}
