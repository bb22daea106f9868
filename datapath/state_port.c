/* SPDX-License-Identifier: Apache-2.0 */
/* Ports as objects: updated in place when the kind can, else closed and opened anew. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/dp_state_priv.h"
#include "datapath/workers.h"

#define LOG_MODULE "port"
#include "datapath/base/log.h"

static bool leave_device(struct dp_state *st, struct port *p);
static void refresh_watchers(struct dp_state *st, const struct port *p);
static void report(struct dp_state *st, const struct port *p,
    void (*cb)(const struct dp_port_event *ev, void *arg), void *arg);
static int check_ports(struct txn *t);
static int check_places(struct txn *t);
static int compare_places(const void *a, const void *b);
static const struct change *find_port_change(const struct txn *t, uint16_t a, uint16_t b);
static int prepare_port(struct txn *t, struct change *c);
static int prepare_update(struct txn *t, struct change *c, const struct dp_port_conf *conf);
static void touch_port(struct txn *t, const struct dp_port_conf *conf);
static void undo_port(struct txn *t, struct change *c);
static void commit_port(struct txn *t, struct change *c);
static void retire_port(struct txn *t, struct change *c);
static bool has_same_vlans(const struct dp_port_conf *a, const struct dp_port_conf *b);
static void keep_dead_port(struct dp_state *st, struct port *p);
static void destroy_port(struct dp_state *st, void *body);

const struct kind_ops port_kind = {
    .name = "port",
    .max = DP_MAX_PORTS - 1,
    .check = check_ports,
    .prepare = prepare_port,
    .undo = undo_port,
    .commit = commit_port,
    .retire = retire_port,
    .destroy = destroy_port,
};

void dp_state_poll_ports(struct dp_state *st, uint64_t now_ms,
    void (*cb)(const struct dp_port_event *ev, void *arg), void *arg)
{
	bool queues_changed = false;

	if (state_wait_prepared(st, now_ms))
		return;
	for (unsigned int id = 1; id < DP_MAX_PORTS; id++) {
		struct port *p = st->ports[id];
		if (p == NULL)
			continue;
		uint16_t n_rxq = p->n_rxq;
		bool changed = port_poll(p, now_ms);
		if (p->device_gone && leave_device(st, p))
			changed |= port_poll(p, now_ms);
		queues_changed |= changed || p->n_rxq != n_rxq;
		if (changed)
			refresh_watchers(st, p);
		if (st->reported[id].state == p->state && st->reported[id].link_up == p->link_up)
			continue;
		report(st, p, cb, arg);
	}
	if (queues_changed && workers_assign(st->dp) < 0)
		log_warn("no memory to spread receive queues; the old ones are polled");
}

void state_free_dead_ports(struct dp_state *st)
{
	if (st->n_dead_ports == 0 || workers_assign(st->dp) < 0)
		return;
	for (uint32_t i = 0; i < st->n_dead_ports; i++)
		rcu_defer(port_destroy, st->dead_ports[i]);
	st->n_dead_ports = 0;
}

/* Closes a device that is no more, once no worker looks at it. False: at the next poll. */
static bool leave_device(struct dp_state *st, struct port *p)
{
	p->n_rxq = 0;
	__atomic_store_n(&p->n_txq, 0, __ATOMIC_RELAXED);
	if (workers_assign(st->dp) < 0)
		return false;
	rcu_synchronize();
	port_close_device(p);
	return true;
}

/* A group may choose another bucket now. */
static void refresh_watchers(struct dp_state *st, const struct port *p)
{
	const struct bridge_ctl *bc = st->bridges[p->conf.bridge];

	if (bc != NULL && bridge_ctl_watches_ports(bc))
		state_refresh_bridge(st, p->conf.bridge);
}

static void report(struct dp_state *st, const struct port *p,
    void (*cb)(const struct dp_port_event *ev, void *arg), void *arg)
{
	struct dp_port_event ev = {.id = p->id, .link_up = p->link_up, .state = p->state};

	memcpy(ev.error, p->error, sizeof(ev.error));
	st->reported[p->id].state = p->state;
	st->reported[p->id].link_up = p->link_up;
	cb(&ev, arg);
}

/* Where a port is plugged in: bridge << 32 | ofport. */
struct place {
	uint64_t where;
	uint16_t port;
};

static int check_ports(struct txn *t)
{
	const struct change *tunnel = NULL; // a new one
	uint32_t n_tunnels = 0;

	if (list_is_empty(&t->of_kind[DP_KIND_PORT]))
		return 0;
	txn_foreach(c, t, DP_KIND_PORT)
	{
		const struct dp_port_conf *conf = c->op != NULL ? change_conf(c) : NULL;
		t->ports[c->id] = conf;
		if (conf != NULL && conf->kind == DP_PORT_VXLAN)
			tunnel = c;
		if (conf != NULL && conf->bridge != 0 && !txn_has(t, DP_KIND_BRIDGE, conf->bridge))
			return txn_refuse(t, c, ENOENT, "port %s: bridge %u does not exist",
			    conf->name, conf->bridge);
	}
	for (unsigned int p = 1; p < DP_MAX_PORTS; p++)
		n_tunnels += t->ports[p] != NULL && t->ports[p]->kind == DP_PORT_VXLAN;
	if (n_tunnels > STATE_MAX_TUNNEL_PORTS)
		return txn_refuse(
		    t, tunnel, ENOSPC, "more than %d tunnel ports", STATE_MAX_TUNNEL_PORTS);
	return check_places(t);
}

static int check_places(struct txn *t)
{
	struct place places[DP_MAX_PORTS];
	size_t n = 0;

	for (unsigned int p = 1; p < DP_MAX_PORTS; p++) {
		const struct dp_port_conf *conf = t->ports[p];
		if (conf != NULL && conf->bridge != 0)
			places[n++] = (struct place){
			    (uint64_t)conf->bridge << 32 | conf->ofport, (uint16_t)p};
	}
	qsort(places, n, sizeof(places[0]), compare_places);
	for (size_t i = 1; i < n; i++) {
		if (places[i].where != places[i - 1].where)
			continue;
		const struct dp_port_conf *conf = t->ports[places[i].port];
		return txn_refuse(t, find_port_change(t, places[i].port, places[i - 1].port),
		    EEXIST, "ports %s and %s both have number %u on bridge %u",
		    t->ports[places[i - 1].port]->name, conf->name, conf->ofport, conf->bridge);
	}
	return 0;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->where < y->where ? -1 : x->where > y->where;
}

static const struct change *find_port_change(const struct txn *t, uint16_t a, uint16_t b)
{
	txn_foreach(c, t, DP_KIND_PORT)
	{
		if (c->id == a || c->id == b)
			return c;
	}
	return NULL;
}

static int prepare_port(struct txn *t, struct change *c)
{
	if (c->old != NULL)
		touch_port(t, &((const struct port *)c->old_body)->conf);
	if (c->op == NULL) {
		t->workers_changed = true;
		return 0;
	}
	const struct dp_port_conf *conf = change_conf(c);
	touch_port(t, conf);
	if (c->old != NULL) {
		int rc = prepare_update(t, c, conf);
		if (rc != -EOPNOTSUPP)
			return rc;
	}
	// A replaced port's device may still be held by the old one: then it opens as soon as that is closed.
	struct err err = {0};
	struct port *p = NULL;
	int rc = port_create((uint16_t)c->id, conf, t->st->dp->pool, &p, &err);
	if (rc < 0)
		return txn_refuse(t, c, -rc, "port %s: %s", conf->name, err.what);
	p->add_version = t->version;
	c->body = p;
	t->workers_changed = true;
	return 0;
}

/* -EOPNOTSUPP: not in place. The conf in use changes at commit: a refused transaction must not be seen at all. */
static int prepare_update(struct txn *t, struct change *c, const struct dp_port_conf *conf)
{
	struct port *p = c->old_body;
	struct err err = {0};
	int rc = port_check_update(p, conf, &err);
	if (rc == -EOPNOTSUPP)
		return rc;
	if (rc < 0)
		return txn_refuse(t, c, -rc, "port %s: %s", conf->name, err.what);
	struct dp_port_conf *old_conf = malloc(sizeof(*old_conf));
	if (old_conf == NULL)
		return txn_no_memory(t, c);
	*old_conf = p->conf;
	c->extra = old_conf;
	c->body = p;
	c->in_place = true;
	return 0;
}

static void touch_port(struct txn *t, const struct dp_port_conf *conf)
{
	struct bridge_ctl *bc = t->st->bridges[conf->bridge];

	if (conf->kind == DP_PORT_VXLAN)
		t->tunnels_changed = true;
	if (bc == NULL)
		return;
	bc->touched = true;
	bc->ports_changed = true;
}

static void undo_port(struct txn *, struct change *c)
{
	if (c->in_place)
		free(c->extra);
	else
		port_destroy(c->body); // accepts NULL
}

static void commit_port(struct txn *t, struct change *c)
{
	if (c->in_place) {
		port_update(c->body, change_conf(c));
		return;
	}
	t->st->reported[c->id].state = REPORTED_NONE;
	t->st->ports[c->id] = c->body;
	rcu_publish(t->st->dp->ports[c->id], (struct port *)c->body);
}

static void retire_port(struct txn *t, struct change *c)
{
	if (c->old == NULL)
		return;
	struct port *old = c->old_body;
	const struct dp_port_conf *old_conf = c->in_place ? c->extra : &old->conf;
	const struct dp_port_conf *conf = c->op != NULL ? change_conf(c) : NULL;
	struct bridge_ctl *bc = t->st->bridges[old_conf->bridge];
	if (bc != NULL &&
	    (conf == NULL || conf->bridge != old_conf->bridge || !has_same_vlans(conf, old_conf)))
		fdb_flush_port(bc->br.fdb, (uint16_t)c->id);
	if (c->in_place) {
		free(c->extra);
		return;
	}
	if (t->workers_stayed)
		keep_dead_port(t->st, old);
	else
		port_destroy(old);
	struct port *p = c->body;
	if (p != NULL && !p->opened) {
		// What the old port held (a device, a socket) is free only now.
		p->retry_ms = 0;
		(void)port_poll(p, t->now_ms);
		if (p->opened && workers_assign(t->st->dp) < 0)
			log_warn("no memory to poll the queues of port %s", p->conf.name);
	}
}

/* Else what was learned on it may be of a VLAN that it has left. */
static bool has_same_vlans(const struct dp_port_conf *a, const struct dp_port_conf *b)
{
	return a->vlan_mode == b->vlan_mode && a->vlan_tag == b->vlan_tag &&
	       ((a->flags ^ b->flags) & DP_PORT_F_TRUNKS) == 0 &&
	       memcmp(a->trunks, b->trunks, sizeof(a->trunks)) == 0;
}

/* Workers could not be told to leave it: state_free_dead_ports tries again. */
static void keep_dead_port(struct dp_state *st, struct port *p)
{
	size_t size = (st->n_dead_ports + 1) * sizeof(struct port *);
	struct port **ports = realloc(st->dead_ports, size);
	if (ports == NULL)
		return; // lost: an open port that nobody hears from
	st->dead_ports = ports;
	ports[st->n_dead_ports++] = p;
}

static void destroy_port(struct dp_state *st, void *body)
{
	struct port *p = body;

	st->dp->ports[p->id] = NULL;
	port_destroy(p);
}
