/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Matches on the wire, to and from struct flow_match: the fixed ones of 1.0 and 1.1, and OXM and NXM lists. Prerequisites, masks, values
 * and doubles are checked here; whether tables have room or ports exist is not.
 *
 * VLANs: struct flow_match has OpenFlow's present bit in vlan_tci, at the place where OXM_OF_VLAN_VID has it, so that "no tag" is
 * vlan_tci=0/0x1fff (OXM) or 0/0xffff (NXM, 1.0), and "any tag" 0x1000/0x1000.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include "control/openflow/ofp.h"
#include "control/openflow/ofp_error.h"
#include "datapath/base/buf.h"
#include "datapath/base/flow_key.h"

enum {
	OFP_MATCH_LOOSE = 1 << 0
}; // fields of no row are passed over: in what a newer peer tells, never in a flow-mod

/* NXM_NX_COOKIE in an NXM match: of NXT_FLOW_MOD, NXST_FLOW and their like only. */
struct ofp_match_cookie {
	uint64_t cookie_be, mask_be;
};

/* A list of OXM or NXM fields, all of b. cookie NULL: it may not be in the list. */
MUST_CHECK
enum ofp_err oxm_match_decode(
    struct buf *b, unsigned int flags, struct flow_match *ret, struct ofp_match_cookie *cookie);
/*
 * Writes the list without padding. version OFP10_VERSION and OFP11_VERSION: NXM. cookie NULL or with an empty mask: none.
 */
void oxm_match_encode(const struct flow_match *m, const struct ofp_match_cookie *cookie,
    enum ofp_version version, struct buf_writer *w);

/* struct ofp10_match, 40 bytes. */
MUST_CHECK
enum ofp_err ofp10_match_decode(struct buf *b, struct flow_match *ret);
/* What 1.0 cannot say is left out: the match that is written is the looser one. */
void ofp10_match_encode(const struct flow_match *m, struct buf_writer *w);
/* Whether ofp10_match_encode leaves nothing out; otherwise such a rule is shown to 1.0 only in NXM form. */
bool ofp10_match_is_exact(const struct flow_match *m);

/* struct ofp11_match_header and what follows, padding included: OFPMT_STANDARD in 1.1, OFPMT_OXM from 1.2 on. */
MUST_CHECK
enum ofp_err ofp11_match_decode(
    struct buf *b, enum ofp_version version, unsigned int flags, struct flow_match *ret);
void ofp11_match_encode(const struct flow_match *m, enum ofp_version version, struct buf_writer *w);
