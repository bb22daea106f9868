/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The fast path: a burst from one port, staged: parse → session look-up → (miss: rules) → act.
 *
 * Threads: worker. Memory: takes every packet.
 */
#include "datapath/worker.h"

/*
 * Packets of one ingress port: n <= BURST. struct pkt in_port is set; rx counters are counted by the caller.
 * An uplink's packets go through tunnel_input first, here.
 */
void forward_burst(struct worker *w, uint16_t port, struct rte_mbuf **pkts, unsigned int n);
/* Housekeeping between bursts, a bounded slice: expire sessions, settle counters to rules. */
void forward_idle(struct worker *w);
