/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "datapath/tunnel_map.h"
#include "datapath/tunnel_priv.h"

static struct tunnel_cfg_input in;
static struct dp_port_conf confs[8];
static struct tunnel_cfg *cfg;

static struct ip_addr ip(const char *s)
{
	struct ip_addr a;
	assert_int_equal(ip_parse(s, &a), 0);
	return a;
}

static void add_port(
    uint16_t id, const char *remote, uint32_t vni, uint32_t flags, uint16_t udp_port)
{
	struct dp_port_conf *c = &confs[in.n_ports];
	*c = (struct dp_port_conf){
	    .kind = DP_PORT_VXLAN, .flags = flags, .tnl_vni = vni, .tnl_udp_port = udp_port};
	if (remote != NULL)
		c->tnl_remote = ip(remote);
	in.ports[in.n_ports].id = id;
	in.ports[in.n_ports++].conf = c;
}

static int reset(void **)
{
	tunnel_cfg_destroy(cfg);
	cfg = NULL;
	memset(&in, 0, sizeof(in));
	return 0;
}

static void build(void)
{
	cfg = tunnel_cfg_create(&in);
	assert_non_null(cfg);
}

/* Port id, or minus the reason. */
static int find_at(const char *src, int local, uint32_t vni, uint16_t udp_port)
{
	struct ip_addr a = ip(src);
	struct tnl_port port;
	enum dp_drop reason = tunnel_find_port(cfg, &a, (uint8_t)local, udp_port, vni, &port);
	return reason == DP_DROP__COUNT ? port.id : -(int)reason;
}

static int find(const char *src, uint32_t vni, uint16_t udp_port)
{
	return find_at(src, 0, vni, udp_port);
}

static void the_most_exact_tunnel_port_wins(void **)
{
	add_port(4, NULL, 0, DP_PORT_F_REMOTE_FLOW | DP_PORT_F_VNI_FLOW, 0);
	add_port(3, NULL, 7, DP_PORT_F_REMOTE_FLOW, 0);
	add_port(2, "192.0.2.1", 0, DP_PORT_F_VNI_FLOW, 0);
	add_port(1, "192.0.2.1", 7, 0, 0);
	build();
	assert_int_equal(find("192.0.2.1", 7, 4789), 1);
	assert_int_equal(find("192.0.2.1", 8, 4789), 2);
	assert_int_equal(find("192.0.2.2", 7, 4789), 3);
	assert_int_equal(find("192.0.2.2", 8, 4789), 4);
	assert_int_equal(find("2001:db8::1", 8, 4789), 4);
	assert_int_equal(find("192.0.2.1", 7, 8472), -DP_DROP_VXLAN_UNKNOWN_PEER);
	assert_int_equal(find("192.0.2.1", 8, 8472), -DP_DROP_VXLAN_UNKNOWN_VNI);
}

static void local_addresses_tell_tunnel_ports_apart(void **)
{
	// One address at two UDP ports, and another.
	const struct dp_local_conf a = {.addr = ip("192.0.2.81")}, b = {.addr = ip("192.0.2.82")},
				   a2 = {.addr = ip("192.0.2.81"), .udp_port = 8472};
	const struct dp_local_conf *locals[] = {&a, &b, &a2};
	in.locals = locals;
	in.n_locals = ARRAY_SIZE(locals);
	add_port(1, "192.0.2.1", 7, 0, 0);
	add_port(2, "192.0.2.1", 7, 0, 0);
	confs[1].tnl_local = ip("192.0.2.82");
	add_port(3, NULL, 0, DP_PORT_F_REMOTE_FLOW | DP_PORT_F_VNI_FLOW, 8472);
	confs[2].tnl_local = ip("192.0.2.81");
	add_port(4, "192.0.2.1", 9, 0, 0);
	confs[3].tnl_local = ip("192.0.2.83"); // not ours (yet)
	build();
	assert_int_equal(find_at("192.0.2.1", 0, 7, 4789), 1);
	assert_int_equal(find_at("192.0.2.1", 1, 7, 4789), 2);
	assert_int_equal(find_at("192.0.2.5", 2, 7, 8472), 3);
	assert_int_equal(find_at("192.0.2.1", 0, 9, 4789), -DP_DROP_VXLAN_UNKNOWN_PEER);
	const struct ip_addr c = ip("192.0.2.83");
	assert_int_equal(tunnel_find_source(cfg, &b.addr), 1);
	assert_int_equal(tunnel_find_source(cfg, &a2.addr), 0);
	assert_int_equal(tunnel_find_source(cfg, &c), -1);
}

static void other_udp_ports_are_other_tunnels(void **)
{
	add_port(1, "192.0.2.1", 7, 0, 8472);
	add_port(2, "192.0.2.1", 7, 0, 4789);
	build();
	assert_int_equal(find("192.0.2.1", 7, 8472), 1);
	assert_int_equal(find("192.0.2.1", 7, 4789), 2);
}

static void fixed_remote_takes_nothing_from_others(void **)
{
	add_port(1, "192.0.2.1", 7, 0, 0);
	build();
	assert_int_equal(find("192.0.2.2", 7, 4789), -DP_DROP_VXLAN_UNKNOWN_PEER);
	assert_int_equal(find("192.0.2.1", 8, 4789), -DP_DROP_VXLAN_UNKNOWN_VNI);
}

struct peer {
	struct dp_peer_conf conf;
	uint32_t vnis[4];
};

static void only_listed_peers_may_send_and_only_their_vnis(void **)
{
	const struct peer a = {{.remote = ip("192.0.2.1"), .port = 5, .n_vnis = 2}, {7, 8}};
	const struct peer b = {{.remote = ip("192.0.2.2"), .port = 5, .n_vnis = 1}, {9}};
	const struct peer more = {{.remote = ip("192.0.2.2"), .port = 5, .n_vnis = 1}, {10}};
	const struct peer none = {{.remote = ip("192.0.2.3"), .port = 5, .n_vnis = 0}, {0}};
	const struct peer elsewhere = {{.remote = ip("192.0.2.1"), .port = 6, .n_vnis = 1}, {11}};
	const struct dp_peer_conf *peers[] = {
	    &a.conf, &b.conf, &more.conf, &none.conf, &elsewhere.conf};
	add_port(5, NULL, 0, DP_PORT_F_REMOTE_FLOW | DP_PORT_F_VNI_FLOW | DP_PORT_F_PEERS_ONLY, 0);
	in.peers = peers;
	in.n_peers = ARRAY_SIZE(peers);
	build();
	assert_int_equal(find("192.0.2.1", 7, 4789), 5);
	assert_int_equal(find("192.0.2.1", 8, 4789), 5);
	assert_int_equal(find("192.0.2.1", 9, 4789), -DP_DROP_VXLAN_UNKNOWN_PEER);
	assert_int_equal(find("192.0.2.2", 9, 4789), 5);
	assert_int_equal(find("192.0.2.2", 10, 4789), 5);
	assert_int_equal(find("192.0.2.2", 7, 4789), -DP_DROP_VXLAN_UNKNOWN_PEER);
	assert_int_equal(find("192.0.2.3", 7, 4789), -DP_DROP_VXLAN_UNKNOWN_PEER);
	assert_int_equal(find("192.0.2.9", 7, 4789), -DP_DROP_VXLAN_UNKNOWN_PEER);
	assert_int_equal(find("192.0.2.1", 11, 4789), -DP_DROP_VXLAN_UNKNOWN_VNI);
	assert_int_equal(find("192.0.2.1", 0, 4789), -DP_DROP_VXLAN_UNKNOWN_VNI);
}

static void routes_keep_their_slots_and_free_slots_are_none(void **)
{
	struct dp_route_conf v4 = {
	    .remote = ip("192.0.2.1"), .local = ip("192.0.2.9"), .uplink = 3, .mtu = 1500};
	struct dp_route_conf v6 = {
	    .remote = ip("2001:db8::1"), .local = ip("2001:db8::9"), .uplink = 4, .mtu = 9000};
	const struct dp_route_conf *routes[] = {NULL, &v4, NULL, &v6};
	in.routes = routes;
	in.n_routes = ARRAY_SIZE(routes);
	build();
	assert_int_equal(tunnel_find_route(cfg, &v4.remote), 1);
	assert_int_equal(tunnel_find_route(cfg, &v6.remote), 3);
	assert_int_equal(tunnel_find_route(cfg, &v4.local), PKT_NO_SLOT);
	assert_null(tunnel_route(cfg, 0));
	assert_null(tunnel_route(cfg, 4));
	assert_null(tunnel_route(cfg, PKT_NO_SLOT));
	assert_null(tunnel_route(NULL, 0));
	assert_int_equal(tunnel_route(cfg, 3)->uplink, 4);
	assert_int_equal(tunnel_route(cfg, 1)->mtu, 1500);
}

static void locals_are_found_by_address_and_port(void **)
{
	struct dp_local_conf conf[TNL_MAX_LOCALS + 1] = {0};
	const struct dp_local_conf *locals[TNL_MAX_LOCALS + 1];
	for (unsigned int i = 0; i < ARRAY_SIZE(conf); i++) {
		conf[i].addr = ip_from_v4(i + 1);
		conf[i].udp_port = i == 1 ? 8472 : 0;
		locals[i] = &conf[i];
	}
	in.locals = locals;
	in.n_locals = ARRAY_SIZE(locals);
	build();
	assert_int_equal(tunnel_find_local(cfg, &conf[0].addr, 4789), 0);
	assert_int_equal(tunnel_find_local(cfg, &conf[1].addr, 4789), -1);
	assert_int_equal(tunnel_find_local(cfg, &conf[1].addr, 8472), 1);
	assert_true(tunnel_is_local(cfg, &conf[14].addr));
	assert_false(tunnel_is_local(cfg, &conf[15].addr)); // over the limit
	assert_non_null(tunnel_local(cfg, 14));
	assert_null(tunnel_local(cfg, 15));
	assert_null(tunnel_local(NULL, 0));
}

static void an_empty_snapshot_knows_nothing(void **)
{
	build();
	assert_int_equal(find("192.0.2.1", 7, 4789), -DP_DROP_VXLAN_UNKNOWN_VNI);
	struct ip_addr a = ip("192.0.2.1");
	assert_int_equal(tunnel_find_route(cfg, &a), PKT_NO_SLOT);
	assert_false(tunnel_is_local(cfg, &a));
}

static void maps_hold_what_they_were_sized_for(void **)
{
	enum { N = 5000 };
	struct ip_map map;
	struct id_set set;
	assert_int_equal(ip_map_init(&map, N), 0);
	assert_int_equal(id_set_init(&set, N), 0);
	for (uint32_t i = 0; i < N; i++) {
		struct ip_addr a = ip_from_v4(i * 65536);
		assert_int_equal(ip_map_add(&map, &a, i % 3, i), i);
		assert_int_equal(ip_map_add(&map, &a, i % 3, N), i); // is there: stays
		id_set_add(&set, (uint64_t)i << 24 | 1);
		id_set_add(&set, (uint64_t)i << 24 | 1);
	}
	for (uint32_t i = 0; i < N; i++) {
		struct ip_addr a = ip_from_v4(i * 65536);
		assert_int_equal(ip_map_find(&map, &a, i % 3), i);
		assert_int_equal(ip_map_find(&map, &a, 3), IP_MAP_NONE);
		assert_true(id_set_has(&set, (uint64_t)i << 24 | 1));
		assert_false(id_set_has(&set, (uint64_t)i << 24 | 2));
	}
	ip_map_fini(&map);
	id_set_fini(&set);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, reset, reset)
	const struct CMUnitTest tests[] = {
	    TEST(the_most_exact_tunnel_port_wins),
	    TEST(local_addresses_tell_tunnel_ports_apart),
	    TEST(other_udp_ports_are_other_tunnels),
	    TEST(fixed_remote_takes_nothing_from_others),
	    TEST(only_listed_peers_may_send_and_only_their_vnis),
	    TEST(routes_keep_their_slots_and_free_slots_are_none),
	    TEST(locals_are_found_by_address_and_port),
	    TEST(an_empty_snapshot_knows_nothing),
	    TEST(maps_hold_what_they_were_sized_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
