/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/port_vlan.h"

#include <netinet/in.h>

enum { TPID_VLAN = 0x8100, PCP_BITS = 0xe000 };

static bool is_native(const struct port_vlan *v);
static bool trunks(const struct port_vlan *v, uint16_t vlan);
static bool wants_priority_tag(const struct port_vlan *v, const struct vlan_tags *came);
static void push_tag(struct vlan_tags *tags, uint16_t tpid_be, uint16_t tci);
static void pop_tag(struct vlan_tags *tags);

int port_vlan_enter(const struct port_vlan *v, struct vlan_tags *tags)
{
	uint16_t vlan = vlan_tags_id(tags);
	bool is_tagged = tags->tci[0] != 0;

	// Behind an access port there are no VLANs: a second tag would come out on another one as the first.
	if (v->mode == DP_VLAN_ACCESS && (vlan != 0 || tags->tci[1] != 0))
		return -1;
	if (v->mode == DP_VLAN_ACCESS || (is_native(v) && vlan == 0)) {
		if (v->tag != 0 && is_tagged)
			tags->tci[0] |= htons(v->tag);
		else if (v->tag != 0)
			push_tag(tags, htons(TPID_VLAN), v->tag | FLOW_VLAN_PRESENT);
		return v->tag;
	}
	return trunks(v, vlan) ? vlan : -1;
}

bool port_vlan_carries(const struct port_vlan *v, const struct vlan_tags *tags)
{
	uint16_t vlan = vlan_tags_id(tags);

	if (v->mode == DP_VLAN_ACCESS)
		return vlan == v->tag && tags->tci[1] == 0;
	return trunks(v, vlan);
}

void port_vlan_leave(
    const struct port_vlan *v, const struct vlan_tags *came, struct vlan_tags *tags)
{
	uint16_t vlan = vlan_tags_id(tags);
	bool is_own =
	    v->mode == DP_VLAN_ACCESS || (v->mode == DP_VLAN_NATIVE_UNTAGGED && vlan == v->tag);

	if (vlan != 0 && !is_own)
		return;
	if (tags->tci[0] != 0)
		pop_tag(tags);
	if (wants_priority_tag(v, came))
		push_tag(tags, came->tpid[0], (ntohs(came->tci[0]) & PCP_BITS) | FLOW_VLAN_PRESENT);
}

static bool is_native(const struct port_vlan *v)
{
	return v->mode == DP_VLAN_NATIVE_TAGGED || v->mode == DP_VLAN_NATIVE_UNTAGGED;
}

/* A port with a native VLAN always carries that, and then never VLAN 0. */
static bool trunks(const struct port_vlan *v, uint16_t vlan)
{
	if (is_native(v) && vlan == v->tag)
		return true;
	if (is_native(v) && vlan == 0)
		return false;
	return v->trunks == NULL || (v->trunks[vlan / 64] >> (vlan % 64) & 1) != 0;
}

static bool wants_priority_tag(const struct port_vlan *v, const struct vlan_tags *came)
{
	switch (v->priority_tags) {
	case DP_PRIORITY_TAGS_IF_NONZERO: return (came->tci[0] & htons(PCP_BITS)) != 0;
	case DP_PRIORITY_TAGS_ALWAYS: return came->tci[0] != 0;
	default: return false;
	}
}

static void push_tag(struct vlan_tags *tags, uint16_t tpid_be, uint16_t tci)
{
	tags->tci[1] = tags->tci[0];
	tags->tpid[1] = tags->tpid[0];
	tags->tci[0] = htons(tci);
	tags->tpid[0] = tpid_be;
}

static void pop_tag(struct vlan_tags *tags)
{
	tags->tci[0] = tags->tci[1];
	tags->tpid[0] = tags->tpid[1];
	tags->tci[1] = tags->tpid[1] = 0;
}
