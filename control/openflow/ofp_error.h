/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * OpenFlow errors: one symbolic name each, whose numbers differ between versions; in older ones some are Nicira's or the ONF's
 * extensions (ofp_error.def). Decoders return enum ofp_err, and the connection turns it into the numbers of its version.
 *
 * Threads: any; pure functions. Memory: a decoded error borrows the bytes that it quotes.
 */
#include <openflow/openflow.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/base/buf.h"

enum ofp_err {
	OFP_OK,
#define OFP_ERROR(name, ...) OFPERR_##name,
#include "control/openflow/ofp_error.def"
#undef OFP_ERROR
	OFPERR__COUNT
};

/* As on the wire. experimenter 0: a standard error. In 1.2 and later an experimenter's error has a type alone. */
struct ofp_error_number {
	uint32_t experimenter;
	uint16_t type, code;
};

struct ofp_error {
	enum ofp_err err; // OFP_OK: numbers that no row of this version has
	struct ofp_error_number number;
	const uint8_t *data; // what of the request is quoted
	size_t data_size;
};

enum {
	OFP_ERROR_QUOTE_SIZE = 64
}; // bytes of the request that an error quotes (OpenFlow 1.3.5 7.5.4: at least)

/* "OFPBMC_BAD_PREREQ"; "OK" for OFP_OK. */
const char *ofp_err_name(enum ofp_err err);
/* The error's numbers in a version. One that the version cannot say becomes NXBRC_UNENCODABLE_ERROR, as with OVS. */
struct ofp_error_number ofp_err_number(enum ofp_err err, enum ofp_version version);
enum ofp_err ofp_err_find(const struct ofp_error_number *number, enum ofp_version version);
/*
 * Body of an OFPT_ERROR message (all behind ofp_header) for a request, which starts at its ofp_header. Precondition: err is not OFP_OK.
 */
void ofp_error_encode(enum ofp_version version, enum ofp_err err, const void *request, size_t size,
    struct buf_writer *w);
/* Reads such a body. OFPERR_OFPBRC_BAD_LEN when it is cut short. */
MUST_CHECK
enum ofp_err ofp_error_decode(
    enum ofp_version version, const void *body, size_t size, struct ofp_error *ret);
