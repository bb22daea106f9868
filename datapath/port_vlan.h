/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a port does with VLANs in NORMAL (IEEE 802.1Q 8.6.1, 8.6.4, 8.8): which it carries, the tag that a frame has inside
 * the bridge, the tag that it leaves with. Rules that output to a port by number do not ask.
 *
 * Inside the bridge a frame's outer tag has its VLAN's id; VLAN 0 is no tag, or a tag of id 0 (a priority-tagged frame).
 *
 * Threads: any; pure. Memory: trunks belongs to the snapshot that holds the port_vlan (struct bridge_ports).
 */
#include <endian.h>

#include "datapath/base/flow_key.h"
#include "datapath/dp_types.h"

/* A frame's tags, outermost first, in network order as in struct flow_key; 0: none. */
struct vlan_tags {
	uint16_t tci[2], tpid[2];
};

struct port_vlan {
	uint8_t mode;           // enum dp_vlan_mode
	uint8_t priority_tags;  // enum dp_priority_tags
	uint16_t tag;           // of access and native modes
	const uint64_t *trunks; // bitmap; NULL: all VLANs
};

/* The VLAN of a frame that arrives, and its tags as they are inside; -1 with tags untouched: the port does not carry it. */
int port_vlan_enter(const struct port_vlan *v, struct vlan_tags *tags);
/* Whether a frame with these tags inside may leave by the port. */
bool port_vlan_carries(const struct port_vlan *v, const struct vlan_tags *tags);
/* Tags from inside to what leaves. came: those that it came with, for its priority. */
void port_vlan_leave(
    const struct port_vlan *v, const struct vlan_tags *came, struct vlan_tags *tags);

static inline uint16_t vlan_tags_id(const struct vlan_tags *tags)
{
	return be16toh(tags->tci[0]) & 0xfff;
}
