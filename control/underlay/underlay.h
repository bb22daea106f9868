/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The kernel's routes, neighbours, links and addresses, watched by netlink (libnl-3), turned into routes and local
 * addresses of the data plane: for each tunnel remote, which uplink, source address, source and next-hop MAC, MTU.
 * A neighbour that is not known is asked for (a UDP datagram to the discard port makes the kernel resolve it).
 * A UDP socket with a drop-all filter is kept on each tunnel address and port, so that the kernel does not answer the
 * copies of overlay packets it sees with port-unreachable.
 *
 * Threads: sluiced's loop. Memory: underlay_create allocates; destroy frees.
 */
#include <event2/event.h>

#include "control/model.h"

struct underlay;

struct underlay_events {
	/* Something changed: the complete set of routes and locals now. Arrays are borrowed. */
	void (*on_change)(const struct dp_route_conf *routes, size_t n_routes,
	    const struct dp_local_conf *locals, size_t n_locals,
	    const struct model_underlay *summary, void *arg);
	void *arg;
};

struct underlay *underlay_create(
    struct event_base *base, const struct underlay_events *events, struct err *err);
void underlay_destroy(struct underlay *u);
/*
 * Which interfaces are uplinks (name and dp port id), which remotes tunnels need, and at which UDP ports (at most
 * MODEL_MAX_UDP_PORTS) they end. Whole sets; copied.
 */
void underlay_set_uplinks(struct underlay *u, const struct underlay_uplink *uplinks, size_t n);
void underlay_set_remotes(struct underlay *u, const struct ip_addr *remotes, size_t n);
void underlay_set_udp_ports(struct underlay *u, const uint16_t *udp_ports, size_t n);
/*
 * Looks now instead of after the debounce, and reports a change before it returns. For start-up: what the switch already
 * holds is compared with a complete model, so that a restart of the daemon changes nothing.
 */
void underlay_run(struct underlay *u);
