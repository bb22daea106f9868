/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of one port of a network: who it may claim to be, what is answered for it, where its MAC is. */
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "control/vnet/vnet.h"

enum { ICMP6_NS = 135, ICMP6_NA = 136 };

static const struct ip6_addr any6;

static void compile_ingress(const struct port_conf *port, uint32_t vni, struct rule_draft *r);
static void compile_arp_source(
    const struct port_conf *port, const struct prefix *a, struct rule_draft *r);
static void compile_nd(const struct port_conf *port, const struct prefix *a, struct rule_draft *r);
static void compile_answers(
    const struct port_conf *port, uint32_t vni, const struct prefix *a, struct rule_draft *r);
static void compile_location(
    const struct model *m, const struct port_conf *port, uint32_t vni, struct rule_draft *r);

static struct prefix link_local(const struct port_conf *port)
{
	struct ip6_addr a = ip6_link_local(&port->mac);

	return (struct prefix){.addr = ip_from_v6(&a), .len = 128};
}

void net_port_compile(const struct model *m, const struct entity *e, struct unit *u)
{
	const struct port_conf *port = &e->port;
	const struct network_conf *net =
	    &model_entity(m, API_TABLE_NETWORK, port->network)->network;
	struct prefix ll = link_local(port);
	struct rule_draft r;

	rule_init(&r, u);
	compile_location(m, port, net->vni, &r);
	if (port->kind != PK_REMOTE)
		compile_ingress(port, net->vni, &r);
	// The link-local address that the guest makes from its MAC is not listed: it is one more, unless it is.
	bool ll_listed = false;
	for (size_t i = 0; i <= port->n_addrs; i++) {
		const struct prefix *a = i < port->n_addrs ? &port->addrs[i] : &ll;
		ll_listed |= i < port->n_addrs && a->len == ll.len && ip_equal(&a->addr, &ll.addr);
		if (i == port->n_addrs && ll_listed)
			break;
		if (port->kind != PK_REMOTE && port->security) {
			compile_arp_source(port, a, &r);
			compile_nd(port, a, &r);
		}
		if (net->arp_suppress)
			compile_answers(port, net->vni, a, &r);
	}
	rule_fini(&r);
}

static void start(struct rule_draft *r, enum net_table table, uint16_t priority)
{
	rule_start(r, NET_BRIDGE_ID, (uint8_t)table, priority);
}

static void pass(struct rule_draft *r, enum net_table next)
{
	rule_goto(r, (uint8_t)next);
	rule_emit(r);
}

static void match_icmp6(struct rule_draft *r, uint8_t type)
{
	rule_match(r, FIELD_ETH_TYPE, ETH_P_IPV6);
	rule_match(r, FIELD_IP_PROTO, IPPROTO_ICMPV6);
	rule_match(r, FIELD_ICMPV6_TYPE, type);
}

static void compile_ingress(const struct port_conf *port, uint32_t vni, struct rule_draft *r)
{
	start(r, NET_INGRESS, 100);
	rule_match(r, FIELD_IN_PORT, port->ofport);
	rule_metadata(r, vni);
	pass(r, port->security ? NET_MAC : NET_RESPONDER);
	if (!port->security)
		return;

	start(r, NET_MAC, 10);
	rule_match(r, FIELD_IN_PORT, port->ofport);
	rule_match_mac(r, FIELD_ETH_SRC, &port->mac);
	pass(r, NET_ADDRESS);

	// ARP probe (RFC 5227 2.1.1): no sender address yet.
	start(r, NET_ADDRESS, 50);
	rule_match(r, FIELD_IN_PORT, port->ofport);
	rule_match(r, FIELD_ETH_TYPE, ETH_P_ARP);
	rule_match(r, FIELD_ARP_OP, 1);
	rule_match(r, FIELD_ARP_SPA, 0);
	rule_match_mac(r, FIELD_ARP_SHA, &port->mac);
	pass(r, NET_ND);

	// A solicitation's source was checked as an IPv6 source; here, the link-layer option: its own, or none.
	for (int with_option = 0; with_option < 2; with_option++) {
		start(r, NET_ND, 30);
		rule_match(r, FIELD_IN_PORT, port->ofport);
		match_icmp6(r, ICMP6_NS);
		rule_match(r, FIELD_ND_SLL, with_option ? mac_to_u64(&port->mac) : 0);
		pass(r, NET_RESPONDER);
	}
}

static void compile_arp_source(
    const struct port_conf *port, const struct prefix *a, struct rule_draft *r)
{
	bool v4 = ip_is_v4(&a->addr);

	start(r, NET_ADDRESS, 50);
	rule_match(r, FIELD_IN_PORT, port->ofport);
	rule_match(r, FIELD_ETH_TYPE, v4 ? ETH_P_IP : ETH_P_IPV6);
	rule_match_ip(r, FIELD_IPV4_SRC, FIELD_IPV6_SRC, &a->addr, a->len);
	pass(r, NET_ND);
	if (!v4)
		return;
	start(r, NET_ADDRESS, 50);
	rule_match(r, FIELD_IN_PORT, port->ofport);
	rule_match(r, FIELD_ETH_TYPE, ETH_P_ARP);
	rule_match_ip(r, FIELD_ARP_SPA, FIELD__COUNT, &a->addr, a->len);
	rule_match_mac(r, FIELD_ARP_SHA, &port->mac);
	pass(r, NET_ND);
}

static void compile_nd(const struct port_conf *port, const struct prefix *a, struct rule_draft *r)
{
	if (ip_is_v4(&a->addr))
		return;
	// Duplicate address detection (RFC 4862 5.4.2): for its own addresses only, without option.
	start(r, NET_ND, 40);
	rule_match(r, FIELD_IN_PORT, port->ofport);
	match_icmp6(r, ICMP6_NS);
	rule_match_ip6(r, FIELD_IPV6_SRC, &any6, 128);
	rule_match_ip6(r, FIELD_ND_TARGET, &a->addr.a, a->len);
	rule_match(r, FIELD_ND_SLL, 0);
	pass(r, NET_RESPONDER);

	for (int with_option = 0; with_option < 2; with_option++) {
		start(r, NET_ND, 30);
		rule_match(r, FIELD_IN_PORT, port->ofport);
		match_icmp6(r, ICMP6_NA);
		rule_match_ip6(r, FIELD_ND_TARGET, &a->addr.a, a->len);
		rule_match(r, FIELD_ND_TLL, with_option ? mac_to_u64(&port->mac) : 0);
		pass(r, NET_RESPONDER);
	}
}

static void match_request(struct rule_draft *r, const struct prefix *a)
{
	if (ip_is_v4(&a->addr)) {
		rule_match(r, FIELD_ETH_TYPE, ETH_P_ARP);
		rule_match(r, FIELD_ARP_OP, 1);
		rule_match_ip(r, FIELD_ARP_TPA, FIELD__COUNT, &a->addr, 32);
		return;
	}
	match_icmp6(r, ICMP6_NS);
	rule_match_ip6(r, FIELD_ND_TARGET, &a->addr.a, 128);
}

/* Who asks for its own address tests whether another has it: an answer would take the address from it. */
static void compile_answers(
    const struct port_conf *port, uint32_t vni, const struct prefix *a, struct rule_draft *r)
{
	bool v4 = ip_is_v4(&a->addr);

	if (a->len != (v4 ? 32 : 128))
		return; // of a range nobody knows which addresses are there
	start(r, NET_RESPONDER, 50);
	rule_match(r, FIELD_METADATA, vni);
	match_request(r, a);
	rule_reply(r, v4 ? DP_ACTION_ARP_REPLY : DP_ACTION_ND_REPLY, &port->mac);
	rule_emit(r);
	if (port->kind == PK_REMOTE)
		return;
	start(r, NET_RESPONDER, 60);
	rule_match(r, FIELD_IN_PORT, port->ofport);
	rule_match(r, FIELD_METADATA, vni);
	match_request(r, a);
	rule_drop(r, DP_DROP_ARP_ND_SELF);
	rule_emit(r);
}

static void compile_location(
    const struct model *m, const struct port_conf *port, uint32_t vni, struct rule_draft *r)
{
	bool remote = port->kind == PK_REMOTE;

	start(r, remote ? NET_REMOTE : NET_LOCAL, 20);
	rule_match(r, FIELD_METADATA, vni);
	rule_match_mac(r, FIELD_ETH_DST, &port->mac);
	if (remote) {
		rule_set(r, FIELD_TUN_ID, vni);
		rule_set_tun_dst(
		    r, &model_entity(m, API_TABLE_TUNNEL_PEER, port->peer)->peer.remote);
	}
	rule_output(r, remote ? NET_VXLAN_OFPORT : port->ofport);
	rule_emit(r);
}
