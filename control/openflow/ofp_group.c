/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_group.h"

#include <openflow/netronome-ext.h>
#include <openflow/openflow-1.1.h>
#include <openflow/openflow-1.5.h>
#include <string.h>

#include "control/openflow/ofp_wire.h"

static enum ofp_err decode_buckets(enum ofp_version version, bool is_15_form, struct buf *b,
    struct buf_writer *actions, struct buf_writer *buckets, struct ofp_group_mod *ret);
static enum ofp_err decode_bucket11(
    enum ofp_version version, struct buf *b, struct buf_writer *actions, struct ofp_bucket *ret);
static enum ofp_err decode_bucket15(
    enum ofp_version version, struct buf *b, struct buf_writer *actions, struct ofp_bucket *ret);
static enum ofp_err decode_bucket_property(struct buf *b, struct ofp_bucket *ret);
static enum ofp_err decode_actions(enum ofp_version version, struct buf *b, size_t size,
    struct buf_writer *actions, struct ofp_bucket *ret);
static enum ofp_err decode_properties(struct buf *b, struct ofp_group_mod *ret);
static enum ofp_err take(struct buf *b, size_t min, size_t align, struct buf *ret);
static void encode_bucket11(
    enum ofp_version version, const struct ofp_bucket *bucket, struct buf_writer *w);
static void encode_bucket15(
    enum ofp_version version, uint8_t type, const struct ofp_bucket *bucket, struct buf_writer *w);
static void encode_selection(const struct ofp_group_mod *group, struct buf_writer *w);
static void put_size(struct buf_writer *w, size_t at, size_t size);

enum ofp_err ofp_group_mod_decode(enum ofp_version version, bool is_15_form, struct buf *b,
    struct buf_writer *actions, struct buf_writer *buckets, struct ofp_group_mod *ret)
{
	struct buf list;

	*ret = (struct ofp_group_mod){
	    .command = buf_be16(b), .type = buf_u8(b), .command_bucket_id = OFPG15_BUCKET_ALL};
	buf_skip(b, 1);
	ret->group_id = buf_be32(b);
	size_t size = buf_left(b);
	if (is_15_form) {
		size = buf_be16(b);
		buf_skip(b, 2);
		ret->command_bucket_id = buf_be32(b);
	}
	const uint8_t *data = buf_take(b, size);
	if (b->bad || data == NULL)
		return OFPERR_OFPBRC_BAD_LEN;
	list = buf_from(data, size);
	enum ofp_err err = decode_buckets(version, is_15_form, &list, actions, buckets, ret);
	return err == OFP_OK && is_15_form ? decode_properties(b, ret) : err;
}

/* Actions move while more come: where they are is filled in at the end. */
static enum ofp_err decode_buckets(enum ofp_version version, bool is_15_form, struct buf *b,
    struct buf_writer *actions, struct buf_writer *buckets, struct ofp_group_mod *ret)
{
	actions->size = buckets->size = 0;
	while (buf_left(b) > 0) {
		struct ofp_bucket bucket = {.bucket_id = OFP_NO_BUCKET_ID,
		    .watch_port = DP_OFPORT_ANY,
		    .watch_group = OFP_ANY_GROUP};
		enum ofp_err err = is_15_form ? decode_bucket15(version, b, actions, &bucket)
					      : decode_bucket11(version, b, actions, &bucket);
		if (err != OFP_OK)
			return err;
		if (ret->n_buckets == DP_MAX_BUCKETS)
			return OFPERR_OFPGMFC_OUT_OF_BUCKETS;
		buf_put(buckets, &bucket, sizeof(bucket));
		ret->n_buckets++;
	}
	if (actions->bad || buckets->bad)
		return OFPERR_OFPGMFC_OUT_OF_BUCKETS;
	struct ofp_bucket *all = (struct ofp_bucket *)(void *)buckets->data;
	const uint8_t *next = actions->data;
	for (size_t i = 0; i < ret->n_buckets; i++) {
		all[i].actions.data = next;
		if (all[i].actions.size > 0) // no bucket has any: next is NULL
			next += all[i].actions.size;
	}
	ret->buckets = all;
	return OFP_OK;
}

static enum ofp_err decode_bucket11(
    enum ofp_version version, struct buf *b, struct buf_writer *actions, struct ofp_bucket *ret)
{
	struct buf in;
	enum ofp_err err = take(b, sizeof(struct ofp11_bucket), 8, &in);

	if (err != OFP_OK)
		return err;
	ret->weight = buf_be16(&in);
	ret->watch_port = buf_be32(&in);
	ret->watch_group = buf_be32(&in);
	buf_skip(&in, 4);
	return decode_actions(version, &in, buf_left(&in), actions, ret);
}

static enum ofp_err decode_bucket15(
    enum ofp_version version, struct buf *b, struct buf_writer *actions, struct ofp_bucket *ret)
{
	struct buf in;
	enum ofp_err err = take(b, sizeof(struct ofp15_bucket), 8, &in);

	if (err != OFP_OK)
		return err;
	size_t size = buf_be16(&in);
	ret->weight = 1; // unless a property says otherwise
	ret->bucket_id = buf_be32(&in);
	if (ret->bucket_id > OFPG15_BUCKET_MAX)
		return OFPERR_OFPGMFC_BAD_BUCKET;
	if (size > buf_left(&in))
		return OFPERR_OFPGMFC_BAD_BUCKET;
	err = decode_actions(version, &in, size, actions, ret);
	while (err == OFP_OK && buf_left(&in) > 0)
		err = decode_bucket_property(&in, ret);
	return err;
}

static enum ofp_err decode_bucket_property(struct buf *b, struct ofp_bucket *ret)
{
	uint16_t type = buf_be16(b), len = buf_be16(b);
	const uint8_t *data = len >= 4 ? buf_take(b, len - 4U) : NULL;

	if (b->bad || data == NULL)
		return OFPERR_OFPBPC_BAD_LEN;
	buf_skip(b, ROUND_UP((size_t)len, 8) - len);
	struct buf in = buf_from(data, len - 4U);
	switch (type) {
	case OFPGBPT15_WEIGHT: ret->weight = buf_be16(&in); break;
	case OFPGBPT15_WATCH_PORT: ret->watch_port = buf_be32(&in); break;
	case OFPGBPT15_WATCH_GROUP: ret->watch_group = buf_be32(&in); break;
	default: return OFPERR_OFPBPC_BAD_TYPE;
	}
	return in.bad || b->bad ? OFPERR_OFPBPC_BAD_LEN : OFP_OK;
}

static enum ofp_err decode_actions(enum ofp_version version, struct buf *b, size_t size,
    struct buf_writer *actions, struct ofp_bucket *ret)
{
	size_t start = actions->size;
	enum ofp_err err = ofp_actions_decode(b, size, version, actions);

	ret->actions.size = actions->size - start;
	return err;
}

/* Netronome's selection method is the only one there is: type, length, experimenter, subtype, padding, then name, parameter, fields. */
static enum ofp_err decode_properties(struct buf *b, struct ofp_group_mod *ret)
{
	while (buf_left(b) > 0) {
		uint16_t type = buf_be16(b), len = buf_be16(b);
		if (b->bad || type != OFPGPT15_EXPERIMENTER)
			return OFPERR_OFPBPC_BAD_TYPE;
		const uint8_t *data = len >= sizeof(struct ntr_group_prop_selection_method)
					  ? buf_take(b, len - 4U)
					  : NULL;
		if (data == NULL)
			return OFPERR_OFPBPC_BAD_LEN;
		buf_skip(b, ROUND_UP((size_t)len, 8) - len);
		struct buf in = buf_from(data, len - 4U);
		if (buf_be32(&in) != NTR_VENDOR_ID)
			return OFPERR_OFPBPC_BAD_EXPERIMENTER;
		if (buf_be32(&in) != NTRT_SELECTION_METHOD)
			return OFPERR_OFPBPC_BAD_EXP_TYPE;
		buf_skip(&in, 4);
		buf_bytes(&in, ret->selection_method, sizeof(ret->selection_method));
		ret->selection_param = buf_be64(&in);
		if (memchr(ret->selection_method, '\0', sizeof(ret->selection_method)) == NULL)
			return OFPERR_OFPBPC_BAD_VALUE;
		if (buf_left(&in) > 0) // fields to choose by: this switch takes a packet's session
			return OFPERR_OFPBPC_BAD_VALUE;
	}
	return OFP_OK;
}

/* What a 16-bit length says that there is, without the length. */
static enum ofp_err take(struct buf *b, size_t min, size_t align, struct buf *ret)
{
	size_t len = buf_be16(b);

	if (b->bad || len < min || len % align != 0 || len - 2 > buf_left(b))
		return OFPERR_OFPGMFC_BAD_BUCKET;
	const uint8_t *data = buf_take(b, len - 2);
	*ret = buf_from(data, len - 2);
	return OFP_OK;
}

void ofp_group_desc_encode(enum ofp_version version, bool is_15_form,
    const struct ofp_group_mod *group, struct buf_writer *w)
{
	size_t start = w->size;

	wire_put_be16(w, 0);
	buf_put_u8(w, group->type);
	buf_put_u8(w, 0);
	wire_put_be32(w, group->group_id);
	if (is_15_form)
		buf_put_zeros(w, 8);
	size_t list = w->size;
	for (size_t i = 0; i < group->n_buckets; i++) {
		if (is_15_form)
			encode_bucket15(version, group->type, &group->buckets[i], w);
		else
			encode_bucket11(version, &group->buckets[i], w);
	}
	if (is_15_form) {
		put_size(w, start + 8, w->size - list);
		encode_selection(group, w);
	}
	put_size(w, start, w->size - start);
}

static void encode_bucket11(
    enum ofp_version version, const struct ofp_bucket *bucket, struct buf_writer *w)
{
	size_t start = w->size;

	wire_put_be16(w, 0);
	wire_put_be16(w, bucket->weight);
	wire_put_be32(w, bucket->watch_port);
	wire_put_be32(w, bucket->watch_group);
	wire_put_be32(w, 0);
	ofp_actions_encode(&bucket->actions, version, w);
	put_size(w, start, w->size - start);
}

static void encode_bucket15(
    enum ofp_version version, uint8_t type, const struct ofp_bucket *bucket, struct buf_writer *w)
{
	size_t start = w->size;

	wire_put_be16(w, 0);
	wire_put_be16(w, 0);
	wire_put_be32(w, bucket->bucket_id);
	ofp_actions_encode(&bucket->actions, version, w);
	put_size(w, start + 2, w->size - start - sizeof(struct ofp15_bucket));
	if (type == OFPGT11_SELECT) {
		wire_put_be16(w, OFPGBPT15_WEIGHT);
		wire_put_be16(w, 8);
		wire_put_be16(w, bucket->weight);
		wire_put_be16(w, 0);
	}
	if (bucket->watch_port != DP_OFPORT_ANY) {
		wire_put_be16(w, OFPGBPT15_WATCH_PORT);
		wire_put_be16(w, 8);
		wire_put_be32(w, bucket->watch_port);
	}
	if (bucket->watch_group != OFP_ANY_GROUP) {
		wire_put_be16(w, OFPGBPT15_WATCH_GROUP);
		wire_put_be16(w, 8);
		wire_put_be32(w, bucket->watch_group);
	}
	put_size(w, start, w->size - start);
}

static void encode_selection(const struct ofp_group_mod *group, struct buf_writer *w)
{
	if (group->selection_method[0] == '\0')
		return;
	wire_put_be16(w, OFPGPT15_EXPERIMENTER);
	wire_put_be16(w, sizeof(struct ntr_group_prop_selection_method));
	wire_put_be32(w, NTR_VENDOR_ID);
	wire_put_be32(w, NTRT_SELECTION_METHOD);
	wire_put_be32(w, 0);
	buf_put(w, group->selection_method, sizeof(group->selection_method));
	wire_put_be64(w, group->selection_param);
}

static void put_size(struct buf_writer *w, size_t at, size_t size)
{
	if (w->bad)
		return;
	if (size > UINT16_MAX)
		w->bad = true;
	w->data[at] = (uint8_t)(size >> 8);
	w->data[at + 1] = (uint8_t)size;
}

void ofp_group_stats_encode(
    enum ofp_version version, const struct ofp_group_stats *gs, struct buf_writer *w)
{
	size_t start = w->size;

	wire_put_be32(w, 0); // length, padding
	wire_put_be32(w, gs->group_id);
	wire_put_be32(w, gs->ref_count);
	wire_put_be32(w, 0);
	wire_put_be64(w, gs->n_packets);
	wire_put_be64(w, gs->n_bytes);
	if (version >= OFP13_VERSION || version == OFP10_VERSION) {
		wire_put_be32(w, gs->duration_s);
		wire_put_be32(w, gs->duration_ns);
	}
	for (size_t i = 0; i < 2 * gs->n_buckets; i++)
		wire_put_be64(w, UINT64_MAX);
	put_size(w, start, w->size - start);
}
