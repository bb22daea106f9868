/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The underlay against a real kernel, in a network namespace of its own:
 *
 *   up0 (192.0.2.1/24, 2001:db8::1/64) ═ veth ═ far0
 */
#include "control/underlay/underlay.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/base/clock.h"

enum { UPLINK_PORT = 7, WAIT_MS = 5000 };

static struct event_base *base;
static struct dp_route_conf routes[8];
static size_t n_routes, n_locals;
static struct dp_local_conf locals[16];
static struct model_underlay summary;
static unsigned int n_changes;
static const uint16_t udp_ports[] = {4789, 8472};
static size_t n_udp_ports = 1; // of them

static void on_change(const struct dp_route_conf *r, size_t n, const struct dp_local_conf *l,
    size_t nl, const struct model_underlay *s, void *)
{
	memcpy(routes, r, n * sizeof(*r));
	n_routes = n;
	memcpy(locals, l, nl * sizeof(*l));
	n_locals = nl;
	summary = *s;
	n_changes++;
}

/* ip(8) with the given words. */
static void ip_command(const char *args)
{
	char command[256];

	snprintf(command, sizeof(command), "ip %s", args);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(pclose(f), 0);
}

/* Runs the loop until cond() holds. */
static void wait_until(bool (*cond)(void))
{
	uint64_t deadline_ms = clock_ms() + WAIT_MS;
	const struct timeval slice = {.tv_usec = 20000};

	while (!cond()) {
		assert_true(clock_ms() < deadline_ms);
		event_base_loopexit(base, &slice);
		event_base_dispatch(base);
	}
}

static struct underlay *start(const char *remote)
{
	struct err err;
	const struct underlay_events events = {.on_change = on_change};
	const struct underlay_uplink uplink = {.interface = "up0", .dp_port = UPLINK_PORT};
	struct ip_addr ip;
	struct underlay *u = underlay_create(base, &events, &err);

	assert_non_null(u);
	n_routes = n_locals = 0;
	assert_int_equal(ip_parse(remote, &ip), 0);
	underlay_set_uplinks(u, &uplink, 1);
	underlay_set_remotes(u, &ip, 1);
	underlay_set_udp_ports(u, udp_ports, n_udp_ports);
	return u;
}

static bool is_up(void)
{
	return n_routes == 1 && routes[0].state == DP_ROUTE_UP;
}

static bool is_unresolved(void)
{
	return n_routes == 1 && routes[0].state == DP_ROUTE_NO_NEIGHBOUR;
}

static bool is_unrouted(void)
{
	return n_routes == 1 && routes[0].state == DP_ROUTE_NO_ROUTE;
}

static bool is_narrow(void)
{
	return is_up() && routes[0].mtu == 1400 && summary.mtu == 1400;
}

static bool is_rerouted(void)
{
	return is_up() && routes[0].dst_mac.b[5] == 0xfe;
}

static bool has_two_locals(void)
{
	return n_locals == 2;
}

static void next_hop_is_resolved_lost_and_found(void **)
{
	struct underlay *u = start("192.0.2.2");
	char text[IP_STR_SIZE];

	wait_until(is_unresolved);
	ip_command("neigh replace 192.0.2.2 lladdr 02:00:00:00:00:aa dev up0 nud permanent");
	wait_until(is_up);
	assert_int_equal(routes[0].uplink, UPLINK_PORT);
	assert_int_equal(routes[0].mtu, 1500);
	assert_int_equal(routes[0].dst_mac.b[5], 0xaa);
	assert_int_equal(routes[0].src_mac.b[5], 0x01);
	assert_string_equal(ip_format(&routes[0].local, text), "192.0.2.1");
	ip_command("neigh del 192.0.2.2 dev up0");
	wait_until(is_unresolved);
	ip_command("neigh replace 192.0.2.2 lladdr 02:00:00:00:00:aa dev up0 nud permanent");
	wait_until(is_up);
	ip_command("neigh del 192.0.2.2 dev up0");
	underlay_destroy(u);
}

static void gateway_and_mtu_and_link_are_followed(void **)
{
	struct underlay *u = start("198.51.100.9");

	wait_until(is_unrouted);
	ip_command("neigh replace 192.0.2.254 lladdr 02:00:00:00:00:fe dev up0 nud permanent");
	ip_command("route add 198.51.100.0/24 via 192.0.2.254");
	wait_until(is_rerouted);
	ip_command("link set up0 mtu 1400");
	wait_until(is_narrow);
	ip_command("link set far0 down");
	wait_until(is_unrouted);
	ip_command("link set far0 up");
	wait_until(is_narrow);
	ip_command("link set up0 mtu 1500");
	underlay_destroy(u);
}

static void ipv6_remote_and_local_addresses(void **)
{
	struct underlay *u = start("2001:db8::2");
	char text[IP_STR_SIZE];

	ip_command("neigh replace 2001:db8::2 lladdr 02:00:00:00:00:66 dev up0 nud permanent");
	wait_until(is_up);
	assert_string_equal(ip_format(&routes[0].local, text), "2001:db8::1");
	wait_until(has_two_locals); // link-local addresses are none of ours
	assert_int_equal(locals[0].udp_port, 4789);
	underlay_destroy(u);
}

static bool has_four_locals(void)
{
	return n_locals == 4;
}

static void tunnels_end_at_each_udp_port_of_each_address(void **)
{
	n_udp_ports = 2;
	struct underlay *u = start("192.0.2.2");

	wait_until(has_four_locals);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(locals[i].udp_port, udp_ports[i / 2]);
	assert_true(ip_equal(&locals[0].addr, &locals[2].addr));
	assert_true(ip_equal(&locals[1].addr, &locals[3].addr));
	assert_false(ip_equal(&locals[0].addr, &locals[1].addr));
	underlay_set_udp_ports(u, udp_ports, 1);
	wait_until(has_two_locals);
	n_udp_ports = 1;
	underlay_destroy(u);
}

static void change_address(const char *verb, unsigned int i)
{
	char args[64];

	snprintf(args, sizeof(args), "addr %s 203.0.113.%u/32 dev up0", verb, i);
	ip_command(args);
}

static bool has_all_locals(void)
{
	return n_locals == 15;
}

static void too_many_addresses_leave_the_first_udp_port_whole(void **)
{
	n_udp_ports = 2;
	for (unsigned int i = 1; i <= 8; i++)
		change_address("add", i);
	struct underlay *u = start("192.0.2.2");

	wait_until(has_all_locals);
	for (size_t i = 0; i < 15; i++)
		assert_int_equal(locals[i].udp_port, udp_ports[i / 10]);
	for (unsigned int i = 1; i <= 8; i++)
		change_address("del", i);
	n_udp_ports = 1;
	underlay_destroy(u);
}

static void nothing_new_tells_nothing(void **)
{
	struct underlay *u = start("192.0.2.2");

	ip_command("neigh replace 192.0.2.2 lladdr 02:00:00:00:00:aa dev up0 nud permanent");
	wait_until(is_up);
	unsigned int before = n_changes;
	ip_command("link add other0 type veth peer name other1");
	ip_command("link set other0 up");
	const struct timeval pause = {.tv_usec = 100000};
	event_base_loopexit(base, &pause);
	event_base_dispatch(base);
	assert_int_equal(n_changes, before);
	underlay_destroy(u);
}

static int set_up(void **)
{
	base = event_base_new();
	ip_command("link add up0 address 02:00:00:00:00:01 type veth peer name far0");
	ip_command("addr add 192.0.2.1/24 dev up0");
	ip_command("addr add 2001:db8::1/64 dev up0 nodad");
	ip_command("link set up0 up");
	ip_command("link set far0 up");
	return 0;
}

static int tear_down(void **)
{
	event_base_free(base);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(next_hop_is_resolved_lost_and_found),
	    cmocka_unit_test(gateway_and_mtu_and_link_are_followed),
	    cmocka_unit_test(ipv6_remote_and_local_addresses),
	    cmocka_unit_test(tunnels_end_at_each_udp_port_of_each_address),
	    cmocka_unit_test(too_many_addresses_leave_the_first_udp_port_whole),
	    cmocka_unit_test(nothing_new_tells_nothing),
	};

	if (unshare(CLONE_NEWNET) != 0) {
		fprintf(stderr, "SKIP: underlay_test needs root for a network namespace\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
