/* SPDX-License-Identifier: Apache-2.0 */
/* Connections over a wire that the test is: it loses, repeats and turns over what it wants. */
#include "tests/unit/bench/stream_fixture.h"
#include "tools/bench/engine/connections.h"

enum { PORT_A, PORT_B, HZ = 1000000, MAX_ON_WIRE = 4096 };

struct packet {
	uint8_t bytes[256];
	uint16_t size;
	uint8_t port; // where it arrives
};

static struct connections *c;
static struct stream_conf conf;
static struct packet wire[MAX_ON_WIRE];
static unsigned int n_wire;

static void begin(const char *members)
{
	struct err err = {0};
	char text[512];
	snprintf(text, sizeof(text), "'kind': 'tcp_connections', %s", members);
	conf = make_stream(text);
	c = aligned_alloc(FRAME_COPY_UNIT, ROUND_UP(sizeof(*c), FRAME_COPY_UNIT));
	assert_non_null(c);
	assert_int_equal(connections_init(c, &conf, HZ, &err), 0);
	n_wire = 0;
}

static int teardown(void **)
{
	if (c != NULL)
		connections_fini(c);
	free(c);
	c = NULL;
	return 0;
}

/* Both ends send what they have to, up to n each. */
static void send_all(uint64_t now, unsigned int n)
{
	for (unsigned int side = 0; side < CONN__SIDES; side++) {
		for (unsigned int i = 0; i < n; i++) {
			struct packet *p = &wire[n_wire];
			uint8_t *buffer = p->bytes;
			for (unsigned int k = 0; k < sizeof(p->bytes); k++)
				buffer[k] = frame_pattern(k);
			if (connections_fill(c, side, &buffer, &p->size, 1, now) == 0)
				break;
			connections_commit(c, side, &p->size, 1, 1);
			p->port = side == CONN_CLIENT ? PORT_B : PORT_A;
			assert_true(++n_wire < MAX_ON_WIRE);
		}
	}
}

static bool deliver(const struct packet *p, uint64_t now)
{
	struct frame_view v;
	assert_true(frame_view_init(&v, p->bytes, p->size));
	assert_true(frame_view_is_intact(&v));
	return connections_frame(c, p->port, &v, now);
}

static void deliver_all(uint64_t now)
{
	unsigned int n = n_wire;
	static struct packet flying[MAX_ON_WIRE];
	memcpy(flying, wire, n * sizeof(wire[0]));
	n_wire = 0;
	for (unsigned int i = 0; i < n; i++)
		assert_true(deliver(&flying[i], now));
}

static void seven_packets_make_a_connection(void **)
{
	begin("'flows': 10, 'open': 1");
	static const unsigned int n_per_step[] = {1, 1, 2, 1, 1, 1, 0};
	connections_open(c, 1, 100);
	for (unsigned int step = 0; step < ARRAY_SIZE(n_per_step); step++) {
		send_all(100 + step, 32);
		assert_int_equal(n_wire, n_per_step[step]);
		deliver_all(100 + step + 1);
	}
	assert_int_equal(c->counters.completed, 1);
	assert_int_equal(c->counters.tx_packets, 7);
	assert_int_equal(c->counters.unique, 7);
	assert_int_equal(c->counters.reordered + c->counters.duplicates + c->counters.failed, 0);
	assert_int_equal(c->n_open, 0);
	assert_int_equal(c->latency.min, 6);
}

/* The bytes, as a stack would see them. */
static void numbers_and_flags_are_those_of_tcp(void **)
{
	static const struct {
		uint8_t port, flags;
		uint32_t seq, ack;
	} expected[] = {{PORT_B, TCP_SYN, 0, 0}, {PORT_A, TCP_SYN | TCP_ACK, 0, 1},
	    {PORT_B, TCP_ACK, 1, 1}, {PORT_B, TCP_PSH | TCP_ACK, 1, 1},
	    {PORT_A, TCP_FIN | TCP_ACK, 1, 65}, {PORT_B, TCP_FIN | TCP_ACK, 65, 2},
	    {PORT_A, TCP_ACK, 2, 66}};
	uint32_t isn[2] = {0}, numbers[2];
	unsigned int at = 0;
	begin("'flows': 1, 'open': 1, 'src': 'fd00::1', 'dst': 'fd00::2'");
	connections_open(c, 1, 0);
	while (at < ARRAY_SIZE(expected)) {
		send_all(0, 1);
		assert_int_equal(n_wire, 1);
		const uint8_t *tcp = wire[0].bytes + 54;
		bool is_client = wire[0].port == PORT_B;
		memcpy(numbers, tcp + 4, 8);
		numbers[0] = __builtin_bswap32(numbers[0]);
		numbers[1] = __builtin_bswap32(numbers[1]);
		if (at < 2)
			isn[!is_client] = numbers[0];
		assert_int_equal(wire[0].port, expected[at].port);
		assert_int_equal(tcp[13], expected[at].flags);
		assert_int_equal(numbers[0] - isn[!is_client], expected[at].seq);
		assert_int_equal(
		    at == 0 ? numbers[1] : numbers[1] - isn[is_client], expected[at].ack);
		assert_int_equal(tcp[1] | tcp[0] << 8, is_client ? 1000 : 80);
		assert_int_equal(wire[0].bytes[5], is_client ? 2 : 1); // to the other end's MAC
		deliver_all(0);
		at++;
	}
	assert_int_equal(c->counters.completed, 1);
}

static void many_connections_at_a_time_do_not_mix(void **)
{
	begin("'flows': 1000, 'open': 100");
	for (unsigned int i = 0; i < 200; i++) {
		connections_open(c, 20, i);
		send_all(i, 500);
		deliver_all(i);
	}
	for (unsigned int i = 0; i < 10; i++) {
		send_all(200, 500);
		deliver_all(200);
	}
	assert_true(c->counters.completed > 2000);
	assert_int_equal(c->counters.completed, c->counters.opened);
	assert_int_equal(c->counters.opened + c->counters.not_opened, 200 * 20);
	assert_int_equal(c->counters.tx_packets, 7 * c->counters.completed);
	assert_int_equal(c->counters.unique, c->counters.tx_packets);
}

static void a_lost_packet_fails_its_connection_after_the_timeout(void **)
{
	for (unsigned int lost = 0; lost < CONN_PACKETS; lost++) {
		begin("'flows': 2, 'open': 2, 'timeout_ms': 100");
		connections_open(c, 1, 0);
		unsigned int n_sent = 0;
		for (unsigned int i = 0; i < 10; i++) {
			send_all(0, 1);
			for (unsigned int k = 0; k < n_wire; k++)
				if (n_sent++ == lost)
					wire[k] = wire[--n_wire];
			deliver_all(0);
		}
		connections_expire(c, HZ / 10 - 1);
		assert_int_equal(c->n_open, 1);
		connections_expire(c, HZ / 10);
		assert_int_equal(c->counters.failed, 1);
		assert_int_equal(c->counters.completed, 0);
		assert_int_equal(c->counters.tx_packets - c->counters.unique, 1);
		teardown(NULL);
	}
}

static void duplicates_and_reordering_are_counted(void **)
{
	begin("'flows': 1, 'open': 1");
	connections_open(c, 1, 0);
	send_all(0, 32);
	struct packet syn = wire[0];
	assert_true(deliver(&syn, 1)); // SYN twice
	deliver_all(1);
	send_all(1, 32);
	assert_int_equal(n_wire, 1); // one SYN,ACK
	deliver_all(2);
	send_all(2, 32);
	assert_int_equal(n_wire, 2);
	struct packet ack = wire[0];
	wire[0] = wire[1];
	wire[1] = ack; // data before ACK
	for (unsigned int i = 0; i < 5; i++) {
		deliver_all(3);
		send_all(3, 32);
	}
	assert_int_equal(c->counters.completed, 1);
	assert_int_equal(c->counters.duplicates, 1);
	assert_int_equal(c->counters.reordered, 1);
	assert_int_equal(c->counters.unique, 7);
	assert_false(deliver(&syn, 4)); // of a connection that is over
}

static void corrupted_and_wrong_packets_move_nothing(void **)
{
	begin("'flows': 3, 'open': 1");
	connections_open(c, 1, 0);
	send_all(0, 32);
	struct packet p = wire[0];
	struct frame_view v;
	p.port = PORT_A; // came back to where it was sent
	assert_false(deliver(&p, 1));
	p = wire[0];
	p.bytes[34 + 15] ^= 1; // the window: only the checksum tells
	assert_true(frame_view_init(&v, p.bytes, p.size));
	assert_true(connections_frame(c, PORT_B, &v, 1));
	assert_int_equal(c->counters.corrupted, 1);
	p = wire[0];
	p.bytes[26 + 3] ^= 1; // another client
	assert_true(frame_view_init(&v, p.bytes, p.size));
	assert_false(connections_frame(c, PORT_B, &v, 1));
	send_all(1, 32);
	assert_int_equal(n_wire, 1); // no answer to any of them
	deliver_all(1);
	assert_int_equal(c->counters.unique, 1);
}

static void a_device_that_takes_nothing_is_waited_for(void **)
{
	uint8_t room[256], *buffer = room;
	uint16_t size;
	begin("'flows': 10, 'open': 10, 'timeout_ms': 1");
	for (uint64_t now = 0; now < 100000; now += 500) {
		connections_open(c, 10, now);
		connections_expire(c, now);
		if (connections_fill(c, CONN_CLIENT, &buffer, &size, 1, now) > 0)
			connections_commit(c, CONN_CLIENT, &size, 1, 0);
	}
	assert_true(c->counters.tx_refused > 100);
	assert_int_equal(c->counters.tx_packets, 0);
	assert_true(c->queues[CONN_CLIENT].n <= c->queue_max);
	connections_expire(c, 1000000);
	assert_int_equal(c->counters.failed, c->counters.opened);
	assert_int_equal(connections_fill(c, CONN_CLIENT, &buffer, &size, 1, 1000000),
	    0); // none of them is worth sending
}

static void slots_have_flows_of_their_own_and_use_all_of_them(void **)
{
	static unsigned int n_used[10];
	memset(n_used, 0, sizeof(n_used));
	begin("'flows': 10, 'open': 3, 'timeout_ms': 1");
	for (uint64_t now = 0; now < 60; now++) {
		connections_open(c, 3, now * 1000);
		send_all(now * 1000, 3);
		n_wire = 0; // all lost
		for (unsigned int i = 0; i < 3; i++) {
			assert_int_equal(c->slots[i].flow % 3, i);
			n_used[c->slots[i].flow]++;
		}
		connections_expire(c, (now + 1) * 1000);
	}
	for (unsigned int i = 0; i < 10; i++)
		assert_true(n_used[i] >= 15);
}

#define CONN_TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CONN_TEST(seven_packets_make_a_connection),
	    CONN_TEST(numbers_and_flags_are_those_of_tcp),
	    CONN_TEST(many_connections_at_a_time_do_not_mix),
	    CONN_TEST(a_lost_packet_fails_its_connection_after_the_timeout),
	    CONN_TEST(duplicates_and_reordering_are_counted),
	    CONN_TEST(corrupted_and_wrong_packets_move_nothing),
	    CONN_TEST(a_device_that_takes_nothing_is_waited_for),
	    CONN_TEST(slots_have_flows_of_their_own_and_use_all_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
