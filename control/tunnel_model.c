/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnel peers: other hosts, and the VNIs that each may send. */
#include <stdlib.h>
#include <string.h>

#include "control/vnet/vnet.h"

static void decode(struct model_plan *p, struct entity *e)
{
	struct model *m = plan_model(p);
	json_t *networks = json_object_get(e->data, "networks");
	const char *remote = member_string(e->data, "remote_ip");
	struct key_buf kb;

	if (remote == NULL || ip_parse(remote, &e->peer.remote) < 0 ||
	    ip_is_multicast(&e->peer.remote) || ip_is_zero(&e->peer.remote)) {
		struct err *err = plan_error(p, e);
		err_path(err, "/remote_ip");
		err_set(err, ERR_PARAMS, "a unicast address is expected");
		return;
	}
	entity_provide(m, e, key_make(&kb, KEY_REMOTE, "", &e->peer.remote, sizeof(struct ip_addr)),
	    "/remote_ip", -1, false);
	for (size_t i = 0; i < json_array_size(networks); i++) {
		const char *name = json_string_value(json_array_get(networks, i));
		if (name != NULL)
			entity_need(m, e, key_object(&kb, API_TABLE_NETWORK, name), "/networks",
			    (int)i, false);
	}
}

static void dirty_networks(struct model_plan *p, const struct entity *e)
{
	for (const struct key *k = e->needs; k != NULL; k = k->next)
		plan_dirty(p, API_TABLE_NETWORK, (const char *)k->anchor->bytes);
}

static void touch(struct model_plan *p, const struct entity *old_e, const struct entity *new_e)
{
	struct key_buf kb;

	if (old_e != NULL)
		dirty_networks(p, old_e);
	if (new_e == NULL)
		return;
	dirty_networks(p, new_e);
	if (old_e == NULL || ip_equal(&old_e->peer.remote, &new_e->peer.remote))
		return;
	struct anchor *a =
	    model_anchor(plan_model(p), key_object(&kb, API_TABLE_TUNNEL_PEER, new_e->name));
	list_foreach (user, &a->users, struct key, link) {
		plan_dirty(p, API_TABLE_PORT, user->entity->name);
		if (!user->entity->broken)
			plan_dirty(p, API_TABLE_NETWORK, user->entity->port.network);
	}
}

static void count_peer(const struct entity *, void *arg)
{
	(*(size_t *)arg)++;
}

static void check(struct model_plan *p, const struct entity *e)
{
	const struct model *m = plan_model(p);
	unsigned int overhead = ip_is_v4(&e->peer.remote) ? VXLAN_OVERHEAD4 : VXLAN_OVERHEAD6;

	for (const struct key *k = e->needs; k != NULL; k = k->next) {
		const struct entity *net =
		    model_entity(m, API_TABLE_NETWORK, (const char *)k->anchor->bytes);
		size_t n_peers = 0;
		if (net->broken)
			continue;
		if (m->underlay.mtu != 0 && net->network.mtu + overhead > m->underlay.mtu) {
			struct err *err = plan_error(p, e);
			err_path(err, "/networks/%d", k->index);
			err_set(err, ERR_CONFLICT,
			    "network \"%s\" has an MTU of %u, which needs %u bytes to this peer; "
			    "the underlay carries %u",
			    net->name, net->network.mtu, net->network.mtu + overhead,
			    m->underlay.mtu);
			err_hint(err, "the largest MTU is %u", m->underlay.mtu - overhead);
		}
		if (m->n_entities[API_TABLE_TUNNEL_PEER] > NET_MAX_PEERS)
			net_peers_foreach(m, net->name, count_peer, &n_peers);
		if (n_peers > NET_MAX_PEERS) {
			struct err *err = plan_error(p, e);
			err_path(err, "/networks/%d", k->index);
			err_set(err, ERR_TABLE_FULL, "network \"%s\" has more than %u peers",
			    net->name, NET_MAX_PEERS);
		}
	}
}

struct vnis {
	uint32_t *v;
	size_t n, capacity;
};

static void add_vni(const struct model *m, const char *network, struct vnis *vnis)
{
	const struct entity *net = model_entity(m, API_TABLE_NETWORK, network);

	vnis->v = mem_grow(vnis->v, vnis->n, &vnis->capacity, sizeof(uint32_t));
	vnis->v[vnis->n++] = net->network.vni;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Networks that the peer lists, and those of ports that are behind it: what the peer may send, sorted. */
static void collect_vnis(const struct model *m, const struct entity *e, struct vnis *vnis)
{
	struct key_buf kb;
	struct anchor *a = model_anchor(m, key_object(&kb, API_TABLE_TUNNEL_PEER, e->name));
	size_t n = 0;

	for (const struct key *k = e->needs; k != NULL; k = k->next)
		add_vni(m, (const char *)k->anchor->bytes, vnis);
	list_foreach (user, &a->users, struct key, link)
		add_vni(m, user->entity->port.network, vnis);
	if (vnis->n > 0)
		qsort(vnis->v, vnis->n, sizeof(uint32_t), by_value);
	for (size_t i = 0; i < vnis->n; i++) {
		if (i == 0 || vnis->v[i] != vnis->v[n - 1])
			vnis->v[n++] = vnis->v[i];
	}
	vnis->n = MIN_OF(n, (size_t)DP_MAX_PEER_VNIS);
}

static void compile(struct model *m, struct entity *e, struct unit *u)
{
	struct vnis vnis = {0};
	struct buf_writer body;

	collect_vnis(m, e, &vnis);
	struct dp_peer_conf conf = {
	    .remote = e->peer.remote, .port = NET_VXLAN_PORT_ID, .n_vnis = (uint32_t)vnis.n};
	buf_writer_init(&body, DP_BODY_MAX);
	buf_put(&body, &conf, sizeof(conf));
	if (vnis.n > 0)
		buf_put(&body, vnis.v, vnis.n * sizeof(uint32_t));
	unit_emit(u, DP_KIND_PEER, hash_stable(&e->peer.remote, sizeof(struct ip_addr)), body.data,
	    body.size);
	buf_writer_fini(&body);
	free(vnis.v);
}

const struct table_ops peer_ops = {
    .decode = decode, .touch = touch, .check = check, .compile = compile};
