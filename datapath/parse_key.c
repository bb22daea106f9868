/* SPDX-License-Identifier: Apache-2.0 */
/* Session key and packet → the flow key that rules match on. The miss path: clear before fast. */
#include "datapath/parse.h"

#include "datapath/csum.h"
#include "datapath/parse_priv.h"

static void add_tunnel(const struct parse_tunnel *tunnel, struct flow_key *ret);
static void add_l2(const struct session_key *key, struct flow_key *ret);
static void add_arp(const uint8_t *arp, struct flow_key *ret);
static void add_ip(const struct session_key *key, struct flow_key *ret);
static void add_nd(struct rte_mbuf *m, struct flow_key *ret);
static bool has_neighbour(const struct pkt *pkt, const struct flow_key *k);

void parse_flow_key(struct rte_mbuf *m, const struct session_key *key, uint32_t ofport,
    const struct parse_tunnel *tunnel, struct flow_key *ret)
{
	const struct pkt *pkt = pkt_of(m);

	*ret = (struct flow_key){.in_port = rte_cpu_to_be_32(ofport)};
	if (tunnel != NULL)
		add_tunnel(tunnel, ret);
	add_l2(key, ret);
	switch (key->eth_type) {
	case RTE_BE16(ETH_TYPE_ARP):
		add_arp(rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l3_ofs), ret);
		break;
	case RTE_BE16(ETH_TYPE_IP4):
	case RTE_BE16(ETH_TYPE_IP6): add_ip(key, ret); break;
	default: break;
	}
	if (has_neighbour(pkt, ret))
		add_nd(m, ret);
}

static void add_tunnel(const struct parse_tunnel *tunnel, struct flow_key *ret)
{
	ret->tun_id = rte_cpu_to_be_64(tunnel->tun_id);
	ret->tun_tos = tunnel->tos;
	ret->tun_ttl = tunnel->ttl;
	if (ip_is_v4(&tunnel->src))
		ret->tun_src = ip_v4_be(&tunnel->src);
	else
		ret->tun6_src = tunnel->src.a;
	if (ip_is_v4(&tunnel->dst))
		ret->tun_dst = ip_v4_be(&tunnel->dst);
	else
		ret->tun6_dst = tunnel->dst.a;
}

static void add_l2(const struct session_key *key, struct flow_key *ret)
{
	ret->eth_dst = key->eth_dst;
	ret->eth_src = key->eth_src;
	ret->eth_type = key->eth_type;
	for (unsigned int i = 0; i < PKT_MAX_VLANS; i++) {
		if (key->vlan_tci[i] == 0)
			break;
		bool is_qinq = (key->ip_frag_tpid & (4 << i)) != 0;
		ret->vlan_tci[i] = key->vlan_tci[i];
		ret->vlan_tpid[i] = is_qinq ? RTE_BE16(ETH_TYPE_QINQ) : RTE_BE16(ETH_TYPE_VLAN);
	}
}

static void add_arp(const uint8_t *arp, struct flow_key *ret)
{
	ret->arp_op = load16(arp + 6);
	memcpy(&ret->arp_sha, arp + 8, sizeof(ret->arp_sha));
	memcpy(&ret->arp_spa, arp + 14, sizeof(ret->arp_spa));
	memcpy(&ret->arp_tha, arp + 18, sizeof(ret->arp_tha));
	memcpy(&ret->arp_tpa, arp + 24, sizeof(ret->arp_tpa));
}

static void add_ip(const struct session_key *key, struct flow_key *ret)
{
	ret->ip_proto = key->ip_proto;
	ret->ip_tos = key->ip_tos;
	ret->ip_ttl = key->ip_ttl;
	ret->ip_frag = key->ip_frag_tpid & (FLOW_FRAG_ANY | FLOW_FRAG_LATER);
	bool is_v4 = key->eth_type == RTE_BE16(ETH_TYPE_IP4);
	if (is_v4) {
		ret->ip4_src = key->ip4_src;
		ret->ip4_dst = key->ip4_dst;
	} else {
		ret->ip6_src = key->ip6_src;
		ret->ip6_dst = key->ip6_dst;
		ret->ip6_label = key->ip6_label;
	}
	if (key->ip_proto == (is_v4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6)) {
		ret->icmp_type = (uint8_t)rte_be_to_cpu_16(key->tp_src);
		ret->icmp_code = (uint8_t)rte_be_to_cpu_16(key->tp_dst);
		return;
	}
	ret->tp_src = key->tp_src;
	ret->tp_dst = key->tp_dst;
	ret->tcp_flags = key->tcp_flags;
}

static bool has_neighbour(const struct pkt *pkt, const struct flow_key *k)
{
	return k->eth_type == RTE_BE16(ETH_TYPE_IP6) && k->ip_proto == IP_PROTO_ICMP6 &&
	       pkt->l4_ofs != 0 && (pkt->flags & PKT_F_FRAGMENT) == 0 &&
	       (k->icmp_type == ND_NS || k->icmp_type == ND_NA);
}

static void add_nd(struct rte_mbuf *m, struct flow_key *ret)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t ofs = pkt_of(m)->l4_ofs;
	uint32_t end =
	    (uint32_t)pkt_of(m)->l3_ofs + IP6_HDR_SIZE + get_be16(data + pkt_of(m)->l3_ofs + 4);

	memcpy(&ret->nd_target, data + ofs + ND_TARGET_OFS, sizeof(ret->nd_target));
	uint32_t sll = nd_find_lladdr(data, ofs, end, ND_OPT_SLL);
	if (sll != 0)
		memcpy(&ret->nd_sll, data + sll, sizeof(ret->nd_sll));
	uint32_t tll = nd_find_lladdr(data, ofs, end, ND_OPT_TLL);
	if (tll != 0)
		memcpy(&ret->nd_tll, data + tll, sizeof(ret->nd_tll));
}
