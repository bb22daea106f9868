/* SPDX-License-Identifier: Apache-2.0 */
/* Routes, local addresses and peers as objects: copies of their bodies, from which tunnel snapshots are made. */
#include <errno.h>
#include <string.h>

#include "datapath/dp_state_priv.h"

/* A route, local address or peer. A route's slot stays while its remote does: programs and session keys name it. */
struct tunnel_object {
	struct list node; // of dp_state.tunnel_objects, once committed
	uint64_t id;
	uint16_t slot; // routes
	bool leaving;  // not in the final state of the transaction under way
	uint64_t conf[];
};

static int check_routes(struct txn *t);
static int compare_remotes(const void *a, const void *b);
static int prepare_route(struct txn *t, struct change *c);
static uint16_t find_slot(const struct txn *t, const struct change *c);
static int prepare_object(struct txn *t, struct change *c);
static int prepare_local(struct txn *t, struct change *c);
static void undo_object(struct txn *t, struct change *c);
static void commit_object(struct txn *t, struct change *c);
static void retire_object(struct txn *t, struct change *c);
static void destroy_object(struct dp_state *st, void *body);
static void collect_ports(const struct txn *t, struct tunnel_cfg_input *in);
static uint32_t collect(const struct txn *t, enum dp_kind kind, const void **confs);
static int compare_ids(const void *a, const void *b);
static const struct dp_route_conf *route_conf(const struct tunnel_object *o);

const struct kind_ops route_kind = {
    .name = "route",
    .max = DP_MAX_ROUTES,
    .check = check_routes,
    .prepare = prepare_route,
    .undo = undo_object,
    .commit = commit_object,
    .retire = retire_object,
    .destroy = destroy_object,
};

const struct kind_ops local_kind = {
    .name = "local address",
    .max = TNL_MAX_LOCALS,
    .prepare = prepare_local,
    .undo = undo_object,
    .commit = commit_object,
    .retire = retire_object,
    .destroy = destroy_object,
};

const struct kind_ops peer_kind = {
    .name = "peer",
    .max = STATE_MAX_PEERS,
    .prepare = prepare_object,
    .undo = undo_object,
    .commit = commit_object,
    .retire = retire_object,
    .destroy = destroy_object,
};

int txn_prepare_tunnels(struct txn *t)
{
	if (!t->tunnels_changed)
		return 0;
	AUTO(free) struct tunnel_cfg_input *in = calloc(1, sizeof(*in));
	AUTO(free) const void **peers = calloc(t->n_of[DP_KIND_PEER] + 1, sizeof(*peers));
	const void *locals[TNL_MAX_LOCALS];
	if (in == NULL || peers == NULL)
		return txn_no_memory(t, NULL);
	collect_ports(t, in);
	in->routes = t->routes;
	in->n_routes = DP_MAX_ROUTES;
	in->locals = (const struct dp_local_conf **)locals;
	in->n_locals = collect(t, DP_KIND_LOCAL, locals);
	in->peers = (const struct dp_peer_conf **)peers;
	in->n_peers = collect(t, DP_KIND_PEER, peers);
	t->tunnels = tunnel_cfg_create(in);
	if (t->tunnels == NULL)
		return txn_no_memory(t, NULL);
	for (uint32_t i = 0; t->slots_changed && i < in->n_ports; i++)
		txn_touch(t, in->ports[i].conf->bridge);
	return 0;
}

/* One route per remote. Leaves in t->routes those that stay. */
static int check_routes(struct txn *t)
{
	struct {
		const struct dp_route_conf *conf;
		const struct change *change; // NULL: was there
	} remotes[DP_MAX_ROUTES];            // the number of objects was checked
	uint32_t n = 0;

	list_foreach (o, &t->st->tunnel_objects[DP_KIND_ROUTE], struct tunnel_object, node)
		t->routes[o->slot] = route_conf(o);
	if (list_is_empty(&t->of_kind[DP_KIND_ROUTE]))
		return 0;
	txn_foreach(c, t, DP_KIND_ROUTE)
	{
		if (c->old != NULL)
			t->routes[((struct tunnel_object *)c->old_body)->slot] = NULL;
		if (c->op != NULL) {
			remotes[n].conf = change_conf(c);
			remotes[n++].change = c;
		}
	}
	for (uint32_t i = 0; i < DP_MAX_ROUTES; i++) {
		if (t->routes[i] != NULL) {
			remotes[n].conf = t->routes[i];
			remotes[n++].change = NULL;
		}
	}
	qsort(remotes, n, sizeof(remotes[0]), compare_remotes);
	for (uint32_t i = 1; i < n; i++) {
		if (compare_remotes(&remotes[i - 1], &remotes[i]) != 0)
			continue;
		const struct change *c = remotes[i].change;
		c = c != NULL ? c : remotes[i - 1].change;
		return txn_refuse(t, c, EEXIST, "route: two for the same remote address");
	}
	return 0;
}

static int compare_remotes(const void *a, const void *b)
{
	const struct dp_route_conf *const *x = a, *const *y = b;

	return memcmp(&(*x)->remote, &(*y)->remote, sizeof((*x)->remote));
}

static int prepare_route(struct txn *t, struct change *c)
{
	int rc = prepare_object(t, c);
	if (rc < 0)
		return rc;
	const struct tunnel_object *old = c->old_body;
	struct tunnel_object *o = c->body;
	if (o == NULL) {
		t->slots_changed = true;
		return 0;
	}
	if (old != NULL && ip_equal(&route_conf(old)->remote, &route_conf(o)->remote)) {
		o->slot = old->slot;
	} else {
		o->slot = find_slot(t, c);
		t->slots_changed = true;
	}
	t->routes[o->slot] = route_conf(o);
	return 0;
}

/*
 * The slot the remote had under another id; else one that nobody had, so that packets under way are not taken for another
 * remote's; else any. There is one: the number of routes was checked.
 */
static uint16_t find_slot(const struct txn *t, const struct change *c)
{
	const struct dp_route_conf *conf = change_conf(c);
	bool used[DP_MAX_ROUTES] = {false};
	uint16_t unused = DP_MAX_ROUTES, any = DP_MAX_ROUTES;

	list_foreach (o, &t->st->tunnel_objects[DP_KIND_ROUTE], struct tunnel_object, node) {
		used[o->slot] = true;
		if (t->routes[o->slot] == NULL && ip_equal(&route_conf(o)->remote, &conf->remote))
			return o->slot;
	}
	for (uint16_t i = DP_MAX_ROUTES; i-- > 0;) {
		if (t->routes[i] != NULL)
			continue;
		any = i;
		if (!used[i])
			unused = i;
	}
	return unused < DP_MAX_ROUTES ? unused : any;
}

/* The copy, for puts. */
static int prepare_object(struct txn *t, struct change *c)
{
	struct tunnel_object *old = c->old_body;

	t->tunnels_changed = true;
	if (old != NULL)
		old->leaving = true;
	if (c->op == NULL)
		return 0;
	struct tunnel_object *o = malloc(sizeof(*o) + change_conf_size(c));
	if (o == NULL)
		return txn_no_memory(t, c);
	*o = (struct tunnel_object){.id = c->id};
	list_init(&o->node);
	memcpy(o->conf, change_conf(c), change_conf_size(c));
	c->body = o;
	return 0;
}

/* Session keys number the local addresses in the order of their ids. */
static int prepare_local(struct txn *t, struct change *c)
{
	t->slots_changed = true;
	return prepare_object(t, c);
}

static void undo_object(struct txn *, struct change *c)
{
	struct tunnel_object *old = c->old_body;

	if (old != NULL)
		old->leaving = false;
	free(c->body);
}

static void commit_object(struct txn *t, struct change *c)
{
	struct tunnel_object *old = c->old_body, *o = c->body;

	if (old != NULL)
		list_del(&old->node);
	if (o != NULL)
		list_add(&t->st->tunnel_objects[c->kind], &o->node);
}

static void retire_object(struct txn *, struct change *c)
{
	free(c->old_body);
}

static void destroy_object(struct dp_state *, void *body)
{
	free(body);
}

static void collect_ports(const struct txn *t, struct tunnel_cfg_input *in)
{
	for (unsigned int p = 1; p < DP_MAX_PORTS; p++) {
		if (t->ports[p] == NULL || t->ports[p]->kind != DP_PORT_VXLAN)
			continue;
		in->ports[in->n_ports].id = (uint16_t)p;
		in->ports[in->n_ports].conf = t->ports[p];
		in->n_ports++;
	}
}

/* Bodies of the final state by rising id. */
static uint32_t collect(const struct txn *t, enum dp_kind kind, const void **confs)
{
	uint32_t n = 0;

	list_foreach (o, &t->st->tunnel_objects[kind], struct tunnel_object, node) {
		if (!o->leaving)
			confs[n++] = o->conf;
	}
	txn_foreach(c, t, kind)
	{
		if (c->body != NULL)
			confs[n++] = ((struct tunnel_object *)c->body)->conf;
	}
	qsort(confs, n, sizeof(confs[0]), compare_ids);
	return n;
}

static int compare_ids(const void *a, const void *b)
{
	const struct tunnel_object *x = CONTAINER_OF(*(void *const *)a, struct tunnel_object, conf);
	const struct tunnel_object *y = CONTAINER_OF(*(void *const *)b, struct tunnel_object, conf);

	return x->id < y->id ? -1 : x->id > y->id;
}

static const struct dp_route_conf *route_conf(const struct tunnel_object *o)
{
	return (const struct dp_route_conf *)o->conf;
}
