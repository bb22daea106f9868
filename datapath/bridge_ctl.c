/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/bridge_ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/session.h"

#define LOG_MODULE "bridge"
#include "datapath/base/log.h"

enum { DEFAULT_MAX_MACS = 8192, DEFAULT_MAC_AGE_S = 300 };

static int compare_ofports(const void *a, const void *b);
static struct bridge_groups *merge_groups(
    const struct bridge_groups *old, const struct group_change *changes, uint32_t n_changes);
static int make_mask(struct bridge_ctl *bc, struct session_key **ret);
static bool table_is_changed(const struct bridge_ctl *bc, unsigned int t);
static void publish_ports(struct bridge_ctl *bc, struct bridge_ports *ports, uint64_t version);
static void publish_groups(struct bridge_ctl *bc, struct bridge_groups *groups, uint64_t version);
static void free_snapshots_before(struct bridge_ctl *bc);
static void publish_mask(struct bridge_ctl *bc, struct session_key *mask);
static void recompute_mask_union(struct bridge_ctl *bc);
static bool add_linked_rule(const struct rule *r, void *arg);
static void free_table(void *table);

struct bridge_ctl *bridge_ctl_create(uint32_t id, const struct dp_bridge_conf *conf)
{
	struct bridge_ctl *bc = calloc(1, sizeof(*bc));
	if (bc == NULL)
		return NULL;
	bc->conf = *conf;
	bc->br.id = id;
	bc->br.flags = conf->flags;
	memcpy(bc->br.name, conf->name, sizeof(bc->br.name));
	struct session_key *mask = NULL;
	bc->br.fdb = bridge_ctl_make_fdb(conf);
	if (bc->br.fdb == NULL || make_mask(bc, &mask) < 0) {
		bridge_ctl_destroy(bc);
		return NULL;
	}
	bc->br.session_mask = mask;
	return bc;
}

void bridge_ctl_destroy(void *bridge_ctl)
{
	struct bridge_ctl *bc = bridge_ctl;
	if (bc == NULL)
		return;
	bridge_ctl_abort(bc);
	for (unsigned int t = 0; t < DP_N_TABLES; t++)
		table_destroy(bc->br.tables[t]);
	free_snapshots_before(bc);
	free((void *)bc->br.ports);
	free((void *)bc->br.groups);
	free((void *)bc->br.session_mask);
	fdb_destroy(bc->br.fdb);
	free(bc);
}

struct fdb *bridge_ctl_make_fdb(const struct dp_bridge_conf *conf)
{
	return fdb_create(conf->max_macs != 0 ? conf->max_macs : DEFAULT_MAX_MACS,
	    conf->mac_age_s != 0 ? conf->mac_age_s : DEFAULT_MAC_AGE_S);
}

struct table *bridge_ctl_table(struct bridge_ctl *bc, uint8_t table)
{
	struct table *t = bc->br.tables[table];

	if (t == NULL) {
		t = table_create();
		if (t == NULL)
			return NULL;
		rcu_publish(bc->br.tables[table], t);
	}
	bc->tables_changed[table / 64] |= 1ULL << (table % 64);
	return t;
}

void bridge_ctl_add_rule_mask(
    struct bridge_ctl *bc, const struct flow_key *mask, const struct rule *r)
{
	const uint64_t *from = flow_key_words_const(mask);
	uint64_t *to = flow_key_words(&bc->next_mask_union);

	for (unsigned int i = 0; i < FLOW_KEY_N_WORDS; i++)
		to[i] |= from[i];
	bridge_ctl_add_actions_mask(bc, rule_apply_actions(r), r->apply_size);
	bridge_ctl_add_actions_mask(bc, rule_write_actions(r), r->write_size);
}

void bridge_ctl_add_actions_mask(
    struct bridge_ctl *bc, const struct dp_action *actions, size_t size)
{
	if (size > 0)
		session_mask_add_actions(actions, size, &bc->next_mask_union);
}

int bridge_ctl_prepare_ports(struct bridge_ctl *bc, const struct dp_port_conf *const *ports)
{
	uint32_t n = 0, n_lists = 0;

	for (unsigned int id = 1; id < DP_MAX_PORTS; id++) {
		bool is_ours = ports[id] != NULL && ports[id]->bridge == bc->br.id;
		n += is_ours;
		n_lists += is_ours && (ports[id]->flags & DP_PORT_F_TRUNKS) != 0;
	}
	struct bridge_ports *next =
	    malloc(sizeof(*next) + n * sizeof(next->p[0]) + n_lists * sizeof(ports[0]->trunks));
	if (next == NULL)
		return -ENOMEM;
	uint64_t *lists = (uint64_t *)(void *)&next->p[n];
	next->n = 0;
	for (unsigned int id = 1; id < DP_MAX_PORTS; id++) {
		const struct dp_port_conf *conf = ports[id];
		if (conf == NULL || conf->bridge != bc->br.id)
			continue;
		struct bridge_port *p = &next->p[next->n++];
		*p = (struct bridge_port){.ofport = conf->ofport,
		    .port = (uint16_t)id,
		    .flood = (conf->flags & DP_PORT_F_NO_FLOOD) == 0,
		    .vlan = {.mode = conf->vlan_mode,
			.priority_tags = conf->priority_tags,
			.tag = conf->vlan_tag}};
		if ((conf->flags & DP_PORT_F_TRUNKS) == 0)
			continue;
		p->vlan.trunks = memcpy(lists, conf->trunks, sizeof(conf->trunks));
		lists += ARRAY_SIZE(conf->trunks);
	}
	qsort(next->p, next->n, sizeof(next->p[0]), compare_ofports);
	bc->next_ports = next;
	return 0;
}

int bridge_ctl_prepare_groups(struct bridge_ctl *bc, const struct group_change *changes, uint32_t n)
{
	bc->next_groups = merge_groups(bc->br.groups, changes, n);
	return bc->next_groups != NULL ? 0 : -ENOMEM;
}

int bridge_ctl_prepare_lookup(struct bridge_ctl *bc)
{
	for (unsigned int t = 0; t < DP_N_TABLES; t++) {
		if (table_is_changed(bc, t) && table_compile(bc->br.tables[t]) < 0)
			return -ENOMEM;
	}
	return make_mask(bc, &bc->next_mask);
}

void bridge_ctl_abort(struct bridge_ctl *bc)
{
	free(bc->next_ports);
	free(bc->next_groups);
	free(bc->next_mask);
	bc->next_ports = NULL;
	bc->next_groups = NULL;
	bc->next_mask = NULL;
	bc->touched = bc->ports_changed = bc->groups_changed = false;
	memset(bc->tables_changed, 0, sizeof(bc->tables_changed));
}

void bridge_ctl_commit(struct bridge_ctl *bc, uint64_t version)
{
	// The mask first: it may only grow before the rules that need it can be seen.
	if (bc->next_mask != NULL)
		publish_mask(bc, bc->next_mask);
	if (bc->next_groups != NULL)
		publish_groups(bc, bc->next_groups, version);
	if (bc->next_ports != NULL)
		publish_ports(bc, bc->next_ports, version);
	bc->next_mask = NULL;
	bc->next_groups = NULL;
	bc->next_ports = NULL;
	bc->mask_union = bc->next_mask_union;
	if (bc->touched)
		__atomic_store_n(&bc->br.change_version, version, __ATOMIC_RELAXED);
}

void bridge_ctl_retire(struct bridge_ctl *bc)
{
	free_snapshots_before(bc);
	for (unsigned int t = 0; t < DP_N_TABLES; t++) {
		if (!table_is_changed(bc, t))
			continue;
		struct table *table = bc->br.tables[t];
		if (table_n_rules(table) == 0) {
			rcu_publish(bc->br.tables[t], NULL);
			rcu_defer(free_table, table);
		} else if (table_compile(table) < 0) {
			log_debug("no memory to compile table %u; it works as it is", t);
		}
	}
	bridge_ctl_abort(bc);
	if (bc->n_gone > bc->n_rules + bc->n_groups)
		recompute_mask_union(bc);
}

void bridge_ctl_shrink_mask(struct bridge_ctl *bc)
{
	struct session_key *mask = NULL;

	// Without memory the larger mask stays, which is right, only finer than needed.
	if (make_mask(bc, &mask) == 0 && mask != NULL)
		publish_mask(bc, mask);
}

bool bridge_ctl_watches_ports(const struct bridge_ctl *bc)
{
	const struct bridge_groups *groups = bc->br.groups;

	for (uint32_t i = 0; groups != NULL && i < groups->n; i++) {
		const struct group *g = groups->g[i];
		for (uint32_t b = 0; b < g->n_buckets; b++) {
			if (g->buckets[b].watch_port != DP_OFPORT_ANY)
				return true;
		}
	}
	return false;
}

static int compare_ofports(const void *a, const void *b)
{
	const struct bridge_port *x = a, *y = b;

	return x->ofport < y->ofport ? -1 : x->ofport > y->ofport;
}

static struct bridge_groups *merge_groups(
    const struct bridge_groups *old, const struct group_change *changes, uint32_t n_changes)
{
	uint32_t n_old = old != NULL ? old->n : 0;
	struct bridge_groups *ret = malloc(sizeof(*ret) + (n_old + n_changes) * sizeof(ret->g[0]));
	if (ret == NULL)
		return NULL;
	ret->n = 0;
	uint32_t i = 0;
	for (uint32_t c = 0; c < n_changes; c++) {
		while (i < n_old && old->g[i]->group_id < changes[c].group_id)
			ret->g[ret->n++] = old->g[i++];
		bool is_old = i < n_old && old->g[i]->group_id == changes[c].group_id;
		if (changes[c].group != NULL)
			ret->g[ret->n++] = changes[c].group;
		i += is_old;
	}
	while (i < n_old)
		ret->g[ret->n++] = old->g[i++];
	return ret;
}

/* *ret stays as it is when the mask in use is the same. */
static int make_mask(struct bridge_ctl *bc, struct session_key **ret)
{
	struct session_key mask;

	session_mask_from_rules(&bc->joined_mask_union, &mask);
	if (bc->br.session_mask != NULL && memcmp(&mask, bc->br.session_mask, sizeof(mask)) == 0)
		return 0;
	struct session_key *copy = malloc(sizeof(*copy));
	if (copy == NULL)
		return -ENOMEM;
	*copy = mask;
	*ret = copy;
	return 0;
}

static bool table_is_changed(const struct bridge_ctl *bc, unsigned int t)
{
	return (bc->tables_changed[t / 64] >> (t % 64) & 1) != 0;
}

static void publish_ports(struct bridge_ctl *bc, struct bridge_ports *ports, uint64_t version)
{
	ports->version = version;
	ports->before = bc->br.ports;
	rcu_publish(bc->br.ports, ports);
}

static void publish_groups(struct bridge_ctl *bc, struct bridge_groups *groups, uint64_t version)
{
	groups->version = version;
	groups->before = bc->br.groups;
	rcu_publish(bc->br.groups, groups);
}

/* Of this or an earlier transaction, whose version every worker works by. */
static void free_snapshots_before(struct bridge_ctl *bc)
{
	struct bridge_ports *ports = (struct bridge_ports *)bc->br.ports;
	struct bridge_groups *groups = (struct bridge_groups *)bc->br.groups;

	if (ports != NULL && ports->before != NULL) {
		free((void *)ports->before);
		rcu_publish(ports->before, NULL);
	}
	if (groups != NULL && groups->before != NULL) {
		free((void *)groups->before);
		rcu_publish(groups->before, NULL);
	}
}

static void publish_mask(struct bridge_ctl *bc, struct session_key *mask)
{
	const struct session_key *old = bc->br.session_mask;

	rcu_publish(bc->br.session_mask, mask);
	rcu_defer(free, (void *)old);
}

static void recompute_mask_union(struct bridge_ctl *bc)
{
	const struct bridge_groups *groups = bc->br.groups;

	memset(&bc->next_mask_union, 0, sizeof(bc->next_mask_union));
	for (unsigned int t = 0; t < DP_N_TABLES; t++) {
		if (bc->br.tables[t] != NULL)
			table_foreach(bc->br.tables[t], add_linked_rule, bc);
	}
	for (uint32_t i = 0; groups != NULL && i < groups->n; i++) {
		const struct group *g = groups->g[i];
		for (uint32_t b = 0; b < g->n_buckets; b++)
			bridge_ctl_add_actions_mask(
			    bc, g->buckets[b].actions, g->buckets[b].actions_size);
	}
	bc->mask_union = bc->next_mask_union;
	bc->n_gone = 0;
}

static bool add_linked_rule(const struct rule *r, void *arg)
{
	struct flow_match match;

	rule_match(r, &match);
	bridge_ctl_add_rule_mask(arg, &match.mask, r);
	return true;
}

static void free_table(void *table)
{
	table_destroy(table);
}
