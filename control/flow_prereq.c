/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether packets that a rule matches have the fields that its actions read and write (OpenFlow 1.3.5 7.2.5). What the match
 * says is followed through the actions: a pushed tag is there for those behind it, a written ICMPv6 type too.
 *
 * Buckets of groups are not looked at: rules of any match may lead there. The switch leaves a field alone that the packet does not have.
 */
#include "control/flow_json.h"

#include <endian.h>
#include <string.h>

static int check_field(const struct flow_match *m, const struct flow_field *f, struct err *err);
static int check_action(const struct flow_match *m, const struct dp_action *a, struct err *err);
static void follow(struct flow_match *m, const struct dp_action *a);
static void push_vlan(struct flow_match *m);
static void pop_vlan(struct flow_match *m);
static bool is_in_pass(const struct dp_action *a, unsigned int pass);

int flow_actions_check(struct flow_match *m, const struct buf_writer *actions, struct err *err)
{
	struct err base = *err;
	unsigned int i = 0;

	action_foreach (a, actions->data, actions->size) {
		err_path(err, "%s/%u", base.path, i++);
		int r = check_action(m, a, err);
		if (r < 0)
			return r;
		follow(m, a);
	}
	err_path(err, "%s", base.path);
	return 0;
}

/* A set runs in its own order, whatever the list's: pop, push, then the rest (OpenFlow 1.3.5 5.10). */
int flow_action_set_check(
    const struct flow_match *m, const struct buf_writer *actions, struct err *err)
{
	struct flow_match now = *m;
	struct err base = *err;

	for (unsigned int pass = 0; pass < 3; pass++) {
		unsigned int i = 0;
		action_foreach (a, actions->data, actions->size) {
			err_path(err, "%s/%u", base.path, i++);
			int r = is_in_pass(a, pass) ? check_action(&now, a, err) : 0;
			if (r < 0)
				return r;
			if (is_in_pass(a, pass))
				follow(&now, a);
		}
	}
	err_path(err, "%s", base.path);
	return 0;
}

static bool is_in_pass(const struct dp_action *a, unsigned int pass)
{
	switch (a->type) {
	case DP_ACTION_POP_VLAN: return pass == 0;
	case DP_ACTION_PUSH_VLAN: return pass == 1;
	default: return pass == 2;
	}
}

static int check_action(const struct flow_match *m, const struct dp_action *a, struct err *err)
{
	if (a->type != DP_ACTION_SET_FIELD && a->type != DP_ACTION_MOVE)
		return 0;
	char prefix[sizeof(err->path)];
	memcpy(prefix, err->path, sizeof(prefix));
	if (a->type == DP_ACTION_SET_FIELD) {
		const struct flow_field *f = &flow_fields[a->set_field.field];
		err_path(err, "%s/set_field/%s", prefix, f->name);
		return check_field(m, f, err);
	}
	err_path(err, "%s/move/src", prefix);
	int r = check_field(m, &flow_fields[a->move.src], err);
	if (r < 0)
		return r;
	err_path(err, "%s/move/dst", prefix);
	return check_field(m, &flow_fields[a->move.dst], err);
}

static int check_field(const struct flow_match *m, const struct flow_field *f, struct err *err)
{
	if (flow_match_has_prereq(m, f->prereq))
		return 0;
	err_set(err, ERR_PARAMS, "not every packet of this match has %s: it needs %s", f->name,
	    flow_prereq_describe(f->prereq));
	if (f->prereq == FP_VLAN)
		return err_hint(
		    err, "add vlan_tci=0x1000/0x1000 to the match, or push_vlan before");
	return err_hint(err, "add to the match: %s",
	    strstr(flow_prereq_describe(f->prereq), " on ") + strlen(" on "));
}

static void follow(struct flow_match *m, const struct dp_action *a)
{
	const struct flow_field *f;
	struct flow_value mask;

	switch (a->type) {
	case DP_ACTION_PUSH_VLAN: push_vlan(m); return;
	case DP_ACTION_SET_VLAN: // there is a tag now; what else is in it does not matter here
		m->key.vlan_tci[0] = m->mask.vlan_tci[0] = htobe16(FLOW_VLAN_PRESENT);
		return;
	case DP_ACTION_POP_VLAN: pop_vlan(m); return;
	case DP_ACTION_MOVE: // what it wrote is not known; the VLAN fields leave out the bit that says there is a tag
		flow_field_set(&flow_fields[a->move.dst], &m->mask, &(struct flow_value){0});
		return;
	case DP_ACTION_SET_FIELD:
		f = &flow_fields[a->set_field.field];
		flow_field_set_masked(f, &m->key, &a->set_field.value, &a->set_field.mask);
		flow_field_get(f, &m->mask, &mask);
		for (size_t i = 0; i < sizeof(mask.b); i++)
			mask.b[i] |= a->set_field.mask.b[i];
		flow_field_set(f, &m->mask, &mask);
		return;
	default: return;
	}
}

static void push_vlan(struct flow_match *m)
{
	m->key.vlan_tci[1] = m->key.vlan_tci[0];
	m->mask.vlan_tci[1] = m->mask.vlan_tci[0];
	m->key.vlan_tci[0] = m->mask.vlan_tci[0] = htobe16(FLOW_VLAN_PRESENT);
}

static void pop_vlan(struct flow_match *m)
{
	m->key.vlan_tci[0] = m->key.vlan_tci[1];
	m->mask.vlan_tci[0] = m->mask.vlan_tci[1];
	m->key.vlan_tci[1] = m->mask.vlan_tci[1] = 0;
}
