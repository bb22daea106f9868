/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/pipeline_priv.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void begin(struct pipeline *p, struct worker *w, const struct bridge *br, uint16_t in_port,
    const struct flow_key *key, const struct pipeline_listener *listener);
static const struct program *end(struct pipeline *p);
static void refuse_or_run(struct pipeline *p);
static bool run_tables(struct pipeline *p, uint8_t table, uint32_t in_port_be);
static const struct rule *look_up(struct pipeline *p, uint8_t table, uint32_t in_port_be);
static void run_rule(struct pipeline *p, const struct rule *r);

struct pipeline *pipeline_create(void)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	if (program_builder_init(&p->builder) != 0) {
		free(p);
		return NULL;
	}
	return p;
}

void pipeline_destroy(struct pipeline *p)
{
	if (p == NULL)
		return;
	program_builder_fini(&p->builder);
	free(p);
}

const struct program *pipeline_run(struct pipeline *p, struct worker *w, const struct bridge *br,
    uint16_t in_port, const struct flow_key *key, const struct pipeline_listener *listener)
{
	begin(p, w, br, in_port, key, listener);
	refuse_or_run(p);
	return end(p);
}

const struct program *pipeline_run_actions(struct pipeline *p, struct worker *w,
    const struct bridge *br, uint16_t in_port, const struct flow_key *key,
    const struct dp_action *actions, size_t size)
{
	struct action_set set = {0};
	begin(p, w, br, in_port, key, NULL);
	p->set = &set;
	if (size != 0)
		pipeline_actions(p, actions, size);
	if (pipeline_goes_on(p)) // of the tables that it went through
		action_set_run(&set, p);
	return end(p);
}

void pipeline_bridge(struct pipeline *p)
{
	if (p->listener != NULL)
		p->listener->on_bridge(p->listener->arg, p->depth, p->bridge, &p->now.key);
	struct action_set set = {0};
	p->set = &set;
	p->rule = NULL;
	bool found = run_tables(p, 0, p->now.key.in_port);
	if (!found && (p->bridge->flags & DP_BRIDGE_F_MISS_NORMAL) != 0) {
		pipeline_note(p, "no rule: acts as a learning bridge");
		pipeline_normal(p);
	} else if (!found) {
		p->missed = true;
	} else if (pipeline_goes_on(p)) {
		action_set_run(&set, p);
	}
}

void pipeline_resubmit(struct pipeline *p, uint8_t table, uint32_t in_port)
{
	if (table >= DP_N_TABLES && table != UINT8_MAX) {
		p->exceeded = true;
		return;
	}
	if (!pipeline_enter(p))
		return;
	const struct rule *rule = p->rule;
	uint8_t own_table = p->table;
	bool found = run_tables(p, table == UINT8_MAX ? own_table : table,
	    in_port == DP_OFPORT_IN_PORT ? p->now.key.in_port : htonl(in_port));
	if (!found)
		p->missed = true;
	p->rule = rule;
	p->table = own_table;
	pipeline_leave(p);
}

void pipeline_fail(struct pipeline *p, enum dp_drop reason)
{
	pipeline_note(p, "no output: %s", dp_drops[reason].name);
	if (p->failure != DP_DROP__COUNT)
		return;
	p->failure = reason;
	p->failure_rule = p->rule != NULL ? p->rule->id : 0;
	p->failure_cookie = p->rule != NULL ? p->rule->cookie : 0;
}

void pipeline_stop(struct pipeline *p, enum dp_drop reason)
{
	p->stopped = true;
	if (p->verdict != DP_DROP__COUNT)
		return;
	p->verdict = reason;
	p->verdict_rule = p->rule != NULL ? p->rule->id : 0;
	p->verdict_cookie = p->rule != NULL ? p->rule->cookie : 0;
}

bool pipeline_goes_on(const struct pipeline *p)
{
	return !p->stopped && !p->exceeded && !p->builder.full;
}

bool pipeline_enter(struct pipeline *p)
{
	if (p->depth == MAX_DEPTH) {
		p->exceeded = true;
		return false;
	}
	p->depth++;
	return true;
}

void pipeline_leave(struct pipeline *p)
{
	p->depth--;
}

bool pipeline_copy_begin(struct pipeline *p, struct pipeline_copy *c)
{
	if (!pipeline_enter(p))
		return false;
	c->now = p->now;
	c->stopped = p->stopped;
	return true;
}

void pipeline_copy_end(struct pipeline *p, const struct pipeline_copy *c)
{
	p->now = c->now;
	p->stopped = c->stopped;
	pipeline_leave(p);
}

void pipeline_note(const struct pipeline *p, const char *fmt, ...)
{
	if (LIKELY(p->listener == NULL))
		return;
	char text[160];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	p->listener->on_note(p->listener->arg, p->depth, text);
}

static void begin(struct pipeline *p, struct worker *w, const struct bridge *br, uint16_t in_port,
    const struct flow_key *key, const struct pipeline_listener *listener)
{
	program_begin(&p->builder);
	p->w = w;
	p->listener = listener;
	p->came = key;
	p->bytes = (struct view){.key = *key};
	p->n_lookups = p->n_actions = p->n_punts = 0;
	p->exceeded = p->missed = p->stopped = false;
	p->failure = p->verdict = DP_DROP__COUNT;
	p->now = p->bytes;
	p->bridge = br;
	p->in_port = in_port;
	p->rule = NULL;
	p->table = 0;
	p->depth = 0;
	p->n_stack = 0;
}

/*
 * Why nothing was output, most deliberate first: a rule said drop; an output was wanted and could not be made; no
 * rule was found; a rule without output was.
 */
static const struct program *end(struct pipeline *p)
{
	struct program *prog = p->builder.prog;
	enum dp_drop reason = DP_DROP_RULE_DROP;
	prog->rule = p->rule != NULL ? p->rule->id : 0;
	prog->cookie = p->rule != NULL ? p->rule->cookie : 0;
	if (p->exceeded)
		p->builder.full = true;
	// What only the controller gets is answered from the rules: a scan makes no sessions.
	if (p->n_punts == prog->n_outputs)
		prog->cacheable = 0;
	if (p->verdict != DP_DROP__COUNT) {
		reason = p->verdict;
		prog->rule = p->verdict_rule;
		prog->cookie = p->verdict_cookie;
	} else if (p->failure != DP_DROP__COUNT) {
		reason = p->failure;
		prog->rule = p->failure_rule;
		prog->cookie = p->failure_cookie;
	} else if (p->missed) {
		reason = DP_DROP_TABLE_MISS;
	}
	return program_end(&p->builder, reason);
}

static void refuse_or_run(struct pipeline *p)
{
	const struct port *port = rcu_get(p->w->dp->ports[p->in_port]);
	bool is_guest = port != NULL && (port->conf.flags & DP_PORT_F_GUEST) != 0;
	if (is_guest && mac_is_link_local_multicast(&p->now.key.eth_dst))
		pipeline_stop(p, DP_DROP_LINK_LOCAL_MCAST);
	else
		pipeline_bridge(p);
}

/*
 * Looks up from table on and follows goto. False when the first look-up finds nothing; a later miss drops the
 * packet's action set with it (OpenFlow 1.3.5 5.4).
 */
static bool run_tables(struct pipeline *p, uint8_t table, uint32_t in_port_be)
{
	for (bool first = true;; first = false) {
		const struct rule *r = look_up(p, table, in_port_be);
		if (r == NULL && first)
			return false;
		if (r == NULL) {
			p->missed = true;
			*p->set = (struct action_set){0};
			return true;
		}
		run_rule(p, r);
		if ((r->flags & DP_RULE_F_GOTO) == 0 || !pipeline_goes_on(p))
			return true;
		table = r->goto_table;
		in_port_be = p->now.key.in_port;
	}
}

/* in_port_be stands in for the key's during this look-up only, as in Nicira's resubmit. */
static const struct rule *look_up(struct pipeline *p, uint8_t table, uint32_t in_port_be)
{
	if (++p->n_lookups > MAX_LOOKUPS) {
		p->exceeded = true;
		return NULL;
	}
	const struct table *t = rcu_get(p->bridge->tables[table]);
	uint32_t own_in_port_be = p->now.key.in_port;
	p->now.key.in_port = in_port_be;
	const struct rule *r = t != NULL ? table_lookup(t, &p->now.key, p->w->version) : NULL;
	if (UNLIKELY(p->listener != NULL))
		p->listener->on_table(
		    p->listener->arg, p->depth, p->bridge, table, t, &p->now.key, r);
	p->now.key.in_port = own_in_port_be;
	p->table = table;
	return r;
}

static void run_rule(struct pipeline *p, const struct rule *r)
{
	p->rule = r;
	program_add_rule(&p->builder, r->stats_idx);
	if (r->apply_size != 0)
		pipeline_actions(p, rule_apply_actions(r), r->apply_size);
	if (!pipeline_goes_on(p))
		return;
	if ((r->flags & DP_RULE_F_CLEAR) != 0)
		*p->set = (struct action_set){0};
	if (r->write_size != 0)
		action_set_write(p->set, p, rule_write_actions(r), r->write_size);
	if ((r->flags & DP_RULE_F_WRITE_METADATA) != 0) {
		uint64_t kept = p->now.key.metadata & ~r->metadata_mask_be;
		p->now.key.metadata = kept | (r->metadata_be & r->metadata_mask_be);
	}
}
