/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "datapath/csum.h"
#include "datapath/icmp_error.h"
#include "datapath/parse.h"
#include "datapath/wire.h"
#include "tests/unit/datapath/packet_fixture.h"

enum { IP4 = 14, IP6 = 14 };

/* A packet of the table made len bytes of IP long (0: as it is), DF set when IPv4; parsed. */
static struct rte_mbuf *big(const char *name, uint16_t ip_len)
{
	uint8_t frame[2048] = {0};
	struct packet_row row;
	fixture_row(name, &row);
	memcpy(frame, row.bytes, row.size);
	uint8_t *ip = frame + 14;
	if (ip[0] >> 4 == 4) {
		put_be16(ip + 2, ip_len);
		ip[6] |= 0x40;
		store16(ip + 10, 0);
		store16(ip + 10, (uint16_t)~csum_ip4_sum(ip, (ip[0] & 15u) * 4));
	} else {
		put_be16(ip + 4, (uint16_t)(ip_len - 40));
	}
	struct rte_mbuf *m = fixture_packet(frame, 14u + ip_len);
	fixture_parse(m);
	return m;
}

static void mend_ip4(struct rte_mbuf *m, uint32_t ofs, uint8_t value)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);
	ip[ofs] = value;
	store16(ip + 10, 0);
	store16(ip + 10, (uint16_t)~csum_ip4_sum(ip, 20));
}

/* The answer, or NULL; the cause is freed. */
static struct rte_mbuf *answer(struct rte_mbuf *m, uint32_t mtu)
{
	fx.n_out = 0;
	icmp_error_too_big(&fx.w, m, mtu);
	rte_pktmbuf_free(m);
	return fx.n_out == 1 ? fx.out[0].m : NULL;
}

static void ip4_sender_is_told_the_mtu(void **)
{
	struct rte_mbuf *m = answer(big("ip4_tcp", 1500), 1450);
	assert_non_null(m);
	assert_int_equal(fx.out[0].port, 1);
	struct session_key key;
	assert_int_equal(parse_packet(m, &key), DP_DROP__COUNT);
	assert_true(fixture_checksums_ok(m));
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	assert_memory_equal(p, ((uint8_t[]){2, 0, 0, 0, 0, 0xa, 2, 0, 0, 0, 0, 0xb}), 12);
	assert_int_equal(get_be32(p + IP4 + 12), 0x0a000002);
	assert_int_equal(get_be32(p + IP4 + 16), 0x0a000001);
	assert_int_equal(get_be16(p + 34), 0x0304);
	assert_int_equal(get_be16(p + 40), 1450);
	assert_int_equal(m->pkt_len, 14 + 576);
	assert_int_equal(get_be16(p + 44), 1500); // the quoted header
	assert_int_equal(fx.w.ports[1].copies, 1);
	assert_int_equal(fx.w.ports[1].sent, 1);
}

static void ip6_sender_is_told_the_mtu(void **)
{
	struct rte_mbuf *m = answer(big("ip6_tcp", 1500), 1430);
	assert_non_null(m);
	struct session_key key;
	assert_int_equal(parse_packet(m, &key), DP_DROP__COUNT);
	assert_true(fixture_checksums_ok(m));
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	assert_int_equal(p[IP6 + 8 + 15], 2);
	assert_int_equal(p[IP6 + 24 + 15], 1);
	assert_int_equal(get_be16(p + 54), 0x0200);
	assert_int_equal(get_be32(p + 58), 1430);
	assert_int_equal(m->pkt_len, 14 + 1280);
}

static void vlan_tags_come_back(void **)
{
	struct packet_row row;
	uint8_t frame[600] = {0};
	fixture_row("vlan", &row);
	memcpy(frame, row.bytes, row.size);
	put_be16(frame + 20, 582);
	frame[24] |= 0x40;
	store16(frame + 28, 0);
	store16(frame + 28, (uint16_t)~csum_ip4_sum(frame + 18, 20));
	struct rte_mbuf *m = fixture_packet(frame, sizeof(frame));
	fixture_parse(m);
	m = answer(m, 500);
	assert_non_null(m);
	assert_int_equal(get_be32(rte_pktmbuf_mtod_offset(m, uint8_t *, 12)), 0x81006064);
	assert_int_equal(pkt_of(m)->n_vlans, 1);
}

static void nobody_is_told_where_an_answer_would_harm(void **)
{
	struct rte_mbuf *m = big("ip4_tcp", 1500);
	mend_ip4(m, 6, 0); // no DF
	assert_null(answer(m, 1450));
	m = big("ip4_tcp", 1500);
	*rte_pktmbuf_mtod(m, uint8_t *) |= 1; // Ethernet multicast
	assert_null(answer(m, 1450));
	static const uint8_t bad_sources[] = {0, 127, 224, 255},
			     bad_destinations[] = {224, 239, 255};
	for (unsigned int i = 0; i < sizeof(bad_sources); i++) {
		m = big("ip4_tcp", 1500);
		mend_ip4(m, 12, bad_sources[i]);
		assert_null(answer(m, 1450));
	}
	for (unsigned int i = 0; i < sizeof(bad_destinations); i++) {
		m = big("ip4_tcp", 1500);
		mend_ip4(m, 16, bad_destinations[i]);
		assert_null(answer(m, 1450));
	}
	assert_null(answer(big("frag_later", 1500), 1450));
	assert_null(answer(big("ip6_frag_later", 1500), 1450));
	assert_null(answer(fixture_parsed("arp_request"), 20));
	assert_null(answer(big("ip4_tcp", 1500), 1500)); // it fits
	assert_null(answer(big("ip4_tcp", 1500), 67));
	assert_null(answer(big("ip6_tcp", 1500), 1279));
	m = big("ip4_tcp", 1500);
	pkt_of(m)->tun_peer = 0;
	assert_null(answer(m, 1450));
	assert_int_equal(fx.w.ports[1].copies, 0);
}

static void errors_are_not_answered_with_errors(void **)
{
	static const uint8_t errors4[] = {3, 4, 5, 11, 12, 42, 255}, queries4[] = {0, 8, 13};
	static const uint8_t errors6[] = {1, 2, 3, 4, 127, 137};
	for (unsigned int i = 0; i < sizeof(errors4); i++) {
		struct rte_mbuf *m = big("ip4_icmp", 1500);
		*rte_pktmbuf_mtod_offset(m, uint8_t *, 34) = errors4[i];
		assert_null(answer(m, 1450));
	}
	for (unsigned int i = 0; i < sizeof(errors6); i++) {
		struct rte_mbuf *m = big("ip6_icmp", 1500);
		*rte_pktmbuf_mtod_offset(m, uint8_t *, 54) = errors6[i];
		assert_null(answer(m, 1450));
	}
	for (unsigned int i = 0; i < sizeof(queries4); i++) {
		struct rte_mbuf *m = big("ip4_icmp", 1500);
		*rte_pktmbuf_mtod_offset(m, uint8_t *, 34) = queries4[i];
		m = answer(m, 1450);
		assert_non_null(m);
		rte_pktmbuf_free(m);
	}
	fx.n_out = 0;
	assert_non_null(answer(big("ip6_icmp", 1500), 1450));
}

static void answers_are_rate_limited_per_port(void **)
{
	unsigned int n = 0;
	for (unsigned int i = 0; i < 100; i++) {
		struct rte_mbuf *m = answer(big("ip4_tcp", 1500), 1450);
		n += m != NULL;
		rte_pktmbuf_free(m);
		fx.n_out = 0;
	}
	assert_int_equal(n, ICMP_ERROR_BURST);
	struct rte_mbuf *m = big("ip4_tcp", 1500);
	pkt_of(m)->in_port = 2; // another port has its own bucket
	assert_non_null(answer(m, 1450));
}

static void segmented_causes_are_quoted(void **)
{
	uint8_t frame[1514] = {0};
	struct rte_mbuf *m = big("ip4_tcp", 1500);
	memcpy(frame, rte_pktmbuf_mtod(m, uint8_t *), sizeof(frame));
	rte_pktmbuf_free(m);
	for (size_t i = 60; i < sizeof(frame); i++)
		frame[i] = (uint8_t)i;
	m = fixture_packet_split(frame, sizeof(frame), 300);
	fixture_parse(m);
	m = answer(m, 1450);
	assert_non_null(m);
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 42), frame + 14, 548);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_reset, fixture_reset)
	const struct CMUnitTest tests[] = {
	    TEST(ip4_sender_is_told_the_mtu),
	    TEST(ip6_sender_is_told_the_mtu),
	    TEST(vlan_tags_come_back),
	    TEST(nobody_is_told_where_an_answer_would_harm),
	    TEST(errors_are_not_answered_with_errors),
	    TEST(answers_are_rate_limited_per_port),
	    TEST(segmented_causes_are_quoted),
	};
	return cmocka_run_group_tests(tests, fixture_init, NULL);
}
