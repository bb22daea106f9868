/* SPDX-License-Identifier: Apache-2.0 */
/* Frames as DPDK's own checksum code and a second look at their bytes see them. */
#include <stdio.h>

#include <rte_ip.h>

#include "tests/unit/bench/stream_fixture.h"
#include "tools/bench/engine/frame_view.h"

static const char *const streams[] = {
    "'kind': 'udp'",
    "'kind': 'udp', 'sizes': [[65, 1], [127, 1], [128, 1], [129, 1], [200, 1], [570, 1], [1518, "
    "1], [9000, 1]]",
    "'kind': 'udp', 'src': 'fd00::1', 'dst': 'fd00:1234::2', 'sizes': [[84, 1], [257, 1], [1518, "
    "1]]",
    "'kind': 'udp', 'vlan': 5, 'sizes': [[68, 1], [69, 1]]",
    "'kind': 'tcp', 'sizes': [[76, 1], [77, 1], [1514, 1]]",
    "'kind': 'tcp', 'src': 'fd00::1', 'dst': 'fd00::2', 'vlan': 4094, 'sizes': [[100, 1], [333, "
    "1]]",
    "'kind': 'random_tuples', 'sizes': [[64, 1], [99, 1]]",
    "'kind': 'explosion', 'src': '10.0.0.10', 'sport': 12345, 'dport': 80",
    "'kind': 'udp', 'vxlan': {'src': '192.0.2.1', 'dst': '192.0.2.2', 'vni': 5001}, 'sizes': [[64, "
    "1], [1450, 1]]",
    "'kind': 'udp', 'vxlan': {'src': '2001:db8::1', 'dst': '2001:db8::2', 'vni': 16777215}, "
    "'sizes': [[64, 1], [65, 1], [1450, 1]]",
    "'kind': 'tcp', 'src': 'fd00::1', 'dst': 'fd00::2', 'vlan': 7, 'vxlan': {'src': '2001:db8::1', "
    "'dst': '2001:db8::2', 'vni': 1}, "
    "'sizes': [[100, 1], [1001, 1]]",
};

/* Checks the IP packet of an Ethernet frame. Returns the L4 header. */
static const uint8_t *assert_ip_is_good(const uint8_t *frame, uint32_t size, uint32_t *ret_l4_size)
{
	const uint8_t *ip = frame + 14;
	uint16_t type = (uint16_t)(frame[12] << 8 | frame[13]);
	if (type == 0x8100) {
		type = (uint16_t)(frame[16] << 8 | frame[17]);
		ip += 4;
	}
	uint32_t ip_size = size - (uint32_t)(ip - frame);
	if (type == 0x0800) {
		const struct rte_ipv4_hdr *h = (const void *)ip;
		assert_int_equal(rte_be_to_cpu_16(h->total_length), ip_size);
		struct rte_ipv4_hdr copy;
		memcpy(&copy, h, sizeof(copy));
		copy.hdr_checksum = 0;
		assert_int_equal(rte_ipv4_cksum(&copy), h->hdr_checksum);
		*ret_l4_size = ip_size - 20;
		bool has_none = h->next_proto_id == 17 && ip[26] == 0 && ip[27] == 0;
		if (!has_none)
			assert_int_equal(rte_ipv4_udptcp_cksum_verify(h, ip + 20), 0);
		return ip + 20;
	}
	assert_int_equal(type, 0x86dd);
	const struct rte_ipv6_hdr *h = (const void *)ip;
	assert_int_equal(rte_be_to_cpu_16(h->payload_len), ip_size - 40);
	assert_int_equal(rte_ipv6_udptcp_cksum_verify(h, ip + 40), 0);
	*ret_l4_size = ip_size - 40;
	return ip + 40;
}

static void every_frame_has_right_lengths_and_checksums(void **)
{
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		char text[1024];
		bool has_flows =
		    strstr(streams[i], "random") == NULL && strstr(streams[i], "explosion") == NULL;
		snprintf(text, sizeof(text), "%s%s", streams[i], has_flows ? ", 'flows': 300" : "");
		struct source *s = source_new(text);
		for (unsigned int n = 0; n < 3000; n++) {
			uint32_t l4_size;
			uint8_t *frame = pattern_buffer();
			uint32_t size = make_packet(s, frame, 0x123456789abcdef0 + n * 0x10001ull);
			assert_int_equal(
			    size + FRAME_FCS_SIZE, s->conf.sizes[n % s->conf.n_sizes].size +
						       stream_conf_overhead(&s->conf));
			const uint8_t *l4 = assert_ip_is_good(frame, size, &l4_size);
			if (!s->conf.has_vxlan)
				continue;
			assert_int_equal(l4[2] << 8 | l4[3], VXLAN_PORT);
			assert_true(l4[0] >= 0xc0);
			assert_int_equal(l4[4] << 8 | l4[5], l4_size);
			assert_int_equal(l4[8], 8);
			assert_int_equal(l4[12] << 16 | l4[13] << 8 | l4[14], s->conf.vxlan.vni);
			(void)assert_ip_is_good(l4 + 16, l4_size - 16, &l4_size);
		}
		source_delete(s);
	}
}

static void the_sinks_view_agrees_and_sees_every_flipped_bit(void **)
{
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct source *s = source_new(streams[i]);
		uint8_t *frame = pattern_buffer();
		uint32_t size = make_packet(s, frame, 77);
		struct frame_view v;
		assert_true(frame_view_init(&v, frame, size));
		assert_int_equal(v.stamp_ofs, s->templates[0].stamp_ofs);
		assert_int_equal(v.is_encapsulated, s->conf.has_vxlan);
		assert_true(frame_view_is_intact(&v));
		// Behind the IP header every byte counts, but not a UDP checksum that becomes "none".
		for (uint32_t bit = v.l4_ofs * 8; bit < size * 8; bit++) {
			frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_false(frame_view_is_intact(&v));
			frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		source_delete(s);
	}
}

static void views_of_cut_and_random_frames_stay_inside(void **)
{
	struct rng rng = {4711};
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct source *s = source_new(streams[i]);
		uint8_t *whole = pattern_buffer();
		uint32_t size = make_packet(s, whole, 77);
		for (uint32_t cut = 0; cut < MIN_OF(size, 300u); cut++) {
			uint8_t *part = malloc(cut); // the sanitizer watches its end
			struct frame_view v;
			memcpy(part, whole, cut);
			for (unsigned int n = 0; n < 8; n++) {
				if (frame_view_init(&v, part, cut))
					(void)frame_view_is_intact(&v);
				if (cut > 14)
					part[12 + rng_below(&rng, cut - 12)] =
					    (uint8_t)rng_next(&rng);
			}
			free(part);
		}
		source_delete(s);
	}
}

static void sixty_four_bytes_hold_a_stamp_and_not_one_byte_less_does(void **)
{
	struct stream_conf conf;
	struct err err;
	struct source *s = source_new("'kind': 'udp', 'sizes': [[64, 1]]");
	assert_int_equal(make_packet(s, pattern_buffer(), 1), 60);
	assert_int_equal(s->templates[0].stamp_ofs + STAMP_SIZE, 60);
	source_delete(s);
	assert_true(try_stream("'kind': 'udp', 'sizes': [[63, 1]]", &conf, &err) < 0);
	assert_non_null(strstr(err.hint, "64"));
	assert_true(try_stream("'kind': 'tcp', 'sizes': [[75, 1]]", &conf, &err) < 0);
	assert_non_null(strstr(err.hint, "76"));
	assert_string_equal(err.path, "/sizes");
}

static void a_stamp_comes_back_and_sums_to_zero(void **)
{
	struct rng rng = {99};
	for (unsigned int i = 0; i < 100000; i++) {
		uint8_t bytes[STAMP_SIZE];
		struct stamp got;
		uint64_t ids = rng_next(&rng), tsc = i % 3 == 0 ? 0 : rng_next(&rng);
		stamp_write(bytes, stamp_head((uint8_t)ids, (uint8_t)(ids >> 8)),
		    (uint32_t)(ids >> 32), tsc);
		assert_true(stamp_is_at(bytes));
		assert_true(stamp_read(bytes, &got));
		assert_int_equal(got.stream_id, (uint8_t)ids);
		assert_int_equal(got.trial, (uint8_t)(ids >> 8));
		assert_int_equal(got.seq, ids >> 32);
		assert_true(got.tsc == tsc);
		assert_int_equal(inet_fold(inet_add(0, bytes, STAMP_SIZE)), 0xffff);
		bytes[ids % STAMP_SIZE] ^= (uint8_t)(1u << ids % 7);
		assert_false(stamp_read(bytes, &got));
	}
}

static void without_udp_checksum_there_is_none(void **)
{
	struct stream_conf conf;
	struct err err;
	struct source *s = source_new("'kind': 'udp', 'udp_checksum': false");
	uint8_t *frame = pattern_buffer();
	uint16_t size = make_packet(s, frame, 1);
	struct frame_view v;
	assert_true(frame[40] == 0 && frame[41] == 0);
	assert_true(frame_view_init(&v, frame, size) && frame_view_is_intact(&v));
	source_delete(s);
	assert_true(
	    try_stream("'kind': 'udp', 'udp_checksum': false, 'src': 'fd00::1', 'dst': 'fd00::2'",
		&conf, &err) < 0);
}

static void a_buffer_behind_the_headers_is_not_touched(void **)
{
	struct source *s = source_new("'kind': 'udp', 'sizes': [[1518, 1]], 'flows': 10");
	uint8_t *frame = pattern_buffer();
	memset(frame + 64, 0xee, FRAME_ROOM - 64);
	(void)make_packet(s, frame, 1);
	for (unsigned int i = 64; i < FRAME_ROOM; i++)
		assert_int_equal(frame[i], 0xee);
	source_delete(s);
}

/* Headers of one stream must not be left where another has payload. */
static void streams_may_share_buffers(void **)
{
	struct source *large = source_new(streams[9]);
	struct source *small = source_new("'kind': 'udp', 'sizes': [[1518, 1]]");
	uint8_t *frame = pattern_buffer();
	uint16_t copy_size = MAX_OF(source_copy_size(large), source_copy_size(small));
	assert_true(source_copy_size(small) < copy_size);
	source_set_copy_size(large, copy_size);
	source_set_copy_size(small, copy_size);
	for (unsigned int i = 0; i < 10; i++) {
		uint32_t l4_size;
		(void)make_packet(large, frame, i);
		uint32_t size = make_packet(small, frame, i);
		(void)assert_ip_is_good(frame, size, &l4_size);
	}
	source_delete(large);
	source_delete(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_frame_has_right_lengths_and_checksums),
	    cmocka_unit_test(the_sinks_view_agrees_and_sees_every_flipped_bit),
	    cmocka_unit_test(views_of_cut_and_random_frames_stay_inside),
	    cmocka_unit_test(sixty_four_bytes_hold_a_stamp_and_not_one_byte_less_does),
	    cmocka_unit_test(a_stamp_comes_back_and_sums_to_zero),
	    cmocka_unit_test(without_udp_checksum_there_is_none),
	    cmocka_unit_test(a_buffer_behind_the_headers_is_not_touched),
	    cmocka_unit_test(streams_may_share_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
