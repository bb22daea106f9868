/* SPDX-License-Identifier: Apache-2.0 */
/* Ports whose device goes while workers poll it. */
#include "tests/unit/test.h"

#include "datapath/dp_state.h"
#include "tests/unit/datapath/state_fixture.h"

static struct port *gone; // what workers are told about when queues are assigned
static uint16_t n_rxq_seen, n_txq_seen;
static bool was_open;

/* When they are told to leave, not when the rest is spread anew. */
static void look(void)
{
	if (fake_ports.n_closed_devices > 0)
		return;
	n_rxq_seen = gone->n_rxq;
	n_txq_seen = gone->n_txq;
	was_open = gone->opened;
}

static void note_event(const struct dp_port_event *ev, void *arg)
{
	*(struct dp_port_event *)arg = *ev;
}

static int setup(void **state)
{
	struct fixture *f = fixture_create();
	put_bridge(f, 1);
	put_port(f, 1, 1, 1);
	assert_int_equal(commit(f), 0);
	gone = f->dp.ports[1];
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_destroy(*state);
	return 0;
}

/* Workers leave the queues, and a grace period passes, before anything is closed under them. */
static void a_device_that_is_gone_is_closed_when_nobody_polls_it(void **state)
{
	struct fixture *f = *state;
	struct dp_port_event ev = {0};

	gone->n_rxq = gone->n_txq = 1;
	dp_state_poll_ports(f->dp.state, 1000, note_event, &ev);
	assert_int_equal(fake_ports.n_closed_devices, 0);
	gone->device_gone = true;
	fake_ports.on_assign = look;
	n_rxq_seen = n_txq_seen = 7;
	dp_state_poll_ports(f->dp.state, 1100, note_event, &ev);
	assert_int_equal(n_rxq_seen, 0);
	assert_int_equal(n_txq_seen, 0);
	assert_true(was_open);
	assert_int_equal(fake_ports.n_closed_devices, 1);
	assert_int_equal(ev.state, DP_PORT_FAILED);
	assert_false(gone->device_gone);
	dp_state_poll_ports(f->dp.state, 1200, note_event, &ev);
	assert_int_equal(fake_ports.n_closed_devices, 1);
	fake_ports.on_assign = NULL;
}

static void it_stays_open_while_workers_cannot_be_told(void **state)
{
	struct fixture *f = *state;
	struct dp_port_event ev = {0};

	gone->n_rxq = gone->n_txq = 1;
	gone->device_gone = true;
	fake_ports.assign_fails = true;
	dp_state_poll_ports(f->dp.state, 1000, note_event, &ev);
	assert_int_equal(fake_ports.n_closed_devices, 0);
	assert_int_equal(gone->n_txq, 0);
	fake_ports.assign_fails = false;
	dp_state_poll_ports(f->dp.state, 1100, note_event, &ev);
	assert_int_equal(fake_ports.n_closed_devices, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_device_that_is_gone_is_closed_when_nobody_polls_it),
	    TEST(it_stays_open_while_workers_cannot_be_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
