/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fields of the flow key by name: parse, format, prerequisites, and bit-exact copy between fields.
 *
 * Threads: any; the table is constant. Memory: none.
 */
#include "datapath/base/err.h"
#include "datapath/base/flow_key.h"

enum flow_field_id {
#define FIELD(id, ...) FIELD_##id,
#include "datapath/base/flow_field.def"
#undef FIELD
	FIELD__COUNT
};

enum flow_field_format { FF_DEC, FF_HEX, FF_MAC, FF_IP4, FF_IP6, FF_FRAG, FF_TCP_FLAGS, FF_PORT };

enum flow_field_prereq {
	FP_NONE,
	FP_VLAN,
	FP_VLAN2,
	FP_ARP,
	FP_IP4,
	FP_IP6,
	FP_IP,
	FP_TCP,
	FP_UDP,
	FP_SCTP,
	FP_TP,
	FP_ICMP4,
	FP_ICMP6,
	FP_ND,
	FP_NS,
	FP_NA,
	FP_MPLS,
	FP_CT,
};

enum {
	FW_SET = 1,
	FW_MASK = 2,
	FW_PKT = 4,
	FW_ABSENT =
	    8, // no packet is parsed that far yet: the switch refuses rules that match on it or write it
	FW_ALIAS = 16, // names bits that other fields show: never printed
};

enum { FIELD_VALUE_MAX_SIZE = 16 }; // bytes of the widest field

struct flow_field {
	const char *name;
	const char *help;
	uint16_t offset; // of the storage in struct flow_key, bytes
	uint8_t size;    // of the storage, bytes
	uint8_t shift;   // of the field's lowest bit in the storage
	uint8_t n_bits;
	uint8_t format; // enum flow_field_format
	uint8_t prereq; // enum flow_field_prereq
	uint8_t flags;  // FW_*
};

extern const struct flow_field flow_fields[FIELD__COUNT];

/* A field's value: right-aligned big-endian in FIELD_VALUE_MAX_SIZE bytes. */
struct flow_value {
	uint8_t b[FIELD_VALUE_MAX_SIZE];
};

/* NULL when there is none of that name. */
const struct flow_field *flow_field_find(const char *name);
const struct flow_field *flow_field_find_n(const char *name, size_t len);
enum flow_field_id flow_field_id(const struct flow_field *f);
/* The known name nearest to a misspelt one, or NULL when none is near. For "did you mean". */
const char *flow_field_nearest(const char *name);

void flow_field_get(const struct flow_field *f, const struct flow_key *k, struct flow_value *ret);
void flow_field_set(const struct flow_field *f, struct flow_key *k, const struct flow_value *v);
/* Writes only the bits that are one in mask. */
void flow_field_set_masked(const struct flow_field *f, struct flow_key *k,
    const struct flow_value *v, const struct flow_value *mask);
/* Copies n_bits from src field's bit src_ofs of *from to dst field's bit dst_ofs of *to (0 = lowest). */
void flow_field_move(const struct flow_field *src, unsigned int src_ofs,
    const struct flow_key *from, const struct flow_field *dst, unsigned int dst_ofs,
    struct flow_key *to, unsigned int n_bits);
struct flow_value flow_value_from_u64(uint64_t v);
uint64_t flow_value_to_u64(const struct flow_value *v); // low 64 bits
struct flow_value flow_value_ones(unsigned int n_bits);

/*
 * Text of a value or "value/mask" ("10.0.0.0/8", "0x1/0xff", "later", "+syn-ack"). Refuses values wider than
 * the field, masks where the field takes none, and fields that are FW_ABSENT. 0 or -EINVAL with *err filled (ret_mask all ones if no mask).
 */
MUST_CHECK
int flow_field_parse(const struct flow_field *f, const char *s, struct flow_value *ret,
    struct flow_value *ret_mask, struct err *err);
enum { FIELD_STR_SIZE = 128 };
/* mask NULL or all ones: the value alone. Returns buf. */
const char *flow_field_format(const struct flow_field *f, const struct flow_value *v,
    const struct flow_value *mask, char buf[FIELD_STR_SIZE]);

/* Adds the field to a match. 0, or -EEXIST when the field (or an alias) is there with another value. */
MUST_CHECK
int flow_match_add_field(struct flow_match *m, enum flow_field_id id, const struct flow_value *v,
    const struct flow_value *mask);
/* True when the field's prerequisite (eth_type, ip_proto…) is matched exactly by m. */
bool flow_match_has_prereq(const struct flow_match *m, enum flow_field_prereq prereq);
/* "an exact match on eth_type=0x0800 and ip_proto=6": for error texts. */
const char *flow_prereq_describe(enum flow_field_prereq prereq);
/*
 * Comma-separated "field=value" text, canonical order, "any" when empty. Writes NUL always, cuts with "…".
 * Returns buf.
 */
const char *flow_match_format(const struct flow_match *m, char *buf, size_t size);
/*
 * First field (lowest id) in which *k is outside *m, for "why not" lines. NULL when k matches.
 */
const struct flow_field *flow_match_first_difference(
    const struct flow_match *m, const struct flow_key *k);
