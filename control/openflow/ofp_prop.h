/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Properties: the type, length, value of OpenFlow 1.4 and later and of Nicira's messages, each padded to 8 bytes.
 *
 * Threads: any; pure functions. Memory: a property borrows its bytes.
 */
#include "control/openflow/ofp_error.h"

enum { OFP_PROP_EXPERIMENTER = 0xffff };

struct ofp_prop {
	uint16_t type;         // OFP_PROP_EXPERIMENTER: the next two say which
	uint32_t experimenter; // never 0 there
	uint32_t exp_type;
	struct buf body; // behind the header, without padding
};

/* Takes the next property of b and its padding. OFPBPC_BAD_LEN, OFPBPC_BAD_EXPERIMENTER. */
MUST_CHECK
enum ofp_err ofp_prop_decode(struct buf *b, struct ofp_prop *ret);
/* The error for a property that its reader does not know. */
enum ofp_err ofp_prop_refuse(const struct ofp_prop *p);
/* Numbers, which some write with padding of their own inside the property. OFPBPC_BAD_LEN when short. */
MUST_CHECK
enum ofp_err ofp_prop_u8(struct ofp_prop *p, uint8_t *ret);
MUST_CHECK
enum ofp_err ofp_prop_u16(struct ofp_prop *p, uint16_t *ret);
MUST_CHECK
enum ofp_err ofp_prop_u32(struct ofp_prop *p, uint32_t *ret);
/* A property that holds properties, from its eighth byte on (OVS: ofpprop_parse_nested). */
MUST_CHECK
enum ofp_err ofp_prop_nested(struct ofp_prop *p, struct buf *ret);

/* Writes one: begin, its value, end, which fills in the length and pads. */
size_t ofp_prop_begin(struct buf_writer *w, uint16_t type);
void ofp_prop_end(struct buf_writer *w, size_t start);
void ofp_prop_put_u16(struct buf_writer *w, uint16_t type, uint16_t v); // 8 bytes, as is the next
void ofp_prop_put_u32(struct buf_writer *w, uint16_t type, uint32_t v);
