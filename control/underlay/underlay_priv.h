/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside the underlay: what is asked of the kernel (kernel.c) and the sockets that speak to it (sink.c).
 *
 * Threads: sluiced's loop. Memory: a snapshot owns its caches until kernel_snapshot_fini; results are values.
 */
#include <netlink/netlink.h>

#include "control/underlay/underlay.h"

/* Links, addresses and neighbours as of one moment. */
struct kernel_snapshot {
	struct nl_cache *links, *addrs, *neighs;
};

struct kernel_link {
	int ifindex;
	uint16_t mtu;
	struct mac_addr mac;
	bool running; // up and with carrier
};

struct kernel_path {
	int ifindex;
	struct ip_addr source;   // zero: the kernel named none
	struct ip_addr next_hop; // the remote itself when on link
	uint16_t mtu;            // of the route; 0: the link's
};

/* A request socket. 0 or -errno. */
MUST_CHECK
int kernel_open(struct nl_sock **ret);
MUST_CHECK
int kernel_snapshot_init(struct nl_sock *sock, struct kernel_snapshot *ret);
void kernel_snapshot_fini(struct kernel_snapshot *s);
/* False when there is no such interface. */
bool kernel_find_link(const struct kernel_snapshot *s, const char *name, struct kernel_link *ret);
/* The MAC of a next hop the kernel believes in; *ret_stale when it should be asked again. */
bool kernel_find_neighbour(const struct kernel_snapshot *s, int ifindex,
    const struct ip_addr *next_hop, struct mac_addr *ret, bool *ret_stale);
/* Usable unicast addresses of an interface, link-local ones left out. Returns how many; at most max. */
size_t kernel_addresses(
    const struct kernel_snapshot *s, int ifindex, struct ip_addr *ret, size_t max);
/* What the kernel would do with a packet to remote (RTM_GETROUTE). 0, -ENETUNREACH or -errno. */
MUST_CHECK
int kernel_route(struct nl_sock *sock, const struct ip_addr *remote, struct kernel_path *ret);

enum { MAX_SINKS = 15 };

/*
 * Sockets bound to the tunnel addresses that swallow what the kernel sees of the overlay: without them it would
 * answer each packet with port-unreachable. A filter drops everything before it is queued.
 */
struct sinks {
	struct {
		struct ip_addr addr;
		uint16_t udp_port;
		int fd;
	} s[MAX_SINKS];
	size_t n;
};
void sinks_set(struct sinks *s, const struct dp_local_conf *locals, size_t n);
void sinks_fini(struct sinks *s);
/* Makes the kernel resolve a neighbour: an empty datagram to its discard port (RFC 863). */
void neighbour_ask(const char *interface, const struct ip_addr *next_hop);
