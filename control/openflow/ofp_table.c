/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_table.h"

#include <openflow/openflow-1.4.h>
#include <openflow/openflow-common.h>

#include "control/openflow/ofp_prop.h"
#include "control/openflow/ofp_wire.h"

enum {
	MISS_UNKNOWN = OFPTC11_TABLE_MISS_MASK, // three of four are in use
	CONFIG14 = OFPTC14_EVICTION | OFPTC14_VACANCY_EVENTS,
	EVICTION_FLAGS = OFPTMPEF14_OTHER | OFPTMPEF14_IMPORTANCE | OFPTMPEF14_LIFETIME,
};

static enum ofp_err decode_config(
    enum ofp_version version, uint32_t config, struct ofp_table_conf *ret);
static enum ofp_err decode_prop(struct ofp_prop *p, struct ofp_table_conf *ret);
static enum ofp_err decode_eviction(struct ofp_prop *p, struct ofp_table_conf *ret);
static enum ofp_err decode_vacancy(struct ofp_prop *p, struct ofp_table_conf *ret);

enum ofp_err ofp_table_mod_decode(
    enum ofp_version version, struct buf *b, struct ofp_table_conf *ret)
{
	*ret = (struct ofp_table_conf){.table_id = buf_u8(b)};
	buf_skip(b, 3);
	uint32_t config = buf_be32(b);
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	enum ofp_err err = decode_config(version, config, ret);
	while (err == OFP_OK && version >= OFP14_VERSION && buf_left(b) > 0) {
		struct ofp_prop prop;
		err = ofp_prop_decode(b, &prop);
		if (err == OFP_OK)
			err = decode_prop(&prop, ret);
	}
	return err;
}

static enum ofp_err decode_config(
    enum ofp_version version, uint32_t config, struct ofp_table_conf *ret)
{
	uint32_t miss = config & OFPTC11_TABLE_MISS_MASK,
		 rest = config & ~(uint32_t)OFPTC11_TABLE_MISS_MASK;

	// 1.3 and later keep the bits of miss as deprecated, without effect (1.3.5 7.3.3).
	if (version < OFP13_VERSION) {
		if (miss == MISS_UNKNOWN)
			return OFPERR_OFPTMFC_BAD_CONFIG;
		ret->miss = (uint8_t)miss;
	}
	if ((rest & ~(version >= OFP14_VERSION ? CONFIG14 : 0U)) != 0)
		return OFPERR_OFPTMFC_BAD_CONFIG;
	ret->evicts = (rest & OFPTC14_EVICTION) != 0;
	ret->tells_vacancy = (rest & OFPTC14_VACANCY_EVENTS) != 0;
	return OFP_OK;
}

static enum ofp_err decode_prop(struct ofp_prop *p, struct ofp_table_conf *ret)
{
	switch (p->type) {
	case OFPTMPT14_EVICTION: return decode_eviction(p, ret);
	case OFPTMPT14_VACANCY: return decode_vacancy(p, ret);
	default: return ofp_prop_refuse(p);
	}
}

static enum ofp_err decode_eviction(struct ofp_prop *p, struct ofp_table_conf *ret)
{
	enum ofp_err err = ofp_prop_u32(p, &ret->eviction_flags);

	ret->has_eviction_flags = true;
	if (err == OFP_OK && (ret->eviction_flags & ~(uint32_t)EVICTION_FLAGS) != 0)
		err = OFPERR_OFPBPC_BAD_VALUE;
	return err;
}

static enum ofp_err decode_vacancy(struct ofp_prop *p, struct ofp_table_conf *ret)
{
	if (buf_left(&p->body) != 4)
		return OFPERR_OFPBPC_BAD_LEN;
	ret->has_vacancy = true;
	ret->vacancy_down = buf_u8(&p->body);
	ret->vacancy_up = buf_u8(&p->body);
	bool says_now = buf_u8(&p->body) != 0; // the switch's to say
	if (says_now || ret->vacancy_down > ret->vacancy_up || ret->vacancy_up > 100)
		return OFPERR_OFPBPC_BAD_VALUE;
	return OFP_OK;
}

void ofp_table_desc_encode(const struct ofp_table_conf *t, struct buf_writer *w)
{
	size_t start = w->size;

	wire_put_be16(w, 0);
	buf_put_u8(w, t->table_id);
	buf_put_u8(w, 0);
	wire_put_be32(w,
	    (t->evicts ? OFPTC14_EVICTION : 0U) | (t->tells_vacancy ? OFPTC14_VACANCY_EVENTS : 0U));
	if (t->evicts)
		ofp_prop_put_u32(w, OFPTMPT14_EVICTION, t->eviction_flags);
	if (t->tells_vacancy) {
		size_t at = ofp_prop_begin(w, OFPTMPT14_VACANCY);
		buf_put_u8(w, t->vacancy_down);
		buf_put_u8(w, t->vacancy_up);
		buf_put_u8(w, t->vacancy);
		buf_put_u8(w, 0);
		ofp_prop_end(w, at);
	}
	wire_set_be16(w, start, (uint16_t)(w->size - start));
}

void ofp_table_status_encode(uint8_t reason, const struct ofp_table_conf *t, struct buf_writer *w)
{
	buf_put_u8(w, reason);
	buf_put_zeros(w, 7);
	ofp_table_desc_encode(t, w);
}
