/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The operations of every port kind (port_<kind>.c), and the DPDK device that two of them are made of.
 *
 * Threads: as struct port_ops says. Memory: a device is its port's priv.
 */
#include "datapath/port.h"

extern const struct port_ops port_vhost_ops;
extern const struct port_ops port_eth_ops;
extern const struct port_ops port_tap_ops;
extern const struct port_ops port_patch_ops;
extern const struct port_ops port_vxlan_ops;
extern const struct port_ops port_null_ops;
extern const struct port_ops port_pcap_ops;

enum { ETH_DEVARGS_SIZE = 512 };

/* Probes devargs and starts the device; sets p->priv, n_rxq, n_txq. 0 or -errno with err. */
MUST_CHECK
int eth_open(struct port *p, const char *devargs, struct err *err);
void eth_close(struct port *p);
uint16_t eth_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t eth_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
void eth_get_state(struct port *p, enum dp_port_state *state, bool *link_up, uint64_t *features);
