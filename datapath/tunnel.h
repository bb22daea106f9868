/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tunnels: remotes and how to reach them (route slots), local addresses, who may send what.
 *
 * struct tunnel_cfg is an immutable snapshot rebuilt by control whenever a tunnel port, route, local address or peer
 * changes. A route slot's number stays the same while the remote is known, so programs name slots and follow
 * route changes without being recompiled.
 *
 * Threads: tunnel_input/_output on workers; tunnel_cfg_* on control. Memory: dp_state owns the snapshot.
 */
#include "datapath/dp_drop.h"
#include "datapath/dp_types.h"
#include "datapath/pkt.h"

enum { TNL_MAX_LOCALS = 15 };

struct tnl_route {
	struct ip_addr remote, local;
	uint16_t uplink; // port id
	uint16_t mtu;    // outer IP packet
	uint8_t state;   // enum dp_route_state
	struct mac_addr src_mac, dst_mac;
};

struct tunnel_cfg;
struct worker;
struct prog_op;

/* Inputs of a snapshot; arrays are borrowed during the call. */
struct tunnel_cfg_input {
	struct {
		uint16_t id; // port
		const struct dp_port_conf *conf;
	} ports[256];
	uint32_t n_ports;
	const struct dp_route_conf **routes; // slot by slot; NULL: free slot
	uint32_t n_routes;
	const struct dp_local_conf **locals;
	uint32_t n_locals;
	const struct dp_peer_conf **peers; // VNIs follow each
	uint32_t n_peers;
};
struct tunnel_cfg *tunnel_cfg_create(const struct tunnel_cfg_input *in); // NULL when out of memory
void tunnel_cfg_destroy(void *cfg);
/* NULL: no such slot. */
const struct tnl_route *tunnel_route(const struct tunnel_cfg *cfg, uint16_t slot);
/* Slot of a remote, or PKT_NO_SLOT. Worker (pipeline, flow-based remotes) and control. */
uint16_t tunnel_find_route(const struct tunnel_cfg *cfg, const struct ip_addr *remote);
const struct ip_addr *tunnel_local(const struct tunnel_cfg *cfg, uint8_t idx);
/* The first index of a local address, or -1. */
int tunnel_find_source(const struct tunnel_cfg *cfg, const struct ip_addr *addr);

/*
 * An underlay packet from an uplink. When it is VXLAN for us: strips the outer headers, applies RFC 6040 to the inner
 * packet, fills pkt tun_*, in_port becomes the tunnel port's id. Order of checks: fragments, outer header, checksum
 * (non-zero on v4; mandatory on v6 unless ZERO_CSUM6), VXLAN flags, port and peer for the VNI, inner VLAN.
 * Returns DP_DROP__COUNT or the reason; a packet that is refused is as it came. The caller counts: sent of the uplink,
 * rx of the tunnel port.
 */
enum dp_drop tunnel_input(const struct tunnel_cfg *cfg, struct rte_mbuf *m);

/*
 * Encapsulates for op (PROG_TUNNEL) and hands the packet to the route's uplink with out_add. Too big: answers towards
 * the sender with ICMP fragmentation-needed or ICMPv6 packet-too-big (rate-limited), drops with tunnel_too_big.
 */
void tunnel_output(struct worker *w, const struct prog_op *op, struct rte_mbuf *m);
