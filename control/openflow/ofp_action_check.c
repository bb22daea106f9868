/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a list of actions means for its rule: whether packets have the fields that it reads and writes, as the match says and as the
 * actions before left them, and whether ports and tables are there (OpenFlow 1.3.5 7.2.5).
 */
#include <endian.h>

#include "control/openflow/ofp_action.h"

enum { TABLE_CURRENT = 255 };

static enum ofp_err check_one(
    const struct dp_action *a, struct flow_match *now, const struct ofp_action_scope *scope);
static enum ofp_err check_nested(
    const struct dp_action *a, const struct flow_match *now, const struct ofp_action_scope *scope);
static enum ofp_err check_learn(
    const struct dp_action *a, const struct flow_match *now, const struct ofp_action_scope *scope);
static enum ofp_err check_port(uint32_t port, const struct ofp_action_scope *scope);
static enum ofp_err check_field(
    const struct flow_match *now, unsigned int field, const struct ofp_action_scope *scope);
static void follow(const struct dp_action *a, struct flow_match *now);
static unsigned int set_pass(const struct dp_action *a);
static bool may_be_in_set(const struct dp_action *a);

enum ofp_err ofp_actions_check(const struct ofp_actions *list, const struct ofp_action_scope *scope)
{
	struct flow_match now = {0};

	if (scope->match != NULL)
		now = *scope->match;
	if (list->size == 0)
		return OFP_OK;
	action_foreach (a, list->data, list->size) {
		enum ofp_err err = check_one(a, &now, scope);
		if (err != OFP_OK)
			return err;
		follow(a, &now);
	}
	return OFP_OK;
}

/* A set runs in its own order (OpenFlow 1.3.5 5.10). */
enum ofp_err ofp_action_set_check(
    const struct ofp_actions *list, const struct ofp_action_scope *scope)
{
	struct flow_match now = {0};

	if (scope->match != NULL)
		now = *scope->match;
	for (unsigned int pass = 0; pass < 3 && list->size > 0; pass++) {
		action_foreach (a, list->data, list->size) {
			if (!may_be_in_set(a))
				return OFPERR_OFPBAC_BAD_TYPE;
			if (set_pass(a) != pass)
				continue;
			enum ofp_err err = check_one(a, &now, scope);
			if (err != OFP_OK)
				return err;
			follow(a, &now);
		}
	}
	return OFP_OK;
}

/* The list that an action has in it, or an empty one. */
static struct ofp_actions list_in(const struct dp_action *a)
{
	size_t fixed = dp_action_size(a->type);

	if (a->type != DP_ACTION_CLONE && a->type != DP_ACTION_CT)
		return (struct ofp_actions){a, 0};
	return (struct ofp_actions){(const uint8_t *)a + fixed, a->len - fixed};
}

bool ofp_actions_output_to(const struct ofp_actions *list, uint32_t port)
{
	if (list->size == 0)
		return false;
	action_foreach (a, list->data, list->size) {
		if (a->type == DP_ACTION_OUTPUT && a->output.port == port)
			return true;
		if (port == DP_OFPORT_CONTROLLER &&
		    (a->type == DP_ACTION_CONTROLLER || a->type == DP_ACTION_CONTROLLER_EXT))
			return true;
		if ((a->type == DP_ACTION_ENQUEUE && a->enqueue.port == port) ||
		    (a->type == DP_ACTION_OUTPUT_TRUNC && a->output_trunc.port == port))
			return true;
		struct ofp_actions inner = list_in(a);
		if (ofp_actions_output_to(&inner, port))
			return true;
	}
	return false;
}

bool ofp_actions_use_group(const struct ofp_actions *list, uint32_t group)
{
	if (list->size == 0)
		return false;
	action_foreach (a, list->data, list->size) {
		struct ofp_actions inner = list_in(a);
		if ((a->type == DP_ACTION_GROUP && a->group.id == group) ||
		    ofp_actions_use_group(&inner, group))
			return true;
	}
	return false;
}

static enum ofp_err check_one(
    const struct dp_action *a, struct flow_match *now, const struct ofp_action_scope *scope)
{
	enum ofp_err err;

	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_OUTPUT: return check_port(a->output.port, scope);
	case DP_ACTION_RESUBMIT:
		return a->resubmit.table == TABLE_CURRENT || a->resubmit.table < scope->n_tables
			   ? OFP_OK
			   : OFPERR_OFPBRC_BAD_TABLE_ID;
	case DP_ACTION_ENQUEUE: return check_port(a->enqueue.port, scope);
	case DP_ACTION_OUTPUT_TRUNC: return check_port(a->output_trunc.port, scope);
	case DP_ACTION_CT:
		return a->ct.table == TABLE_CURRENT || a->ct.table < scope->n_tables
			   ? check_nested(a, now, scope)
			   : OFPERR_OFPBRC_BAD_TABLE_ID;
	case DP_ACTION_CLONE: return check_nested(a, now, scope);
	case DP_ACTION_STACK_PUSH:
	case DP_ACTION_STACK_POP: return check_field(now, a->subfield.field, scope);
	case DP_ACTION_OUTPUT_REG: return check_field(now, a->output_reg.field, scope);
	case DP_ACTION_CHECK_PKT_LARGER: return check_field(now, a->check_pkt_larger.field, scope);
	case DP_ACTION_MULTIPATH: return check_field(now, a->multipath.field, scope);
	case DP_ACTION_BUNDLE:
		return a->bundle.n_bits != 0 ? check_field(now, a->bundle.field, scope) : OFP_OK;
	case DP_ACTION_LEARN: return check_learn(a, now, scope);
	case DP_ACTION_SET_FIELD: return check_field(now, a->set_field.field, scope);
	case DP_ACTION_MOVE:
		err = check_field(now, a->move.src, scope);
		return err != OFP_OK ? err : check_field(now, a->move.dst, scope);
	default: return OFP_OK;
	}
}

/* What a list in a list does to the packet ends with it. */
static enum ofp_err check_nested(
    const struct dp_action *a, const struct flow_match *now, const struct ofp_action_scope *scope)
{
	struct ofp_action_scope inner = *scope;
	size_t fixed = dp_action_size(a->type);
	struct ofp_actions list = {(const uint8_t *)a + fixed, a->len - fixed};

	if (scope->match != NULL)
		inner.match = now;
	return ofp_actions_check(&list, &inner);
}

/* What it copies must be there, and what it makes must be a rule: prerequisites of its matches are among them. */
static enum ofp_err check_learn(
    const struct dp_action *a, const struct flow_match *now, const struct ofp_action_scope *scope)
{
	const struct dp_learn_spec *spec =
	    (const struct dp_learn_spec *)((const uint8_t *)a + dp_action_size(DP_ACTION_LEARN));
	struct flow_match taught = {0};
	struct ofp_action_scope inner = *scope;

	if (a->learn.table >= scope->n_tables)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	inner.match = &taught;
	for (unsigned int i = 0; i < a->learn.n_specs; i++, spec++) {
		enum ofp_err err = spec->source == DP_LEARN_FROM_FIELD
				       ? check_field(now, spec->src_field, scope)
				       : OFP_OK;
		if (err == OFP_OK && spec->target != DP_LEARN_OUTPUT)
			err = check_field(&taught, spec->dst_field, &inner);
		if (err != OFP_OK)
			return err;
		if (spec->target != DP_LEARN_MATCH)
			continue;
		// A value is known; what is copied has the value that this rule's own match gives it.
		struct flow_value v = spec->value, ones = flow_value_ones(spec->n_bits);
		if (spec->source == DP_LEARN_FROM_FIELD)
			flow_field_get(&flow_fields[spec->src_field], &now->key, &v);
		if (spec->n_bits == flow_fields[spec->dst_field].n_bits)
			(void)!flow_match_add_field(&taught, spec->dst_field, &v, &ones);
	}
	return OFP_OK;
}

static enum ofp_err check_port(uint32_t port, const struct ofp_action_scope *scope)
{
	if (port == OFP_TABLE_OFPORT)
		return scope->packet_out ? OFP_OK : OFPERR_OFPBAC_BAD_OUT_PORT;
	return port >= DP_OFPORT_MAX || scope->max_port == 0 || port <= scope->max_port
		   ? OFP_OK
		   : OFPERR_OFPBAC_BAD_OUT_PORT;
}

/* 1.0 lets its own actions stand for any match: they leave packets alone that do not have the field. */
static enum ofp_err check_field(
    const struct flow_match *now, unsigned int field, const struct ofp_action_scope *scope)
{
	if (scope->match == NULL || flow_match_has_prereq(now, flow_fields[field].prereq))
		return OFP_OK;
	bool is_10s = field == FIELD_IPV4_SRC || field == FIELD_IPV4_DST ||
		      field == FIELD_IP_DSCP || field == FIELD_TP_SRC || field == FIELD_TP_DST;
	return scope->version_10 && is_10s ? OFP_OK : OFPERR_OFPBAC_MATCH_INCONSISTENT;
}

static void follow(const struct dp_action *a, struct flow_match *now)
{
	const uint16_t present = htobe16(FLOW_VLAN_PRESENT);

	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_PUSH_VLAN:
		now->key.vlan_tci[1] = now->key.vlan_tci[0];
		now->mask.vlan_tci[1] = now->mask.vlan_tci[0];
		now->key.vlan_tci[0] = now->mask.vlan_tci[0] = present;
		return;
	case DP_ACTION_SET_VLAN: now->key.vlan_tci[0] = now->mask.vlan_tci[0] = present; return;
	case DP_ACTION_POP_VLAN:
		now->key.vlan_tci[0] = now->key.vlan_tci[1];
		now->mask.vlan_tci[0] = now->mask.vlan_tci[1];
		now->key.vlan_tci[1] = now->mask.vlan_tci[1] = 0;
		return;
	case DP_ACTION_MOVE: // what it wrote is not known; the VLAN fields leave the present bit out
		flow_field_set(&flow_fields[a->move.dst], &now->mask, &(struct flow_value){0});
		return;
	case DP_ACTION_SET_FIELD:
		flow_field_set_masked(&flow_fields[a->set_field.field], &now->key,
		    &a->set_field.value, &a->set_field.mask);
		flow_field_set_masked(&flow_fields[a->set_field.field], &now->mask,
		    &a->set_field.mask, &a->set_field.mask);
		return;
	default: return;
	}
}

static unsigned int set_pass(const struct dp_action *a)
{
	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_POP_VLAN: return 0;
	case DP_ACTION_PUSH_VLAN: return 1;
	default: return 2;
	}
}

/* As OVS has it: what the specification lists, and moves and loads (OpenFlow 1.3.5 5.10). */
static bool may_be_in_set(const struct dp_action *a)
{
	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_RESUBMIT:
	case DP_ACTION_CLONE:
	case DP_ACTION_LEARN:
	case DP_ACTION_CONJUNCTION:
	case DP_ACTION_CT_CLEAR:
	case DP_ACTION_EXIT:
	case DP_ACTION_FIN_TIMEOUT:
	case DP_ACTION_SAMPLE:
	case DP_ACTION_MULTIPATH:
	case DP_ACTION_BUNDLE:
	case DP_ACTION_OUTPUT_TRUNC:
	case DP_ACTION_OUTPUT_REG:
	case DP_ACTION_ENQUEUE:
	case DP_ACTION_POP_QUEUE:
	case DP_ACTION_DELETE_FIELD:
	case DP_ACTION_CHECK_PKT_LARGER:
	case DP_ACTION_STACK_PUSH:
	case DP_ACTION_STACK_POP: return false;
	default: return true;
	}
}
