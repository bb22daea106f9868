/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * "Too big" towards the sender: ICMP fragmentation needed (RFC 792, RFC 1191) and ICMPv6 packet too big (RFC 4443 3.2).
 * The switch is no hop of the guest's, so the message speaks for the destination: from its MAC and IP address.
 *
 * Sent only where a host must accept and a router may send it (RFC 1812 4.3.2.7, RFC 4443 2.4 e): not for multicast or
 * broadcast, ICMP errors, later fragments, sources that are no single host; IPv4 without DF gets none, its sender
 * expects fragmentation, which the switch does not do. At most ICMP_ERROR_PPS per ingress port and worker.
 *
 * Threads: worker. Memory: m stays the caller's; the answer is accounted as a copy of its ingress port.
 */
#include "datapath/worker.h"

enum { ICMP_ERROR_PPS = 100, ICMP_ERROR_BURST = 20 };

/* mtu: the largest IP packet that would have passed. Does nothing when there is nobody to tell. */
void icmp_error_too_big(struct worker *w, struct rte_mbuf *m, uint32_t mtu);
