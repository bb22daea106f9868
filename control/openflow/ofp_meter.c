/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_meter.h"

#include <string.h>

#include "control/openflow/ofp_wire.h"

enum {
	BAND_SIZE = 16,
	FLAGS = OFPMF13_KBPS | OFPMF13_PKTPS | OFPMF13_BURST | OFPMF13_STATS,
};

static enum ofp_err decode_bands(struct buf *b, struct ofp_meter *ret);
static void encode_bands(const struct ofp_meter *m, struct buf_writer *w);
static bool id_is_good(uint32_t id, bool may_be_all);

enum ofp_err ofp_meter_mod_decode(struct buf *b, struct ofp_meter_mod *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->command = buf_be16(b);
	ret->meter.flags = buf_be16(b);
	ret->meter.id = buf_be32(b);
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	if (ret->command > OFPMC13_DELETE)
		return OFPERR_OFPMMFC_BAD_COMMAND;
	if (!id_is_good(ret->meter.id, ret->command == OFPMC13_DELETE))
		return OFPERR_OFPMMFC_INVALID_METER;
	if (ret->command == OFPMC13_DELETE) { // what else is said does not count
		ret->meter.flags = 0;
		buf_skip(b, buf_left(b));
		return OFP_OK;
	}
	bool both =
	    (ret->meter.flags & OFPMF13_KBPS) != 0 && (ret->meter.flags & OFPMF13_PKTPS) != 0;
	if (both || (ret->meter.flags & ~FLAGS) != 0)
		return OFPERR_OFPMMFC_BAD_FLAGS;
	return decode_bands(b, &ret->meter);
}

void ofp_meter_mod_encode(const struct ofp_meter_mod *mm, struct buf_writer *w)
{
	wire_put_be16(w, mm->command);
	wire_put_be16(w, mm->meter.flags);
	wire_put_be32(w, mm->meter.id);
	encode_bands(&mm->meter, w);
}

enum ofp_err ofp_meter_request_decode(struct buf *b, uint32_t *ret_id)
{
	*ret_id = buf_be32(b);
	buf_skip(b, 4);
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	return id_is_good(*ret_id, true) ? OFP_OK : OFPERR_OFPMMFC_INVALID_METER;
}

void ofp_meter_request_encode(uint32_t id, struct buf_writer *w)
{
	wire_put_be32(w, id);
	wire_put_be32(w, 0);
}

enum ofp_err ofp_meter_config_decode(struct buf *b, struct ofp_meter *ret)
{
	struct buf head = *b;
	uint16_t length = buf_be16(&head);

	memset(ret, 0, sizeof(*ret));
	if (head.bad || length < sizeof(struct ofp13_meter_config) || length > buf_left(b))
		return OFPERR_OFPBRC_BAD_LEN;
	struct buf entry = buf_from(buf_take(b, length), length);
	buf_skip(&entry, 2);
	ret->flags = buf_be16(&entry);
	ret->id = buf_be32(&entry);
	return decode_bands(&entry, ret);
}

void ofp_meter_config_encode(const struct ofp_meter *m, struct buf_writer *w)
{
	size_t start = w->size;

	wire_put_be16(w, 0);
	wire_put_be16(w, m->flags);
	wire_put_be32(w, m->id);
	encode_bands(m, w);
	wire_set_be16(w, start, (uint16_t)(w->size - start));
}

enum ofp_err ofp_meter_stats_decode(struct buf *b, struct ofp_meter_stats *ret)
{
	struct buf head = *b;
	uint32_t id = buf_be32(&head);
	uint16_t length = buf_be16(&head);

	memset(ret, 0, sizeof(*ret));
	if (head.bad || length < sizeof(struct ofp13_meter_stats) || length > buf_left(b))
		return OFPERR_OFPBRC_BAD_LEN;
	struct buf entry = buf_from(buf_take(b, length), length);
	buf_skip(&entry, 12);
	ret->id = id;
	ret->n_flows = buf_be32(&entry);
	ret->in.n_packets = buf_be64(&entry);
	ret->in.n_bytes = buf_be64(&entry);
	ret->duration_s = buf_be32(&entry);
	ret->duration_ns = buf_be32(&entry);
	for (; buf_left(&entry) > 0; ret->n_bands++) {
		if (ret->n_bands == OFP_MAX_METER_BANDS)
			return OFPERR_OFPMMFC_OUT_OF_BANDS;
		ret->bands[ret->n_bands].n_packets = buf_be64(&entry);
		ret->bands[ret->n_bands].n_bytes = buf_be64(&entry);
	}
	return entry.bad ? OFPERR_OFPBRC_BAD_LEN : OFP_OK;
}

void ofp_meter_stats_encode(const struct ofp_meter_stats *s, struct buf_writer *w)
{
	size_t start = w->size;

	wire_put_be32(w, s->id);
	buf_put_zeros(w, 8);
	wire_put_be32(w, s->n_flows);
	wire_put_be64(w, s->in.n_packets);
	wire_put_be64(w, s->in.n_bytes);
	wire_put_be32(w, s->duration_s);
	wire_put_be32(w, s->duration_ns);
	for (unsigned int i = 0; i < s->n_bands; i++) {
		wire_put_be64(w, s->bands[i].n_packets);
		wire_put_be64(w, s->bands[i].n_bytes);
	}
	wire_set_be16(w, start + 4, (uint16_t)(w->size - start));
}

enum ofp_err ofp_meter_features_decode(struct buf *b, struct ofp_meter_features *ret)
{
	ret->max_meters = buf_be32(b);
	ret->band_types = buf_be32(b);
	ret->capabilities = buf_be32(b);
	ret->max_bands = buf_u8(b);
	ret->max_color = buf_u8(b);
	buf_skip(b, 2);
	return b->bad ? OFPERR_OFPBRC_BAD_LEN : OFP_OK;
}

void ofp_meter_features_encode(const struct ofp_meter_features *f, struct buf_writer *w)
{
	wire_put_be32(w, f->max_meters);
	wire_put_be32(w, f->band_types);
	wire_put_be32(w, f->capabilities);
	buf_put_u8(w, f->max_bands);
	buf_put_u8(w, f->max_color);
	wire_put_be16(w, 0);
}

static enum ofp_err decode_bands(struct buf *b, struct ofp_meter *ret)
{
	while (buf_left(b) > 0) {
		struct ofp_meter_band band = {.type = buf_be16(b)};
		uint16_t length = buf_be16(b);
		band.rate = buf_be32(b);
		band.burst = buf_be32(b);
		band.prec_level = buf_u8(b);
		buf_skip(b, 3);
		if (b->bad || length != BAND_SIZE)
			return OFPERR_OFPBRC_BAD_LEN;
		if (band.type != OFPMBT13_DROP && band.type != OFPMBT13_DSCP_REMARK)
			return OFPERR_OFPMMFC_BAD_BAND;
		if (band.type == OFPMBT13_DROP)
			band.prec_level = 0;
		if (ret->n_bands == OFP_MAX_METER_BANDS)
			return OFPERR_OFPMMFC_OUT_OF_BANDS;
		ret->bands[ret->n_bands++] = band;
	}
	return OFP_OK;
}

static void encode_bands(const struct ofp_meter *m, struct buf_writer *w)
{
	for (unsigned int i = 0; i < m->n_bands; i++) {
		const struct ofp_meter_band *band = &m->bands[i];
		wire_put_be16(w, band->type);
		wire_put_be16(w, BAND_SIZE);
		wire_put_be32(w, band->rate);
		wire_put_be32(w, band->burst);
		buf_put_u8(w, band->prec_level);
		buf_put_zeros(w, 3);
	}
}

/* Virtual meters of the controller's connection and of the slow path are there to be set, too (OpenFlow 1.3.5 7.3.4.4). */
static bool id_is_good(uint32_t id, bool may_be_all)
{
	return (id > 0 && id <= OFPM13_MAX) || id == OFPM13_CONTROLLER || id == OFPM13_SLOWPATH ||
	       (may_be_all && id == OFPM13_ALL);
}
