/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_error.h"

#include <openflow/nicira-ext.h>

#include "control/openflow/ofp_wire.h"

enum { N_VERSIONS = 6, NO_ERROR = 0xffff, TYPE_VENDOR_10 = 0xb0c2, TYPE_EXPERIMENTER = 0xffff };

#define OF(t, c)                         \
	{                                \
		.type = (t), .code = (c) \
	}
#define NX2(t, c)                                                      \
	{                                                              \
		.experimenter = NX_VENDOR_ID, .type = (t), .code = (c) \
	}
#define NX(t)                                             \
	{                                                 \
		.experimenter = NX_VENDOR_ID, .type = (t) \
	}
#define ONF(t)                                             \
	{                                                  \
		.experimenter = ONF_VENDOR_ID, .type = (t) \
	}
#define NONE                     \
	{                        \
		.type = NO_ERROR \
	}

static const struct ofp_error_number numbers[OFPERR__COUNT][N_VERSIONS] = {
    [OFP_OK] = {NONE, NONE, NONE, NONE, NONE, NONE},
#define OFP_ERROR(name, ...) [OFPERR_##name] = {__VA_ARGS__},
#include "control/openflow/ofp_error.def"
#undef OFP_ERROR
};

static struct ofp_error_number row_of(enum ofp_err err, enum ofp_version version);

const char *ofp_err_name(enum ofp_err err)
{
	static const char *const names[OFPERR__COUNT] = {
	    [OFP_OK] = "OK",
#define OFP_ERROR(name, ...) [OFPERR_##name] = #name,
#include "control/openflow/ofp_error.def"
#undef OFP_ERROR
	};

	return (unsigned int)err < OFPERR__COUNT ? names[err] : "unknown";
}

struct ofp_error_number ofp_err_number(enum ofp_err err, enum ofp_version version)
{
	struct ofp_error_number n = row_of(err, version);

	return n.type != NO_ERROR ? n : row_of(OFPERR_NXBRC_UNENCODABLE_ERROR, version);
}

enum ofp_err ofp_err_find(const struct ofp_error_number *number, enum ofp_version version)
{
	for (enum ofp_err err = OFP_OK + 1; err < OFPERR__COUNT; err++) {
		struct ofp_error_number n = row_of(err, version);
		if (n.type != NO_ERROR && n.experimenter == number->experimenter &&
		    n.type == number->type && n.code == number->code)
			return err;
	}
	return OFP_OK;
}

void ofp_error_encode(enum ofp_version version, enum ofp_err err, const void *request, size_t size,
    struct buf_writer *w)
{
	struct ofp_error_number n = ofp_err_number(err, version);

	if (n.experimenter == 0) {
		wire_put_be16(w, n.type);
		wire_put_be16(w, n.code);
	} else if (version < OFP12_VERSION) {
		wire_put_be16(w, TYPE_VENDOR_10);
		wire_put_be16(w, NXVC_VENDOR_ERROR);
		wire_put_be32(w, n.experimenter);
		wire_put_be16(w, n.type);
		wire_put_be16(w, n.code);
	} else {
		wire_put_be16(w, TYPE_EXPERIMENTER);
		wire_put_be16(w, n.type);
		wire_put_be32(w, n.experimenter);
	}
	buf_put(w, request, MIN_OF(size, (size_t)OFP_ERROR_QUOTE_SIZE));
}

enum ofp_err ofp_error_decode(
    enum ofp_version version, const void *body, size_t size, struct ofp_error *ret)
{
	struct buf b = buf_from(body, size);

	*ret = (struct ofp_error){.number.type = buf_be16(&b)};
	ret->number.code = buf_be16(&b);
	if (version < OFP12_VERSION && ret->number.type == TYPE_VENDOR_10 &&
	    ret->number.code == NXVC_VENDOR_ERROR) {
		ret->number.experimenter = buf_be32(&b);
		ret->number.type = buf_be16(&b);
		ret->number.code = buf_be16(&b);
	} else if (version >= OFP12_VERSION && ret->number.type == TYPE_EXPERIMENTER) {
		ret->number.type = ret->number.code;
		ret->number.code = 0;
		ret->number.experimenter = buf_be32(&b);
	}
	if (b.bad)
		return OFPERR_OFPBRC_BAD_LEN;
	ret->err = ofp_err_find(&ret->number, version);
	ret->data_size = buf_left(&b);
	ret->data = buf_take(&b, ret->data_size);
	return OFP_OK;
}

static struct ofp_error_number row_of(enum ofp_err err, enum ofp_version version)
{
	return numbers[err][version - OFP10_VERSION];
}
