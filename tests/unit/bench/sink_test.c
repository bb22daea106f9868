/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that are put in by hand are reported exactly. */
#include "tests/unit/bench/stream_fixture.h"
#include "tools/bench/engine/sink.h"

enum { PORT_A, PORT_B };

static struct sink sink;
static struct source *source;

static void begin(const char *members)
{
	source = source_new(members);
	assert_int_equal(sink_add(&sink, &source->conf, &source->seq), 0);
	sink_start(&sink, 1);
}

static int teardown(void **)
{
	sink_fini(&sink);
	if (source != NULL)
		source_delete(source);
	source = NULL;
	return 0;
}

static const struct sink_counters *counters(void)
{
	return &sink.streams[1].counters;
}

static void send_packet(uint64_t now)
{
	(void)make_packet(source, pattern_buffer(), now);
}

/* Packet seq as it was sent at sent_at, arrives at now. */
static void arrive(uint64_t seq, uint64_t sent_at, uint64_t now)
{
	uint8_t *frame = pattern_buffer();
	uint64_t next = source->seq;
	source->seq = seq;
	uint16_t size = make_packet(source, frame, sent_at);
	source->seq = next;
	sink_frame(&sink, PORT_B, frame, size, now);
}

static void assert_counters(uint64_t unique, uint64_t lost, uint64_t duplicates, uint64_t reordered)
{
	assert_int_equal(counters()->unique, unique);
	assert_int_equal(sink_lost(&sink.streams[1]), lost);
	assert_int_equal(counters()->duplicates, duplicates);
	assert_int_equal(counters()->reordered, reordered);
	assert_int_equal(counters()->rx_packets,
	    unique + duplicates + counters()->corrupted + counters()->too_late);
}

static void what_arrives_in_order_has_no_faults(void **)
{
	begin("'kind': 'udp', 'flows': 7");
	for (uint64_t i = 0; i < 1000; i++) {
		uint8_t *frame = pattern_buffer();
		uint16_t size = make_packet(source, frame, i);
		assert_true(sink_frame(&sink, PORT_B, frame, size, i + 5));
	}
	assert_counters(1000, 0, 0, 0);
	assert_int_equal(counters()->rx_bytes, 60 * 1000);
	assert_int_equal(sink.streams[1].latency->min, 5);
	assert_int_equal(sink.streams[1].latency->max, 5);
}

static void loss_is_counted_also_at_both_ends(void **)
{
	begin("'kind': 'udp'");
	source->seq = 1000;
	for (uint64_t i = 0; i < 1000; i++)
		if (i != 0 && i != 500 && i != 501 && i != 999)
			arrive(i, 0, 1);
	assert_counters(996, 4, 0, 0);
}

static void duplicates_are_no_reordering(void **)
{
	begin("'kind': 'udp'");
	source->seq = 100;
	for (uint64_t i = 0; i < 100; i++) {
		arrive(i, 0, 1);
		if (i % 10 == 0)
			arrive(i, 0, 1);
	}
	arrive(3, 0, 1);
	arrive(3, 0, 1);
	assert_counters(100, 0, 12, 0);
}

/* RFC 4737 3.3: 1 2 5 3 4 6 has two reordered packets, 3 and 4. */
static void reordering_is_as_in_rfc_4737(void **)
{
	static const uint64_t order[] = {0, 1, 4, 2, 3, 5, 9, 8, 7, 6};
	begin("'kind': 'udp'");
	source->seq = 10;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		arrive(order[i], 0, 1);
	assert_counters(10, 0, 0, 5);
	arrive(2, 0, 1); // late and known: a duplicate
	assert_counters(10, 0, 1, 5);
}

static void delays_are_in_the_histogram(void **)
{
	begin("'kind': 'udp'");
	source->seq = 1000;
	for (uint64_t i = 0; i < 1000; i++)
		arrive(i, 100000 + i, 100000 + i + (i < 500 ? 40 : i < 990 ? 50 : 1000000));
	const struct histogram *h = sink.streams[1].latency;
	assert_int_equal(h->n, 1000);
	assert_int_equal(h->min, 40);
	assert_int_equal(h->max, 1000000);
	assert_int_equal(histogram_quantile(h, 0.5), 40);
	assert_int_equal(histogram_quantile(h, 0.9), 50);
	assert_int_equal(histogram_quantile(h, 0.99), 50);
	assert_int_equal(histogram_quantile(h, 0.991), 1000000);
}

static void corruption_anywhere_in_the_packet_is_counted(void **)
{
	begin("'kind': 'udp', 'sizes': [[200, 1]]");
	unsigned int n_corrupted = 0;
	for (unsigned int byte = 24; byte < 196; byte++) { // from the IPv4 checksum on
		uint8_t *frame = pattern_buffer();
		uint16_t size = make_packet(source, frame, 0);
		if ((byte >= 42 && byte < 45) || byte == 36 || byte == 37 || byte == 40 ||
		    byte == 41)
			continue; // magic and id: not the stream's any more; VXLAN's port; checksum "none"
		frame[byte] ^= 0x10;
		sink_frame(&sink, PORT_B, frame, size, 1);
		n_corrupted++;
	}
	assert_int_equal(counters()->corrupted, n_corrupted);
	assert_int_equal(counters()->unique, 0);
	assert_int_equal(sink_lost(&sink.streams[1]), 172 - n_corrupted);
}

static void a_number_that_was_never_sent_is_corruption(void **)
{
	begin("'kind': 'udp'");
	source->seq = 10;
	arrive(10, 0, 1);
	arrive(4000000000, 0, 1);
	assert_int_equal(counters()->corrupted, 2);
	arrive(9, 0, 1);
	assert_counters(1, 7, 0, 0);
}

static void verify_stamp_looks_no_further(void **)
{
	begin("'kind': 'udp', 'sizes': [[200, 1]], 'verify': 'stamp'");
	uint8_t *frame = pattern_buffer();
	uint16_t size = make_packet(source, frame, 0);
	frame[150] ^= 1;
	sink_frame(&sink, PORT_B, frame, size, 1);
	assert_counters(1, 0, 0, 0);
	size = make_packet(source, frame, 0);
	frame[50] ^= 1;
	sink_frame(&sink, PORT_B, frame, size, 1);
	assert_int_equal(counters()->corrupted, 1);
}

static void strangers_are_not_ours(void **)
{
	begin("'kind': 'udp'");
	uint8_t *frame = pattern_buffer();
	uint16_t size = make_packet(source, frame, 0);
	assert_true(sink_frame(&sink, PORT_A, frame, size, 1)); // ours, at the wrong port
	assert_int_equal(counters()->foreign, 1);
	sink_start(&sink, 2);
	assert_true(sink_frame(&sink, PORT_B, frame, size, 1)); // of the last trial
	assert_int_equal(counters()->stale, 1);
	frame[44] = 9; // another stream's id, which nobody has
	assert_false(sink_frame(&sink, PORT_B, frame, size, 1));
	memset(frame, 0xff, 60); // noise
	assert_false(sink_frame(&sink, PORT_B, frame, 60, 1));
	assert_int_equal(sink.unclaimed[PORT_B], 2);
	assert_int_equal(sink.unclaimed_bytes[PORT_B], 120);
	assert_int_equal(counters()->rx_packets, 0);
}

static void encapsulation_must_be_as_expected(void **)
{
	begin("'kind': 'udp', 'expect_vxlan': true, 'vxlan': {'src': '192.0.2.1', 'dst': "
	      "'192.0.2.2', 'vni': 1}");
	uint8_t *frame = pattern_buffer();
	uint16_t size = make_packet(source, frame, 0);
	assert_int_equal(size, 110);
	assert_true(sink_frame(&sink, PORT_B, frame, size, 1));
	assert_counters(1, 0, 0, 0);
	size = make_packet(source, frame, 0);
	assert_true(sink_frame(&sink, PORT_B, frame + 50, size - 50, 1)); // as if decapsulated
	assert_int_equal(counters()->foreign, 1);
}

static void a_vlan_tag_on_the_way_is_no_fault(void **)
{
	begin("'kind': 'udp', 'vlan': 5");
	uint8_t *frame = pattern_buffer(), bare[64];
	uint16_t size = make_packet(source, frame, 0);
	memcpy(bare, frame, 12);
	memcpy(bare + 12, frame + 16, size - 16u);
	assert_true(sink_frame(&sink, PORT_B, bare, size - 4u, 1));
	assert_counters(1, 0, 0, 0);
}

/* Against a plain list of all numbers: window moves, gaps, wrap of 32 bits. */
static void numbers_beyond_32_bits_and_beyond_the_window(void **)
{
	begin("'kind': 'udp'");
	source->seq = 1ull << 33;
	uint64_t at = (1ull << 32) - 100;
	// The window starts where the first packet is: it cannot be known how often 32 bits went round before.
	sink.streams[1].next = at;
	for (uint64_t i = 0; i < 200; i++)
		arrive(at + i, 0, 1);
	assert_int_equal(sink.streams[1].next, at + 200);
	assert_int_equal(counters()->unique, 200);
	arrive(at + 199 - SINK_WINDOW - 64, 0, 1);
	assert_int_equal(counters()->too_late, 1);
	arrive(at + 1000 + SINK_WINDOW * 3ull, 0, 1); // a gap of more than the window clears it
	arrive(at + 999 + SINK_WINDOW * 3ull, 0, 1);
	arrive(at + 1000 + SINK_WINDOW * 2ull + 64, 0, 1);
	assert_int_equal(counters()->reordered, 2);
	arrive(at + 1000 + SINK_WINDOW * 2ull + 64, 0, 1);
	assert_int_equal(counters()->duplicates, 1);
	assert_int_equal(counters()->unique, 203);
}

static void random_faults_add_up(void **)
{
	enum { N = 20000, SPREAD = 50 };
	static uint8_t n_arrived[N];
	static uint64_t schedule[2 * N];
	struct rng rng = {0x5eed};
	size_t n = 0;
	memset(n_arrived, 0, sizeof(n_arrived));
	for (uint64_t i = 0; i < N; i++) {
		if (rng_below(&rng, 10) == 0)
			continue; // lost
		schedule[n++] = i;
		if (rng_below(&rng, 20) == 0)
			schedule[n++] = i;
	}
	for (size_t i = 0; i + SPREAD < n; i++) {
		size_t k = i + rng_below(&rng, SPREAD);
		uint64_t v = schedule[i];
		schedule[i] = schedule[k];
		schedule[k] = v;
	}
	uint64_t unique = 0, duplicates = 0, reordered = 0, highest = 0;
	begin("'kind': 'udp'");
	source->seq = N;
	for (size_t i = 0; i < n; i++) {
		uint64_t seq = schedule[i];
		arrive(seq, 0, 1);
		if (n_arrived[seq]++ > 0) {
			duplicates++;
			continue;
		}
		unique++;
		if (unique > 1 && seq < highest)
			reordered++;
		highest = MAX_OF(highest, seq);
	}
	assert_true(duplicates > 500 && reordered > 5000 && N - unique > 1000);
	assert_counters(unique, N - unique, duplicates, reordered);
}

static void sending_is_not_needed_to_receive_nothing(void **)
{
	begin("'kind': 'udp'");
	assert_counters(0, 0, 0, 0);
	send_packet(0);
	assert_counters(0, 1, 0, 0);
}

#define SINK_TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SINK_TEST(what_arrives_in_order_has_no_faults),
	    SINK_TEST(loss_is_counted_also_at_both_ends),
	    SINK_TEST(duplicates_are_no_reordering),
	    SINK_TEST(reordering_is_as_in_rfc_4737),
	    SINK_TEST(delays_are_in_the_histogram),
	    SINK_TEST(corruption_anywhere_in_the_packet_is_counted),
	    SINK_TEST(a_number_that_was_never_sent_is_corruption),
	    SINK_TEST(verify_stamp_looks_no_further),
	    SINK_TEST(strangers_are_not_ours),
	    SINK_TEST(encapsulation_must_be_as_expected),
	    SINK_TEST(a_vlan_tag_on_the_way_is_no_fault),
	    SINK_TEST(numbers_beyond_32_bits_and_beyond_the_window),
	    SINK_TEST(random_faults_add_up),
	    SINK_TEST(sending_is_not_needed_to_receive_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
