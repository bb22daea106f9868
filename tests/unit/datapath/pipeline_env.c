/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/datapath/pipeline_env.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(cond)                                                                \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

struct env *env_create(void)
{
	struct env *e = calloc(1, sizeof(*e));
	CHECK(e != NULL);
	e->dp = calloc(1, sizeof(*e->dp));
	e->w = calloc(1, sizeof(*e->w));
	CHECK(e->dp != NULL && e->w != NULL);
	e->dp->secret = (struct hash_key){{11, 22}};
	e->dp->version = 1;
	for (uint32_t id = 1; id <= ENV_N_BRIDGES; id++) {
		struct bridge *br = &e->bridges[id];
		br->id = id;
		br->fdb = fdb_create(128, 300);
		CHECK(br->fdb != NULL);
		e->dp->bridges[id] = br;
	}
	e->w->dp = e->dp;
	e->w->now_ms = 1000;
	e->w->pipeline = pipeline_create();
	e->w->sessions = session_table_create(4096, &e->dp->secret);
	e->w->programs = program_cache_create(1 << 20, &e->dp->secret);
	e->w->rules[0] = calloc(RULE_STATS_CHUNK, sizeof(struct rule_counters));
	e->w->ports = calloc(DP_MAX_PORTS, sizeof(struct port_counters));
	CHECK(e->w->pipeline != NULL && e->w->sessions != NULL && e->w->programs != NULL &&
	      e->w->ports != NULL);
	env_commit(e);
	return e;
}

struct env *env_create_with_ports(void)
{
	struct env *e = env_create();
	for (uint16_t id = 1; id <= 5; id++)
		env_port(e, id, 1, id * 10);
	return e;
}

void env_destroy(struct env *e)
{
	for (uint32_t id = 1; id <= ENV_N_BRIDGES; id++) {
		struct bridge *br = &e->bridges[id];
		for (unsigned int t = 0; t < DP_N_TABLES; t++)
			table_destroy(br->tables[t]);
		free((void *)(uintptr_t)br->ports);
		free((void *)(uintptr_t)br->groups);
		free((void *)(uintptr_t)br->session_mask);
		fdb_destroy(br->fdb);
	}
	for (unsigned int i = 0; i < e->n_rules; i++)
		rule_free(e->rules[i]);
	for (unsigned int i = 0; i < e->n_groups; i++) {
		for (uint32_t b = 0; b < e->groups[i]->n_buckets; b++)
			free((void *)(uintptr_t)e->groups[i]->buckets[b].actions);
		free(e->groups[i]);
	}
	pipeline_destroy(e->w->pipeline);
	session_table_destroy(e->w->sessions);
	program_cache_destroy(e->w->programs);
	free(e->w->rules[0]);
	free(e->w->ports);
	tunnel_cfg_destroy(e->dp->tunnels);
	free(e->w);
	free(e->dp);
	free(e);
}

struct port *env_port(struct env *e, uint16_t id, uint32_t bridge, uint32_t ofport)
{
	struct port *p = &e->ports[id];
	p->id = id;
	p->kind = p->conf.kind = DP_PORT_NULL;
	p->conf.bridge = bridge;
	p->conf.ofport = ofport;
	p->link_up = true;
	e->dp->ports[id] = p;
	if (bridge == 0)
		return p;
	struct bridge *br = &e->bridges[bridge];
	const struct bridge_ports *old = br->ports;
	uint32_t n = old != NULL ? old->n : 0, at = 0;
	struct bridge_ports *new = calloc(1, sizeof(*new) + (n + 1) * sizeof(new->p[0]));
	CHECK(new != NULL);
	while (at < n && old->p[at].ofport < ofport)
		at++;
	for (uint32_t i = 0; i < n; i++)
		new->p[i < at ? i : i + 1] = old->p[i];
	new->p[at].ofport = ofport;
	new->p[at].port = id;
	new->p[at].flood = 1;
	new->n = n + 1;
	free((void *)(uintptr_t)old);
	br->ports = new;
	return p;
}

void env_vlan(struct env *e, uint16_t id, enum dp_vlan_mode mode, uint16_t tag,
    const uint16_t *trunks, enum dp_priority_tags priority_tags)
{
	struct dp_port_conf *conf = &e->ports[id].conf;
	struct bridge_ports *ports =
	    (struct bridge_ports *)(uintptr_t)e->bridges[conf->bridge].ports;
	conf->vlan_mode = (uint8_t)mode;
	conf->vlan_tag = tag;
	conf->priority_tags = (uint8_t)priority_tags;
	memset(conf->trunks, 0, sizeof(conf->trunks));
	conf->flags &= ~(uint32_t)DP_PORT_F_TRUNKS;
	if (trunks != NULL)
		conf->flags |= DP_PORT_F_TRUNKS;
	for (size_t i = 0; trunks != NULL && trunks[i] != ENV_LIST_END; i++)
		conf->trunks[trunks[i] / 64] |= 1ull << (trunks[i] % 64);
	for (uint32_t i = 0; i < ports->n; i++) {
		if (ports->p[i].port == id)
			ports->p[i].vlan = (struct port_vlan){conf->vlan_mode, conf->priority_tags,
			    tag, trunks != NULL ? conf->trunks : NULL};
	}
}

struct dp_action *add_action(struct actions *l, enum dp_action_type type)
{
	struct dp_action *a = (struct dp_action *)(void *)(l->b + l->size);
	size_t size = dp_action_size(type);
	CHECK(size != 0 && l->size + size <= sizeof(l->b));
	memset(a, 0, size);
	a->type = (uint16_t)type;
	a->len = (uint16_t)size;
	l->size += size;
	return a;
}

void add_output(struct actions *l, uint32_t ofport)
{
	add_action(l, DP_ACTION_OUTPUT)->output.port = ofport;
}

void add_set(struct actions *l, enum flow_field_id field, const char *value)
{
	struct dp_action *a = add_action(l, DP_ACTION_SET_FIELD);
	struct err err = {0};
	a->set_field.field = (uint16_t)field;
	CHECK(flow_field_parse(
		  &flow_fields[field], value, &a->set_field.value, &a->set_field.mask, &err) == 0);
}

void add_move(
    struct actions *l, enum flow_field_id src, enum flow_field_id dst, unsigned int n_bits)
{
	struct dp_action *a = add_action(l, DP_ACTION_MOVE);
	a->move.src = (uint16_t)src;
	a->move.dst = (uint16_t)dst;
	a->move.n_bits = (uint16_t)n_bits;
}

void add_group(struct actions *l, uint32_t group_id)
{
	add_action(l, DP_ACTION_GROUP)->group.id = group_id;
}

void add_resubmit(struct actions *l, uint32_t in_port, uint8_t table)
{
	struct dp_action *a = add_action(l, DP_ACTION_RESUBMIT);
	a->resubmit.in_port = in_port;
	a->resubmit.table = table;
}

void add_drop(struct actions *l, enum dp_drop reason)
{
	add_action(l, DP_ACTION_DROP)->drop.reason = reason;
}

struct rule *env_rule(struct env *e, uint32_t bridge, uint8_t table, uint16_t priority,
    const char *match, const struct actions *apply)
{
	struct dp_rule_conf conf = {.bridge = bridge, .table = table, .priority = priority};
	return env_rule_full(e, &conf, match, apply, NULL);
}

struct rule *env_rule_full(struct env *e, const struct dp_rule_conf *conf, const char *match,
    const struct actions *apply, const struct actions *write)
{
	struct flow_match m = env_match(match);
	return env_rule_match(e, conf, &m, apply, write);
}

struct rule *env_rule_match(struct env *e, const struct dp_rule_conf *conf,
    const struct flow_match *match, const struct actions *apply, const struct actions *write)
{
	static const struct actions none;
	struct dp_rule_conf c = *conf;
	apply = apply != NULL ? apply : &none;
	write = write != NULL ? write : &none;
	c.apply_size = (uint32_t)apply->size;
	c.write_size = (uint32_t)write->size;
	CHECK(e->n_rules < ENV_MAX_RULES);
	uint64_t id = e->n_rules + 1;
	struct rule *r = rule_create(id, &c, match, apply->b, write->b);
	CHECK(r != NULL);
	r->stats_idx = (uint32_t)id;
	r->add_version = e->dp->version;
	r->del_version = UINT64_MAX;
	e->rules[e->n_rules++] = r;
	struct bridge *br = &e->bridges[c.bridge];
	if (br->tables[c.table] == NULL)
		br->tables[c.table] = table_create();
	CHECK(br->tables[c.table] != NULL && table_add(br->tables[c.table], r) == 0);
	return r;
}

void env_rule_del(struct env *e, struct rule *r)
{
	r->del_version = e->dp->version + 1;
}

struct group *env_group(struct env *e, uint32_t bridge, uint32_t group_id, uint32_t type,
    const struct actions *buckets, uint32_t n_buckets)
{
	struct group *g = calloc(1, sizeof(*g) + n_buckets * sizeof(g->buckets[0]));
	CHECK(g != NULL && e->n_groups < ENV_MAX_RULES);
	g->group_id = group_id;
	g->type = type;
	g->stats_idx = RULE_STATS_CHUNK - 1 - group_id;
	g->n_buckets = n_buckets;
	for (uint32_t i = 0; i < n_buckets; i++) {
		void *copy = malloc(buckets[i].size + 1);
		CHECK(copy != NULL);
		memcpy(copy, buckets[i].b, buckets[i].size);
		g->buckets[i] = (struct group_bucket){.watch_port = DP_OFPORT_ANY,
		    .watch_group = UINT32_MAX,
		    .weight = 1,
		    .actions_size = (uint32_t)buckets[i].size,
		    .actions = copy};
	}
	e->groups[e->n_groups++] = g;
	struct bridge *br = &e->bridges[bridge];
	uint32_t n = br->groups != NULL ? br->groups->n : 0, at = 0;
	struct bridge_groups *new = calloc(1, sizeof(*new) + (n + 1) * sizeof(new->g[0]));
	CHECK(new != NULL);
	while (at < n && br->groups->g[at]->group_id < group_id)
		at++;
	for (uint32_t i = 0; i < n; i++)
		new->g[i < at ? i : i + 1] = br->groups->g[i];
	new->g[at] = g;
	new->n = n + 1;
	free((void *)(uintptr_t)br->groups);
	br->groups = new;
	return g;
}

void env_commit(struct env *e)
{
	// As if patch ports joined all bridges: one mask.
	struct flow_key mask = {0};
	for (unsigned int i = 0; i < e->n_rules; i++) {
		const struct rule *r = e->rules[i];
		session_mask_add_actions(rule_apply_actions(r), r->apply_size, &mask);
		session_mask_add_actions(rule_write_actions(r), r->write_size, &mask);
	}
	for (unsigned int i = 0; i < e->n_groups; i++) {
		const struct group *g = e->groups[i];
		for (uint32_t b = 0; b < g->n_buckets; b++)
			session_mask_add_actions(
			    g->buckets[b].actions, g->buckets[b].actions_size, &mask);
	}
	for (unsigned int i = 0; i < ENV_N_BRIDGES * DP_N_TABLES; i++) {
		struct table *t = e->bridges[1 + i / DP_N_TABLES].tables[i % DP_N_TABLES];
		struct flow_key one = {0};
		if (t == NULL)
			continue;
		CHECK(table_compile(t) == 0);
		table_mask_union(t, &one);
		for (unsigned int w = 0; w < FLOW_KEY_N_WORDS; w++)
			flow_key_words(&mask)[w] |= flow_key_words(&one)[w];
	}
	for (uint32_t id = 1; id <= ENV_N_BRIDGES; id++) {
		struct session_key *ret = malloc(sizeof(*ret));
		CHECK(ret != NULL);
		session_mask_from_rules(&mask, ret);
		free((void *)(uintptr_t)e->bridges[id].session_mask);
		e->bridges[id].session_mask = ret;
		e->bridges[id].change_version = e->dp->version + 1;
	}
	e->dp->version++;
	e->w->version = e->dp->version;
}

/* No other thread reads: the grace period is over at once. */
void rcu_defer(void (*fn)(void *obj), void *obj)
{
	fn(obj);
}

struct flow_key env_key(const char *text)
{
	return env_match(text).key;
}

struct flow_match env_match(const char *text)
{
	struct flow_match m = {0};
	char copy[512], *save = NULL;
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *field = strtok_r(copy, ",", &save); field != NULL;
	     field = strtok_r(NULL, ",", &save)) {
		char *value = strchr(field, '=');
		CHECK(value != NULL);
		*value++ = '\0';
		const struct flow_field *f = flow_field_find(field);
		struct flow_value v, mask;
		struct err err = {0};
		if (f == NULL || flow_field_parse(f, value, &v, &mask, &err) != 0) {
			fprintf(stderr, "%s: %s %s=%s\n", text, err.what, field, value);
			abort();
		}
		CHECK(flow_match_add_field(&m, flow_field_id(f), &v, &mask) == 0);
	}
	return m;
}

const struct program *env_run(struct env *e, uint16_t port, const char *packet)
{
	struct flow_key k = env_key(packet);
	k.in_port = htonl(e->ports[port].conf.ofport);
	return pipeline_run(e->w->pipeline, e->w,
	    rcu_get(e->dp->bridges[e->ports[port].conf.bridge]), port, &k, NULL);
}

const char *program_text(const struct program *p)
{
	static char text[8192];
	size_t n = 0;
	text[0] = '\0';
	prog_foreach(op, p)
	{
		char line[160];
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 ? "; " : "",
		    prog_op_format(op, line, sizeof(line)));
	}
	return text;
}
