/* SPDX-License-Identifier: Apache-2.0 */
/* Actions of extensions, and those of the standard that the switch only stores. Learn, ct and what has lists in it have files of their own. */
#include <openflow/nicira-ext.h>
#include <string.h>

#include "control/openflow/ofp_action_priv.h"

enum {
	PROP_MAX_LEN,
	PROP_CONTROLLER_ID,
	PROP_REASON,
	PROP_USERDATA,
	PROP_PAUSE,
	PROP_METER_ID,
	ETH_MPLS = 0x8847,
	ETH_MPLS_MULTICAST = 0x8848,
	MAX_BUNDLE_PORTS = 2048,
	SAMPLE_DIRECTIONS = 3,
	LAST_MULTIPATH_ALGORITHM = 3, // iter_hash
	LAST_BUNDLE_ALGORITHM = 1,    // hrw
};

static enum ofp_err put_bare(struct action_reader *r, enum dp_action_type type);
static enum ofp_err decode_property(
    struct action_reader *r, struct dp_action *a, struct buf *userdata);
static enum ofp_err decode_bundle(struct action_reader *r, bool load);
static enum ofp_err decode_sample(struct action_reader *r, unsigned int form);
static enum ofp_err decode_sample_source(
    struct action_reader *r, uint32_t *value, uint16_t *field, uint16_t *ofs, uint16_t *n_bits);
static enum ofp_err decode_stack(struct action_reader *r, enum dp_action_type type, bool write);
static bool hash_fields_are_known(uint16_t fields);

enum ofp_err action_decode_enqueue(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_ENQUEUE);

	a.enqueue.port = ofp_port_from_u16(buf_be16(&r->body));
	buf_skip(&r->body, 6);
	a.enqueue.queue = buf_be32(&r->body);
	bool known = (a.enqueue.port > 0 && a.enqueue.port < DP_OFPORT_MAX) ||
		     a.enqueue.port == DP_OFPORT_IN_PORT || a.enqueue.port == DP_OFPORT_LOCAL;
	return known ? action_put(r, &a) : OFPERR_OFPBAC_BAD_OUT_PORT;
}

enum ofp_err action_decode_set_queue(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_SET_QUEUE);

	a.queue.id = buf_be32(&r->body);
	return action_put(r, &a);
}

enum ofp_err action_decode_set_queue_nx(struct action_reader *r)
{
	buf_skip(&r->body, 2);
	return action_decode_set_queue(r);
}

enum ofp_err action_decode_pop_queue(struct action_reader *r)
{
	return put_bare(r, DP_ACTION_POP_QUEUE);
}

enum ofp_err action_decode_exit(struct action_reader *r)
{
	return put_bare(r, DP_ACTION_EXIT);
}

enum ofp_err action_decode_ct_clear(struct action_reader *r)
{
	return put_bare(r, DP_ACTION_CT_CLEAR);
}

enum ofp_err action_decode_dec_mpls_ttl(struct action_reader *r)
{
	return put_bare(r, DP_ACTION_DEC_MPLS_TTL);
}

enum ofp_err action_decode_copy_ttl_out(struct action_reader *r)
{
	return put_bare(r, DP_ACTION_COPY_TTL_OUT);
}

enum ofp_err action_decode_copy_ttl_in(struct action_reader *r)
{
	return put_bare(r, DP_ACTION_COPY_TTL_IN);
}

static enum ofp_err put_bare(struct action_reader *r, enum dp_action_type type)
{
	struct dp_action a = action_of(type);

	return action_put(r, &a);
}

enum ofp_err action_decode_push_mpls(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_PUSH_MPLS);

	a.mpls.ethertype = buf_be16(&r->body);
	if (a.mpls.ethertype != ETH_MPLS && a.mpls.ethertype != ETH_MPLS_MULTICAST)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	return action_put(r, &a);
}

enum ofp_err action_decode_pop_mpls(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_POP_MPLS);

	a.mpls.ethertype = buf_be16(&r->body);
	return action_put(r, &a);
}

enum ofp_err action_decode_meter(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_METER);

	a.meter.id = buf_be32(&r->body);
	return a.meter.id == 0 || a.meter.id > OFPM13_MAX ? OFPERR_OFPMMFC_INVALID_METER
							  : action_put(r, &a);
}

enum ofp_err action_decode_note(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_NOTE);
	size_t size = buf_left(&r->body);

	a.note.size = (uint16_t)size;
	size_t start = action_open(r, &a);
	buf_put(r->out, r->body.data + r->body.pos, size);
	buf_skip(&r->body, size);
	return action_close(r, start);
}

enum ofp_err action_decode_dec_ttl_cnt(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_DEC_TTL_CNT);

	a.dec_ttl_cnt.n = buf_be16(&r->body);
	buf_skip(&r->body, 4);
	if (a.dec_ttl_cnt.n == 0)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	if (a.dec_ttl_cnt.n * sizeof(uint16_t) > buf_left(&r->body))
		return OFPERR_OFPBAC_BAD_LEN;
	size_t start = action_open(r, &a);
	for (unsigned int i = 0; i < a.dec_ttl_cnt.n; i++)
		buf_put_u16(r->out, buf_be16(&r->body));
	return action_close(r, start);
}

enum ofp_err action_decode_conjunction(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_CONJUNCTION);

	a.conjunction.clause = buf_u8(&r->body);
	a.conjunction.n_clauses = buf_u8(&r->body);
	a.conjunction.id = buf_be32(&r->body);
	if (a.conjunction.n_clauses < 2 || a.conjunction.n_clauses > 64 ||
	    a.conjunction.clause >= a.conjunction.n_clauses)
		return OFPERR_NXBAC_BAD_CONJUNCTION;
	return action_put(r, &a);
}

enum ofp_err action_decode_fin_timeout(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_FIN_TIMEOUT);

	a.fin_timeout.idle_timeout_s = buf_be16(&r->body);
	a.fin_timeout.hard_timeout_s = buf_be16(&r->body);
	return action_put(r, &a);
}

enum ofp_err action_decode_output_trunc(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_OUTPUT_TRUNC);

	a.output_trunc.port = ofp_port_from_u16(buf_be16(&r->body));
	a.output_trunc.max_len = buf_be32(&r->body);
	bool known = (a.output_trunc.port > 0 && a.output_trunc.port < DP_OFPORT_MAX) ||
		     a.output_trunc.port == DP_OFPORT_IN_PORT ||
		     a.output_trunc.port == DP_OFPORT_LOCAL;
	if (!known)
		return OFPERR_OFPBAC_BAD_OUT_PORT;
	return a.output_trunc.max_len < 14 ? OFPERR_OFPBAC_BAD_ARGUMENT : action_put(r, &a);
}

/* Fields by bits */

enum ofp_err action_decode_stack_push(struct action_reader *r)
{
	return decode_stack(r, DP_ACTION_STACK_PUSH, false);
}

enum ofp_err action_decode_stack_pop(struct action_reader *r)
{
	return decode_stack(r, DP_ACTION_STACK_POP, true);
}

static enum ofp_err decode_stack(struct action_reader *r, enum dp_action_type type, bool write)
{
	struct dp_action a = action_of(type);
	uint16_t ofs = buf_be16(&r->body);
	const struct oxm *o;
	struct subfield sf;
	enum ofp_err err = action_field_decode(&r->body, &o);

	if (err != OFP_OK)
		return err;
	uint16_t n_bits = buf_be16(&r->body);
	err = action_end(r, OFPERR_NXBRC_MUST_BE_ZERO);
	if (err == OFP_OK)
		err = subfield_make(o, ofs, n_bits, write, &sf);
	if (err != OFP_OK)
		return err;
	a.subfield.field = (uint16_t)sf.field;
	a.subfield.ofs = sf.ofs;
	a.subfield.n_bits = sf.n_bits;
	return action_put(r, &a);
}

enum ofp_err action_decode_delete_field(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_DELETE_FIELD);
	const struct oxm *o;
	enum ofp_err err = action_field_decode(&r->body, &o);

	if (err == OFP_OK)
		err = action_end(r, OFPERR_NXBRC_MUST_BE_ZERO);
	if (err != OFP_OK)
		return err;
	if (o->field < FIELD_TUN_METADATA0 || o->field > FIELD_TUN_METADATA7)
		return OFPERR_OFPBAC_BAD_ARGUMENT; // only options of tunnels can be there or not
	a.subfield.field = o->field;
	return action_put(r, &a);
}

enum ofp_err action_decode_check_pkt_larger(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_CHECK_PKT_LARGER);
	struct subfield sf;

	a.check_pkt_larger.len = buf_be16(&r->body);
	uint16_t ofs = buf_be16(&r->body);
	enum ofp_err err = subfield_decode(&r->body, ofs, 1, true, &sf);
	if (err == OFP_OK)
		err = action_end(r, OFPERR_NXBRC_MUST_BE_ZERO);
	if (err != OFP_OK)
		return err;
	a.check_pkt_larger.field = (uint16_t)sf.field;
	a.check_pkt_larger.ofs = sf.ofs;
	return action_put(r, &a);
}

enum ofp_err action_decode_output_reg(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_OUTPUT_REG);
	uint16_t range = buf_be16(&r->body);
	struct subfield sf;
	enum ofp_err err = subfield_decode(&r->body, range >> 6, (range & 0x3f) + 1U, false, &sf);

	if (err != OFP_OK)
		return err;
	a.output_reg.max_len = buf_be16(&r->body);
	a.output_reg.field = (uint16_t)sf.field;
	a.output_reg.ofs = sf.ofs;
	a.output_reg.n_bits = sf.n_bits;
	err = action_end(r, OFPERR_OFPBAC_BAD_ARGUMENT);
	return err != OFP_OK ? err : action_put(r, &a);
}

enum ofp_err action_decode_output_reg2(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_OUTPUT_REG);
	uint16_t range = buf_be16(&r->body);
	struct subfield sf;

	a.output_reg.max_len = buf_be16(&r->body);
	enum ofp_err err = subfield_decode(&r->body, range >> 6, (range & 0x3f) + 1U, false, &sf);
	if (err == OFP_OK)
		err = action_end(r, OFPERR_NXBRC_MUST_BE_ZERO);
	if (err != OFP_OK)
		return err;
	a.output_reg.field = (uint16_t)sf.field;
	a.output_reg.ofs = sf.ofs;
	a.output_reg.n_bits = sf.n_bits;
	return action_put(r, &a);
}

/* Controllers: properties as 1.3 has them, 4 bytes of type and length each, padded to 8 */

enum ofp_err action_decode_controller2(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_CONTROLLER_EXT);
	struct buf userdata = {0};

	for (unsigned int i = 0; i < 6; i++) {
		if (buf_u8(&r->body) != 0)
			return OFPERR_NXBRC_MUST_BE_ZERO;
	}
	a.controller_ext.max_len = UINT16_MAX;
	a.controller_ext.reason = OFPR_ACTION;
	while (buf_left(&r->body) > 0) {
		enum ofp_err err = decode_property(r, &a, &userdata);
		if (err != OFP_OK)
			return err;
	}
	bool plain = userdata.size == 0 && a.controller_ext.pause == 0 &&
		     a.controller_ext.meter_id == 0 && a.controller_ext.controller_id == 0;
	if (plain) {
		struct dp_action simple = action_of(DP_ACTION_CONTROLLER);
		simple.controller.max_len = a.controller_ext.max_len;
		simple.controller.reason = a.controller_ext.reason;
		return action_put(r, &simple);
	}
	a.controller_ext.userdata_size = (uint16_t)userdata.size;
	size_t start = action_open(r, &a);
	buf_put(r->out, userdata.data, userdata.size);
	return action_close(r, start);
}

static enum ofp_err decode_property(
    struct action_reader *r, struct dp_action *a, struct buf *userdata)
{
	struct buf head = r->body;
	uint16_t type = buf_be16(&head), length = buf_be16(&head);

	if (head.bad || length < 4 || ROUND_UP((size_t)length, 8) > buf_left(&r->body))
		return OFPERR_OFPBPC_BAD_LEN;
	struct buf p = buf_from(buf_take(&r->body, ROUND_UP((size_t)length, 8)), length);
	buf_skip(&p, 4);
	switch (type) {
	case PROP_MAX_LEN:
		a->controller_ext.max_len = buf_be16(&p);
		buf_skip(&p, 2);
		break;
	case PROP_CONTROLLER_ID:
		a->controller_ext.controller_id = buf_be16(&p);
		buf_skip(&p, 2);
		break;
	case PROP_REASON: a->controller_ext.reason = buf_u8(&p); break;
	case PROP_USERDATA: *userdata = buf_from(p.data + p.pos, buf_left(&p)); return OFP_OK;
	case PROP_PAUSE: a->controller_ext.pause = 1; break;
	case PROP_METER_ID: a->controller_ext.meter_id = buf_be32(&p); break;
	default: return OFPERR_OFPBPC_BAD_TYPE;
	}
	return p.bad || buf_left(&p) > 0 ? OFPERR_OFPBPC_BAD_LEN : OFP_OK;
}

/* Choices by hash */

enum ofp_err action_decode_multipath(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_MULTIPATH);
	struct subfield sf;

	a.multipath.fields = buf_be16(&r->body);
	a.multipath.basis = buf_be16(&r->body);
	buf_skip(&r->body, 2);
	a.multipath.algorithm = buf_be16(&r->body);
	a.multipath.max_link = buf_be16(&r->body);
	a.multipath.arg = buf_be32(&r->body);
	buf_skip(&r->body, 2);
	uint16_t range = buf_be16(&r->body);
	enum ofp_err err = subfield_decode(&r->body, range >> 6, (range & 0x3f) + 1U, true, &sf);
	if (err != OFP_OK)
		return err;
	a.multipath.field = (uint16_t)sf.field;
	a.multipath.ofs = sf.ofs;
	a.multipath.n_bits = sf.n_bits;
	bool fits = sf.n_bits > 16 || a.multipath.max_link < 1U << sf.n_bits;
	if (!hash_fields_are_known(a.multipath.fields) ||
	    a.multipath.algorithm > LAST_MULTIPATH_ALGORITHM || !fits)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	return action_put(r, &a);
}

enum ofp_err action_decode_bundle(struct action_reader *r)
{
	return decode_bundle(r, false);
}

enum ofp_err action_decode_bundle_load(struct action_reader *r)
{
	return decode_bundle(r, true);
}

static enum ofp_err decode_bundle(struct action_reader *r, bool load)
{
	struct dp_action a = action_of(DP_ACTION_BUNDLE);

	a.bundle.algorithm = buf_be16(&r->body);
	a.bundle.fields = buf_be16(&r->body);
	a.bundle.basis = buf_be16(&r->body);
	uint32_t member_type = buf_be32(&r->body);
	a.bundle.n_ports = buf_be16(&r->body);
	uint16_t range = buf_be16(&r->body);
	if (!hash_fields_are_known(a.bundle.fields) || a.bundle.n_ports > MAX_BUNDLE_PORTS ||
	    a.bundle.algorithm > LAST_BUNDLE_ALGORITHM || member_type != 0x00000002)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	if (load) {
		struct subfield sf;
		enum ofp_err err =
		    subfield_decode(&r->body, range >> 6, (range & 0x3f) + 1U, true, &sf);
		if (err != OFP_OK)
			return err;
		if (sf.n_bits < 16)
			return OFPERR_OFPBAC_BAD_ARGUMENT;
		a.bundle.field = (uint16_t)sf.field;
		a.bundle.ofs = sf.ofs;
		a.bundle.n_bits = sf.n_bits;
	} else if (buf_be32(&r->body) != 0 || range != 0) {
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	}
	if (buf_be32(&r->body) != 0)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	if (a.bundle.n_ports * sizeof(uint16_t) > buf_left(&r->body))
		return OFPERR_OFPBAC_BAD_LEN;
	size_t start = action_open(r, &a);
	for (unsigned int i = 0; i < a.bundle.n_ports; i++)
		buf_put_u32(r->out, ofp_port_from_u16(buf_be16(&r->body)));
	return action_close(r, start);
}

static bool hash_fields_are_known(uint16_t fields)
{
	return fields <= NX_HASH_FIELDS_SYMMETRIC_L3;
}

/* Samples: each form adds to the one before */

enum ofp_err action_decode_sample(struct action_reader *r)
{
	return decode_sample(r, 1);
}

enum ofp_err action_decode_sample2(struct action_reader *r)
{
	return decode_sample(r, 2);
}

enum ofp_err action_decode_sample3(struct action_reader *r)
{
	return decode_sample(r, 3);
}

enum ofp_err action_decode_sample4(struct action_reader *r)
{
	return decode_sample(r, 4);
}

static enum ofp_err decode_sample(struct action_reader *r, unsigned int form)
{
	struct dp_action a = action_of(DP_ACTION_SAMPLE);
	enum ofp_err err = OFP_OK;

	a.sample.form = (uint8_t)form;
	a.sample.probability = buf_be16(&r->body);
	a.sample.collector_set_id = buf_be32(&r->body);
	if (form < 4) {
		a.sample.domain = buf_be32(&r->body);
		a.sample.point = buf_be32(&r->body);
	} else {
		err = decode_sample_source(r, &a.sample.domain, &a.sample.domain_field,
		    &a.sample.domain_ofs, &a.sample.domain_n_bits);
		if (err == OFP_OK)
			err = decode_sample_source(r, &a.sample.point, &a.sample.point_field,
			    &a.sample.point_ofs, &a.sample.point_n_bits);
	}
	if (err != OFP_OK)
		return err;
	if (a.sample.probability == 0)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	if (form == 1)
		return action_put(r, &a);
	a.sample.port = ofp_port_from_u16(buf_be16(&r->body));
	a.sample.direction = buf_u8(&r->body);
	if (form == 2)
		a.sample.direction = 0;
	if (a.sample.direction >= SAMPLE_DIRECTIONS)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	err = action_end(r, OFPERR_NXBRC_MUST_BE_ZERO);
	return err != OFP_OK ? err : action_put(r, &a);
}

/* A field's header or 0, then bits of it or a number. */
static enum ofp_err decode_sample_source(
    struct action_reader *r, uint32_t *value, uint16_t *field, uint16_t *ofs, uint16_t *n_bits)
{
	struct buf head = r->body;
	struct subfield sf;

	if (buf_be32(&head) == 0) {
		buf_skip(&r->body, 4);
		*value = buf_be32(&r->body);
		return OFP_OK;
	}
	uint16_t range = buf_be16(&head);
	enum ofp_err err = subfield_decode(&r->body, range >> 6, (range & 0x3f) + 1U, false, &sf);
	buf_skip(&r->body, 4);
	if (err != OFP_OK)
		return err;
	*field = (uint16_t)sf.field;
	*ofs = sf.ofs;
	*n_bits = sf.n_bits;
	return sf.n_bits > 32 ? OFPERR_OFPBAC_BAD_SET_LEN : OFP_OK;
}
