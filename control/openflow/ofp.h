/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * OpenFlow on the wire: versions, port numbers and limits that every codec here shares. Versions are enum ofp_version of the wire
 * headers, OFP10_VERSION to OFP15_VERSION.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include <openflow/openflow.h>
#include <stdbool.h>
#include <stdint.h>

#include "datapath/dp_types.h"

enum {
	OFP_MAX_ACTIONS_SIZE =
	    DP_MAX_ACTIONS_SIZE,       // bytes of one decoded list, as the switch takes it
	OFP_MAX_NESTING = 8,           // clone in ct in clone…
	OFP_TABLE_OFPORT = 0xfffffff9, // OFPP_TABLE: in packet-out only
	OFP_NO_BUFFER = 0xffffffff,
	OFP_ANY_GROUP = 0xffffffff,
};

/* 16-bit port numbers of 1.0 and NXM: the reserved ones, 0xff00 and up, are the 32-bit ones' low halves (openflow-1.1.h). */
static inline uint32_t ofp_port_from_u16(uint16_t port)
{
	return port >= 0xff00 ? 0xffff0000U | port : port;
}

/* A port that 1.0 cannot name reads as OFPP_NONE there. */
static inline uint16_t ofp_port_to_u16(uint32_t port)
{
	return port < 0xff00 || port >= 0xffffff00 ? (uint16_t)port : 0xffff;
}

static inline bool ofp_version_known(uint8_t version)
{
	return version >= OFP10_VERSION && version <= OFP15_VERSION;
}
