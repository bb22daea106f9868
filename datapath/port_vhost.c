/* SPDX-License-Identifier: Apache-2.0 */
/* A guest. What is left of checksum offload once rte_vhost has had it, both ways. */
#include <rte_ether.h>
#include <rte_net.h>

#include <stdio.h>
#include <string.h>

#include "datapath/csum.h"
#include "datapath/port_kinds.h"
#include "vhost/vh.h"

static_assert((int)VH_MAX_QUEUES == (int)DP_MAX_QUEUES);
static_assert(DP_MAX_MTU + RTE_ETHER_HDR_LEN + PKT_MAX_VLANS * 4 <=
	      VH_FRAME_BUFFERS * RTE_MBUF_DEFAULT_DATAROOM);

static void on_change(void *arg);
static void note_partial(struct rte_mbuf *m);
static void offer_partial(struct rte_mbuf *m, bool takes_partial);

static int vhost_open(struct port *p, struct err *err)
{
	const struct vh_conf conf = {
	    .path = p->conf.arg,
	    .server = p->conf.flags & DP_PORT_F_SERVER,
	    .n_queues = p->conf.n_queues,
	    .pool = p->pool,
	    .on_change = on_change,
	    .arg = p,
	};
	struct vh_port *vp;
	int rc = vh_port_create(&conf, &vp, err);
	if (rc < 0)
		return rc;
	p->n_rxq = p->conf.n_queues;
	__atomic_store_n((struct vh_port **)&p->priv, vp, __ATOMIC_RELEASE);
	on_change(p); // of what happened before priv was set
	return 0;
}

static void vhost_close(struct port *p)
{
	vh_port_destroy(p->priv);
}

static uint16_t vhost_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t n_rx = vh_rx(p->priv, queue, pkts, n);
	for (uint16_t i = 0; i < n_rx; i++) {
		pkt_reset(pkts[i]);
		if ((pkts[i]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) ==
		    RTE_MBUF_F_RX_L4_CKSUM_NONE)
			note_partial(pkts[i]);
		pkts[i]->ol_flags = 0;
	}
	return n_rx;
}

static uint16_t vhost_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	bool takes_partial = vh_takes_partial(p->priv);
	for (uint16_t i = 0; i < n; i++)
		if (pkt_of(pkts[i])->flags & PKT_F_CSUM_PARTIAL)
			offer_partial(pkts[i], takes_partial);
	return vh_tx(p->priv, queue, pkts, n);
}

static int vhost_wakeup_fd(struct port *p, uint16_t queue)
{
	return vh_wakeup_fd(p->priv, queue);
}

static void vhost_arm(struct port *p, uint16_t queue, bool armed)
{
	vh_arm(p->priv, queue, armed);
}

static void vhost_get_state(
    struct port *p, enum dp_port_state *state, bool *link_up, uint64_t *features)
{
	struct vh_state s;
	vh_get_state(p->priv, &s);
	on_change(p);
	*link_up = s.n_txq != 0;
	*state = *link_up ? DP_PORT_UP : s.connected ? DP_PORT_LINK_DOWN : DP_PORT_WAITING;
	*features = s.features;
	if (s.n_extra != 0)
		snprintf(p->error, sizeof(p->error),
		    "the guest uses %u rings more than the port's %u queue pairs serve", s.n_extra,
		    p->conf.n_queues);
	else if (s.n_refused != 0)
		snprintf(p->error, sizeof(p->error),
		    "%llu frames from the guest were longer than any MTU and were refused",
		    (unsigned long long)s.n_refused);
	else
		p->error[0] = '\0';
}

const struct port_ops port_vhost_ops = {
    .kind = "vhost-user",
    .open = vhost_open,
    .close = vhost_close,
    .rx_burst = vhost_rx,
    .tx_burst = vhost_tx,
    .full_reason = DP_DROP_GUEST_FULL,
    .wakeup_fd = vhost_wakeup_fd,
    .arm_wakeup = vhost_arm,
    .get_state = vhost_get_state,
    .completes_csum = true,
};

/* The guest came, went, or switched a ring: senders must know at once. rte_vhost's thread or control. */
static void on_change(void *arg)
{
	struct port *p = arg;
	struct vh_port *vp = __atomic_load_n((struct vh_port **)&p->priv, __ATOMIC_ACQUIRE);
	if (vp == NULL)
		return; // inside vh_port_create
	struct vh_state s;
	vh_get_state(vp, &s);
	__atomic_store_n(&p->n_txq, s.n_txq, __ATOMIC_RELAXED);
}

/*
 * The guest left the L4 checksum partial. rte_vhost has checked that the protocol is one with a checksum that it knows, and dealt
 * with offsets outside the L4 header itself; the place is found again here, not taken from the guest.
 */
static void note_partial(struct rte_mbuf *m)
{
	struct rte_net_hdr_lens lens = {0};
	struct pkt *k = pkt_of(m);
	uint32_t type =
	    rte_net_get_ptype(m, &lens, RTE_PTYPE_L2_MASK | RTE_PTYPE_L3_MASK | RTE_PTYPE_L4_MASK);
	k->flags |= PKT_F_CSUM_PARTIAL;
	k->csum_start = (uint16_t)(lens.l2_len + lens.l3_len);
	switch (type & RTE_PTYPE_L4_MASK) {
	case RTE_PTYPE_L4_TCP: k->csum_offset = 16; break;
	case RTE_PTYPE_L4_UDP: k->csum_offset = 6; break;
	default: k->csum_start = UINT16_MAX; break; // outside any packet: bad_offload
	}
}

/* Leaves the checksum to the guest, or completes it where rte_vhost cannot describe it to the guest. */
static void offer_partial(struct rte_mbuf *m, bool takes_partial)
{
	const struct pkt *k = pkt_of(m);
	uint16_t l3_len = (uint16_t)(k->csum_start - k->l3_ofs);
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, k->l3_ofs);
	bool is_v6 = l3[0] >> 4 == 6;
	// rte_vhost writes the pseudo-header again, and knows no IPv6 extension headers.
	bool is_plain = k->l3_ofs != 0 && k->l3_ofs < 128 && k->csum_start > k->l3_ofs &&
			(is_v6 ? l3_len == 40 : l3_len >= 20 && l3_len <= 60);
	if (!takes_partial || !is_plain) {
		csum_complete(m);
		return;
	}
	m->l2_len = k->l3_ofs;
	m->l3_len = l3_len;
	m->ol_flags = (is_v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4) |
		      (k->csum_offset == 6 ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM);
}
