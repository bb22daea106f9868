/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A port and its kinds, behind one table of operations. port_<kind>.c each implement struct port_ops.
 *
 * Life: port_create → port_start (polled) → port_stop → (grace period) → port_destroy. Creating never waits for a guest or a
 * device: state and error say how far it got (enum dp_port_state).
 *
 * Threads: rx_burst and tx_burst on the worker that owns the queue; the rest on control. Memory: dp_state owns ports.
 */
#include "datapath/base/err.h"
#include "datapath/dp_proto.h"
#include "datapath/pkt.h"

struct port;

struct port_ops {
	const char *kind; // the word in the API: "vhost-user", "ethdev", "tap", "patch", "vxlan", "null", "pcap"
	/* Opens what the port needs. 0 or -errno with err filled. NULL: nothing to do (patch, vxlan). */
	int (*open)(struct port *p, struct err *err);
	void (*close)(struct port *p);
	/* Up to n packets of a queue. NULL: the kind is never polled. */
	uint16_t (*rx_burst)(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
	/* Takes as many as fit and returns how many; the caller drops the rest with full_reason. */
	uint16_t (*tx_burst)(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
	enum dp_drop full_reason; // GUEST_FULL or TX_FULL
	/* fd that becomes readable when queue has packets, or -1 (then a sleeping worker polls). */
	int (*arm_wakeup)(struct port *p, uint16_t queue, bool armed);
	void (*get_state)(struct port *p, enum dp_port_state *state, bool *link_up, uint64_t *features);
	bool completes_csum; // receiver takes PKT_F_CSUM_PARTIAL packets as they are (decided per packet by tx_burst)
};

struct port {
	uint16_t id;
	uint16_t kind;
	struct dp_port_conf conf; // immutable after create, but for what port_update changes
	const struct port_ops *ops;
	void *priv; // of the kind
	// ctl: wo, worker: ro
	uint16_t n_rxq, n_txq; // queues that are enabled now
	bool started;
	char error[128];
	uint64_t state_since_ms;
	uint32_t max_frame; // bytes, from conf.mtu: Ethernet + 2 VLAN tags + MTU
};

/* 0 or -errno with err. A kind that cannot open now but may later (guest away, device missing) is created all the same. */
MUST_CHECK int port_create(uint16_t id, const struct dp_port_conf *conf, struct rte_mempool *pool, struct port **ret, struct err *err);
void port_destroy(void *port);
/* Applies a changed conf in place when the kind can; -EOPNOTSUPP: destroy and create. */
MUST_CHECK int port_update(struct port *p, const struct dp_port_conf *conf, struct err *err);
const struct port_ops *port_ops_of(enum dp_port_kind kind); // NULL: unknown
