/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ARP requests and neighbour solicitations turned into their answers in place (RFC 826, RFC 4861 7.2.4). VLAN tags stay.
 * Only what a host would answer is answered: the checks are those of RFC 4861 7.1.1.
 */
#include "datapath/act_priv.h"
#include "datapath/csum.h"
#include "datapath/parse_priv.h"

enum {
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
	NA_SIZE = ND_OPTS_OFS + 8, // with the target link-layer option
	NA_ROUTER = 0x80,
	NA_SOLICITED = 0x40,
	NA_OVERRIDE = 0x20,
	ND_HOP_LIMIT = 255,
};

static enum dp_drop check_solicitation(struct rte_mbuf *m, const struct mac_addr *mac);
static void swap_ethernet(uint8_t *eth, const struct mac_addr *mac);
static void write_advertisement(
    uint8_t *ip, const struct ip6_addr *target, const struct mac_addr *mac, bool is_router);

enum dp_drop act_arp_reply(struct rte_mbuf *m, const struct mac_addr *mac)
{
	uint8_t *eth = rte_pktmbuf_mtod(m, uint8_t *);
	unsigned int ofs = pkt_of(m)->l3_ofs;

	if (ofs == 0 || act_ip_version(m) != 0 || get_be16(eth + ofs + 6) != ARP_REQUEST)
		return DP_DROP_RESPONDER;
	uint8_t *arp = eth + ofs;
	struct mac_addr sender_mac;
	memcpy(&sender_mac, arp + 8, sizeof(sender_mac));
	// RFC 5227: a host that probes or announces its own address must hear nothing.
	if (memcmp(&sender_mac, mac, sizeof(sender_mac)) == 0)
		return DP_DROP_ARP_ND_SELF;
	uint32_t spa = load32(arp + 14), tpa = load32(arp + 24);

	swap_ethernet(eth, mac);
	put_be16(arp + 6, ARP_REPLY);
	memcpy(arp + 8, mac, sizeof(*mac));
	store32(arp + 14, tpa);
	memcpy(arp + 18, &sender_mac, sizeof(sender_mac));
	store32(arp + 24, spa);
	return DP_DROP__COUNT;
}

enum dp_drop act_nd_reply(struct rte_mbuf *m, const struct mac_addr *mac, bool is_router)
{
	struct pkt *pkt = pkt_of(m);
	enum dp_drop reason = check_solicitation(m, mac);
	if (reason != DP_DROP__COUNT)
		return reason;

	// Extension headers may have put the solicitation where the advertisement ends.
	struct ip6_addr target;
	memcpy(&target, rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l4_ofs + ND_TARGET_OFS),
	    sizeof(target));
	uint32_t size = (uint32_t)pkt->l3_ofs + IP6_HDR_SIZE + NA_SIZE;
	if (m->pkt_len > size)
		pkt_trim(m, size);
	else if (m->pkt_len < size && rte_pktmbuf_append(m, (uint16_t)(size - m->pkt_len)) == NULL)
		return DP_DROP_RESPONDER;
	uint8_t *eth = rte_pktmbuf_mtod(m, uint8_t *);
	swap_ethernet(eth, mac);
	write_advertisement(eth + pkt->l3_ofs, &target, mac, is_router);
	pkt->flags &= (uint16_t)~PKT_F_CSUM_PARTIAL;
	pkt->l4_ofs = (uint16_t)(pkt->l3_ofs + IP6_HDR_SIZE);
	pkt->l4_payload_ofs = (uint16_t)(pkt->l4_ofs + ICMP_HDR_SIZE);
	return DP_DROP__COUNT;
}

static enum dp_drop check_solicitation(struct rte_mbuf *m, const struct mac_addr *mac)
{
	const struct pkt *pkt = pkt_of(m);
	if (act_ip_version(m) != 6 || pkt->l4_proto != IP_PROTO_ICMP6 || pkt->l4_ofs == 0)
		return DP_DROP_RESPONDER;
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint8_t *ip = data + pkt->l3_ofs, *ns = data + pkt->l4_ofs;
	uint32_t end = (uint32_t)pkt->l3_ofs + IP6_HDR_SIZE + get_be16(ip + 4);
	if (ns[0] != ND_NS || ns[1] != 0 || ip[7] != ND_HOP_LIMIT || ip[8] == 0xff ||
	    ns[ND_TARGET_OFS] == 0xff || !csum_l4_ok(m))
		return DP_DROP_RESPONDER;
	static const uint8_t unspecified[16];
	static const uint8_t solicited_node[13] = {0xff, 0x02, [11] = 1, 0xff};
	bool is_dad = memcmp(ip + 8, unspecified, sizeof(unspecified)) == 0;
	if (is_dad && memcmp(ip + 24, solicited_node, sizeof(solicited_node)) != 0)
		return DP_DROP_RESPONDER;
	uint32_t sll = nd_find_lladdr(data, pkt->l4_ofs, end, ND_OPT_SLL);
	if (is_dad && sll != 0)
		return DP_DROP_RESPONDER;
	const uint8_t *sender = sll != 0 ? data + sll : data + sizeof(*mac);
	// RFC 4862 5.4: a host that checks its own address must hear nothing.
	return memcmp(sender, mac, sizeof(*mac)) == 0 ? DP_DROP_ARP_ND_SELF : DP_DROP__COUNT;
}

static void swap_ethernet(uint8_t *eth, const struct mac_addr *mac)
{
	memcpy(eth, eth + sizeof(*mac), sizeof(*mac));
	memcpy(eth + sizeof(*mac), mac, sizeof(*mac));
}

/* Over the solicitation, whose source is still in ip. */
static void write_advertisement(
    uint8_t *ip, const struct ip6_addr *target, const struct mac_addr *mac, bool is_router)
{
	static const uint8_t unspecified[16], all_nodes[16] = {0xff, 0x02, [15] = 1};
	bool is_dad = memcmp(ip + 8, unspecified, sizeof(unspecified)) == 0;
	uint8_t *na = ip + IP6_HDR_SIZE;

	memcpy(ip + 24, is_dad ? all_nodes : ip + 8, sizeof(struct ip6_addr));
	memcpy(ip + 8, target, sizeof(*target));
	put_be16(ip + 4, NA_SIZE);
	ip[6] = IP_PROTO_ICMP6;
	ip[7] = ND_HOP_LIMIT;

	memset(na, 0, ND_TARGET_OFS);
	na[0] = ND_NA;
	na[4] = (uint8_t)((is_router ? NA_ROUTER : 0) | (is_dad ? 0 : NA_SOLICITED) | NA_OVERRIDE);
	memcpy(na + ND_TARGET_OFS, target, sizeof(*target));
	na[ND_OPTS_OFS] = ND_OPT_TLL;
	na[ND_OPTS_OFS + 1] = 1;
	memcpy(na + ND_OPTS_OFS + 2, mac, sizeof(*mac));
	uint64_t sum = csum_pseudo(ip, IP_PROTO_ICMP6, NA_SIZE);
	store16(na + ICMP_CSUM_OFS, (uint16_t)~csum_fold(csum_add(sum, na, NA_SIZE)));
}
