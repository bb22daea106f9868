/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Port-mod, in the forms of 1.0, of 1.1 and of 1.4.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include "control/openflow/ofp.h"
#include "control/openflow/ofp_error.h"
#include "datapath/base/net_types.h"

struct ofp_port_mod {
	uint32_t port_no;
	struct mac_addr hw_addr; // must be the port's, else OFPPMFC_BAD_HW_ADDR: the caller knows
	uint32_t config;         // OFPPC_* and, in 1.0, OFPPC10_*; bits outside mask are 0
	uint32_t mask;           // the bits of config that change
	uint32_t advertise;      // OFPPF_* as 1.1 has them; 0: no change
};

/* Errors besides BAD_LEN: OFPPMFC_BAD_CONFIG, _BAD_ADVERTISE for bits that the version has not, OFPBPC_* for properties. */
MUST_CHECK
enum ofp_err ofp_port_mod_decode(enum ofp_version version, struct buf *b, struct ofp_port_mod *ret);
