/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Private to the action codec: what its decoders and encoders are called with. ofp_action.h has the public functions.
 *
 * Threads: any; pure functions. Memory: a reader borrows one action's bytes.
 */
#include "control/openflow/ofp_action.h"
#include "control/openflow/ofp_wire.h"
#include "control/openflow/oxm.h"

/* One action while it is decoded. body stands behind type, length and an extension's header, and ends with the action. */
struct action_reader {
	struct buf body;
	struct buf_writer *out;
	enum ofp_version version;
	unsigned int depth; // of nested lists
};

struct action_writer {
	struct buf_writer *w;
	enum ofp_version version;
	unsigned int depth;
};

typedef enum ofp_err action_decode_fn(struct action_reader *r);
typedef void action_encode_fn(const struct dp_action *a, struct action_writer *w);

#define OFP_ACTION(name, vendor, type, first, last, size, decode) \
	action_decode_fn action_decode_##decode;
#include "control/openflow/ofp_action.def"
#undef OFP_ACTION

/* An action of the switch with its fixed size, all else zero. */
struct dp_action action_of(enum dp_action_type type);
enum ofp_err action_put(struct action_reader *r, const struct dp_action *a);
/*
 * Starts an action that goes on: what follows is put to r->out, and action_close sets its length, padded. Returns where it starts.
 */
size_t action_open(struct action_reader *r, const struct dp_action *a);
enum ofp_err action_close(struct action_reader *r, size_t start);
/* A list in a list: of size bytes of body. */
MUST_CHECK
enum ofp_err actions_decode_nested(struct action_reader *r, size_t size);
void actions_encode_nested(const void *list, size_t size, struct action_writer *w);

action_encode_fn action_encode_bare, action_encode_bundle, action_encode_check_pkt_larger,
    action_encode_clone, action_encode_conjunction, action_encode_controller_ext, action_encode_ct,
    action_encode_dec_ttl_cnt, action_encode_delete_field, action_encode_enqueue,
    action_encode_fin_timeout, action_encode_learn, action_encode_meter, action_encode_mpls,
    action_encode_multipath, action_encode_nat, action_encode_note, action_encode_output_reg,
    action_encode_output_trunc, action_encode_sample, action_encode_set_queue, action_encode_stack;
void action_encode_set_field(const struct dp_action *a, struct action_writer *w);
/* NXM_OF_VLAN_TCI, whole. */
void action_put_tci(struct action_writer *w, uint16_t tci);
void action_encode_move(const struct dp_action *a, struct action_writer *w);
void action_put_reg_load(struct action_writer *w, const struct oxm *o, unsigned int ofs,
    unsigned int n_bits, uint64_t value);

/*
 * What may stand in what: nat and writes of the connection's mark and label in ct only, nothing else there; conjunctions alone or with
 * notes. outer: DP_ACTION__COUNT for the rule's own list.
 */
MUST_CHECK
enum ofp_err actions_check_nesting(const void *list, size_t size, enum dp_action_type outer);

/* What is left must be zero padding of less than 8 bytes. */
MUST_CHECK
enum ofp_err action_end(struct action_reader *r, enum ofp_err if_not_zero);

/* Headers; the length is set by action_finish, which pads to 8. Each returns where the action starts. */
size_t action_start(struct action_writer *w, uint16_t type);
size_t action_start_nicira(struct action_writer *w, uint16_t subtype);
void action_finish(struct action_writer *w, size_t start);

/* A part of a field, as extensions name it. */
struct subfield {
	const struct oxm *oxm;
	enum flow_field_id field;
	uint16_t ofs, n_bits;
};

/* Reads an OXM header (4 bytes, or 8 of an experimenter) as the field of an action. */
MUST_CHECK
enum ofp_err action_field_decode(struct buf *b, const struct oxm **ret);
/*
 * Makes a part of a row's field one of the switch's field: OFPERR_OFPBAC_BAD_SET_LEN outside it, OFPERR_OFPBAC_BAD_SET_ARGUMENT when
 * write is asked for and it is read-only.
 */
MUST_CHECK
enum ofp_err subfield_make(
    const struct oxm *o, unsigned int ofs, unsigned int n_bits, bool write, struct subfield *ret);
/* NXM headers of 4 bytes, as Nicira's older actions name fields; written with NXM rows where there are some. */
MUST_CHECK
enum ofp_err subfield_decode(
    struct buf *b, unsigned int ofs, unsigned int n_bits, bool write, struct subfield *ret);
/* The row to write a field with and, in n_bits and ofs, what the row calls them. */
const struct oxm *subfield_row(
    enum flow_field_id field, enum ofp_version version, uint16_t *ofs, uint16_t *n_bits);
/* Nicira's ofs_nbits: 10 bits of offset, 6 of size - 1. */
static inline uint16_t ofs_nbits(unsigned int ofs, unsigned int n_bits)
{
	return (uint16_t)(ofs << 6 | (n_bits - 1));
}
