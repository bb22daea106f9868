/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "datapath/base/flow_field.h"
#include "datapath/parse.h"
#include "tests/unit/datapath/packet_fixture.h"

enum { N_MUTATIONS = 400 };

/* An mbuf over plain memory of the packet's exact size: ASan guards both ends. */
struct bare {
	struct rte_mbuf m;
	uint8_t priv[PKT_PRIV_SIZE];
	uint8_t *bytes;
};

static void bare_init(struct bare *b, const uint8_t *bytes, size_t size)
{
	memset(b, 0, sizeof(*b));
	b->bytes = malloc(size + (size == 0));
	assert_non_null(b->bytes);
	memcpy(b->bytes, bytes, size);
	b->m.buf_addr = b->bytes;
	b->m.buf_len = (uint16_t)size;
	b->m.data_len = (uint16_t)size;
	b->m.pkt_len = (uint32_t)size;
	b->m.nb_segs = 1;
	b->m.refcnt = 1;
	b->m.priv_size = PKT_PRIV_SIZE;
	pkt_reset(&b->m);
}

static void check_offsets(const struct rte_mbuf *m, const struct pkt *pkt)
{
	assert_true(pkt->l3_ofs <= m->pkt_len && pkt->l4_ofs <= m->pkt_len &&
		    pkt->l4_payload_ofs <= m->pkt_len);
	assert_true(pkt->l4_ofs == 0 || pkt->l4_ofs > pkt->l3_ofs);
	assert_true(pkt->l4_payload_ofs == 0 || pkt->l4_payload_ofs > pkt->l4_ofs);
}

/* Both parsers over exactly these bytes. */
static enum dp_drop parse_bare(const uint8_t *bytes, size_t size, struct flow_key *ret)
{
	struct bare b;
	struct session_key key;
	bare_init(&b, bytes, size);
	enum dp_drop reason = parse_packet(&b.m, &key);
	if (reason == DP_DROP__COUNT) {
		check_offsets(&b.m, pkt_of(&b.m));
		parse_flow_key(&b.m, &key, 7, NULL, ret);
	}
	free(b.bytes);
	return reason;
}

static void check_field(const struct packet_row *row, const struct flow_key *k, char *word)
{
	char *value = strchr(word, '=');
	assert_non_null(value);
	*value++ = '\0';
	const struct flow_field *f = flow_field_find(word);
	assert_non_null(f);
	struct flow_value want, mask, have;
	struct err err = {0};
	if (flow_field_parse(f, value, &want, &mask, &err) != 0)
		fail_msg("%s: %s: %s", row->name, word, err.what);
	flow_field_get(f, k, &have);
	for (unsigned int i = 0; i < FIELD_VALUE_MAX_SIZE; i++) {
		if ((have.b[i] & mask.b[i]) != want.b[i]) {
			char text[FIELD_STR_SIZE];
			fail_msg("%s: %s is %s, not %s", row->name, word,
			    flow_field_format(f, &have, NULL, text), value);
		}
	}
}

static void check_row(const struct packet_row *row, void *)
{
	struct flow_key k;
	char expect[sizeof(row->expect)], *save, *word;
	memcpy(expect, row->expect, sizeof(expect));
	enum dp_drop reason = parse_bare(row->bytes, row->size, &k);
	enum dp_drop want = expect[0] == '!' ? dp_drop_find(expect + 1) : DP_DROP__COUNT;
	if (reason != want)
		fail_msg("%s: %s, not %s", row->name,
		    reason == DP_DROP__COUNT ? "taken" : dp_drops[reason].name, row->expect);
	if (reason != DP_DROP__COUNT)
		return;
	for (word = strtok_r(expect, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		check_field(row, &k, word);
	assert_int_equal(rte_be_to_cpu_32(k.in_port), 7);
}

static void parse_sees_what_scapy_made(void **)
{
	fixture_foreach_row(check_row, NULL);
}

static void cut_row(const struct packet_row *row, void *)
{
	struct flow_key k;
	for (size_t size = 0; size < row->size; size++) {
		enum dp_drop reason = parse_bare(row->bytes, size, &k);
		if (size < 14)
			assert_int_equal(reason, DP_DROP_RX_RUNT);
	}
}

static void parse_never_reads_past_any_cut(void **)
{
	fixture_foreach_row(cut_row, NULL);
}

static void mutate_row(const struct packet_row *row, void *)
{
	uint8_t bytes[FIXTURE_PACKET_MAX];
	struct flow_key k;
	for (unsigned int i = 0; i < N_MUTATIONS; i++) {
		memcpy(bytes, row->bytes, row->size);
		for (unsigned int n = 1 + fixture_random() % 4; n > 0; n--)
			bytes[fixture_random() % row->size] = (uint8_t)fixture_random();
		(void)!parse_bare(bytes, row->size, &k);
	}
}

static void parse_survives_mutations(void **)
{
	fixture_foreach_row(mutate_row, NULL);
}

static void split_row(const struct packet_row *row, void *)
{
	struct session_key whole = {0}, split;
	struct rte_mbuf *m = fixture_packet(row->bytes, row->size);
	enum dp_drop want = parse_packet(m, &whole);
	struct pkt want_pkt = *pkt_of(m);
	rte_pktmbuf_free(m);
	for (size_t at = 0; at < row->size; at++) {
		m = fixture_packet_split(row->bytes, row->size, at);
		assert_int_equal(parse_packet(m, &split), want);
		assert_memory_equal(&split, &whole, sizeof(whole));
		assert_memory_equal(pkt_of(m), &want_pkt, sizeof(want_pkt));
		assert_int_equal(m->pkt_len, row->size);
		rte_pktmbuf_free(m);
	}
}

static void parse_reads_headers_over_segment_borders(void **)
{
	fixture_foreach_row(split_row, NULL);
}

static void parse_pulls_only_headers_of_a_long_packet(void **)
{
	uint8_t bytes[1500] = {0};
	bytes[12] = 0x88;
	bytes[13] = 0xb5;
	struct rte_mbuf *m = fixture_packet_split(bytes, sizeof(bytes), 20);
	fixture_parse(m);
	assert_int_equal(m->data_len, PKT_HDR_MAX);
	assert_int_equal(m->next->data_len, sizeof(bytes) - PKT_HDR_MAX);
	rte_pktmbuf_free(m);
}

static void parse_makes_room_when_first_segment_is_at_the_end_of_its_buffer(void **)
{
	struct packet_row row;
	struct session_key key;
	fixture_row("ip4_udp", &row);
	struct rte_mbuf *m = fixture_packet_split(row.bytes, row.size, 14);
	uint16_t at_end = (uint16_t)(m->buf_len - 14);
	memcpy((uint8_t *)m->buf_addr + at_end, row.bytes, 14);
	m->data_off = at_end;
	assert_int_equal(parse_packet(m, &key), DP_DROP__COUNT);
	assert_int_equal(m->nb_segs, 1);
	assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *), row.bytes, row.size);
	rte_pktmbuf_free(m);
}

static void session_key_has_no_bytes_of_an_earlier_packet(void **)
{
	struct packet_row row;
	struct session_key a, b;
	fixture_row("ip4_gre", &row);
	struct rte_mbuf *m = fixture_packet(row.bytes, row.size);
	memset(&a, 0x00, sizeof(a));
	memset(&b, 0xff, sizeof(b));
	assert_int_equal(parse_packet(m, &a), DP_DROP__COUNT);
	assert_int_equal(parse_packet(m, &b), DP_DROP__COUNT);
	assert_memory_equal(&a, &b, sizeof(a));
	rte_pktmbuf_free(m);
}

static void arp_nd_igmp_and_mld_get_no_session(void **)
{
	static const char *const sessionless[] = {
	    "arp_request", "ns", "na", "ra", "redirect", "mld2", "ip4_igmp"};
	static const char *const others[] = {
	    "ip4_tcp", "ip6_udp", "ip4_icmp", "ip6_icmp", "frag_later", "rarp", "llc"};
	for (unsigned int i = 0; i < ARRAY_SIZE(sessionless); i++) {
		struct rte_mbuf *m = fixture_parsed(sessionless[i]);
		assert_true((pkt_of(m)->flags & PKT_F_NO_SESSION) != 0);
		rte_pktmbuf_free(m);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++) {
		struct rte_mbuf *m = fixture_parsed(others[i]);
		assert_true((pkt_of(m)->flags & PKT_F_NO_SESSION) == 0);
		rte_pktmbuf_free(m);
	}
}

static void tunnelled_packets_are_keyed_by_peer_local_and_vni(void **)
{
	struct packet_row row;
	struct session_key key;
	fixture_row("ip4_udp", &row);
	struct rte_mbuf *m = fixture_packet(row.bytes, row.size);
	pkt_of(m)->tun_peer = 5;
	pkt_of(m)->tun_local = 3;
	pkt_of(m)->tun_vni = 77;
	fixture_parse(m);
	assert_int_equal(parse_packet(m, &key), DP_DROP__COUNT);
	assert_int_equal(key.tun_peer, (3 << 12 | 5) + 1);
	assert_int_equal(key.tun_vni, 77);
	assert_int_equal(key.port, 1);
	pkt_of(m)->tun_peer = PKT_NO_SLOT;
	assert_int_equal(parse_packet(m, &key), DP_DROP__COUNT);
	assert_true((pkt_of(m)->flags & PKT_F_NO_SESSION) != 0);
	rte_pktmbuf_free(m);
}

static void flow_key_has_the_tunnel_of_either_version(void **)
{
	struct packet_row row;
	struct session_key key;
	struct flow_key k;
	struct parse_tunnel tunnel = {
	    .tun_id = 77, .src = ip_from_v4(RTE_BE32(0x0a000001)), .tos = 4, .ttl = 9};
	tunnel.dst.a.b[0] = 0xfd;
	fixture_row("ip4_udp", &row);
	struct rte_mbuf *m = fixture_packet(row.bytes, row.size);
	assert_int_equal(parse_packet(m, &key), DP_DROP__COUNT);
	parse_flow_key(m, &key, 1, &tunnel, &k);
	assert_true(k.tun_id == rte_cpu_to_be_64(77));
	assert_int_equal(k.tun_src, RTE_BE32(0x0a000001));
	assert_int_equal(k.tun_dst, 0);
	assert_int_equal(k.tun6_dst.b[0], 0xfd);
	assert_int_equal(k.tun_tos, 4);
	assert_int_equal(k.tun_ttl, 9);
	rte_pktmbuf_free(m);
}

struct offload {
	const char *packet;
	uint16_t start, offset;
	enum dp_drop reason;
	bool stays_partial;
};

static void partial_checksums_are_checked_against_the_packet(void **)
{
	static const struct offload cases[] = {
	    {"ip4_tcp", 34, 16, DP_DROP__COUNT, true}, {"ip6_udp", 54, 6, DP_DROP__COUNT, true},
	    {"vlan", 38, 16, DP_DROP__COUNT, true},
	    {"ip4_tcp", 34, 6, DP_DROP__COUNT, false}, // not where TCP has it
	    {"ip4_tcp", 40, 2, DP_DROP__COUNT, false}, // inside the header
	    {"unknown_ethertype", 14, 2, DP_DROP__COUNT, false},
	    {"frag_first", 34, 6, DP_DROP__COUNT, false},
	    {"ip4_tcp", 34, 20, DP_DROP_BAD_OFFLOAD, false}, // field past the end
	    {"ip4_tcp", 54, 0, DP_DROP_BAD_OFFLOAD, false},
	    {"ip4_tcp", 65535, 65535, DP_DROP_BAD_OFFLOAD, false},
	    {"ip4_tcp", 0, 16, DP_DROP_BAD_OFFLOAD, false}, // over the Ethernet header
	};
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct packet_row row;
		struct session_key key;
		fixture_row(cases[i].packet, &row);
		struct rte_mbuf *m = fixture_packet(row.bytes, row.size);
		pkt_of(m)->flags = PKT_F_CSUM_PARTIAL;
		pkt_of(m)->csum_start = cases[i].start;
		pkt_of(m)->csum_offset = cases[i].offset;
		assert_int_equal(parse_packet(m, &key), cases[i].reason);
		if (cases[i].reason == DP_DROP__COUNT)
			assert_int_equal(
			    (pkt_of(m)->flags & PKT_F_CSUM_PARTIAL) != 0, cases[i].stays_partial);
		rte_pktmbuf_free(m);
	}
}

/* Completing a checksum writes two bytes where the sender says: the key must be of what the packet is then. */
static void check_key_is_of_the_completed_packet(const struct packet_row *row, void *)
{
	for (uint16_t start = 14; start < row->size; start++) {
		for (uint16_t offset = 0; start + offset + 2u <= row->size && offset < 64;
		     offset++) {
			struct session_key key, again;
			struct rte_mbuf *m = fixture_packet(row->bytes, row->size);
			pkt_of(m)->flags = PKT_F_CSUM_PARTIAL;
			pkt_of(m)->csum_start = start;
			pkt_of(m)->csum_offset = offset;
			if (parse_packet(m, &key) == DP_DROP__COUNT) {
				pkt_of(m)->flags = 0;
				assert_int_equal(parse_packet(m, &again), DP_DROP__COUNT);
				assert_memory_equal(&key, &again, sizeof(key));
			}
			rte_pktmbuf_free(m);
		}
	}
}

static void a_completed_checksum_cannot_change_what_was_parsed(void **)
{
	fixture_foreach_row(check_key_is_of_the_completed_packet, NULL);
}

static void parse_believes_a_device_that_checked_the_ip4_header(void **)
{
	struct packet_row row;
	struct session_key key;
	fixture_row("ip4_csum", &row);
	struct rte_mbuf *m = fixture_packet(row.bytes, row.size);
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	assert_int_equal(parse_packet(m, &key), DP_DROP__COUNT);
	rte_pktmbuf_free(m);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_reset, fixture_reset)
	const struct CMUnitTest tests[] = {
	    TEST(parse_sees_what_scapy_made),
	    TEST(parse_never_reads_past_any_cut),
	    TEST(parse_survives_mutations),
	    TEST(parse_reads_headers_over_segment_borders),
	    TEST(parse_pulls_only_headers_of_a_long_packet),
	    TEST(parse_makes_room_when_first_segment_is_at_the_end_of_its_buffer),
	    TEST(session_key_has_no_bytes_of_an_earlier_packet),
	    TEST(arp_nd_igmp_and_mld_get_no_session),
	    TEST(tunnelled_packets_are_keyed_by_peer_local_and_vni),
	    TEST(flow_key_has_the_tunnel_of_either_version),
	    TEST(partial_checksums_are_checked_against_the_packet),
	    TEST(a_completed_checksum_cannot_change_what_was_parsed),
	    TEST(parse_believes_a_device_that_checked_the_ip4_header),
	};
	return cmocka_run_group_tests(tests, fixture_init, NULL);
}
