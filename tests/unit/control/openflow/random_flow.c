/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/control/openflow/random_flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/openflow/oxm.h"

static void random_list(struct random_flow *r, enum ofp_version version, enum dp_action_type outer,
    unsigned int depth, struct buf_writer *w);
static void put_rest(struct random_flow *r, enum ofp_version version, const struct dp_action *a,
    unsigned int depth, struct buf_writer *w);
static struct dp_learn_spec random_spec(struct random_flow *r);
static bool random_nat(struct random_flow *r, struct dp_action *a);
static void random_bits(struct random_flow *r, uint16_t *field, uint16_t *ofs, uint16_t *n_bits);
static bool random_simple(struct random_flow *r, enum ofp_version version, struct dp_action *a);
static bool random_large(struct random_flow *r, struct dp_action *a);
static bool random_action(struct random_flow *r, enum ofp_version version, struct dp_action *a);
static bool random_set_field(struct random_flow *r, struct dp_action *a);
static bool random_move(struct random_flow *r, struct dp_action *a);
static void add(struct flow_match *m, enum flow_field_id field, uint64_t value);
static void add_random(struct random_flow *r, struct flow_match *m, const struct oxm *o);

struct random_flow random_flow_start(void)
{
	const char *text = getenv("SEED");
	struct random_flow r = {
	    text != NULL ? (unsigned int)strtoul(text, NULL, 0) : (unsigned int)time(NULL)};

	printf("SEED=%u\n", r.seed);
	return r;
}

unsigned int random_below(struct random_flow *r, unsigned int limit)
{
	return (unsigned int)rand_r(&r->seed) % limit;
}

struct flow_match random_match(struct random_flow *r)
{
	static const uint16_t types[] = {0x0800, 0x0806, 0x86dd, 0x0800, 0x86dd, 0x88cc};
	static const uint8_t protos[] = {1, 6, 17, 58, 132, 47};
	struct flow_match m = {0};

	if (random_below(r, 3) == 0)
		add(&m, FIELD_VLAN_TCI, 0x1000 | random_below(r, 4096));
	if (random_below(r, 5) > 0)
		add(&m, FIELD_ETH_TYPE, types[random_below(r, ARRAY_SIZE(types))]);
	if (flow_match_has_prereq(&m, FP_IP) && random_below(r, 3) > 0)
		add(&m, FIELD_IP_PROTO, protos[random_below(r, ARRAY_SIZE(protos))]);
	if (flow_match_has_prereq(&m, FP_ICMP6) && random_below(r, 2) == 0)
		add(&m, FIELD_ICMPV6_TYPE, 135 + random_below(r, 2));
	if (random_below(r, 4) == 0)
		add(&m, FIELD_CT_STATE, 0x21);
	for (unsigned int n = random_below(r, 12); n > 0; n--)
		add_random(r, &m, &oxms[random_below(r, OXM__COUNT)]);
	return m;
}

void random_actions(struct random_flow *r, enum ofp_version version, struct buf_writer *w)
{
	random_list(r, version, DP_ACTION__COUNT, 0, w);
}

static void random_list(struct random_flow *r, enum ofp_version version, enum dp_action_type outer,
    unsigned int depth, struct buf_writer *w)
{
	for (unsigned int n = random_below(r, depth == 0 ? 8 : 3); n > 0; n--) {
		bool in_ct = outer == DP_ACTION_CT;
		struct dp_action a = {
		    .type = (uint16_t)(in_ct ? DP_ACTION_NAT : random_below(r, DP_ACTION__COUNT))};
		size_t start = w->size;
		a.len = (uint16_t)dp_action_size(a.type);
		if (in_ct ? !random_nat(r, &a) : !random_action(r, version, &a))
			continue;
		buf_put(w, &a, a.len);
		put_rest(r, version, &a, depth, w);
		buf_put_zeros(w, (8 - (w->size - start) % 8) % 8);
		uint16_t len = (uint16_t)(w->size - start);
		memcpy(w->data + start + offsetof(struct dp_action, len), &len, sizeof(len));
	}
}

/* What follows an action's fixed part. */
static void put_rest(struct random_flow *r, enum ofp_version version, const struct dp_action *a,
    unsigned int depth, struct buf_writer *w)
{
	unsigned int n = 0;

	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_NOTE: n = a->note.size; break;
	case DP_ACTION_CONTROLLER_EXT: n = a->controller_ext.userdata_size; break;
	case DP_ACTION_DEC_TTL_CNT: n = 2U * a->dec_ttl_cnt.n; break;
	case DP_ACTION_CLONE:
	case DP_ACTION_CT:
		if (depth < 3)
			random_list(r, version, a->type, depth + 1, w);
		return;
	case DP_ACTION_BUNDLE:
		for (unsigned int i = 0; i < a->bundle.n_ports; i++)
			buf_put_u32(w, 1 + random_below(r, 1000));
		return;
	case DP_ACTION_LEARN:
		for (unsigned int i = 0; i < a->learn.n_specs; i++) {
			struct dp_learn_spec spec = random_spec(r);
			buf_put(w, &spec, sizeof(spec));
		}
		return;
	default: return;
	}
	while (n-- > 0)
		buf_put_u8(w, (uint8_t)random_below(r, 256));
}

static struct dp_learn_spec random_spec(struct random_flow *r)
{
	struct dp_learn_spec spec = {.source = (uint8_t)random_below(r, 2), .n_bits = 32};

	spec.target = (uint8_t)random_below(r, spec.source == DP_LEARN_FROM_VALUE ? 2 : 3);
	if (spec.source == DP_LEARN_FROM_VALUE) {
		spec.n_bits = (uint16_t)(1 + random_below(r, 32));
		spec.value = flow_value_from_u64(
		    random_below(r, 1 << 30) & ((UINT64_C(1) << spec.n_bits) - 1));
	} else {
		spec.src_field = FIELD_IPV4_SRC;
	}
	if (spec.target != DP_LEARN_OUTPUT)
		spec.dst_field = (uint16_t)(FIELD_REG0 + random_below(r, 16));
	return spec;
}

static bool random_nat(struct random_flow *r, struct dp_action *a)
{
	static const uint16_t ranges[] = {0, 1, 3, 0x11, 0x33, 4, 12, 0x14, 0x3c};
	struct ip6_addr first = {{0xfd, 1, [15] = 5}}, last = {{0xfd, 1, [15] = 9}};

	a->nat.flags = (uint16_t)(1U << random_below(r, 2));
	a->nat.range = ranges[random_below(r, ARRAY_SIZE(ranges))];
	if ((a->nat.range & 5) != 0)
		a->nat.min_addr =
		    (a->nat.range & 1) != 0 ? ip_from_v4(0x0100000a) : ip_from_v6(&first);
	if ((a->nat.range & 10) != 0)
		a->nat.max_addr =
		    (a->nat.range & 2) != 0 ? ip_from_v4(0x0900000a) : ip_from_v6(&last);
	a->nat.min_port = (a->nat.range & 16) != 0 ? 1000 : 0;
	a->nat.max_port = (a->nat.range & 32) != 0 ? 2000 : 0;
	return true;
}

/* Bits of a register. */
static void random_bits(struct random_flow *r, uint16_t *field, uint16_t *ofs, uint16_t *n_bits)
{
	*field = (uint16_t)(FIELD_REG0 + random_below(r, 16));
	*ofs = (uint16_t)random_below(r, 16);
	*n_bits = 16;
}

static bool random_simple(struct random_flow *r, enum ofp_version version, struct dp_action *a)
{
	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_NOTE: a->note.size = (uint16_t)(6 + 8 * random_below(r, 4)); return true;
	case DP_ACTION_CLONE:
	case DP_ACTION_EXIT:
	case DP_ACTION_POP_QUEUE:
	case DP_ACTION_DEC_MPLS_TTL:
	case DP_ACTION_CT_CLEAR: return true;
	case DP_ACTION_COPY_TTL_OUT:
	case DP_ACTION_COPY_TTL_IN: return version > OFP10_VERSION;
	case DP_ACTION_STACK_PUSH:
	case DP_ACTION_STACK_POP:
		random_bits(r, &a->subfield.field, &a->subfield.ofs, &a->subfield.n_bits);
		return true;
	case DP_ACTION_DELETE_FIELD:
		a->subfield.field = (uint16_t)(FIELD_TUN_METADATA0 + random_below(r, 8));
		return true;
	case DP_ACTION_OUTPUT_REG:
		random_bits(r, &a->output_reg.field, &a->output_reg.ofs, &a->output_reg.n_bits);
		a->output_reg.max_len = (uint16_t)random_below(r, 65536);
		return true;
	case DP_ACTION_OUTPUT_TRUNC:
		a->output_trunc.port = 1 + random_below(r, 1000);
		a->output_trunc.max_len = 14 + random_below(r, 1000);
		return true;
	case DP_ACTION_ENQUEUE:
		a->enqueue.port = 1 + random_below(r, 1000);
		a->enqueue.queue = random_below(r, 1000);
		return version == OFP10_VERSION;
	case DP_ACTION_SET_QUEUE: a->queue.id = random_below(r, 1000); return true;
	case DP_ACTION_DEC_TTL_CNT:
		a->dec_ttl_cnt.n = (uint16_t)(1 + random_below(r, 6));
		return true;
	case DP_ACTION_CHECK_PKT_LARGER:
		a->check_pkt_larger.len = (uint16_t)random_below(r, 9000);
		a->check_pkt_larger.field = FIELD_REG0;
		a->check_pkt_larger.ofs = (uint16_t)random_below(r, 32);
		return true;
	case DP_ACTION_FIN_TIMEOUT:
		a->fin_timeout.idle_timeout_s = (uint16_t)random_below(r, 65536);
		return true;
	case DP_ACTION_PUSH_MPLS: a->mpls.ethertype = 0x8847; return true;
	case DP_ACTION_POP_MPLS: a->mpls.ethertype = (uint16_t)random_below(r, 65536); return true;
	default: return random_large(r, a);
	}
}

static bool random_large(struct random_flow *r, struct dp_action *a)
{
	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_CONTROLLER_EXT:
		a->controller_ext.max_len = (uint16_t)random_below(r, 65536);
		a->controller_ext.reason = (uint8_t)random_below(r, 3);
		a->controller_ext.pause = (uint8_t)random_below(r, 2);
		a->controller_ext.controller_id = (uint16_t)(1 + random_below(r, 5));
		a->controller_ext.userdata_size = (uint16_t)random_below(r, 40);
		a->controller_ext.meter_id = random_below(r, 3);
		return true;
	case DP_ACTION_LEARN:
		a->learn.cookie_be = random_below(r, 1 << 30);
		a->learn.idle_timeout_s = (uint16_t)random_below(r, 65536);
		a->learn.priority = (uint16_t)random_below(r, 65536);
		a->learn.table = (uint8_t)random_below(r, 254);
		a->learn.flags = (uint16_t)random_below(r, 8);
		a->learn.limit = random_below(r, 3);
		a->learn.n_specs = (uint16_t)random_below(r, 5);
		if ((a->learn.flags & 4) != 0) {
			a->learn.result_field = FIELD_REG3;
			a->learn.result_ofs = (uint16_t)random_below(r, 32);
		}
		return true;
	case DP_ACTION_CT:
		a->ct.flags = 1;
		a->ct.table = (uint8_t)random_below(r, 254);
		a->ct.alg = random_below(r, 2) == 0 ? 0 : 21;
		if (random_below(r, 2) == 0)
			a->ct.zone = (uint16_t)random_below(r, 65536);
		else
			random_bits(r, &a->ct.zone_field, &a->ct.zone_ofs, &a->ct.zone_n_bits);
		return true;
	case DP_ACTION_MULTIPATH:
		a->multipath.fields = (uint16_t)random_below(r, 6);
		a->multipath.basis = (uint16_t)random_below(r, 65536);
		a->multipath.algorithm = (uint16_t)random_below(r, 4);
		a->multipath.max_link = (uint16_t)random_below(r, 65536);
		a->multipath.arg = random_below(r, 1 << 30);
		random_bits(r, &a->multipath.field, &a->multipath.ofs, &a->multipath.n_bits);
		return true;
	case DP_ACTION_BUNDLE:
		a->bundle.algorithm = (uint16_t)random_below(r, 2);
		a->bundle.fields = (uint16_t)random_below(r, 6);
		a->bundle.n_ports = (uint16_t)random_below(r, 9);
		if (random_below(r, 2) == 0)
			random_bits(r, &a->bundle.field, &a->bundle.ofs, &a->bundle.n_bits);
		return true;
	case DP_ACTION_SAMPLE:
		a->sample.form = (uint8_t)(1 + random_below(r, 4));
		a->sample.probability = (uint16_t)(1 + random_below(r, 65535));
		a->sample.collector_set_id = random_below(r, 1 << 30);
		a->sample.port = a->sample.form > 1 ? 1 + random_below(r, 1000) : 0;
		a->sample.direction = a->sample.form > 2 ? (uint8_t)random_below(r, 3) : 0;
		a->sample.domain = a->sample.form < 4 ? random_below(r, 1 << 30) : 0;
		a->sample.point = random_below(r, 1 << 30);
		if (a->sample.form == 4)
			random_bits(r, &a->sample.domain_field, &a->sample.domain_ofs,
			    &a->sample.domain_n_bits);
		return true;
	default: return false;
	}
}

static bool random_action(struct random_flow *r, enum ofp_version version, struct dp_action *a)
{
	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_OUTPUT: a->output.port = 1 + random_below(r, 0xfeff); return true;
	case DP_ACTION_GROUP: a->group.id = random_below(r, 1000000); return true;
	case DP_ACTION_SET_FIELD: return random_set_field(r, a);
	case DP_ACTION_MOVE: return random_move(r, a);
	case DP_ACTION_PUSH_VLAN:
		a->push_vlan.tpid = random_below(r, 2) == 0 ? 0x8100 : 0x88a8;
		return version > OFP10_VERSION;
	case DP_ACTION_RESUBMIT:
		a->resubmit.in_port = random_below(r, 2) == 0 ? DP_OFPORT_IN_PORT : 7;
		a->resubmit.table = (uint8_t)random_below(r, 254);
		return true;
	case DP_ACTION_CONTROLLER:
		a->controller.max_len = (uint16_t)random_below(r, 65536);
		a->controller.reason = random_below(r, 3);
		return true;
	case DP_ACTION_SET_VLAN:
		a->set_vlan.mask = random_below(r, 2) == 0 ? 0x0fff : 0xe000;
		a->set_vlan.value = (uint16_t)random_below(r, 65536) & a->set_vlan.mask;
		return version == OFP10_VERSION;
	case DP_ACTION_POP_VLAN:
	case DP_ACTION_DEC_TTL: return true;
	default: return random_simple(r, version, a);
	}
}

static bool random_set_field(struct random_flow *r, struct dp_action *a)
{
	const struct flow_field *f = &flow_fields[random_below(r, FIELD__COUNT)];
	enum flow_field_id id = flow_field_id(f);
	struct flow_value ones = flow_value_ones(f->n_bits);
	bool whole = id == FIELD_IN_PORT || id == FIELD_TP_SRC || id == FIELD_TP_DST ||
		     random_below(r, 2) == 0;
	unsigned int any = 0;

	if ((f->flags & (FW_SET | FW_ABSENT)) != FW_SET || id == FIELD_CT_MARK ||
	    id == FIELD_CT_LABEL)
		return false; // of a connection: in ct only
	a->set_field.field = (uint16_t)id;
	for (size_t i = 0; i < sizeof(ones.b); i++) {
		a->set_field.mask.b[i] = ones.b[i] & (whole ? 0xff : (uint8_t)rand_r(&r->seed));
		a->set_field.value.b[i] = (uint8_t)rand_r(&r->seed) & a->set_field.mask.b[i];
		any |= a->set_field.mask.b[i];
	}
	if (id == FIELD_IN_PORT)
		a->set_field.value = flow_value_from_u64(1 + random_below(r, 0xfeff));
	return any != 0;
}

static bool random_move(struct random_flow *r, struct dp_action *a)
{
	const struct flow_field *src = &flow_fields[random_below(r, FIELD__COUNT)],
				*dst = &flow_fields[random_below(r, FIELD__COUNT)];

	if ((dst->flags & FW_SET) == 0 || dst == &flow_fields[FIELD_CT_MARK] ||
	    dst == &flow_fields[FIELD_CT_LABEL] || ((src->flags | dst->flags) & FW_ABSENT) != 0 ||
	    oxm_for_field(flow_field_id(src), OFP10_VERSION) == NULL ||
	    oxm_for_field(flow_field_id(dst), OFP10_VERSION) == NULL || src->format == FF_PORT ||
	    src == &flow_fields[FIELD_VLAN_VID] || src == &flow_fields[FIELD_VLAN_PCP] ||
	    dst->format == FF_PORT)
		return false;
	a->move.src = (uint16_t)flow_field_id(src);
	a->move.dst = (uint16_t)flow_field_id(dst);
	a->move.src_ofs = (uint16_t)random_below(r, src->n_bits);
	a->move.dst_ofs = (uint16_t)random_below(r, dst->n_bits);
	a->move.n_bits = (uint16_t)(1 + random_below(r, MIN_OF(src->n_bits - a->move.src_ofs,
							    dst->n_bits - a->move.dst_ofs)));
	return true;
}

static void add(struct flow_match *m, enum flow_field_id field, uint64_t value)
{
	struct flow_value v = flow_value_from_u64(value),
			  ones = flow_value_ones(flow_fields[field].n_bits);

	if (field == FIELD_VLAN_TCI)
		ones = flow_value_from_u64(0x1fff);
	(void)!flow_match_add_field(m, field, &v, &ones);
}

static void add_random(struct random_flow *r, struct flow_match *m, const struct oxm *o)
{
	const struct flow_field *f = &flow_fields[o->field];
	struct flow_value v, mask = flow_value_ones(o->n_bits), there;

	if (!flow_match_has_prereq(m, f->prereq) || (f->flags & FW_ABSENT) != 0 ||
	    (o->flags & OXM_F_PORT16) != 0)
		return;
	flow_field_get(f, &m->mask, &there);
	for (size_t i = 0; i < sizeof(v.b); i++) {
		if (there.b[i] != 0)
			return;
		if ((o->flags & OXM_F_MASK) != 0 && random_below(r, 2) == 0)
			mask.b[i] &= (uint8_t)rand_r(&r->seed);
		v.b[i] = (uint8_t)rand_r(&r->seed) & mask.b[i];
	}
	if (o->field == FIELD_IN_PORT) // 1.0 can say it too
		v = flow_value_from_u64(1 + random_below(r, 0xfeff));
	(void)!flow_match_add_field(m, o->field, &v, &mask);
}
