/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What vxlan.c reads from a tunnel snapshot.
 *
 * Threads: worker. Memory: the snapshot's.
 */
#include "datapath/tunnel.h"
#include "datapath/wire.h"

enum {
	VXLAN_UDP_PORT = 4789,
	VXLAN_F_VNI = 0x08, // first byte: the I flag
	TNL_OUTER_IP4 = ETH_HDR_SIZE + IP4_HDR_SIZE + UDP_HDR_SIZE + VXLAN_HDR_SIZE,
	TNL_OUTER_MAX = ETH_HDR_SIZE + IP6_HDR_SIZE + UDP_HDR_SIZE + VXLAN_HDR_SIZE,
};
static_assert((int)TNL_OUTER_MAX <= (int)PKT_HEADROOM);

/* A route and the outer headers towards it, complete but for what depends on the packet or the op. */
struct tnl_encap {
	struct tnl_route route;
	bool used;
	bool is_v4;
	uint8_t hdr_size;
	uint16_t ip_sum; // v4: of the header
	uint8_t hdr[TNL_OUTER_MAX];
};

/* NULL: no such slot. */
const struct tnl_encap *tunnel_encap(const struct tunnel_cfg *cfg, uint16_t slot);
/* Index of a local address and UDP port (host order) that tunnels end at, or -1. */
int tunnel_find_local(const struct tunnel_cfg *cfg, const struct ip_addr *addr, uint16_t udp_port);
/* Whether addr is one that tunnels end at, whatever the port. */
bool tunnel_is_local(const struct tunnel_cfg *cfg, const struct ip_addr *addr);

struct tnl_port {
	uint16_t id;
	uint32_t flags; // DP_PORT_F_*
};

/*
 * The tunnel port for what came from src to the local address of this index with vni, best first: of ports with that
 * local address, then of ports with none, this remote and VNI, this remote, this VNI, any. DP_DROP__COUNT with *ret, or why nobody may have it.
 */
enum dp_drop tunnel_find_port(const struct tunnel_cfg *cfg, const struct ip_addr *src,
    uint8_t local, uint16_t udp_port, uint32_t vni, struct tnl_port *ret);
