/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks, executed: the compiled rules are run against flow keys by the smallest interpreter that can, so that what is
 * tested is what tenants would see: who is reached, what is answered, why something is dropped.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/base/hash.h"
#include "tests/unit/control/model_fixture.h"

#define NET  API_TABLE_NETWORK
#define PORT API_TABLE_PORT
#define PEER API_TABLE_TUNNEL_PEER

enum { BRIDGE_ID = 255, VXLAN_OFPORT = 65280, MAX_RULES = 2048 };

struct outcome {
	char text[512]; // "vm2", "vm1 vm2 tunnel(10,192.0.2.2)", "reply(02:…)", "drop(spoof_mac)"
	enum dp_drop drop;
};

struct rules {
	const struct dp_op *op[MAX_RULES];
	size_t n;
};

static struct fixture *fx;

static void collect(const struct dp_op *op, uint64_t, void *arg)
{
	struct rules *r = arg;

	if (op->kind == DP_KIND_RULE) {
		assert_true(r->n < MAX_RULES);
		r->op[r->n++] = op;
	}
}

static const struct dp_rule_conf *conf_of(const struct dp_op *op)
{
	return (const struct dp_rule_conf *)(op + 1);
}

static const struct dp_rule_conf *lookup(
    const struct rules *r, unsigned int table, const struct flow_key *k)
{
	const struct dp_rule_conf *best = NULL;

	for (size_t i = 0; i < r->n; i++) {
		const struct dp_rule_conf *c = conf_of(r->op[i]);
		struct flow_match m;
		if (c->bridge != BRIDGE_ID || c->table != table ||
		    (best != NULL && c->priority < best->priority))
			continue;
		assert_true(flow_match_decode((const uint8_t *)(c + 1), c->match_size, &m) > 0);
		if (!flow_match_covers(&m, k))
			continue;
		// Two rules of one priority for one packet would make the outcome a matter of luck.
		if (best != NULL && best->priority == c->priority &&
		    best->goto_table != c->goto_table)
			fail_msg("two rules of table %u, priority %u match", table, c->priority);
		best = c;
	}
	return best;
}

static void say(struct outcome *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct outcome *o, const char *fmt, ...)
{
	size_t n = strlen(o->text);
	va_list args;

	va_start(args, fmt);
	if (n > 0)
		o->text[n++] = ' ';
	vsnprintf(o->text + n, sizeof(o->text) - n, fmt, args);
	va_end(args);
}

static void output(const struct flow_key *k, uint32_t ofport, struct outcome *o)
{
	char ip[IP_STR_SIZE];

	if (ntohl(k->in_port) == ofport)
		return;
	if (ofport == VXLAN_OFPORT) {
		struct ip_addr dst =
		    k->tun_dst != 0 ? ip_from_v4(k->tun_dst) : ip_from_v6(&k->tun6_dst);
		say(o, "tunnel(%u,%s)", (unsigned int)__builtin_bswap64(k->tun_id),
		    ip_format(&dst, ip));
		return;
	}
	const char *name = model_ofport_name(fx->model, BRIDGE_ID, ofport);
	assert_non_null(name);
	say(o, "%s", name);
}

static void run_actions(const void *list, size_t size, struct flow_key *k, struct outcome *o);

static void run_group(uint32_t id, const struct flow_key *k, struct outcome *o)
{
	const struct dp_op *op =
	    model_find(fx->model, DP_KIND_GROUP, (uint64_t)BRIDGE_ID << 32 | id);

	assert_non_null(op);
	const struct dp_group_conf *g = (const struct dp_group_conf *)(op + 1);
	const uint8_t *pos = (const uint8_t *)(g + 1);
	for (uint32_t i = 0; i < g->n_buckets; i++) {
		const struct dp_bucket_conf *b = (const struct dp_bucket_conf *)pos;
		struct flow_key copy = *k;
		run_actions(b + 1, b->actions_size, &copy, o);
		pos += sizeof(*b) + b->actions_size;
	}
	assert_ptr_equal(pos, (const uint8_t *)op + op->size);
}

static void run_actions(const void *list, size_t size, struct flow_key *k, struct outcome *o)
{
	char mac[MAC_STR_SIZE];

	action_foreach (a, list, size) {
		switch (a->type) {
		case DP_ACTION_OUTPUT: output(k, a->output.port, o); break;
		case DP_ACTION_GROUP: run_group(a->group.id, k, o); break;
		case DP_ACTION_SET_FIELD:
			flow_field_set_masked(&flow_fields[a->set_field.field], k,
			    &a->set_field.value, &a->set_field.mask);
			break;
		case DP_ACTION_ARP_REPLY:
		case DP_ACTION_ND_REPLY: say(o, "reply(%s)", mac_format(&a->reply.mac, mac)); break;
		case DP_ACTION_DROP: say(o, "drop(%s)", dp_drops[a->drop.reason].name); return;
		default: fail_msg("networks do not use action %u", a->type);
		}
	}
}

/* What becomes of a packet. */
static const char *run(const struct flow_key *key)
{
	static struct outcome o;
	struct rules r = {0};
	struct flow_key k = *key;
	unsigned int table = 0;

	memset(&o, 0, sizeof(o));
	model_foreach(fx->model, collect, &r);
	for (unsigned int n = 0; n < 20; n++) {
		const struct dp_rule_conf *c = lookup(&r, table, &k);
		if (c == NULL) {
			say(&o, "drop(table_miss)");
			break;
		}
		run_actions((const uint8_t *)(c + 1) + c->match_size, c->apply_size, &k, &o);
		if (c->flags & DP_RULE_F_WRITE_METADATA)
			k.metadata = (k.metadata & ~c->metadata_mask_be) | c->metadata_be;
		if (!(c->flags & DP_RULE_F_GOTO))
			break;
		assert_true(c->goto_table > table);
		table = c->goto_table;
	}
	if (o.text[0] == '\0')
		say(&o, "nothing");
	return o.text;
}

static struct mac_addr mac(const char *s)
{
	struct mac_addr m;

	assert_int_equal(mac_parse(s, &m), 0);
	return m;
}

static uint32_t ip4(const char *s)
{
	struct ip_addr a;

	assert_int_equal(ip_parse(s, &a), 0);
	return ip_v4_be(&a);
}

static struct ip6_addr ip6(const char *s)
{
	struct ip_addr a;

	assert_int_equal(ip_parse(s, &a), 0);
	return a.a;
}

static struct flow_key eth(const char *port, const char *src, const char *dst, uint16_t type)
{
	struct flow_key k = {.eth_src = mac(src), .eth_dst = mac(dst), .eth_type = htons(type)};
	const struct api_object *o = fx_find(fx, PORT, port);

	assert_non_null(o);
	k.in_port = htonl((uint32_t)json_integer_value(json_object_get(o->data, "ofport")));
	return k;
}

static struct flow_key udp4(
    const char *port, const char *src_mac, const char *dst_mac, const char *src, const char *dst)
{
	struct flow_key k = eth(port, src_mac, dst_mac, 0x0800);

	k.ip4_src = ip4(src);
	k.ip4_dst = ip4(dst);
	k.ip_proto = 17;
	k.ip_ttl = 64;
	k.tp_src = htons(1000);
	k.tp_dst = htons(2000);
	return k;
}

static struct flow_key arp(const char *port, const char *src_mac, const char *dst_mac, int op,
    const char *sha, const char *spa, const char *tpa)
{
	struct flow_key k = eth(port, src_mac, dst_mac, 0x0806);

	k.arp_op = htons((uint16_t)op);
	k.arp_sha = mac(sha);
	k.arp_spa = ip4(spa);
	k.arp_tpa = ip4(tpa);
	return k;
}

/* sll or tll NULL: no option. */
static struct flow_key nd(const char *port, const char *src_mac, int type, const char *src,
    const char *target, const char *lla)
{
	struct flow_key k = eth(port, src_mac, "33:33:ff:00:00:01", 0x86dd);

	k.ip6_src = ip6(src);
	k.ip6_dst = ip6("ff02::1:ff00:1");
	k.ip_proto = 58;
	k.icmp_type = (uint8_t)type;
	k.nd_target = ip6(target);
	if (lla != NULL)
		*(type == 135 ? &k.nd_sll : &k.nd_tll) = mac(lla);
	return k;
}

static struct flow_key from_tunnel(struct flow_key k, uint32_t vni)
{
	k.in_port = htonl(VXLAN_OFPORT);
	k.tun_id = __builtin_bswap64(vni);
	k.tun_src = ip4("192.0.2.2");
	return k;
}

#define M1    "02:00:00:00:00:01"
#define M2    "02:00:00:00:00:02"
#define M3    "02:00:00:00:00:03"
#define M9    "02:00:00:00:00:09"
#define BCAST "ff:ff:ff:ff:ff:ff"

#define expect(k, text)                                    \
	do {                                               \
		struct flow_key expect_k = (k);            \
		assert_string_equal(run(&expect_k), text); \
	} while (0)

/* Two tenants with the same addresses; blue is also on h2 and h3, red on h2. */
static int setup(void **state)
{
	fx = calloc(1, sizeof(*fx));
	*state = fx;
	fx_init(fx);
	fx_put(fx, NET, "blue", "{'vni':10}");
	fx_put(fx, NET, "red", "{'vni':11}");
	fx_put(fx, PEER, "h2", "{'remote_ip':'192.0.2.2','networks':['blue','red']}");
	fx_put(fx, PEER, "h3", "{'remote_ip':'2001:db8::3','networks':['blue']}");
	fx_put(fx, PORT, "b1",
	    "{'network':'blue','mac':'" M1 "','addresses':['10.0.0.1','2001:db8:1::1']}");
	fx_put(fx, PORT, "b2",
	    "{'network':'blue','mac':'" M2
	    "','addresses':['10.0.0.2','2001:db8:1::2','10.9.0.0/16']}");
	fx_put(fx, PORT, "b9",
	    "{'kind':'remote','network':'blue','peer':'h2','mac':'" M9
	    "','addresses':['10.0.0.9']}");
	fx_put(fx, PORT, "r1", "{'network':'red','mac':'" M1 "','addresses':['10.0.0.1']}");
	fx_put(fx, PORT, "r2",
	    "{'network':'red','mac':'" M2 "','addresses':['10.0.0.2'],'security':false}");
	assert_true(fx_commit(fx));
	return 0;
}

static int teardown(void **)
{
	fx_fini(fx);
	free(fx);
	return 0;
}

static void unicast_reaches_the_port_of_the_own_tenant_only(void **)
{
	expect(udp4("b1", M1, M2, "10.0.0.1", "10.0.0.2"), "b2");
	expect(udp4("r1", M1, M2, "10.0.0.1", "10.0.0.2"), "r2");
	expect(udp4("b1", M1, M9, "10.0.0.1", "10.0.0.9"), "tunnel(10,192.0.2.2)");
	expect(udp4("r1", M1, M9, "10.0.0.1", "10.0.0.9"), "drop(unknown_unicast)");
	expect(udp4("b1", M1, M3, "10.0.0.1", "10.0.0.2"), "drop(unknown_unicast)");
}

static void broadcast_goes_to_local_ports_and_peers_of_the_network(void **)
{
	expect(udp4("b1", M1, BCAST, "10.0.0.1", "10.0.0.255"),
	    "b2 tunnel(10,192.0.2.2) tunnel(10,2001:db8::3)");
	expect(udp4("r2", M2, BCAST, "10.0.0.2", "10.0.0.255"), "r1 tunnel(11,192.0.2.2)");
}

static void tunnel_packets_stay_on_this_host_and_in_their_network(void **)
{
	expect(from_tunnel(udp4("b1", M9, M1, "10.0.0.9", "10.0.0.1"), 10), "b1");
	expect(from_tunnel(udp4("b1", M9, M1, "10.0.0.9", "10.0.0.1"), 11), "r1");
	expect(from_tunnel(udp4("b1", M9, BCAST, "10.0.0.9", "10.0.0.255"), 10), "b1 b2");
	expect(from_tunnel(udp4("b1", M1, M9, "10.0.0.1", "10.0.0.9"), 10),
	    "drop(unknown_unicast)"); // split horizon
	expect(from_tunnel(udp4("b1", M9, M1, "10.0.0.9", "10.0.0.1"), 12), "drop(table_miss)");
}

static void spoofed_sources_are_dropped_with_their_reason(void **)
{
	expect(udp4("b1", M2, M9, "10.0.0.1", "10.0.0.9"), "drop(spoof_mac)");
	expect(udp4("b1", M1, M2, "10.0.0.2", "10.0.0.2"), "drop(spoof_ip)");
	expect(udp4("b1", M1, M2, "0.0.0.0", "10.0.0.2"), "drop(spoof_ip)");
	expect(udp4("b2", M2, M1, "10.9.3.4", "10.0.0.1"), "b1"); // inside its prefix
	expect(udp4("b2", M2, M1, "10.8.3.4", "10.0.0.1"), "drop(spoof_ip)");
	expect(arp("b1", M1, BCAST, 1, M2, "10.0.0.1", "10.0.0.2"), "drop(spoof_arp)");
	expect(arp("b1", M1, BCAST, 1, M1, "10.0.0.2", "10.0.0.2"), "drop(spoof_arp)");
	expect(arp("b1", M1, M2, 2, M1, "10.0.0.2", "10.0.0.2"), "drop(spoof_arp)");
	expect(arp("b1", M1, M2, 2, M1, "0.0.0.0", "10.0.0.2"), "drop(spoof_arp)");
	expect(eth("b1", M1, BCAST, 0x8035), "drop(spoof_arp)");
	expect(nd("b1", M1, 135, "2001:db8:1::2", "2001:db8:1::2", M1), "drop(spoof_ip)");
	expect(nd("b1", M1, 135, "2001:db8:1::1", "2001:db8:1::2", M2), "drop(spoof_nd)");
	expect(nd("b1", M1, 136, "2001:db8:1::1", "2001:db8:1::2", M1), "drop(spoof_nd)");
	expect(nd("b1", M1, 136, "2001:db8:1::1", "2001:db8:1::1", M2), "drop(spoof_nd)");
	expect(nd("b1", M1, 135, "::", "2001:db8:1::2", NULL), "drop(spoof_nd)");
	expect(nd("b1", M1, 135, "::", "2001:db8:1::1", M1), "drop(spoof_nd)");
}

static void own_neighbour_advertisements_pass(void **)
{
	expect(nd("b1", M1, 136, "2001:db8:1::1", "2001:db8:1::1", M1),
	    "b2 tunnel(10,192.0.2.2) tunnel(10,2001:db8::3)");
	expect(nd("b1", M1, 136, "fe80::ff:fe00:1", "fe80::ff:fe00:1", NULL),
	    "b2 tunnel(10,192.0.2.2) tunnel(10,2001:db8::3)");
}

static void a_port_without_security_may_use_any_address_in_its_network(void **)
{
	expect(udp4("r2", M3, M1, "10.77.0.1", "10.0.0.1"), "r1");
	expect(arp("r2", M3, M1, 2, M3, "10.77.0.1", "10.0.0.1"), "r1");
}

static void servers_and_routers_of_guests_are_refused(void **)
{
	struct flow_key k = udp4("b1", M1, BCAST, "10.0.0.1", "255.255.255.255");

	k.tp_src = htons(67);
	k.tp_dst = htons(68);
	expect(k, "drop(rogue_server)");
	expect(nd("b1", M1, 134, "fe80::ff:fe00:1", "::", NULL), "drop(rogue_server)");
	k = nd("b1", M1, 0, "fe80::ff:fe00:1", "::", NULL);
	k.ip_proto = 17;
	k.tp_src = htons(547);
	expect(k, "drop(rogue_server)");
}

static void a_dhcp_client_may_ask(void **)
{
	struct flow_key k = udp4("b1", M1, BCAST, "0.0.0.0", "255.255.255.255");

	k.tp_src = htons(68);
	k.tp_dst = htons(67);
	expect(k, "b2 tunnel(10,192.0.2.2) tunnel(10,2001:db8::3)");
	k.tp_dst = htons(53);
	expect(k, "drop(spoof_ip)");
}

static void known_addresses_are_answered_within_the_network(void **)
{
	expect(arp("b1", M1, BCAST, 1, M1, "10.0.0.1", "10.0.0.2"), "reply(" M2 ")");
	expect(arp("b1", M1, BCAST, 1, M1, "10.0.0.1", "10.0.0.9"), "reply(" M9 ")");
	expect(arp("r1", M1, BCAST, 1, M1, "10.0.0.1", "10.0.0.9"), "drop(responder)");
	expect(arp("b1", M1, BCAST, 1, M1, "10.0.0.1", "10.0.0.77"), "drop(responder)");
	expect(arp("b1", M1, BCAST, 1, M1, "10.0.0.1", "10.9.0.1"),
	    "drop(responder)"); // of a range nothing is known
	expect(
	    arp("b1", M1, M2, 1, M1, "10.0.0.1", "10.9.0.1"), "b2"); // but its owner may be asked
	expect(nd("b1", M1, 135, "2001:db8:1::1", "2001:db8:1::2", M1), "reply(" M2 ")");
	expect(nd("b1", M1, 135, "fe80::ff:fe00:1", "fe80::ff:fe00:2", M1), "reply(" M2 ")");
	expect(nd("b1", M1, 135, "2001:db8:1::1", "2001:db8:1::77", M1), "drop(responder)");
}

static void nobody_is_told_that_his_own_address_is_taken(void **)
{
	expect(arp("b1", M1, BCAST, 1, M1, "10.0.0.1", "10.0.0.1"),
	    "drop(arp_nd_self)"); // announcement
	expect(arp("b1", M1, BCAST, 1, M1, "0.0.0.0", "10.0.0.1"), "drop(arp_nd_self)"); // probe
	expect(arp("b1", M1, BCAST, 1, M1, "0.0.0.0", "10.0.0.2"),
	    "reply(" M2 ")"); // another's: a conflict
	expect(nd("b1", M1, 135, "::", "2001:db8:1::1", NULL), "drop(arp_nd_self)");
	expect(nd("b1", M1, 135, "::", "fe80::ff:fe00:1", NULL), "drop(arp_nd_self)");
}

static void policies_flood_when_asked_to(void **)
{
	fx_must(fx, NET, "blue", "{'vni':10,'unknown_unicast':'flood','unknown_arp':'flood'}");
	expect(udp4("b1", M1, M3, "10.0.0.1", "10.0.0.3"),
	    "b2 tunnel(10,192.0.2.2) tunnel(10,2001:db8::3)");
	expect(from_tunnel(udp4("b1", M9, M3, "10.0.0.9", "10.0.0.3"), 10), "b1 b2");
	expect(arp("b1", M1, BCAST, 1, M1, "10.0.0.1", "10.0.0.77"),
	    "b2 tunnel(10,192.0.2.2) tunnel(10,2001:db8::3)");
	expect(arp("b1", M1, BCAST, 1, M1, "10.0.0.1", "10.0.0.2"), "reply(" M2 ")");
	expect(udp4("r1", M1, M3, "10.0.0.1", "10.0.0.3"), "drop(unknown_unicast)");
	fx_must(fx, NET, "blue", "{'vni':10,'arp_suppress':false}");
	expect(arp("b1", M1, BCAST, 1, M1, "10.0.0.1", "10.0.0.2"),
	    "b2 tunnel(10,192.0.2.2) tunnel(10,2001:db8::3)");
}

static void a_moved_port_is_found_at_its_new_place(void **)
{
	fx_must(fx, PORT, "b9",
	    "{'kind':'remote','network':'blue','peer':'h3','mac':'" M9
	    "','addresses':['10.0.0.9']}");
	expect(udp4("b1", M1, M9, "10.0.0.1", "10.0.0.9"), "tunnel(10,2001:db8::3)");
	fx_must(fx, PEER, "h3", "{'remote_ip':'192.0.2.33','networks':['blue']}");
	expect(udp4("b1", M1, M9, "10.0.0.1", "10.0.0.9"), "tunnel(10,192.0.2.33)");
	fx_must(fx, NET, "blue", "{'vni':99}");
	expect(udp4("b1", M1, M9, "10.0.0.1", "10.0.0.9"), "tunnel(99,192.0.2.33)");
	fx_del(fx, PORT, "b9");
	assert_true(fx_commit(fx));
	expect(udp4("b1", M1, M9, "10.0.0.1", "10.0.0.9"), "drop(unknown_unicast)");
}

static void peers_may_send_the_networks_they_list_and_those_of_ports_behind_them(void **)
{
	struct ip_addr h3;
	const struct dp_op *op;

	fx_must(fx, PORT, "r9", "{'kind':'remote','network':'red','peer':'h3','mac':'" M9 "'}");
	assert_int_equal(ip_parse("2001:db8::3", &h3), 0);
	op = model_find(fx->model, DP_KIND_PEER, hash_stable(&h3, sizeof(h3)));
	assert_non_null(op);
	const struct dp_peer_conf *conf = (const struct dp_peer_conf *)(op + 1);
	const uint32_t *vnis = (const uint32_t *)(conf + 1);
	assert_int_equal(conf->n_vnis, 2);
	assert_int_equal(vnis[0], 10);
	assert_int_equal(vnis[1], 11);
	expect(udp4("r1", M1, BCAST, "10.0.0.1", "10.0.0.255"),
	    "r2 tunnel(11,192.0.2.2) tunnel(11,2001:db8::3)");
}

static void put_peer(unsigned int i, const char *networks)
{
	char name[16], json[128];

	snprintf(name, sizeof(name), "p%u", i);
	snprintf(json, sizeof(json), "{'remote_ip':'198.18.%u.%u','networks':%s}", i / 250,
	    i % 250 + 1, networks);
	fx_put(fx, PEER, name, json);
}

/* A flood group has a bucket for each peer, and one for the ports here. */
static void a_network_floods_to_as_many_peers_as_a_group_takes(void **)
{
	enum { MAX = DP_MAX_BUCKETS - 1 };

	fx_must(fx, NET, "wide", "{'vni':77}");
	for (unsigned int i = 0; i < MAX - 1; i++)
		put_peer(i, "['wide']");
	put_peer(MAX - 1, "[]");
	put_peer(MAX, "[]");
	assert_true(fx_commit(fx));
	// A remote port brings its peer along.
	fx_must(
	    fx, PORT, "far1", "{'kind':'remote','network':'wide','peer':'p1022','mac':'" M9 "'}");
	const struct dp_op *op =
	    model_find(fx->model, DP_KIND_GROUP, (uint64_t)BRIDGE_ID << 32 | 77);
	assert_non_null(op);
	assert_int_equal(((const struct dp_group_conf *)(op + 1))->n_buckets, DP_MAX_BUCKETS);

	fx_refused(fx, PORT, "far2",
	    "{'kind':'remote','network':'wide','peer':'p1023','mac':'02:00:00:00:77:02'}",
	    ERR_TABLE_FULL, "/peer");
	fx_refused(fx, PEER, "p1023", "{'remote_ip':'198.18.200.1','networks':['wide']}",
	    ERR_TABLE_FULL, "/networks/0");
	// Another port behind a peer that is there already needs no bucket.
	fx_must(fx, PORT, "far3",
	    "{'kind':'remote','network':'wide','peer':'p1022','mac':'02:00:00:00:77:03'}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(unicast_reaches_the_port_of_the_own_tenant_only),
	    T(broadcast_goes_to_local_ports_and_peers_of_the_network),
	    T(tunnel_packets_stay_on_this_host_and_in_their_network),
	    T(spoofed_sources_are_dropped_with_their_reason),
	    T(own_neighbour_advertisements_pass),
	    T(a_port_without_security_may_use_any_address_in_its_network),
	    T(servers_and_routers_of_guests_are_refused),
	    T(a_dhcp_client_may_ask),
	    T(known_addresses_are_answered_within_the_network),
	    T(nobody_is_told_that_his_own_address_is_taken),
	    T(policies_flood_when_asked_to),
	    T(a_moved_port_is_found_at_its_new_place),
	    T(peers_may_send_the_networks_they_list_and_those_of_ports_behind_them),
	    T(a_network_floods_to_as_many_peers_as_a_group_takes),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
