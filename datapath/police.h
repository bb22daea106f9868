/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ingress policing of a port: a token bucket of bits that all workers take from.
 *
 * Threads: worker. Memory: the bucket is a word of the port.
 */
#include "datapath/port.h"
#include "datapath/worker.h"

enum { POLICE_DEFAULT_BURST_KBIT = 8000 }; // as OVS

/* Drops what is over the port's rate and keeps the rest at the front of pkts, in order. Returns how many are left. */
unsigned int police(struct worker *w, struct port *p, struct rte_mbuf **pkts, unsigned int n);
