/* SPDX-License-Identifier: Apache-2.0 */
/* Extensions to the wire. Fields are named with NXM's rows where there are some, whatever the version, as OVS names them. */
#include <string.h>

#include "control/openflow/ofp_action_priv.h"

enum {
	OUTPUT = 0,
	ENQUEUE_10 = 11,
	COPY_TTL_OUT = 11,
	COPY_TTL_IN = 12,
	DEC_MPLS_TTL = 16,
	PUSH_MPLS = 19,
	POP_MPLS = 20,
	SET_QUEUE = 21,
	METER = 29,
	NX_SET_QUEUE = 4,
	NX_POP_QUEUE = 5,
	NX_NOTE = 8,
	NX_MULTIPATH = 10,
	NX_BUNDLE = 12,
	NX_BUNDLE_LOAD = 13,
	NX_OUTPUT_REG = 15,
	NX_EXIT = 17,
	NX_FIN_TIMEOUT = 19,
	NX_CONTROLLER = 20,
	NX_DEC_TTL_CNT = 21,
	NX_PUSH_MPLS = 23,
	NX_POP_MPLS = 24,
	NX_DEC_MPLS_TTL = 26,
	NX_STACK_PUSH = 27,
	NX_STACK_POP = 28,
	NX_SAMPLE = 29,
	NX_CONJUNCTION = 34,
	NX_CT = 35,
	NX_NAT = 36,
	NX_CONTROLLER2 = 37,
	NX_SAMPLE2 = 38,
	NX_OUTPUT_TRUNC = 39,
	NX_SAMPLE3 = 41,
	NX_CLONE = 42,
	NX_CT_CLEAR = 43,
	NX_CHECK_PKT_LARGER = 49,
	NX_DELETE_FIELD = 50,
	NX_SAMPLE4 = 51,
	PROP_MAX_LEN = 0,
	PROP_CONTROLLER_ID,
	PROP_REASON,
	PROP_USERDATA,
	PROP_PAUSE,
	PROP_METER_ID,
};

static const void *behind(const struct dp_action *a);
static void put_queue(uint32_t id, struct action_writer *w);
static void put_field(struct action_writer *w, unsigned int field);
static uint16_t put_range(
    struct action_writer *w, unsigned int field, uint16_t ofs, uint16_t n_bits);
static void put_property(
    struct action_writer *w, uint16_t type, const void *value, size_t size, size_t start);
static void encode_controller2(const struct dp_action *a, struct action_writer *w);
static void put_sample_source(
    struct action_writer *w, uint32_t value, uint16_t field, uint16_t ofs, uint16_t n_bits);
static void put_address(struct action_writer *w, const struct ip_addr *ip, bool is4);

void action_encode_bare(const struct dp_action *a, struct action_writer *w)
{
	bool nicira = w->version == OFP10_VERSION;

	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_EXIT: action_finish(w, action_start_nicira(w, NX_EXIT)); return;
	case DP_ACTION_POP_QUEUE: action_finish(w, action_start_nicira(w, NX_POP_QUEUE)); return;
	case DP_ACTION_CT_CLEAR: action_finish(w, action_start_nicira(w, NX_CT_CLEAR)); return;
	case DP_ACTION_DEC_MPLS_TTL:
		action_finish(w, nicira ? action_start_nicira(w, NX_DEC_MPLS_TTL)
					: action_start(w, DEC_MPLS_TTL));
		return;
	case DP_ACTION_COPY_TTL_OUT: action_finish(w, action_start(w, COPY_TTL_OUT)); return;
	case DP_ACTION_COPY_TTL_IN: action_finish(w, action_start(w, COPY_TTL_IN)); return;
	default: assert(false);
	}
}

void action_encode_mpls(const struct dp_action *a, struct action_writer *w)
{
	bool push = a->type == DP_ACTION_PUSH_MPLS;
	size_t start = w->version == OFP10_VERSION
			   ? action_start_nicira(w, push ? NX_PUSH_MPLS : NX_POP_MPLS)
			   : action_start(w, push ? PUSH_MPLS : POP_MPLS);

	wire_put_be16(w->w, a->mpls.ethertype);
	action_finish(w, start);
}

void action_encode_set_queue(const struct dp_action *a, struct action_writer *w)
{
	put_queue(a->queue.id, w);
}

static void put_queue(uint32_t id, struct action_writer *w)
{
	bool nicira = w->version == OFP10_VERSION;
	size_t start = nicira ? action_start_nicira(w, NX_SET_QUEUE) : action_start(w, SET_QUEUE);

	if (nicira)
		wire_put_be16(w->w, 0);
	wire_put_be32(w->w, id);
	action_finish(w, start);
}

/* From 1.1 on a queue is chosen, sent to and left again. */
void action_encode_enqueue(const struct dp_action *a, struct action_writer *w)
{
	if (w->version == OFP10_VERSION) {
		size_t start = action_start(w, ENQUEUE_10);
		wire_put_be16(w->w, ofp_port_to_u16(a->enqueue.port));
		buf_put_zeros(w->w, 6);
		wire_put_be32(w->w, a->enqueue.queue);
		action_finish(w, start);
		return;
	}
	put_queue(a->enqueue.queue, w);
	size_t start = action_start(w, OUTPUT);
	wire_put_be32(w->w, a->enqueue.port);
	wire_put_be16(w->w, 0);
	action_finish(w, start);
	action_finish(w, action_start_nicira(w, NX_POP_QUEUE));
}

/* Before 1.5 a meter is an instruction, which a list cannot hold: a note tells of it. */
void action_encode_meter(const struct dp_action *a, struct action_writer *w)
{
	bool standard = w->version >= OFP15_VERSION;
	size_t start = standard ? action_start(w, METER) : action_start_nicira(w, NX_NOTE);

	if (!standard)
		buf_put(w->w, "meter ", 6);
	wire_put_be32(w->w, a->meter.id);
	action_finish(w, start);
}

void action_encode_note(const struct dp_action *a, struct action_writer *w)
{
	size_t start = action_start_nicira(w, NX_NOTE);

	buf_put(w->w, behind(a), a->note.size);
	action_finish(w, start);
}

void action_encode_clone(const struct dp_action *a, struct action_writer *w)
{
	size_t start = action_start_nicira(w, NX_CLONE);

	buf_put_zeros(w->w, 6);
	actions_encode_nested(behind(a), a->len - dp_action_size(a->type), w);
	action_finish(w, start);
}

void action_encode_dec_ttl_cnt(const struct dp_action *a, struct action_writer *w)
{
	size_t start = action_start_nicira(w, NX_DEC_TTL_CNT);
	const uint16_t *ids = behind(a);

	wire_put_be16(w->w, a->dec_ttl_cnt.n);
	buf_put_zeros(w->w, 4);
	for (unsigned int i = 0; i < a->dec_ttl_cnt.n; i++)
		wire_put_be16(w->w, ids[i]);
	action_finish(w, start);
}

void action_encode_conjunction(const struct dp_action *a, struct action_writer *w)
{
	size_t start = action_start_nicira(w, NX_CONJUNCTION);

	buf_put_u8(w->w, a->conjunction.clause);
	buf_put_u8(w->w, a->conjunction.n_clauses);
	wire_put_be32(w->w, a->conjunction.id);
	action_finish(w, start);
}

void action_encode_fin_timeout(const struct dp_action *a, struct action_writer *w)
{
	size_t start = action_start_nicira(w, NX_FIN_TIMEOUT);

	wire_put_be16(w->w, a->fin_timeout.idle_timeout_s);
	wire_put_be16(w->w, a->fin_timeout.hard_timeout_s);
	action_finish(w, start);
}

void action_encode_output_trunc(const struct dp_action *a, struct action_writer *w)
{
	size_t start = action_start_nicira(w, NX_OUTPUT_TRUNC);

	wire_put_be16(w->w, ofp_port_to_u16(a->output_trunc.port));
	wire_put_be32(w->w, a->output_trunc.max_len);
	action_finish(w, start);
}

void action_encode_stack(const struct dp_action *a, struct action_writer *w)
{
	bool push = a->type == DP_ACTION_STACK_PUSH;
	uint16_t ofs = a->subfield.ofs, n_bits = a->subfield.n_bits;
	const struct oxm *o = subfield_row(a->subfield.field, OFP10_VERSION, &ofs, &n_bits);
	size_t start = action_start_nicira(w, push ? NX_STACK_PUSH : NX_STACK_POP);

	wire_put_be16(w->w, ofs);
	oxm_header_encode(o, false, w->w);
	wire_put_be16(w->w, n_bits);
	buf_put_zeros(w->w, start + 24 - w->w->size);
	action_finish(w, start);
}

void action_encode_delete_field(const struct dp_action *a, struct action_writer *w)
{
	size_t start = action_start_nicira(w, NX_DELETE_FIELD);

	put_field(w, a->subfield.field);
	buf_put_zeros(w->w, start + 24 - w->w->size);
	action_finish(w, start);
}

void action_encode_check_pkt_larger(const struct dp_action *a, struct action_writer *w)
{
	uint16_t ofs = a->check_pkt_larger.ofs, n_bits = 1;
	const struct oxm *o = subfield_row(a->check_pkt_larger.field, OFP10_VERSION, &ofs, &n_bits);
	size_t start = action_start_nicira(w, NX_CHECK_PKT_LARGER);

	wire_put_be16(w->w, a->check_pkt_larger.len);
	wire_put_be16(w->w, ofs);
	oxm_header_encode(o, false, w->w);
	buf_put_zeros(w->w, start + 24 - w->w->size);
	action_finish(w, start);
}

void action_encode_output_reg(const struct dp_action *a, struct action_writer *w)
{
	size_t start = action_start_nicira(w, NX_OUTPUT_REG);
	uint16_t ofs = a->output_reg.ofs, n_bits = a->output_reg.n_bits;
	const struct oxm *o = subfield_row(a->output_reg.field, OFP10_VERSION, &ofs, &n_bits);

	wire_put_be16(w->w, ofs_nbits(ofs, n_bits));
	oxm_header_encode(o, false, w->w);
	wire_put_be16(w->w, a->output_reg.max_len);
	action_finish(w, start);
}

void action_encode_controller_ext(const struct dp_action *a, struct action_writer *w)
{
	if (a->controller_ext.userdata_size != 0 || a->controller_ext.pause != 0 ||
	    a->controller_ext.meter_id != 0) {
		encode_controller2(a, w);
		return;
	}
	size_t start = action_start_nicira(w, NX_CONTROLLER);
	wire_put_be16(w->w, a->controller_ext.max_len);
	wire_put_be16(w->w, a->controller_ext.controller_id);
	buf_put_u8(w->w, a->controller_ext.reason);
	action_finish(w, start);
}

/* What has its default is left out. */
static void encode_controller2(const struct dp_action *a, struct action_writer *w)
{
	size_t start = action_start_nicira(w, NX_CONTROLLER2);
	uint16_t max_len_be[2] = {htobe16(a->controller_ext.max_len)}; // padding is counted
	uint16_t id_be[2] = {htobe16(a->controller_ext.controller_id)};
	uint32_t meter_be = htobe32(a->controller_ext.meter_id);

	buf_put_zeros(w->w, 6);
	if (a->controller_ext.max_len != UINT16_MAX)
		put_property(w, PROP_MAX_LEN, max_len_be, sizeof(max_len_be), start);
	if (a->controller_ext.controller_id != 0)
		put_property(w, PROP_CONTROLLER_ID, id_be, sizeof(id_be), start);
	if (a->controller_ext.reason != OFPR_ACTION)
		put_property(w, PROP_REASON, &a->controller_ext.reason, 1, start);
	if (a->controller_ext.userdata_size != 0)
		put_property(w, PROP_USERDATA, behind(a), a->controller_ext.userdata_size, start);
	if (a->controller_ext.pause != 0)
		put_property(w, PROP_PAUSE, NULL, 0, start);
	if (a->controller_ext.meter_id != 0)
		put_property(w, PROP_METER_ID, &meter_be, sizeof(meter_be), start);
	action_finish(w, start);
}

static void put_property(
    struct action_writer *w, uint16_t type, const void *value, size_t size, size_t start)
{
	wire_put_be16(w->w, type);
	wire_put_be16(w->w, (uint16_t)(4 + size));
	buf_put(w->w, value, size);
	wire_put_align8(w->w, start);
}

void action_encode_multipath(const struct dp_action *a, struct action_writer *w)
{
	size_t start = action_start_nicira(w, NX_MULTIPATH);

	wire_put_be16(w->w, a->multipath.fields);
	wire_put_be16(w->w, a->multipath.basis);
	wire_put_be16(w->w, 0);
	wire_put_be16(w->w, a->multipath.algorithm);
	wire_put_be16(w->w, a->multipath.max_link);
	wire_put_be32(w->w, a->multipath.arg);
	wire_put_be16(w->w, 0);
	put_range(w, a->multipath.field, a->multipath.ofs, a->multipath.n_bits);
	put_field(w, a->multipath.field);
	action_finish(w, start);
}

void action_encode_bundle(const struct dp_action *a, struct action_writer *w)
{
	bool load = a->bundle.n_bits != 0;
	size_t start = action_start_nicira(w, load ? NX_BUNDLE_LOAD : NX_BUNDLE);
	const uint32_t *ports = behind(a);

	wire_put_be16(w->w, a->bundle.algorithm);
	wire_put_be16(w->w, a->bundle.fields);
	wire_put_be16(w->w, a->bundle.basis);
	oxm_header_encode(&oxms[OXM_ID_NXM_OF_IN_PORT], false, w->w);
	wire_put_be16(w->w, a->bundle.n_ports);
	if (load) {
		put_range(w, a->bundle.field, a->bundle.ofs, a->bundle.n_bits);
		put_field(w, a->bundle.field);
	} else {
		buf_put_zeros(w->w, 6);
	}
	buf_put_zeros(w->w, 4);
	for (unsigned int i = 0; i < a->bundle.n_ports; i++)
		wire_put_be16(w->w, ofp_port_to_u16(ports[i]));
	action_finish(w, start);
}

void action_encode_sample(const struct dp_action *a, struct action_writer *w)
{
	static const uint8_t subtypes[] = {0, NX_SAMPLE, NX_SAMPLE2, NX_SAMPLE3, NX_SAMPLE4};
	size_t start = action_start_nicira(w, subtypes[a->sample.form]);

	wire_put_be16(w->w, a->sample.probability);
	wire_put_be32(w->w, a->sample.collector_set_id);
	if (a->sample.form < 4) {
		wire_put_be32(w->w, a->sample.domain);
		wire_put_be32(w->w, a->sample.point);
	} else {
		put_sample_source(w, a->sample.domain, a->sample.domain_field, a->sample.domain_ofs,
		    a->sample.domain_n_bits);
		put_sample_source(w, a->sample.point, a->sample.point_field, a->sample.point_ofs,
		    a->sample.point_n_bits);
	}
	if (a->sample.form > 1) {
		wire_put_be16(w->w, ofp_port_to_u16(a->sample.port));
		buf_put_u8(w->w, a->sample.direction);
	}
	action_finish(w, start);
}

static void put_sample_source(
    struct action_writer *w, uint32_t value, uint16_t field, uint16_t ofs, uint16_t n_bits)
{
	if (n_bits == 0) {
		wire_put_be32(w->w, 0);
		wire_put_be32(w->w, value);
		return;
	}
	put_field(w, field);
	put_range(w, field, ofs, n_bits);
	wire_put_be16(w->w, 0);
}

void action_encode_ct(const struct dp_action *a, struct action_writer *w)
{
	size_t start = action_start_nicira(w, NX_CT);

	wire_put_be16(w->w, a->ct.flags);
	if (a->ct.zone_n_bits != 0) {
		put_field(w, a->ct.zone_field);
		put_range(w, a->ct.zone_field, a->ct.zone_ofs, a->ct.zone_n_bits);
	} else {
		wire_put_be32(w->w, 0);
		wire_put_be16(w->w, a->ct.zone);
	}
	buf_put_u8(w->w, a->ct.table);
	buf_put_zeros(w->w, 3);
	wire_put_be16(w->w, a->ct.alg);
	actions_encode_nested(behind(a), a->len - dp_action_size(a->type), w);
	action_finish(w, start);
}

void action_encode_nat(const struct dp_action *a, struct action_writer *w)
{
	enum { IP4_MIN = 1, IP4_MAX = 2, IP6_MIN = 4, IP6_MAX = 8, PORT_MIN = 16, PORT_MAX = 32 };
	size_t start = action_start_nicira(w, NX_NAT);
	bool is4 = (a->nat.range & IP4_MIN) != 0;

	wire_put_be16(w->w, 0);
	wire_put_be16(w->w, a->nat.flags);
	wire_put_be16(w->w, a->nat.range);
	if ((a->nat.range & (IP4_MIN | IP6_MIN)) != 0)
		put_address(w, &a->nat.min_addr, is4);
	if ((a->nat.range & (IP4_MAX | IP6_MAX)) != 0)
		put_address(w, &a->nat.max_addr, is4);
	if ((a->nat.range & PORT_MIN) != 0)
		wire_put_be16(w->w, a->nat.min_port);
	if ((a->nat.range & PORT_MAX) != 0)
		wire_put_be16(w->w, a->nat.max_port);
	action_finish(w, start);
}

static void put_address(struct action_writer *w, const struct ip_addr *ip, bool is4)
{
	if (is4)
		buf_put_u32(w->w, ip_v4_be(ip));
	else
		buf_put(w->w, ip->a.b, sizeof(ip->a.b));
}

static const void *behind(const struct dp_action *a)
{
	return (const uint8_t *)a + dp_action_size(a->type);
}

static void put_field(struct action_writer *w, unsigned int field)
{
	uint16_t ofs = 0, n_bits = 1;

	oxm_header_encode(subfield_row(field, OFP10_VERSION, &ofs, &n_bits), false, w->w);
}

static uint16_t put_range(
    struct action_writer *w, unsigned int field, uint16_t ofs, uint16_t n_bits)
{
	(void)subfield_row(field, OFP10_VERSION, &ofs, &n_bits);
	wire_put_be16(w->w, ofs_nbits(ofs, n_bits));
	return n_bits;
}
