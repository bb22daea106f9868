/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "datapath/csum.h"
#include "datapath/ecn.h"
#include "datapath/parse.h"
#include "datapath/tunnel_priv.h"
#include "tests/unit/datapath/packet_fixture.h"

enum { UPLINK = 3, TUNNEL = 5, VNI = 0x123456, SLOT4 = 0, SLOT6 = 1 };

/* Host B, which both ends of the tests are: what it sends to A, A's snapshot must take. */
static struct dp_route_conf route4, route6;
static struct dp_port_conf port_conf;
static struct tunnel_cfg *sender, *receiver;
static const uint8_t versions[] = {4, 6};

static struct ip_addr ip(const char *s)
{
	struct ip_addr a;
	assert_int_equal(ip_parse(s, &a), 0);
	return a;
}

static void build(uint32_t port_flags)
{
	const struct dp_route_conf *to[] = {&route4, &route6};
	struct dp_local_conf l4 = {.addr = route4.remote}, l6 = {.addr = route6.remote};
	const struct dp_local_conf *locals[] = {&l4, &l6};
	struct dp_route_conf back4 = route4, back6 = route6;
	const struct dp_route_conf *back[] = {NULL, &back4, &back6};
	tunnel_cfg_destroy(sender);
	tunnel_cfg_destroy(receiver);
	sender = tunnel_cfg_create(&(struct tunnel_cfg_input){.routes = to, .n_routes = 2});
	back4.remote = route4.local, back4.local = route4.remote;
	back6.remote = route6.local, back6.local = route6.remote;
	port_conf =
	    (struct dp_port_conf){.flags = DP_PORT_F_REMOTE_FLOW | port_flags, .tnl_vni = VNI};
	struct tunnel_cfg_input in = {
	    .routes = back, .n_routes = 3, .locals = locals, .n_locals = 2, .n_ports = 1};
	in.ports[0].id = TUNNEL;
	in.ports[0].conf = &port_conf;
	receiver = tunnel_cfg_create(&in);
	assert_true(sender != NULL && receiver != NULL);
	fx.dp.tunnels = sender;
}

static int setup(void **state)
{
	route4 = (struct dp_route_conf){.remote = ip("192.0.2.1"),
	    .local = ip("192.0.2.2"),
	    .uplink = UPLINK,
	    .mtu = 1500,
	    .src_mac = {{2, 0, 0, 0, 1, 2}},
	    .dst_mac = {{2, 0, 0, 0, 1, 1}}};
	route6 = route4;
	route6.remote = ip("2001:db8::1");
	route6.local = ip("2001:db8::2");
	fx.dp.secret = (struct hash_key){{0x123456789abcdef, 0xfedcba987654321}};
	fx.dp.n_workers = 1;
	build(0);
	return fixture_reset(state);
}

static int teardown(void **state)
{
	tunnel_cfg_destroy(sender);
	tunnel_cfg_destroy(receiver);
	sender = receiver = NULL;
	fx.dp.tunnels = NULL;
	return fixture_reset(state);
}

static struct prog_op tunnel_op(uint8_t version, uint16_t flags)
{
	return (struct prog_op){.type = PROG_TUNNEL,
	    .tunnel = {.port = TUNNEL,
		.route = version == 4 ? SLOT4 : SLOT6,
		.tos = 0xb8,
		.ttl = 64,
		.vni = VNI,
		.udp_port = 4789,
		.tnl_flags = flags}};
}

/* The outer packet, or NULL when it was dropped (fx.drop). */
static struct rte_mbuf *encap(struct rte_mbuf *m, uint8_t version, uint16_t flags)
{
	struct prog_op op = tunnel_op(version, flags);
	fx.n_out = 0;
	tunnel_output(&fx.w, &op, m);
	if (fx.n_out != 1)
		return NULL;
	assert_int_equal(fx.out[0].port, UPLINK);
	fx.n_out = 0;
	return fx.out[0].m;
}

/* The same bytes as they arrive at the other end. */
static struct rte_mbuf *arrive(struct rte_mbuf *m)
{
	pkt_reset(m);
	pkt_of(m)->in_port = UPLINK;
	return m;
}

static uint8_t *at(struct rte_mbuf *m, uint32_t ofs)
{
	return rte_pktmbuf_mtod_offset(m, uint8_t *, ofs);
}

static void identity_row(const struct packet_row *row, void *arg)
{
	uint8_t version = *(const uint8_t *)arg;
	struct session_key key;
	if (row->expect[0] == '!')
		return;
	struct rte_mbuf *m = fixture_packet(row->bytes, row->size);
	assert_int_equal(parse_packet(m, &key), DP_DROP__COUNT);
	m = arrive(encap(m, version, PROG_TNL_INNER_VLAN));
	assert_int_equal(tunnel_input(receiver, m), DP_DROP__COUNT);
	assert_int_equal(m->pkt_len, row->size);
	assert_memory_equal(at(m, 0), row->bytes, row->size);
	const struct pkt *pkt = pkt_of(m);
	assert_int_equal(pkt->in_port, TUNNEL);
	assert_int_equal(pkt->tun_vni, VNI);
	assert_int_equal(pkt->tun_peer, version == 4 ? 1 : 2);
	assert_int_equal(pkt->tun_local, version == 4 ? 0 : 1);
	assert_true(ip_equal(&pkt->tun_src, version == 4 ? &route4.local : &route6.local));
	rte_pktmbuf_free(m);
}

static void decap_of_encap_is_identity(void **)
{
	build(DP_PORT_F_INNER_VLAN);
	for (unsigned int i = 0; i < ARRAY_SIZE(versions); i++)
		fixture_foreach_row(identity_row, (void *)(uintptr_t)&versions[i]);
}

static void outer_headers_are_as_rfc_7348_wants_them(void **)
{
	struct packet_row row;
	fixture_row("ip4_udp", &row);
	struct rte_mbuf *m = encap(fixture_parsed("ip4_udp"), 4, 0);
	assert_int_equal(m->pkt_len, 50 + row.size);
	assert_memory_equal(
	    at(m, 0), ((uint8_t[]){2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 2, 8, 0, 0x45, 0xb8}), 16);
	assert_int_equal(get_be16(at(m, 16)), 36 + row.size);
	assert_int_equal(get_be32(at(m, 18)), 0x00004000); // id 0, DF
	assert_int_equal(get_be16(at(m, 22)), 64 << 8 | 17);
	assert_int_equal(csum_ip4_sum(at(m, 14), 20), 0xffff);
	assert_in_range(get_be16(at(m, 34)), 49152, 65535);
	assert_int_equal(get_be16(at(m, 36)), 4789);
	assert_int_equal(get_be16(at(m, 38)), 16 + row.size);
	assert_int_equal(get_be16(at(m, 40)), 0);
	assert_int_equal(get_be32(at(m, 42)), 0x08000000);
	assert_int_equal(get_be32(at(m, 46)), VNI << 8);
	assert_int_equal(fx.w.ports[TUNNEL].tx_packets, 1);
	assert_int_equal(fx.w.ports[TUNNEL].tx_bytes, row.size);
	assert_int_equal(fx.w.ports[1].sent, 1);
	rte_pktmbuf_free(m);

	m = encap(fixture_parsed("ip4_udp"), 6, 0);
	assert_int_equal(get_be32(at(m, 14)) >> 20, 0x6b8);
	assert_int_equal(get_be16(at(m, 18)), 16 + row.size);
	fixture_parse(m);
	assert_true(fixture_checksums_ok(m));
	assert_int_not_equal(get_be16(at(m, 60)), 0);
	rte_pktmbuf_free(m);
	m = encap(fixture_parsed("ip4_udp"), 6, PROG_TNL_ZERO_CSUM6);
	assert_int_equal(get_be16(at(m, 60)), 0);
	rte_pktmbuf_free(m);
}

static void outer_headers_are_as_the_port_wants_them(void **)
{
	static const struct {
		uint16_t flags;
		uint8_t ttl; // of the outer packet
	} cases[] = {{0, 64}, {PROG_TNL_CSUM, 64}, {PROG_TNL_NO_DF, 64}, {PROG_TNL_TTL_INHERIT, 9},
	    {PROG_TNL_CSUM | PROG_TNL_NO_DF | PROG_TNL_TTL_INHERIT, 9}};
	for (unsigned int i = 0; i < ARRAY_SIZE(cases) * 4; i++) {
		uint16_t flags = cases[i / 4].flags;
		bool is_v4 = (i & 1) != 0, has_df = (flags & PROG_TNL_NO_DF) == 0;
		uint8_t version = (i & 2) != 0 ? 4 : 6;
		struct rte_mbuf *m = fixture_parsed(is_v4 ? "ip4_udp" : "ip6_udp");
		*at(m, pkt_of(m)->l3_ofs + (is_v4 ? 8u : 7u)) = 9;
		m = encap(m, version, flags);
		assert_int_equal(*at(m, version == 4 ? 22 : 21), cases[i / 4].ttl);
		if (version == 4) {
			assert_int_equal(csum_ip4_sum(at(m, 14), 20), 0xffff);
			assert_int_equal(get_be16(at(m, 20)), has_df ? 0x4000 : 0);
			bool has_csum = (flags & PROG_TNL_CSUM) != 0;
			assert_int_equal(get_be16(at(m, 40)) != 0, has_csum);
		}
		// The other end checks the rest, the checksum too where there is one.
		m = arrive(m);
		assert_int_equal(tunnel_input(receiver, m), DP_DROP__COUNT);
		rte_pktmbuf_free(m);
	}
	// TTL of what has none; ids of packets that may be fragmented.
	struct rte_mbuf *m = encap(fixture_parsed("arp_request"), 4, PROG_TNL_TTL_INHERIT);
	assert_int_equal(*at(m, 22), 64);
	rte_pktmbuf_free(m);
	m = encap(fixture_parsed("ip4_udp"), 4, PROG_TNL_NO_DF);
	struct rte_mbuf *next = encap(fixture_parsed("ip4_udp"), 4, PROG_TNL_NO_DF);
	assert_int_not_equal(get_be16(at(m, 18)), get_be16(at(next, 18)));
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(next);
}

static void source_address_is_the_ops(void **)
{
	const struct dp_route_conf *to[] = {&route4, &route6};
	const struct dp_local_conf l4 = {.addr = ip("192.0.2.77")},
				   l6 = {.addr = ip("2001:db8::77")};
	const struct dp_local_conf *locals[] = {&l4, &l6};
	tunnel_cfg_destroy(sender);
	sender = tunnel_cfg_create(&(struct tunnel_cfg_input){
	    .routes = to, .n_routes = 2, .locals = locals, .n_locals = 2});
	assert_non_null(sender);
	fx.dp.tunnels = sender;
	for (unsigned int i = 0; i < 4; i++) {
		uint8_t version = (i & 1) != 0 ? 4 : 6;
		struct prog_op op = tunnel_op(version, (i & 2) != 0 ? PROG_TNL_CSUM : 0);
		op.tunnel.local = version == 4 ? 1 : 2;
		fx.n_out = 0;
		tunnel_output(&fx.w, &op, fixture_parsed("ip4_udp"));
		assert_int_equal(fx.n_out, 1);
		struct rte_mbuf *m = arrive(fx.out[0].m);
		fx.n_out = 0;
		uint32_t source = version == 4 ? 0xc000024d : 0x77;
		assert_int_equal(get_be32(at(m, version == 4 ? 26 : 34)), source);
		assert_int_equal(tunnel_input(receiver, m), DP_DROP__COUNT);
		assert_memory_equal(&pkt_of(m)->tun_src, version == 4 ? &l4.addr : &l6.addr,
		    sizeof(struct ip_addr));
		rte_pktmbuf_free(m);
		// One of the other family, and one that is gone.
		op.tunnel.local = version == 4 ? 2 : 3;
		tunnel_output(&fx.w, &op, fixture_parsed("ip4_udp"));
		assert_int_equal(fx.drop, DP_DROP_TUNNEL_NO_ROUTE);
		assert_int_equal(fx.n_out, 0);
	}
}

static void partial_inner_checksums_are_completed_before_encapsulation(void **)
{
	struct rte_mbuf *m = fixture_parsed("ip4_udp");
	uint8_t *udp = at(m, 34);
	pkt_of(m)->flags |= PKT_F_CSUM_PARTIAL;
	pkt_of(m)->csum_start = 34;
	pkt_of(m)->csum_offset = 6;
	store16(udp + 6, csum_fold(csum_pseudo(at(m, 14), 17, 20)));
	m = arrive(encap(m, 4, 0));
	assert_int_equal(tunnel_input(receiver, m), DP_DROP__COUNT);
	fixture_parse(m);
	assert_true(fixture_checksums_ok(m));
	rte_pktmbuf_free(m);
}

static uint16_t source_port(struct rte_mbuf *m)
{
	m = encap(m, 4, 0);
	uint16_t port = get_be16(at(m, 34));
	rte_pktmbuf_free(m);
	return port;
}

static void source_port_is_one_per_flow_and_salted(void **)
{
	uint16_t udp = source_port(fixture_parsed("ip4_udp"));
	assert_int_equal(udp, source_port(fixture_parsed("ip4_udp")));
	assert_int_not_equal(udp, source_port(fixture_parsed("ip4_tcp")));
	assert_int_not_equal(udp, source_port(fixture_parsed("ip6_udp")));
	// Fragments of one packet stay together, though only the first has ports.
	assert_int_equal(
	    source_port(fixture_parsed("frag_first")), source_port(fixture_parsed("frag_later")));
	fx.dp.secret.k[0]++;
	assert_int_not_equal(udp, source_port(fixture_parsed("ip4_udp")));
	unsigned int seen[16] = {0};
	for (unsigned int i = 0; i < 4096; i++) {
		struct rte_mbuf *m = fixture_parsed("ip4_udp");
		put_be16(at(m, 34), (uint16_t)i);
		seen[(source_port(m) - 49152) >> 10]++;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(seen); i++)
		assert_in_range(seen[i], 180, 340); // 256 each when perfectly even
}

static void set_inner_tos(struct rte_mbuf *m, bool is_v4, uint8_t tos)
{
	if (is_v4) {
		*at(m, 15) = tos;
		store16(at(m, 24), 0);
		store16(at(m, 24), (uint16_t)~csum_ip4_sum(at(m, 14), 20));
	} else {
		put_be16(at(m, 14), (uint16_t)(0x6000 | tos << 4));
	}
}

static uint8_t inner_tos(struct rte_mbuf *m, bool is_v4)
{
	return is_v4 ? *at(m, 15) : (uint8_t)(get_be16(at(m, 14)) >> 4);
}

static void set_outer_ecn(struct rte_mbuf *m, uint8_t version, uint8_t ecn)
{
	if (version == 4) {
		*at(m, 15) = (uint8_t)((*at(m, 15) & 0xfc) | ecn);
		store16(at(m, 24), 0);
		store16(at(m, 24), (uint16_t)~csum_ip4_sum(at(m, 14), 20));
	} else {
		*at(m, 15) = (uint8_t)((*at(m, 15) & 0xcf) | ecn << 4);
	}
}

/* Both underlays, both inner versions, all 16 combinations; the inner DSCP stays. */
static void ecn_passes_as_rfc_6040_says(void **)
{
	for (unsigned int i = 0; i < 4 * 16; i++) {
		uint8_t version = (i & 16) != 0 ? 4 : 6, inner = i & 3, outer = (i >> 2) & 3;
		bool is_v4 = (i & 32) != 0;
		struct rte_mbuf *m = fixture_parsed(is_v4 ? "ip4_udp" : "ip6_udp");
		set_inner_tos(m, is_v4, (uint8_t)(0x28 | inner));
		m = arrive(encap(m, version, (i & 1) != 0 ? PROG_TNL_TOS_INHERIT : 0));
		uint8_t tos = version == 4 ? *at(m, 15) : (uint8_t)(get_be16(at(m, 14)) >> 4);
		assert_int_equal(tos, ((i & 1) != 0 ? 0x28 : 0xb8) | ecn_encap(inner));
		set_outer_ecn(m, version, outer);
		uint8_t want = ecn_decap(inner, outer);
		assert_int_equal(tunnel_input(receiver, m),
		    want == ECN_DROP ? DP_DROP_VXLAN_ECN : DP_DROP__COUNT);
		if (want != ECN_DROP) {
			assert_int_equal(inner_tos(m, is_v4), 0x28 | want);
			assert_int_equal(pkt_of(m)->tun_ecn, outer);
			fixture_parse(m);
			assert_true(fixture_checksums_ok(m));
		} else {
			assert_int_equal(pkt_of(m)->in_port, UPLINK); // untouched, for its sample
		}
		rte_pktmbuf_free(m);
	}
}

static void congestion_does_not_stop_what_is_not_ip(void **)
{
	struct rte_mbuf *m = arrive(encap(fixture_parsed("arp_request"), 4, 0));
	set_outer_ecn(m, 4, ECN_CE);
	assert_int_equal(tunnel_input(receiver, m), DP_DROP__COUNT);
	rte_pktmbuf_free(m);
}

static enum dp_drop output_reason(struct rte_mbuf *m, uint8_t version)
{
	fx.drop = DP_DROP__COUNT;
	m = encap(m, version, 0);
	rte_pktmbuf_free(m);
	return fx.drop;
}

static void routes_that_are_not_up_drop_with_their_reason(void **)
{
	route4.state = DP_ROUTE_NO_ROUTE;
	route6.state = DP_ROUTE_NO_NEIGHBOUR;
	build(0);
	assert_int_equal(output_reason(fixture_parsed("ip4_udp"), 4), DP_DROP_TUNNEL_NO_ROUTE);
	assert_int_equal(output_reason(fixture_parsed("ip4_udp"), 6), DP_DROP_TUNNEL_NO_NEIGHBOUR);
	fx.dp.tunnels = NULL;
	assert_int_equal(output_reason(fixture_parsed("ip4_udp"), 4), DP_DROP_TUNNEL_NO_ROUTE);
}

static void inner_vlan_needs_the_flag_both_ways(void **)
{
	assert_int_equal(output_reason(fixture_parsed("vlan"), 4), DP_DROP_VXLAN_INNER_VLAN);
	struct rte_mbuf *m = arrive(encap(fixture_parsed("vlan"), 4, PROG_TNL_INNER_VLAN));
	assert_int_equal(tunnel_input(receiver, m), DP_DROP_VXLAN_INNER_VLAN);
	rte_pktmbuf_free(m);
}

static void a_packet_at_the_mtu_passes_and_one_byte_more_is_answered(void **)
{
	static const uint16_t overhead[] = {36, 56};
	for (unsigned int i = 0; i < ARRAY_SIZE(versions); i++) {
		uint8_t frame[1600] = {0};
		struct packet_row row;
		fixture_row("ip4_tcp", &row);
		memcpy(frame, row.bytes, row.size);
		size_t fits = 1500u - overhead[i];
		for (unsigned int more = 0; more < 2; more++) {
			struct rte_mbuf *m = fixture_packet(frame, fits + more);
			put_be16(at(m, 16), (uint16_t)(fits + more - 14));
			put_be16(at(m, 20), 0x4000);
			set_inner_tos(m, true, 0);
			fixture_parse(m);
			fx.drop = DP_DROP__COUNT;
			fx.n_out = 0;
			struct prog_op op = tunnel_op(versions[i], 0);
			tunnel_output(&fx.w, &op, m);
			assert_int_equal(fx.n_out, 1);
			assert_int_equal(
			    fx.drop, more == 0 ? DP_DROP__COUNT : DP_DROP_TUNNEL_TOO_BIG);
			assert_int_equal(fx.out[0].port, more == 0 ? UPLINK : 1);
			if (more == 1)
				assert_int_equal(
				    get_be16(at(fx.out[0].m, 40)), 1500 - overhead[i] - 14);
			rte_pktmbuf_free(fx.out[0].m);
			fx.n_out = 0;
		}
		assert_int_equal(fx.w.ports[1].copies, i + 1);
	}
}

static void a_packet_without_headroom_is_copied(void **)
{
	struct packet_row row;
	fixture_row("ip4_udp", &row);
	struct rte_mbuf *m = fixture_parsed("ip4_udp");
	uint16_t room = rte_pktmbuf_headroom(m);
	memmove((uint8_t *)m->buf_addr, at(m, 0), m->data_len);
	m->data_off = 0;
	m = arrive(encap(m, 4, 0));
	assert_true(rte_pktmbuf_headroom(m) <= room);
	assert_int_equal(fx.w.ports[1].copies, 0);
	assert_int_equal(tunnel_input(receiver, m), DP_DROP__COUNT);
	assert_memory_equal(at(m, 0), row.bytes, row.size);
	rte_pktmbuf_free(m);
}

static void segmented_packets_pass_both_ways(void **)
{
	uint8_t frame[1200] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
	for (size_t i = 14; i < sizeof(frame); i++)
		frame[i] = (uint8_t)fixture_random();
	for (unsigned int i = 0; i < ARRAY_SIZE(versions); i++) {
		for (size_t cut = 1; cut < sizeof(frame); cut += 97) {
			struct rte_mbuf *m = fixture_packet_split(frame, sizeof(frame), cut);
			fixture_parse(m);
			m = arrive(encap(m, versions[i], 0));
			assert_int_equal(tunnel_input(receiver, m), DP_DROP__COUNT);
			uint8_t copy[sizeof(frame)];
			assert_int_equal(m->pkt_len, sizeof(frame));
			assert_memory_equal(
			    rte_pktmbuf_read(m, 0, sizeof(frame), copy), frame, sizeof(frame));
			rte_pktmbuf_free(m);
		}
	}
}

struct hostile {
	uint16_t ofs;
	uint8_t value;
	bool fix_ip4_csum;
	enum dp_drop reason;
};

static void check_hostile(uint8_t version, const struct hostile *cases, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = arrive(encap(fixture_parsed("ip4_udp"), version, 0));
		*at(m, cases[i].ofs) = cases[i].value;
		if (cases[i].fix_ip4_csum) {
			store16(at(m, 24), 0);
			store16(at(m, 24), (uint16_t)~csum_ip4_sum(at(m, 14), 20));
		}
		uint8_t before[160];
		memcpy(before, at(m, 0), m->pkt_len);
		enum dp_drop reason = tunnel_input(receiver, m);
		if (reason != cases[i].reason)
			fail_msg("v%u case %u: %u", version, i, reason);
		if (reason != DP_DROP__COUNT) {
			assert_memory_equal(before, at(m, 0), m->pkt_len);
			assert_int_equal(pkt_of(m)->in_port, UPLINK);
		}
		rte_pktmbuf_free(m);
	}
}

static void hostile_ip4_underlay_packets_have_their_reasons(void **)
{
	static const struct hostile cases[] = {
	    {12, 0x88, false, DP_DROP_UPLINK_NOT_OURS}, // other ethertype
	    {33, 9, true, DP_DROP_UPLINK_NOT_OURS},     // other destination
	    {23, 6, true, DP_DROP_UPLINK_NOT_OURS},     // TCP
	    {37, 0xb6, false, DP_DROP_UPLINK_NOT_OURS}, // other UDP port
	    {20, 0x20, true, DP_DROP_UPLINK_FRAGMENT},
	    {21, 0x01, true, DP_DROP_UPLINK_FRAGMENT},
	    {14, 0x44, true, DP_DROP_UPLINK_BAD},
	    {14, 0x55, true, DP_DROP_UPLINK_BAD},
	    {24, 0x00, false, DP_DROP_UPLINK_BAD}, // header checksum
	    {16, 0x05, true, DP_DROP_UPLINK_BAD},  // longer than the frame
	    {17, 19, true, DP_DROP_UPLINK_BAD},
	    {26, 224, true, DP_DROP_UPLINK_BAD}, // multicast source
	    {39, 7, false, DP_DROP_UPLINK_BAD},  // UDP length
	    {39, 90, false, DP_DROP_UPLINK_BAD},
	    {41, 1, false, DP_DROP_UPLINK_CSUM}, // a checksum, and wrong
	    {39, 15, false, DP_DROP_VXLAN_BAD_FLAGS},
	    {42, 0xf7, false, DP_DROP_VXLAN_BAD_FLAGS},
	    {42, 0xff, false, DP_DROP__COUNT}, // reserved bits
	    {45, 0xff, false, DP_DROP__COUNT},
	    {49, 0xff, false, DP_DROP__COUNT},
	    {46, 0x13, false, DP_DROP_VXLAN_UNKNOWN_VNI},
	};
	check_hostile(4, cases, ARRAY_SIZE(cases));
}

static void hostile_ip6_underlay_packets_have_their_reasons(void **)
{
	static const struct hostile cases[] = {
	    {14, 0x40, false, DP_DROP_UPLINK_BAD},
	    {18, 0x05, false, DP_DROP_UPLINK_BAD},
	    {20, 44, false, DP_DROP_UPLINK_FRAGMENT},
	    {20, 0, false, DP_DROP_UPLINK_NOT_OURS},
	    {53, 9, false, DP_DROP_UPLINK_NOT_OURS},
	    {22, 0xff, false, DP_DROP_UPLINK_BAD}, // multicast source
	    {37, 9, false, DP_DROP_UPLINK_CSUM},   // other source than was summed
	    {100, 0x77, false, DP_DROP_UPLINK_CSUM},
	};
	check_hostile(6, cases, ARRAY_SIZE(cases));
	// An IPv4 peer's address in IPv6 clothes (::ffff:192.0.2.2) is no IPv4 peer.
	struct rte_mbuf *m = arrive(encap(fixture_parsed("ip4_udp"), 6, PROG_TNL_ZERO_CSUM6));
	memcpy(at(m, 22), &route4.local, 16);
	assert_int_equal(tunnel_input(receiver, m), DP_DROP_UPLINK_BAD);
	rte_pktmbuf_free(m);
}

static void zero_checksum_on_ip6_needs_the_flag(void **)
{
	struct rte_mbuf *m = arrive(encap(fixture_parsed("ip4_udp"), 6, PROG_TNL_ZERO_CSUM6));
	assert_int_equal(tunnel_input(receiver, m), DP_DROP_UPLINK_CSUM);
	build(DP_PORT_F_ZERO_CSUM6);
	assert_int_equal(tunnel_input(receiver, m), DP_DROP__COUNT);
	rte_pktmbuf_free(m);
}

static void outer_vlan_tag_and_padding_are_taken_off(void **)
{
	struct packet_row row;
	fixture_row("arp_request", &row);
	struct rte_mbuf *m = arrive(encap(fixture_parsed("arp_request"), 4, 0));
	assert_non_null(rte_pktmbuf_prepend(m, 4));
	uint8_t *eth = at(m, 0);
	memmove(eth, eth + 4, 12);
	put_be32(eth + 12, 0x81000005);
	assert_non_null(rte_pktmbuf_append(m, 9));
	memset(at(m, m->pkt_len - 9), 0xaa, 9);
	assert_int_equal(tunnel_input(receiver, m), DP_DROP__COUNT);
	assert_int_equal(m->pkt_len, row.size);
	assert_memory_equal(at(m, 0), row.bytes, row.size);
	rte_pktmbuf_free(m);
}

static void every_cut_and_mutation_is_survived(void **)
{
	for (unsigned int v = 0; v < ARRAY_SIZE(versions); v++) {
		struct rte_mbuf *whole = encap(fixture_parsed("ip6_udp"), versions[v], 0);
		uint8_t bytes[256], work[256];
		uint32_t size = whole->pkt_len;
		memcpy(bytes, at(whole, 0), size);
		rte_pktmbuf_free(whole);
		for (uint32_t n = 0; n < size + 20000; n++) {
			uint32_t len = n < size ? n : size;
			memcpy(work, bytes, size);
			for (unsigned int i = 0; n >= size && i < 1 + n % 4; i++)
				work[fixture_random() % size] = (uint8_t)fixture_random();
			struct rte_mbuf *m = arrive(
			    fixture_packet_split(work, len, len > 60 && n % 3 == 0 ? 60 : len));
			enum dp_drop reason = tunnel_input(receiver, m);
			assert_true(n >= size || reason != DP_DROP__COUNT);
			if (reason == DP_DROP__COUNT) {
				struct session_key key;
				(void)!parse_packet(m, &key);
			}
			rte_pktmbuf_free(m);
		}
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(decap_of_encap_is_identity),
	    TEST(outer_headers_are_as_rfc_7348_wants_them),
	    TEST(outer_headers_are_as_the_port_wants_them),
	    TEST(source_address_is_the_ops),
	    TEST(partial_inner_checksums_are_completed_before_encapsulation),
	    TEST(source_port_is_one_per_flow_and_salted),
	    TEST(ecn_passes_as_rfc_6040_says),
	    TEST(congestion_does_not_stop_what_is_not_ip),
	    TEST(routes_that_are_not_up_drop_with_their_reason),
	    TEST(inner_vlan_needs_the_flag_both_ways),
	    TEST(a_packet_at_the_mtu_passes_and_one_byte_more_is_answered),
	    TEST(a_packet_without_headroom_is_copied),
	    TEST(segmented_packets_pass_both_ways),
	    TEST(hostile_ip4_underlay_packets_have_their_reasons),
	    TEST(hostile_ip6_underlay_packets_have_their_reasons),
	    TEST(zero_checksum_on_ip6_needs_the_flag),
	    TEST(outer_vlan_tag_and_padding_are_taken_off),
	    TEST(every_cut_and_mutation_is_survived),
	};
	return cmocka_run_group_tests(tests, fixture_init, NULL);
}
