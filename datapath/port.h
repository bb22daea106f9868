/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A port and its kinds, behind one table of operations. port_<kind>.c each implement struct port_ops.
 *
 * Life: port_create → published in dp->ports → workers_assign (polled) → unpublished → workers_assign →
 * rcu_defer(port_destroy). Creating never waits for a guest or a device: state and error say how far it got
 * (enum dp_port_state); port_poll tries again.
 *
 * Threads: rx_burst and tx_burst on the worker that owns the queue; the rest on control. Memory: dp_state owns ports.
 */
#include <rte_mempool.h>

#include "datapath/base/err.h"
#include "datapath/dp_proto.h"
#include "datapath/pkt.h"

struct port;

enum { PORT_NO_WORKER = 0xff };

struct port_ops {
	const char *
	    kind; // the word in the API: "vhost-user", "ethdev", "tap", "patch", "vxlan", "null", "pcap"
	/* Opens what the port needs. 0 or -errno with err filled. NULL: nothing to do (patch, vxlan). */
	int (*open)(struct port *p, struct err *err);
	void (*close)(struct port *p);
	/* Up to n packets of a queue, each with a fresh struct pkt (pkt_reset) and, where the sender left its checksum
	 * to us, PKT_F_CSUM_PARTIAL. NULL: the kind is never polled. */
	uint16_t (*rx_burst)(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
	/* Takes as many as fit and returns how many; the caller drops the rest with full_reason. */
	uint16_t (*tx_burst)(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
	enum dp_drop full_reason; // GUEST_FULL or TX_FULL
	/* An fd with an edge (EPOLLET) whenever queue gets packets while armed, the same for the life of the port; -1 or
	 * NULL: there is none, a sleeping worker polls. */
	int (*wakeup_fd)(struct port *p, uint16_t queue);
	/* Asks to be woken, or not. NULL: the fd is always live. The worker polls once more after arming. */
	void (*arm_wakeup)(struct port *p, uint16_t queue, bool armed);
	void (*get_state)(
	    struct port *p, enum dp_port_state *state, bool *link_up, uint64_t *features);
	bool
	    completes_csum; // tx_burst takes PKT_F_CSUM_PARTIAL packets and decides; else they are completed before it
};

struct port {
	uint16_t id;
	uint16_t kind;
	struct dp_port_conf conf; // immutable after create, but for what port_update changes
	const struct port_ops *ops;
	void *priv; // of the kind
	uint64_t
	    add_version; // of the state it came with; tells it from earlier ports of its id. Immutable
	// ctl: wo, worker: ro
	uint16_t n_rxq, n_txq; // queues to poll; queues that take packets now (0: port_down)
	bool link_up;
	// ctl: rw
	uint8_t rxq_worker[DP_MAX_QUEUES]; // who polls the queue, for the life of the port
	uint16_t state;                    // enum dp_port_state, as of the last port_poll
	char error[128];                   // why it is DP_PORT_FAILED, or what is odd
	uint64_t state_since_ms;
	uint64_t retry_ms;  // when to try to open again
	uint64_t features;  // vhost: negotiated
	uint32_t max_frame; // bytes, from conf.mtu: Ethernet + 2 VLAN tags + MTU
	bool opened;
	bool
	    device_gone; // what it was opened on is no more: port_close_device when no worker uses it
	uint64_t policing_full_at; // workers: rw (atomic). See police.h
	struct rte_mempool *pool;
};

/* 0 or -errno with err. A kind that cannot open now but may later (guest away, device missing) is created all the same. */
MUST_CHECK
int port_create(uint16_t id, const struct dp_port_conf *conf, struct rte_mempool *pool,
    struct port **ret, struct err *err);
void port_destroy(void *port);
/* 0 when port_update may apply the conf; -EOPNOTSUPP: destroy and create; else -errno with err. */
MUST_CHECK
int port_check_update(const struct port *p, const struct dp_port_conf *conf, struct err *err);
/* Applies a changed conf in place, under workers that use the port. Precondition: port_check_update. */
void port_update(struct port *p, const struct dp_port_conf *conf);
/* Some times per second: opens what could not be opened before, reads state and link. True when either changed: then
 * workers_assign, because a port that has just been opened is not polled yet. */
bool port_poll(struct port *p, uint64_t now_ms);
/* Precondition: no worker uses the port. port_poll opens it again when its device is back. */
void port_close_device(struct port *p);
const struct port_ops *port_ops_of(enum dp_port_kind kind); // NULL: unknown
