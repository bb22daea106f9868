/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/rx_sched.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

enum { N_PORTS = 600, BURST = 32, ROUNDS = 20000 };

/* Guests that send as the test says; a clock that the polls move on. */
struct source {
	uint64_t backlog;       // packets waiting
	uint32_t packet_cycles; // what one costs the worker
	uint64_t n_served, n_polls, cycles;
};

static struct source sources[N_PORTS];
static struct rx_sched sched;
static struct rxq_list *list;
static uint64_t clock_cycles;

static unsigned int poll(void *arg, struct rxq *q, uint64_t *ret_cycles)
{
	assert_ptr_equal(arg, sources);
	struct source *s = &sources[q->port_id];
	unsigned int n = (unsigned int)MIN_OF(s->backlog, (uint64_t)BURST);

	s->n_polls++;
	clock_cycles += 60;
	if (n == 0)
		return 0;
	*ret_cycles = (uint64_t)n * s->packet_cycles;
	s->backlog -= n;
	s->n_served += n;
	s->cycles += *ret_cycles;
	clock_cycles += *ret_cycles;
	return n;
}

/* Port 0..n_ports-1, with so many queues each. */
static void begin(unsigned int n_ports, unsigned int n_queues)
{
	list = rxq_list_create(n_ports * n_queues);
	assert_non_null(list);
	for (unsigned int i = 0; i < n_ports * n_queues; i++)
		list->q[list->n++] = (struct rxq){.port_id = (uint16_t)(i / n_queues),
		    .queue = (uint16_t)(i % n_queues),
		    .wakeup_fd = -1};
	rxq_list_ready(list);
}

static int set_up(void **)
{
	memset(sources, 0, sizeof(sources));
	clock_cycles = 0;
	return rx_sched_init(&sched, N_PORTS);
}

static int tear_down(void **)
{
	free(list);
	list = NULL;
	rx_sched_fini(&sched);
	return 0;
}

static unsigned int round_busy(void)
{
	return rx_sched_round(&sched, list, false, poll, sources);
}

static void share_is_in_cycles_not_packets(void **)
{
	begin(2, 1);
	sources[0] = (struct source){.backlog = UINT64_MAX, .packet_cycles = 100};
	sources[1] = (struct source){.backlog = UINT64_MAX, .packet_cycles = 3000};
	for (unsigned int i = 0; i < ROUNDS; i++)
		assert_int_not_equal(round_busy(), 0);
	double share = (double)sources[0].cycles / (double)(sources[0].cycles + sources[1].cycles);
	assert_true(share > 0.49 && share < 0.51);
}

static void many_queues_earn_no_more(void **)
{
	begin(2, 8);
	for (unsigned int i = 0; i < 7; i++)
		list->q[8 + i].port_id = 0; // port 0 has 15 queues, port 1 has one
	for (unsigned int i = 0; i < 2; i++)
		sources[i] = (struct source){.backlog = UINT64_MAX, .packet_cycles = 200};
	for (unsigned int i = 0; i < ROUNDS; i++)
		round_busy();
	double share = (double)sources[1].cycles / (double)(sources[0].cycles + sources[1].cycles);
	assert_true(share > 0.48 && share < 0.52);
}

/* A victim that wants less than its share gets all of it, whatever the neighbour does. */
static void modest_port_loses_nothing(void **)
{
	begin(2, 1);
	sources[0] = (struct source){.packet_cycles = 150};
	sources[1] = (struct source){.backlog = UINT64_MAX, .packet_cycles = 2500};
	uint64_t n_offered = 0, max_backlog = 0;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t due = clock_cycles / 1000; // 15 % of the worker
		sources[0].backlog += due - n_offered;
		n_offered = due;
		max_backlog = MAX_OF(max_backlog, sources[0].backlog);
		round_busy();
	}
	assert_true(max_backlog < 256); // a virtio ring
	assert_true(sources[0].n_served + max_backlog >= n_offered);
	assert_true(sources[1].n_served > 0);
}

static void idleness_earns_no_credit(void **)
{
	begin(2, 1);
	for (unsigned int i = 0; i < 2; i++)
		sources[i] = (struct source){.packet_cycles = 100};
	sources[0].backlog = UINT64_MAX;
	for (unsigned int i = 0; i < ROUNDS; i++)
		round_busy();
	uint64_t before = sources[0].n_served;
	sources[1].backlog = UINT64_MAX;
	for (unsigned int i = 0; i < 1000; i++)
		round_busy();
	double share = (double)(sources[0].n_served - before) /
		       (double)(sources[0].n_served - before + sources[1].n_served);
	assert_true(share > 0.45);
}

static void nobody_waits_for_an_idle_port(void **)
{
	begin(2, 1);
	for (unsigned int i = 0; i < 2; i++)
		sources[i] = (struct source){.backlog = 1000 * BURST, .packet_cycles = 100};
	sources[1].packet_cycles = 5000; // far ahead of port 0 when that ends
	for (unsigned int i = 0; sources[0].backlog != 0; i++)
		round_busy();
	for (unsigned int i = 0; sources[1].backlog != 0; i++) {
		assert_int_equal(round_busy(), BURST);
		assert_true(i < 1000);
	}
}

static void uplink_is_charged_a_part(void **)
{
	begin(2, 1);
	list->q[0].is_uplink = true;
	for (unsigned int i = 0; i < 2; i++)
		sources[i] = (struct source){.backlog = UINT64_MAX, .packet_cycles = 200};
	for (unsigned int i = 0; i < ROUNDS; i++)
		round_busy();
	double ratio = (double)sources[0].cycles / (double)sources[1].cycles;
	assert_true(ratio > RX_UPLINK_WEIGHT * 0.95 && ratio < RX_UPLINK_WEIGHT * 1.05);
}

static void cold_queues_cost_little_and_are_found(void **)
{
	begin(512, 1);
	sources[7] = (struct source){.backlog = UINT64_MAX, .packet_cycles = 200};
	for (unsigned int i = 0; i < RX_COLD_POLLS; i++)
		round_busy();
	assert_int_equal(list->n_hot, 1);
	for (unsigned int i = 0; i < N_PORTS; i++)
		sources[i].n_polls = 0;
	for (unsigned int i = 0; i < RX_COLD_ROUNDS; i++)
		round_busy();
	for (unsigned int i = 0; i < 512; i++)
		if (i != 7)
			assert_in_range(sources[i].n_polls, 1, 2);
	assert_int_equal(sources[7].n_polls, RX_COLD_ROUNDS);

	sources[300] = (struct source){.backlog = UINT64_MAX, .packet_cycles = 200};
	for (unsigned int i = 0; i < RX_COLD_ROUNDS; i++)
		round_busy();
	assert_true(sources[300].n_polls > 1);
	assert_int_equal(list->n_hot, 2);
}

static void idle_worker_looks_at_all(void **)
{
	begin(512, 1);
	for (unsigned int i = 0; i < RX_COLD_POLLS; i++)
		round_busy();
	assert_int_equal(list->n_hot, 0);
	sources[511] = (struct source){.backlog = 1, .packet_cycles = 200};
	assert_int_equal(rx_sched_round(&sched, list, true, poll, sources), 1);
	assert_int_equal(list->n_hot, 1);
}

static void every_queue_stays_in_the_order(void **)
{
	unsigned int seed = 1;
	begin(200, 2);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		seed = seed * 1103515245 + 12345;
		sources[(seed >> 8) % 200].backlog += seed % 40;
		sources[(seed >> 8) % 200].packet_cycles = 100 + seed % 1000;
		round_busy();
	}
	bool seen[400] = {false};
	for (unsigned int i = 0; i < list->n; i++) {
		assert_false(seen[list->order[i]]);
		seen[list->order[i]] = true;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(share_is_in_cycles_not_packets, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(many_queues_earn_no_more, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(modest_port_loses_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(idleness_earns_no_credit, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nobody_waits_for_an_idle_port, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(uplink_is_charged_a_part, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		cold_queues_cost_little_and_are_found, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(idle_worker_looks_at_all, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(every_queue_stays_in_the_order, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
