/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a controller is told of the doings of another: role status (1.4's, the ONF's in 1.3), and the request of group-mod or meter-mod itself (requestforward:
 * 1.4's, the ONF's in 1.3, Nicira's before).
 *
 * Threads: any; pure functions. Memory: none.
 */
#include "control/openflow/ofp.h"
#include "control/openflow/ofp_error.h"

struct ofp_role_status {
	uint32_t role;  // OFPCR12_ROLE_*
	uint8_t reason; // enum ofp14_controller_role_reason
	uint64_t generation_id;
};

/* A whole message. Precondition: 1.3 or later, no earlier version has it. */
void ofp_role_status_encode(
    enum ofp_version version, const struct ofp_role_status *s, struct buf_writer *w);
/*
 * A whole message. The request is in the version of the receiver. w is bad when the request is too long for a message around it.
 */
void ofp_requestforward_encode(
    enum ofp_version version, const void *request, size_t size, struct buf_writer *w);
