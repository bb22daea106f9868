/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the sink must find in a frame that came back from a switch: the L4 header and the stamp, behind VLAN tags and at most
 * one VXLAN encapsulation that the switch may have added or taken away. Trusts nothing in the frame.
 *
 * Threads: any. Memory: a view borrows the frame.
 */
#include "tools/bench/engine/stamp.h"

struct frame_view {
	const uint8_t *frame;
	uint32_t size;
	uint32_t l3_ofs, l4_ofs, l4_size; // of the innermost headers found
	uint32_t stamp_ofs;               // 0: no stamp
	uint8_t proto;
	bool is_v4, is_encapsulated;
};

/* False when the frame has no TCP or UDP over IP that is whole. */
bool frame_view_init(struct frame_view *v, const uint8_t *frame, uint32_t size);
/* IPv4 header checksum and TCP or UDP checksum (none is fine for UDP over IPv4). */
bool frame_view_is_intact(const struct frame_view *v);
