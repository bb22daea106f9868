/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * OXM and NXM: one row for each match field that this switch knows on the wire (oxm.def), and its header and value as bytes.
 * A field of the switch may have several rows (NXM_OF_ETH_SRC, OXM_OF_ETH_SRC); what is written is the newest that a version has.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include "control/openflow/ofp.h"
#include "control/openflow/ofp_error.h"
#include "datapath/base/buf.h"
#include "datapath/base/flow_field.h"

enum oxm_id {
#define OXM(id, ...) OXM_ID_##id,
#include "control/openflow/oxm.def"
#undef OXM
	OXM__COUNT
};

enum oxm_class {
	OXM_CLASS_NXM_0 = 0x0000,
	OXM_CLASS_NXM_1 = 0x0001,
	OXM_CLASS_ERICSSON = 0x1000,
	OXM_CLASS_BASIC = 0x8000,
	OXM_CLASS_PACKET_REGS = 0x8001,
	OXM_CLASS_OXS = 0x8002, // statistics of 1.5
	OXM_CLASS_EXPERIMENTER = 0xffff,
};

enum {
	OXM_MAX_VALUE_SIZE = 16,
	OXM_COOKIE_NUMBER =
	    30, // NXM_NX_COOKIE, of OXM_CLASS_NXM_1 with 8 bytes: no row, for it is no field of packets
	OXM_F_MASK = 1 << 0,   // may be masked in a match
	OXM_F_PORT16 = 1 << 1, // the field is a 32-bit port, the wire has 1.0's
	OXM_F_VID = 1 << 2, // set_field writes FIELD_VLAN_VID (the row reads the present bit too)
};

struct oxm {
	const char *name;
	uint32_t experimenter; // of class OXM_CLASS_EXPERIMENTER
	uint16_t class;
	uint8_t number;
	uint8_t field;  // enum flow_field_id
	uint8_t size;   // bytes of the value on the wire
	uint8_t n_bits; // of them, those that count: from the lowest, behind shift
	uint8_t shift;  // zeros below them on the wire (NXM_OF_IP_TOS: ECN is not in it)
	uint8_t flags;  // OXM_F_*
	uint8_t since;  // enum ofp_version
};

extern const struct oxm oxms[OXM__COUNT];

/* A header as it was read. */
struct oxm_header {
	const struct oxm *oxm; // NULL: none that this switch knows
	uint32_t experimenter;
	uint16_t class;
	uint8_t number;
	uint8_t length; // of value and mask, without an experimenter's id
	bool has_mask;
};

/*
 * Reads a header, with the id of an experimenter. OFPERR_OFPBMC_BAD_LEN when cut short or when its length is not the row's. A field of
 * no row is no error: ret->oxm is NULL, and the caller says what it means (in a match, in an action).
 */
MUST_CHECK
enum ofp_err oxm_header_decode(struct buf *b, struct oxm_header *ret);
void oxm_header_encode(const struct oxm *o, bool has_mask, struct buf_writer *w);
/* Bytes that oxm_header_encode writes: 4 or 8. */
size_t oxm_header_size(const struct oxm *o);
/* A value's wire bytes as bits of the row's field. False: bits outside the field are set. */
bool oxm_value_decode(const struct oxm *o, const uint8_t *wire, struct flow_value *ret);
/* As above for a mask, whose bits outside the field do not matter. False: a part of a PORT16 row, which the field cannot mask. */
bool oxm_mask_decode(const struct oxm *o, const uint8_t *wire, struct flow_value *ret);
void oxm_value_encode(const struct oxm *o, const struct flow_value *v, struct buf_writer *w);
void oxm_mask_encode(const struct oxm *o, const struct flow_value *mask, struct buf_writer *w);
/* The row to write a field with in a version: OXM where that has it, otherwise NXM. NULL: the field has no row. */
const struct oxm *oxm_for_field(enum flow_field_id field, enum ofp_version version);
