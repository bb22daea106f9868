/* SPDX-License-Identifier: Apache-2.0 */
/* What all networks share: the bridge, the tunnel port, and the rules that name no port or network. */
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>

#include "control/vnet/vnet.h"

enum {
	ICMP6_RS = 133,
	ICMP6_RA = 134,
	ICMP6_NS = 135,
	ICMP6_NA = 136,
	ICMP6_REDIRECT = 137,
	ICMP6_MLD2 = 143
};

static const struct ip6_addr any6;

static void start(struct rule_draft *r, enum net_table table, uint16_t priority)
{
	rule_start(r, NET_BRIDGE_ID, (uint8_t)table, priority);
}

static void pass(struct rule_draft *r, enum net_table next)
{
	rule_goto(r, (uint8_t)next);
	rule_emit(r);
}

static void refuse(struct rule_draft *r, enum dp_drop reason)
{
	rule_drop(r, reason);
	rule_emit(r);
}

static void match_udp_src(struct rule_draft *r, uint16_t eth_type, uint16_t port)
{
	rule_match(r, FIELD_ETH_TYPE, eth_type);
	rule_match(r, FIELD_IP_PROTO, IPPROTO_UDP);
	rule_match(r, FIELD_UDP_SRC, port);
}

static void match_icmp6(struct rule_draft *r, uint8_t type)
{
	rule_match(r, FIELD_ETH_TYPE, ETH_P_IPV6);
	rule_match(r, FIELD_IP_PROTO, IPPROTO_ICMPV6);
	rule_match(r, FIELD_ICMPV6_TYPE, type);
}

/* Services that only the network gives (RFC 2131, 3315, 6105). */
static void refuse_servers(struct rule_draft *r)
{
	start(r, NET_ADDRESS, 200);
	match_udp_src(r, ETH_P_IP, 67);
	refuse(r, DP_DROP_ROGUE_SERVER);
	start(r, NET_ADDRESS, 200);
	match_udp_src(r, ETH_P_IPV6, 547);
	refuse(r, DP_DROP_ROGUE_SERVER);
	start(r, NET_ADDRESS, 200);
	match_icmp6(r, ICMP6_RA);
	refuse(r, DP_DROP_ROGUE_SERVER);
	start(r, NET_ADDRESS, 200);
	match_icmp6(r, ICMP6_REDIRECT);
	refuse(r, DP_DROP_ROGUE_SERVER);
}

/* Before a guest has an address: DHCP, and what RFC 4861 4.1, 4862 5.4 and 3590 send from the unspecified address. */
static void pass_unaddressed(struct rule_draft *r)
{
	static const uint8_t types[] = {ICMP6_RS, ICMP6_NS, ICMP6_MLD2};

	start(r, NET_ADDRESS, 60);
	match_udp_src(r, ETH_P_IP, 68);
	rule_match(r, FIELD_UDP_DST, 67);
	rule_match(r, FIELD_IPV4_SRC, 0);
	rule_match(r, FIELD_IPV4_DST, UINT32_MAX);
	pass(r, NET_ND);
	for (size_t i = 0; i < sizeof(types); i++) {
		start(r, NET_ADDRESS, 60);
		match_icmp6(r, types[i]);
		rule_match_ip6(r, FIELD_IPV6_SRC, &any6, 128);
		pass(r, NET_ND);
	}
}

/* What no port's rule let pass. */
static void refuse_rest(struct rule_draft *r)
{
	start(r, NET_MAC, 0);
	refuse(r, DP_DROP_SPOOF_MAC);
	start(r, NET_ADDRESS, 10);
	rule_match(r, FIELD_ETH_TYPE, ETH_P_IP);
	refuse(r, DP_DROP_SPOOF_IP);
	start(r, NET_ADDRESS, 10);
	rule_match(r, FIELD_ETH_TYPE, ETH_P_IPV6);
	refuse(r, DP_DROP_SPOOF_IP);
	start(r, NET_ADDRESS, 10);
	rule_match(r, FIELD_ETH_TYPE, ETH_P_ARP);
	refuse(r, DP_DROP_SPOOF_ARP);
	start(r, NET_ADDRESS, 10);
	rule_match(r, FIELD_ETH_TYPE, ETH_P_RARP);
	refuse(r, DP_DROP_SPOOF_ARP);
	start(r, NET_ADDRESS, 0);
	pass(r, NET_ND);

	start(r, NET_ND, 35);
	match_icmp6(r, ICMP6_NS);
	rule_match_ip6(r, FIELD_IPV6_SRC, &any6, 128);
	refuse(r, DP_DROP_SPOOF_ND);
	start(r, NET_ND, 20);
	match_icmp6(r, ICMP6_NS);
	refuse(r, DP_DROP_SPOOF_ND);
	start(r, NET_ND, 20);
	match_icmp6(r, ICMP6_NA);
	refuse(r, DP_DROP_SPOOF_ND);
	start(r, NET_ND, 0);
	pass(r, NET_RESPONDER);
}

static void emit_bridge(struct unit *u)
{
	struct dp_bridge_conf conf = {0};

	snprintf(conf.name, sizeof(conf.name), "%s", NET_BRIDGE_NAME);
	unit_emit(u, DP_KIND_BRIDGE, NET_BRIDGE_ID, &conf, sizeof(conf));
}

static void emit_tunnel_port(struct unit *u)
{
	struct dp_port_conf conf = {
	    .bridge = NET_BRIDGE_ID,
	    .ofport = NET_VXLAN_OFPORT,
	    .flags = DP_PORT_F_REMOTE_FLOW | DP_PORT_F_VNI_FLOW | DP_PORT_F_PEERS_ONLY,
	    .kind = DP_PORT_VXLAN,
	    .mtu = DP_MAX_MTU, // of the path, not of the port: routes know it
	    .n_queues = 1,
	};

	snprintf(conf.name, sizeof(conf.name), "%s", NET_VXLAN_NAME);
	unit_emit(u, DP_KIND_PORT, NET_VXLAN_PORT_ID, &conf, sizeof(conf));
}

void net_global_compile(const struct model *m, struct unit *u)
{
	bool has_networks = m->n_entities[API_TABLE_NETWORK] > 0,
	     has_peers = m->n_entities[API_TABLE_TUNNEL_PEER] > 0;

	if (has_networks || has_peers)
		emit_bridge(u);
	if (has_peers)
		emit_tunnel_port(u);
	if (!has_networks)
		return;

	struct rule_draft r;
	rule_init(&r, u);
	refuse_servers(&r);
	pass_unaddressed(&r);
	refuse_rest(&r);
	start(&r, NET_RESPONDER, 0);
	pass(&r, NET_REMOTE);
	start(&r, NET_REMOTE, 0);
	pass(&r, NET_LOCAL);
	start(&r, NET_LOCAL, 0);
	refuse(&r, DP_DROP_UNKNOWN_UNICAST);
	rule_fini(&r);
}
