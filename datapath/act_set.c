/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rewrites of header fields. Every checksum that covers a changed byte follows by RFC 1624, so that a packet which was
 * damaged before stays visibly damaged.
 *
 * What the L4 checksum field holds decides how it follows. Complete: every covered change. Partial
 * (PKT_F_CSUM_PARTIAL): the pseudo-header alone. Zero in UDP: there is none. SCTP has a CRC that cannot be updated in
 * part: see set_sctp_ports.
 */
#include "datapath/act_priv.h"
#include "datapath/base/hash.h"
#include "datapath/csum.h"
#include "datapath/parse_priv.h"

enum {
	SCTP_CRC_OFS = 8,
	ARP_OP_OFS = 6,
	ARP_SHA_OFS = 8,
	ARP_SPA_OFS = 14,
	ARP_THA_OFS = 18,
	ARP_TPA_OFS = 24
};

static void shift_offsets(struct pkt *pkt, int by);
static uint8_t *l3(struct rte_mbuf *m, unsigned int version);
static uint8_t *l4_csum(struct rte_mbuf *m, bool is_pseudo);
static void update_l4(
    struct rte_mbuf *m, uint8_t *field, const void *old_bytes, const void *new_bytes, size_t size);
static void set_address(
    struct rte_mbuf *m, uint8_t *field, const void *value, size_t size, uint8_t *ip4);
static void set_byte_pair(uint8_t *pair, unsigned int idx, uint8_t value, uint8_t *csum);
static void set_sctp_ports(struct rte_mbuf *m, const struct prog_op *op);
static uint32_t sctp_crc(const struct rte_mbuf *m, uint32_t ofs, uint32_t end);
static void set_nd_bytes(struct rte_mbuf *m, uint32_t ofs, const void *value, size_t size);

void act_set_eth(struct rte_mbuf *m, const struct prog_op *op)
{
	uint8_t *eth = rte_pktmbuf_mtod(m, uint8_t *);
	if ((op->flags & 1) != 0)
		memcpy(eth, &op->eth.dst, sizeof(op->eth.dst));
	if ((op->flags & 2) != 0)
		memcpy(eth + sizeof(op->eth.dst), &op->eth.src, sizeof(op->eth.src));
}

bool act_push_vlan(struct rte_mbuf *m, const struct prog_op *op)
{
	uint8_t *eth = (uint8_t *)rte_pktmbuf_prepend(m, VLAN_TAG_SIZE);
	if (eth == NULL)
		return false;
	memmove(eth, eth + VLAN_TAG_SIZE, ETH_MACS_SIZE);
	put_be16(eth + ETH_MACS_SIZE, op->vlan.tpid);
	put_be16(eth + ETH_MACS_SIZE + 2, op->vlan.tci & (uint16_t)~FLOW_VLAN_PRESENT);
	pkt_of(m)->n_vlans++;
	shift_offsets(pkt_of(m), VLAN_TAG_SIZE);
	return true;
}

void act_pop_vlan(struct rte_mbuf *m)
{
	struct pkt *pkt = pkt_of(m);
	if (pkt->n_vlans == 0)
		return;
	uint8_t *eth = rte_pktmbuf_mtod(m, uint8_t *);
	memmove(eth + VLAN_TAG_SIZE, eth, ETH_MACS_SIZE);
	rte_pktmbuf_adj(m, VLAN_TAG_SIZE);
	pkt->n_vlans--;
	shift_offsets(pkt, -VLAN_TAG_SIZE);
}

/* The DEI bit, where the key has its "present" bit, stays as it is in the packet. */
void act_set_vlan(struct rte_mbuf *m, const struct prog_op *op)
{
	if (pkt_of(m)->n_vlans == 0)
		return;
	uint8_t *tci = rte_pktmbuf_mtod_offset(m, uint8_t *, ETH_HDR_SIZE);
	unsigned int dei = get_be16(tci) & FLOW_VLAN_PRESENT;
	put_be16(tci, (uint16_t)((op->vlan.tci & ~FLOW_VLAN_PRESENT) | dei));
}

void act_set_ip4(struct rte_mbuf *m, const struct prog_op *op)
{
	uint8_t *ip = l3(m, 4);
	if (ip == NULL)
		return;
	if ((op->flags & 1) != 0)
		set_address(m, ip + 12, &op->ip4.src, sizeof(op->ip4.src), ip);
	if ((op->flags & 2) != 0)
		set_address(m, ip + 16, &op->ip4.dst, sizeof(op->ip4.dst), ip);
}

void act_set_ip6(struct rte_mbuf *m, const struct prog_op *op)
{
	uint8_t *ip = l3(m, 6);
	if (ip == NULL)
		return;
	uint32_t label_mask = RTE_BE32(0x000fffff);
	if ((op->flags & 1) != 0)
		store32(ip, (load32(ip) & ~label_mask) | (op->ip6.label & label_mask));
	if ((op->flags & 2) != 0)
		set_address(m, ip + 8, &op->ip6.src, sizeof(op->ip6.src), NULL);
	if ((op->flags & 4) != 0)
		set_address(m, ip + 24, &op->ip6.dst, sizeof(op->ip6.dst), NULL);
}

void act_set_tos(struct rte_mbuf *m, uint8_t value, uint8_t mask)
{
	unsigned int version = act_ip_version(m);
	if (version == 0)
		return;
	uint8_t *ip = l3(m, version);
	if (version == 4) {
		set_byte_pair(
		    ip, 1, (uint8_t)((ip[1] & ~mask) | (value & mask)), ip + IP4_CSUM_OFS);
		return;
	}
	uint16_t word = get_be16(ip); // version (4), traffic class (8), label's highest 4
	unsigned int tos = (word >> 4) & 0xff;
	tos = (tos & ~mask & 0xffu) | (value & mask);
	put_be16(ip, (uint16_t)((word & 0xf00f) | (tos << 4)));
}

void act_set_ttl(struct rte_mbuf *m, uint8_t ttl)
{
	unsigned int version = act_ip_version(m);
	if (version == 0)
		return;
	uint8_t *ip = l3(m, version);
	if (version == 4)
		set_byte_pair(ip + 8, 0, ttl, ip + IP4_CSUM_OFS);
	else
		ip[7] = ttl;
}

bool act_dec_ttl(struct rte_mbuf *m, uint8_t n)
{
	unsigned int version = act_ip_version(m);
	if (version == 0)
		return true;
	uint8_t ttl = l3(m, version)[version == 4 ? 8 : 7];
	if (ttl <= n)
		return false;
	act_set_ttl(m, (uint8_t)(ttl - n));
	return true;
}

void act_set_tp(struct rte_mbuf *m, const struct prog_op *op)
{
	const struct pkt *pkt = pkt_of(m);
	bool has_ports = pkt->l4_proto == IP_PROTO_TCP || pkt->l4_proto == IP_PROTO_UDP;

	if (pkt->l4_ofs != 0 && pkt->l4_proto == IP_PROTO_SCTP)
		set_sctp_ports(m, op);
	if (pkt->l4_ofs == 0 || !has_ports)
		return;
	uint8_t *l4 = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l4_ofs);
	uint8_t old[4];
	memcpy(old, l4, sizeof(old));
	if ((op->flags & 1) != 0)
		store16(l4, op->tp.src);
	if ((op->flags & 2) != 0)
		store16(l4 + 2, op->tp.dst);
	if ((pkt->flags & PKT_F_CSUM_PARTIAL) == 0) // ports are not in the pseudo-header
		update_l4(m, l4_csum(m, false), old, l4, sizeof(old));
}

void act_set_icmp(struct rte_mbuf *m, const struct prog_op *op)
{
	const struct pkt *pkt = pkt_of(m);
	if (pkt->l4_ofs == 0 || (pkt->l4_proto != IP_PROTO_ICMP && pkt->l4_proto != IP_PROTO_ICMP6))
		return;
	uint8_t *icmp = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l4_ofs);
	if ((op->flags & 1) != 0)
		set_byte_pair(icmp, 0, op->icmp.type, icmp + ICMP_CSUM_OFS);
	if ((op->flags & 2) != 0)
		set_byte_pair(icmp, 1, op->icmp.code, icmp + ICMP_CSUM_OFS);
}

void act_set_arp(struct rte_mbuf *m, const struct prog_op *op)
{
	const struct pkt *pkt = pkt_of(m);
	if (pkt->l3_ofs == 0 || act_ip_version(m) != 0)
		return;
	uint8_t *arp = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l3_ofs);
	if ((op->flags & 1) != 0)
		store16(arp + ARP_OP_OFS, op->arp.op);
	if ((op->flags & 2) != 0)
		memcpy(arp + ARP_SHA_OFS, &op->arp.sha, sizeof(op->arp.sha));
	if ((op->flags & 4) != 0)
		memcpy(arp + ARP_THA_OFS, &op->arp.tha, sizeof(op->arp.tha));
	if ((op->flags & 8) != 0)
		store32(arp + ARP_SPA_OFS, op->arp.spa);
	if ((op->flags & 16) != 0)
		store32(arp + ARP_TPA_OFS, op->arp.tpa);
}

void act_set_nd(struct rte_mbuf *m, const struct prog_op *op)
{
	const struct pkt *pkt = pkt_of(m);
	const uint8_t *ip = l3(m, 6);
	if (ip == NULL || pkt->l4_ofs == 0 || pkt->l4_proto != IP_PROTO_ICMP6)
		return;
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t type = data[pkt->l4_ofs];
	if (type != ND_NS && type != ND_NA)
		return;
	// Parsed as one, it has its headers in the first segment. A rule may have made it one since: then it may be too short.
	uint32_t end = (uint32_t)pkt->l3_ofs + IP6_HDR_SIZE + get_be16(ip + 4);
	end = MIN_OF(end, (uint32_t)m->data_len);
	if (pkt->l4_ofs + (uint32_t)ND_OPTS_OFS > end)
		return;
	uint32_t sll = nd_find_lladdr(data, pkt->l4_ofs, end, ND_OPT_SLL);
	uint32_t tll = nd_find_lladdr(data, pkt->l4_ofs, end, ND_OPT_TLL);
	if ((op->flags & 1) != 0 && sll != 0)
		set_nd_bytes(m, sll, &op->nd.sll, sizeof(op->nd.sll));
	if ((op->flags & 2) != 0 && tll != 0)
		set_nd_bytes(m, tll, &op->nd.tll, sizeof(op->nd.tll));
	if ((op->flags & 4) != 0)
		set_nd_bytes(m, pkt->l4_ofs + ND_TARGET_OFS, &op->nd.target, sizeof(op->nd.target));
}

static void shift_offsets(struct pkt *pkt, int by)
{
	if (pkt->l3_ofs != 0)
		pkt->l3_ofs = (uint16_t)(pkt->l3_ofs + by);
	if (pkt->l4_ofs != 0)
		pkt->l4_ofs = (uint16_t)(pkt->l4_ofs + by);
	if (pkt->l4_payload_ofs != 0)
		pkt->l4_payload_ofs = (uint16_t)(pkt->l4_payload_ofs + by);
	if ((pkt->flags & PKT_F_CSUM_PARTIAL) != 0)
		pkt->csum_start = (uint16_t)(pkt->csum_start + by);
}

/* NULL when the packet is not of that IP version. */
static uint8_t *l3(struct rte_mbuf *m, unsigned int version)
{
	if (act_ip_version(m) != version)
		return NULL;
	return rte_pktmbuf_mtod_offset(m, uint8_t *, pkt_of(m)->l3_ofs);
}

/* The L4 checksum that must follow, or NULL: a change of the pseudo-header, or of the L4 header itself. */
static uint8_t *l4_csum(struct rte_mbuf *m, bool is_pseudo)
{
	const struct pkt *pkt = pkt_of(m);
	if (pkt->l4_ofs == 0)
		return NULL;
	uint8_t *l4 = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l4_ofs);
	bool is_v6 = act_ip_version(m) == 6;
	switch (pkt->l4_proto) {
	case IP_PROTO_TCP: return l4 + TCP_CSUM_OFS;
	case IP_PROTO_UDP: return l4 + UDP_CSUM_OFS;
	case IP_PROTO_ICMP: return is_v6 || is_pseudo ? NULL : l4 + ICMP_CSUM_OFS;
	case IP_PROTO_ICMP6: return is_v6 ? l4 + ICMP_CSUM_OFS : NULL;
	default: return NULL;
	}
}

static void update_l4(
    struct rte_mbuf *m, uint8_t *field, const void *old_bytes, const void *new_bytes, size_t size)
{
	const struct pkt *pkt = pkt_of(m);
	uint16_t csum;

	if (field == NULL)
		return;
	csum = load16(field);
	if ((pkt->flags & PKT_F_CSUM_PARTIAL) != 0) {
		csum_update_partial(&csum, old_bytes, new_bytes, size);
		store16(field, csum);
		return;
	}
	bool is_udp = pkt->l4_proto == IP_PROTO_UDP;
	if (is_udp && csum == 0)
		return;
	csum_update(&csum, old_bytes, new_bytes, size);
	store16(field, is_udp && csum == 0 ? 0xffff : csum);
}

/* ip4: the header whose own checksum covers the address too, or NULL. */
static void set_address(
    struct rte_mbuf *m, uint8_t *field, const void *value, size_t size, uint8_t *ip4)
{
	if (ip4 != NULL) {
		uint16_t csum = load16(ip4 + IP4_CSUM_OFS);
		csum_update(&csum, field, value, size);
		store16(ip4 + IP4_CSUM_OFS, csum);
	}
	update_l4(m, l4_csum(m, true), field, value, size);
	memcpy(field, value, size);
}

/* Writes one byte of an even-aligned pair that csum covers. */
static void set_byte_pair(uint8_t *pair, unsigned int idx, uint8_t value, uint8_t *csum)
{
	uint8_t new_pair[2] = {pair[0], pair[1]};
	uint16_t sum = load16(csum);

	new_pair[idx] = value;
	csum_update(&sum, pair, new_pair, sizeof(new_pair));
	store16(csum, sum);
	pair[idx] = value;
}

/*
 * The CRC is made anew, but only when it was right: a damaged packet must not leave repaired. A fragment has only a
 * part of what the CRC covers; its receiver will refuse the packet, so its ports are left alone.
 */
static void set_sctp_ports(struct rte_mbuf *m, const struct prog_op *op)
{
	const struct pkt *pkt = pkt_of(m);
	if ((pkt->flags & PKT_F_FRAGMENT) != 0)
		return;
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l3_ofs);
	uint32_t len =
	    ip[0] >> 4 == 4 ? get_be16(ip + 2) : get_be16(ip + 4) + (uint32_t)IP6_HDR_SIZE;
	uint8_t *l4 = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l4_ofs);
	bool is_good = sctp_crc(m, pkt->l4_ofs, pkt->l3_ofs + len) == load32(l4 + SCTP_CRC_OFS);
	if ((op->flags & 1) != 0)
		store16(l4, op->tp.src);
	if ((op->flags & 2) != 0)
		store16(l4 + 2, op->tp.dst);
	if (is_good)
		store32(l4 + SCTP_CRC_OFS, sctp_crc(m, pkt->l4_ofs, pkt->l3_ofs + len));
}

/* RFC 9260 appendix A: CRC32c over the packet with the field taken as zero; as it lies in memory. */
static uint32_t sctp_crc(const struct rte_mbuf *m, uint32_t ofs, uint32_t end)
{
	static const uint8_t zero_field[4];
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(m, const uint8_t *, ofs);
	uint32_t crc = crc32c(0, l4, SCTP_CRC_OFS);
	crc = crc32c(crc, zero_field, sizeof(zero_field));

	uint32_t pos = ofs + SCTP_HDR_SIZE, start = 0; // start: of the segment in the packet
	for (; m != NULL && pos < end; start += m->data_len, m = m->next) {
		if (pos >= start + m->data_len)
			continue;
		uint32_t n = MIN_OF(end, start + m->data_len) - pos;
		crc = crc32c(crc, rte_pktmbuf_mtod_offset(m, const uint8_t *, pos - start), n);
		pos += n;
	}
	return rte_cpu_to_le_32(crc);
}

static void set_nd_bytes(struct rte_mbuf *m, uint32_t ofs, const void *value, size_t size)
{
	uint8_t *field = rte_pktmbuf_mtod_offset(m, uint8_t *, ofs);
	update_l4(m, l4_csum(m, false), field, value, size);
	memcpy(field, value, size);
}
