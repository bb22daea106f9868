/* SPDX-License-Identifier: Apache-2.0 */
/* The actions of OpenFlow's extensions, several of which go on behind their fixed part. */
#include "datapath/dp_validate_priv.h"

#include <stdio.h>

enum { MAX_DEPTH = 8, MAX_LEARN_SPECS = 256 };

static const char *check_body(const struct dp_action *a);
static const char *check_ct(const struct dp_action *a);
static const char *check_learn(const struct dp_action *a);
static const char *check_sample(const struct dp_action *a);
static bool length_is(const struct dp_action *a, size_t rest);
static bool bits_are_in(unsigned int field, unsigned int ofs, unsigned int n_bits, bool write);
static bool is_tunnel_option(unsigned int field);

int dp_extension_validate(const struct dp_action *a, unsigned int depth, char *what)
{
	const char *fault = a->pad != 0 ? "padding is not zero" : check_body(a);

	if (fault != NULL) {
		snprintf(what, DP_WHAT_SIZE, "%s: %s", dp_action_names[a->type], fault);
		return -EINVAL;
	}
	if (a->type != DP_ACTION_CLONE && a->type != DP_ACTION_CT)
		return 0;
	if (depth == MAX_DEPTH) {
		snprintf(what, DP_WHAT_SIZE, "actions: lists in lists too deep");
		return -EINVAL;
	}
	size_t fixed = dp_action_size(a->type);
	return dp_action_list_validate((const uint8_t *)a + fixed, a->len - fixed, depth + 1, what);
}

static const char *check_body(const struct dp_action *a)
{
	bool ok = true;

	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_NOTE:
		ok = length_is(a, a->note.size) &&
		     (a->note.pad[0] | a->note.pad[1] | a->note.pad[2]) == 0;
		break;
	case DP_ACTION_STACK_PUSH:
		ok = bits_are_in(a->subfield.field, a->subfield.ofs, a->subfield.n_bits, false) &&
		     a->subfield.pad == 0;
		break;
	case DP_ACTION_STACK_POP:
		ok = bits_are_in(a->subfield.field, a->subfield.ofs, a->subfield.n_bits, true) &&
		     a->subfield.pad == 0;
		break;
	case DP_ACTION_DELETE_FIELD:
		ok = is_tunnel_option(a->subfield.field) && a->subfield.ofs == 0 &&
		     a->subfield.n_bits == 0 && a->subfield.pad == 0;
		break;
	case DP_ACTION_OUTPUT_REG:
		ok = bits_are_in(
		    a->output_reg.field, a->output_reg.ofs, a->output_reg.n_bits, false);
		break;
	case DP_ACTION_DEC_TTL_CNT:
		ok = length_is(a, a->dec_ttl_cnt.n * sizeof(uint16_t)) &&
		     (a->dec_ttl_cnt.pad[0] | a->dec_ttl_cnt.pad[1] | a->dec_ttl_cnt.pad[2]) == 0;
		break;
	case DP_ACTION_CONTROLLER_EXT:
		ok = length_is(a, a->controller_ext.userdata_size) &&
		     a->controller_ext.pause <= 1 && a->controller_ext.pad == 0;
		break;
	case DP_ACTION_CHECK_PKT_LARGER:
		ok = bits_are_in(a->check_pkt_larger.field, a->check_pkt_larger.ofs, 1, true) &&
		     a->check_pkt_larger.pad == 0;
		break;
	case DP_ACTION_CONJUNCTION:
		ok = a->conjunction.n_clauses >= 2 && a->conjunction.n_clauses <= 64 &&
		     a->conjunction.clause < a->conjunction.n_clauses && a->conjunction.pad == 0;
		break;
	case DP_ACTION_LEARN: return check_learn(a);
	case DP_ACTION_CT: return check_ct(a);
	case DP_ACTION_MULTIPATH:
		ok = bits_are_in(a->multipath.field, a->multipath.ofs, a->multipath.n_bits, true) &&
		     a->multipath.pad == 0 && a->multipath.pad1 == 0;
		break;
	case DP_ACTION_BUNDLE:
		ok = length_is(a, a->bundle.n_ports * sizeof(uint32_t)) && a->bundle.pad == 0 &&
		     (a->bundle.n_bits == 0 ||
			 bits_are_in(a->bundle.field, a->bundle.ofs, a->bundle.n_bits, true));
		break;
	case DP_ACTION_SAMPLE: return check_sample(a);
	case DP_ACTION_SET_QUEUE: ok = a->queue.pad == 0; break;
	case DP_ACTION_METER: ok = a->meter.pad == 0 && a->meter.id != 0; break;
	case DP_ACTION_FIN_TIMEOUT: ok = a->fin_timeout.pad == 0; break;
	case DP_ACTION_PUSH_MPLS:
	case DP_ACTION_POP_MPLS:
		ok = (a->mpls.pad[0] | a->mpls.pad[1] | a->mpls.pad[2]) == 0;
		break;
	default: break; // no body, or one of numbers that may have any value
	}
	return ok ? NULL : "a length, number or field out of range, or padding that is not zero";
}

static const char *check_ct(const struct dp_action *a)
{
	if (a->ct.table >= DP_N_TABLES && a->ct.table != UINT8_MAX)
		return "no such table";
	if (a->ct.zone_n_bits != 0 &&
	    !bits_are_in(a->ct.zone_field, a->ct.zone_ofs, a->ct.zone_n_bits, false))
		return "zone is from bits outside a field";
	return (a->ct.pad[0] | a->ct.pad[1] | a->ct.pad[2]) == 0 ? NULL : "padding is not zero";
}

static const char *check_learn(const struct dp_action *a)
{
	const struct dp_learn_spec *spec =
	    (const struct dp_learn_spec *)((const uint8_t *)a + dp_action_size(DP_ACTION_LEARN));

	if (a->learn.n_specs > MAX_LEARN_SPECS ||
	    !length_is(a, a->learn.n_specs * sizeof(struct dp_learn_spec)))
		return "wrong length for its parts";
	if (a->learn.table >= DP_N_TABLES || a->learn.pad != 0)
		return "no such table, or padding that is not zero";
	for (unsigned int i = 0; i < a->learn.n_specs; i++, spec++) {
		bool load = spec->target == DP_LEARN_LOAD;
		if (spec->source > DP_LEARN_FROM_VALUE || spec->target > DP_LEARN_OUTPUT ||
		    spec->pad != 0 || spec->n_bits == 0 || spec->n_bits > 128)
			return "a part is of no known kind";
		if (spec->source == DP_LEARN_FROM_FIELD &&
		    !bits_are_in(spec->src_field, spec->src_ofs, spec->n_bits, false))
			return "a part reads bits outside a field";
		if (spec->target != DP_LEARN_OUTPUT &&
		    !bits_are_in(spec->dst_field, spec->dst_ofs, spec->n_bits, load))
			return "a part writes or matches bits outside a field";
	}
	return NULL;
}

static const char *check_sample(const struct dp_action *a)
{
	bool domain = a->sample.domain_n_bits == 0 ||
		      bits_are_in(a->sample.domain_field, a->sample.domain_ofs,
			  a->sample.domain_n_bits, false);
	bool point =
	    a->sample.point_n_bits == 0 ||
	    bits_are_in(a->sample.point_field, a->sample.point_ofs, a->sample.point_n_bits, false);

	if (!domain || !point || a->sample.probability == 0)
		return "no probability, or bits outside a field";
	return NULL;
}

static bool length_is(const struct dp_action *a, size_t rest)
{
	return a->len == dp_action_size(a->type) + ROUND_UP(rest, 8);
}

static bool bits_are_in(unsigned int field, unsigned int ofs, unsigned int n_bits, bool write)
{
	if (field >= FIELD__COUNT || (flow_fields[field].flags & FW_ABSENT) != 0)
		return false;
	return n_bits > 0 && ofs + n_bits <= flow_fields[field].n_bits &&
	       (!write || (flow_fields[field].flags & FW_SET) != 0);
}

static bool is_tunnel_option(unsigned int field)
{
	return field >= FIELD_TUN_METADATA0 && field <= FIELD_TUN_METADATA7;
}
