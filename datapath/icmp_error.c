/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/icmp_error.h"

#include <rte_ether.h>

#include "datapath/act_priv.h"
#include "datapath/csum.h"
#include "datapath/meter.h"

enum {
	ICMP_UNREACHABLE = 3,
	ICMP_FRAG_NEEDED = 4,
	ICMP6_TOO_BIG = 2,
	IP4_MIN_MTU = 68,
	IP6_MIN_MTU = 1280,
	IP4_ERROR_MAX = 576,  // bytes of the whole IP packet (RFC 1812 4.3.2.3)
	IP6_ERROR_MAX = 1280, // RFC 4443 3.2
	TTL = 64,
	TOS_INTERNETWORK_CONTROL = 0xc0, // RFC 1812 4.3.2.5
};

static bool is_answerable(struct rte_mbuf *m, uint32_t mtu);
static bool is_answerable_ip4(struct rte_mbuf *m, uint32_t mtu);
static bool is_answerable_ip6(struct rte_mbuf *m, uint32_t mtu);
static bool is_icmp_query(uint8_t type);
static struct rte_mbuf *build(struct worker *w, struct rte_mbuf *m, uint32_t mtu);
static void write_ip4(uint8_t *ip, const uint8_t *cause, uint32_t quoted, uint32_t mtu);
static void write_ip6(uint8_t *ip, const uint8_t *cause, uint32_t quoted, uint32_t mtu);

void icmp_error_too_big(struct worker *w, struct rte_mbuf *m, uint32_t mtu)
{
	uint16_t in_port = pkt_of(m)->in_port;
	struct port_counters *c = &w->ports[in_port];

	if (!is_answerable(m, mtu))
		return;
	if (!meter_take(
		&c->icmp_meter, w->now_tsc, w->stats.tsc_hz, ICMP_ERROR_PPS, ICMP_ERROR_BURST))
		return;
	struct rte_mbuf *error = build(w, m, mtu);
	if (error == NULL)
		return;
	c->copies++;
	out_add(w, in_port, error);
}

static bool is_answerable(struct rte_mbuf *m, uint32_t mtu)
{
	const struct pkt *pkt = pkt_of(m);
	const uint8_t *eth = rte_pktmbuf_mtod(m, const uint8_t *);

	// What came by a tunnel came from a host whose own switch knows the path.
	if (pkt->tun_peer != PKT_NO_PEER || ((eth[0] | eth[6]) & 1) != 0)
		return false;
	switch (act_ip_version(m)) {
	case 4: return is_answerable_ip4(m, mtu);
	case 6: return is_answerable_ip6(m, mtu);
	default: return false;
	}
}

static bool is_answerable_ip4(struct rte_mbuf *m, uint32_t mtu)
{
	const struct pkt *pkt = pkt_of(m);
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l3_ofs);
	uint16_t frag = get_be16(ip + 6);

	if ((frag & IP4_DF) == 0 || (frag & IP4_OFFSET_MASK) != 0 || mtu < IP4_MIN_MTU ||
	    get_be16(ip + 2) <= mtu)
		return false;
	// First bytes: 0 this network, 127 loopback, 224 and up multicast, reserved and broadcast.
	if (ip[12] == 0 || ip[12] == 127 || ip[12] >= 224 || ip[16] >= 224)
		return false;
	if (ip[9] != IP_PROTO_ICMP)
		return true;
	return pkt->l4_ofs != 0 &&
	       is_icmp_query(*rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l4_ofs));
}

static bool is_answerable_ip6(struct rte_mbuf *m, uint32_t mtu)
{
	static const uint8_t unspecified[16];
	const struct pkt *pkt = pkt_of(m);
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l3_ofs);

	// No host goes below 1280 (RFC 8200 5): a smaller path is for its operator to mend.
	if (mtu < IP6_MIN_MTU || IP6_HDR_SIZE + (uint32_t)get_be16(ip + 4) <= mtu ||
	    pkt->l4_ofs == 0)
		return false;
	if (ip[8] == 0xff || ip[24] == 0xff ||
	    memcmp(ip + 8, unspecified, sizeof(unspecified)) == 0)
		return false;
	if (pkt->l4_proto != IP_PROTO_ICMP6)
		return true;
	uint8_t type = *rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l4_ofs);
	return type >= 128 && type != ND_REDIRECT; // below 128: errors
}

/* Echo and its like; every other type is an error, or unknown and may be one. */
static bool is_icmp_query(uint8_t type)
{
	return type == 0 || type == 8 || (type >= 13 && type <= 18);
}

static struct rte_mbuf *build(struct worker *w, struct rte_mbuf *m, uint32_t mtu)
{
	const struct pkt *pkt = pkt_of(m);
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint8_t *ip = data + pkt->l3_ofs;
	bool is_v4 = act_ip_version(m) == 4;
	uint32_t hdr_size = (is_v4 ? IP4_HDR_SIZE : IP6_HDR_SIZE) + ICMP_HDR_SIZE;
	uint32_t ip_len = is_v4 ? get_be16(ip + 2) : IP6_HDR_SIZE + (uint32_t)get_be16(ip + 4);
	uint32_t quoted = MIN_OF(ip_len, (is_v4 ? IP4_ERROR_MAX : IP6_ERROR_MAX) - hdr_size);

	struct rte_mbuf *error = rte_pktmbuf_alloc(w->pool);
	if (error == NULL)
		return NULL;
	if (rte_pktmbuf_append(error, (uint16_t)(pkt->l3_ofs + hdr_size + quoted)) == NULL) {
		rte_pktmbuf_free(error);
		return NULL;
	}
	uint8_t *eth = rte_pktmbuf_mtod(error, uint8_t *);
	const struct rte_ether_hdr *cause = (const struct rte_ether_hdr *)data;
	struct rte_ether_hdr *answer = (struct rte_ether_hdr *)eth;
	memcpy(eth, data, pkt->l3_ofs); // VLAN tags with it
	answer->dst_addr = cause->src_addr;
	answer->src_addr = cause->dst_addr;
	uint8_t *quote = eth + pkt->l3_ofs + hdr_size;
	const void *bytes = rte_pktmbuf_read(m, pkt->l3_ofs, quoted, quote);
	if (bytes != quote)
		memcpy(quote, bytes, quoted);
	(is_v4 ? write_ip4 : write_ip6)(eth + pkt->l3_ofs, ip, quoted, mtu);

	*pkt_of(error) = (struct pkt){
	    .in_port = pkt->in_port,
	    .l3_ofs = pkt->l3_ofs,
	    .l4_ofs = (uint16_t)(pkt->l3_ofs + hdr_size - ICMP_HDR_SIZE),
	    .l4_payload_ofs = (uint16_t)(pkt->l3_ofs + hdr_size),
	    .n_vlans = pkt->n_vlans,
	    .l4_proto = is_v4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6,
	    .tun_peer = PKT_NO_PEER,
	};
	return error;
}

static void write_ip4(uint8_t *ip, const uint8_t *cause, uint32_t quoted, uint32_t mtu)
{
	uint8_t *icmp = ip + IP4_HDR_SIZE;

	memset(ip, 0, IP4_HDR_SIZE + ICMP_HDR_SIZE);
	ip[0] = 0x45;
	ip[1] = TOS_INTERNETWORK_CONTROL;
	put_be16(ip + 2, (uint16_t)(IP4_HDR_SIZE + ICMP_HDR_SIZE + quoted));
	ip[8] = TTL;
	ip[9] = IP_PROTO_ICMP;
	memcpy(ip + 12, cause + 16, 4);
	memcpy(ip + 16, cause + 12, 4);
	store16(ip + IP4_CSUM_OFS, (uint16_t)~csum_ip4_sum(ip, IP4_HDR_SIZE));
	icmp[0] = ICMP_UNREACHABLE;
	icmp[1] = ICMP_FRAG_NEEDED;
	put_be16(icmp + 6, (uint16_t)MIN_OF(mtu, (uint32_t)UINT16_MAX));
	store16(
	    icmp + ICMP_CSUM_OFS, (uint16_t)~csum_fold(csum_add(0, icmp, ICMP_HDR_SIZE + quoted)));
}

static void write_ip6(uint8_t *ip, const uint8_t *cause, uint32_t quoted, uint32_t mtu)
{
	uint8_t *icmp = ip + IP6_HDR_SIZE;
	uint32_t icmp_len = ICMP_HDR_SIZE + quoted;

	memset(ip, 0, IP6_HDR_SIZE + ICMP_HDR_SIZE);
	ip[0] = 0x60;
	put_be16(ip + 4, (uint16_t)icmp_len);
	ip[6] = IP_PROTO_ICMP6;
	ip[7] = TTL;
	memcpy(ip + 8, cause + 24, sizeof(struct ip6_addr));
	memcpy(ip + 24, cause + 8, sizeof(struct ip6_addr));
	icmp[0] = ICMP6_TOO_BIG;
	put_be32(icmp + 4, mtu);
	uint64_t sum = csum_add(csum_pseudo(ip, IP_PROTO_ICMP6, icmp_len), icmp, icmp_len);
	store16(icmp + ICMP_CSUM_OFS, (uint16_t)~csum_fold(sum));
}
