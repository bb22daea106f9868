/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "datapath/csum.h"
#include "datapath/parse.h"
#include "datapath/wire.h"
#include "tests/unit/datapath/packet_fixture.h"

static void random_bytes(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)fixture_random();
}

static uint16_t plain_sum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return rte_cpu_to_be_16((uint16_t)sum);
}

static void sum_equals_the_plain_sum_for_every_length(void **)
{
	uint8_t bytes[200];
	random_bytes(bytes, sizeof(bytes));
	for (size_t n = 0; n <= sizeof(bytes); n++)
		assert_int_equal(csum_fold(csum_add(0, bytes, n)), plain_sum(bytes, n));
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(csum_fold(csum_add(0, bytes, sizeof(bytes))), 0xffff);
}

static void packet_sum_does_not_depend_on_segments(void **)
{
	uint8_t bytes[101];
	random_bytes(bytes, sizeof(bytes));
	for (size_t at = 0; at < sizeof(bytes); at++) {
		struct rte_mbuf *m = fixture_packet_split(bytes, sizeof(bytes), at);
		for (uint32_t ofs = 0; ofs < 40; ofs++) {
			uint32_t len = (uint32_t)sizeof(bytes) - ofs - at % 3;
			assert_int_equal(csum_packet(m, ofs, len), plain_sum(bytes + ofs, len));
		}
		rte_pktmbuf_free(m);
	}
}

static void incremental_update_equals_recomputation(void **)
{
	for (unsigned int i = 0; i < 20000; i++) {
		uint8_t bytes[64], before[16];
		random_bytes(bytes, sizeof(bytes));
		bytes[0] |= 1; // not all zero: then 0x0000 and 0xffff are the same number
		size_t ofs = 2 * (1 + fixture_random() % 20), size = 2 * (1 + fixture_random() % 8);
		uint16_t csum = (uint16_t)~plain_sum(bytes, sizeof(bytes)),
			 partial = (uint16_t)~csum;
		memcpy(before, bytes + ofs, size);
		random_bytes(bytes + ofs, size);
		if (i % 8 == 0)
			memset(bytes + ofs, i % 16 == 0 ? 0x00 : 0xff, size);
		csum_update(&csum, before, bytes + ofs, size);
		csum_update_partial(&partial, before, bytes + ofs, size);
		assert_int_equal(csum, (uint16_t)~plain_sum(bytes, sizeof(bytes)));
		assert_int_equal(partial, plain_sum(bytes, sizeof(bytes)));
	}
}

static bool has_own_checksum(const struct pkt *pkt)
{
	return pkt->l4_ofs != 0 && (pkt->flags & PKT_F_FRAGMENT) == 0 &&
	       (pkt->l4_proto == IP_PROTO_TCP || pkt->l4_proto == IP_PROTO_UDP);
}

static void complete_row(const struct packet_row *row, void *arg)
{
	struct session_key key;
	if (row->expect[0] == '!')
		return;
	struct rte_mbuf *m = fixture_packet(row->bytes, row->size);
	assert_int_equal(parse_packet(m, &key), DP_DROP__COUNT);
	struct pkt *pkt = pkt_of(m);
	if (has_own_checksum(pkt) && fixture_checksums_ok(m)) {
		uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l3_ofs);
		uint8_t *l4 = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l4_ofs);
		uint32_t end =
		    pkt->l3_ofs + (ip[0] >> 4 == 4 ? get_be16(ip + 2) : 40u + get_be16(ip + 4));
		pkt->csum_start = pkt->l4_ofs;
		pkt->csum_offset = pkt->l4_proto == IP_PROTO_TCP ? TCP_CSUM_OFS : UDP_CSUM_OFS;
		pkt->flags |= PKT_F_CSUM_PARTIAL;
		store16(l4 + pkt->csum_offset,
		    csum_fold(csum_pseudo(ip, pkt->l4_proto, end - pkt->l4_ofs)));
		assert_true(csum_l4_ok(m));
		csum_complete(m);
		assert_true((pkt->flags & PKT_F_CSUM_PARTIAL) == 0);
		assert_true(fixture_checksums_ok(m) && csum_l4_ok(m));
		++*(unsigned int *)arg;
	}
	rte_pktmbuf_free(m);
}

static void partial_checksums_are_completed(void **)
{
	unsigned int n = 0;
	fixture_foreach_row(complete_row, &n);
	assert_true(n > 10);
}

static void completed_udp_checksum_is_never_zero(void **)
{
	struct rte_mbuf *m = fixture_parsed("ip4_udp");
	struct pkt *pkt = pkt_of(m);
	uint8_t *l4 = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l4_ofs);
	uint16_t sum = csum_packet(m, pkt->l4_ofs, 20);
	store16(l4, csum_fold((uint64_t)load16(l4) + (uint16_t)~sum)); // now all sums to 0xffff
	assert_int_equal(csum_packet(m, pkt->l4_ofs, 20), 0xffff);
	pkt->flags |= PKT_F_CSUM_PARTIAL;
	pkt->csum_start = pkt->l4_ofs;
	pkt->csum_offset = UDP_CSUM_OFS;
	csum_complete(m);
	assert_int_equal(load16(l4 + UDP_CSUM_OFS), 0xffff);
	rte_pktmbuf_free(m);
}

/* Seen with a Linux guest: one TCP packet in 65,536 left as 0xffff, which analysers call wrong. */
static void completed_tcp_checksum_may_be_zero(void **)
{
	struct rte_mbuf *m = fixture_parsed("ip4_tcp");
	struct pkt *pkt = pkt_of(m);
	uint8_t *l4 = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l4_ofs);
	uint32_t size = m->pkt_len - pkt->l4_ofs;
	uint16_t sum = csum_packet(m, pkt->l4_ofs, size);
	store16(l4, csum_fold((uint64_t)load16(l4) + (uint16_t)~sum)); // now all sums to 0xffff
	assert_int_equal(csum_packet(m, pkt->l4_ofs, size), 0xffff);
	pkt->flags |= PKT_F_CSUM_PARTIAL;
	pkt->csum_start = pkt->l4_ofs;
	pkt->csum_offset = TCP_CSUM_OFS;
	csum_complete(m);
	assert_int_equal(load16(l4 + TCP_CSUM_OFS), 0);
	rte_pktmbuf_free(m);
}

static void complete_stays_inside_a_packet_that_shrank(void **)
{
	struct rte_mbuf *m = fixture_parsed("ip4_tcp");
	pkt_of(m)->flags |= PKT_F_CSUM_PARTIAL;
	pkt_of(m)->csum_start = 50;
	pkt_of(m)->csum_offset = 16;
	csum_complete(m);
	assert_int_equal(pkt_of(m)->flags & PKT_F_CSUM_PARTIAL, 0);
	rte_pktmbuf_free(m);
}

static void damage_is_seen(void **)
{
	static const char *const names[] = {
	    "ip4_tcp", "ip4_udp", "ip4_icmp", "ip6_tcp", "ip6_udp", "ip6_icmp", "ns"};
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		struct rte_mbuf *m = fixture_parsed(names[i]);
		assert_true(csum_l4_ok(m));
		*rte_pktmbuf_mtod_offset(m, uint8_t *, m->pkt_len - 1) ^= 0x40;
		assert_false(csum_l4_ok(m));
		rte_pktmbuf_free(m);
	}
}

static void absent_udp_checksum_is_fine_on_ip4_alone(void **)
{
	struct rte_mbuf *m = fixture_parsed("ip4_udp_no_csum");
	assert_true(csum_l4_ok(m));
	rte_pktmbuf_free(m);
	m = fixture_parsed("ip6_udp");
	store16(rte_pktmbuf_mtod_offset(m, uint8_t *, pkt_of(m)->l4_ofs + UDP_CSUM_OFS), 0);
	assert_false(csum_l4_ok(m));
	rte_pktmbuf_free(m);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_reset, fixture_reset)
	const struct CMUnitTest tests[] = {
	    TEST(sum_equals_the_plain_sum_for_every_length),
	    TEST(packet_sum_does_not_depend_on_segments),
	    TEST(incremental_update_equals_recomputation),
	    TEST(partial_checksums_are_completed),
	    TEST(completed_udp_checksum_is_never_zero),
	    TEST(completed_tcp_checksum_may_be_zero),
	    TEST(complete_stays_inside_a_packet_that_shrank),
	    TEST(damage_is_seen),
	    TEST(absent_udp_checksum_is_fine_on_ip4_alone),
	};
	return cmocka_run_group_tests(tests, fixture_init, NULL);
}
