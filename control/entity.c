/* SPDX-License-Identifier: Apache-2.0 */
/* Entities and the keys that tie them: an anchor per value, with its providers and users. */
#include <stdlib.h>
#include <string.h>

#include "control/model_priv.h"

static struct anchor *find_anchor(const struct model *m, const struct key_buf *kb, uint64_t hash);
static struct key *key_of_anchor(struct entity *e, struct anchor *a, const char *path, int index);
static void add_need(struct entity *e, struct key *k, bool indexed);
static struct entity *find_flow(const struct model *m, const char *name);

struct key_buf *key_make(
    struct key_buf *k, enum key_kind kind, const char *name, const void *extra, size_t extra_size)
{
	size_t name_size = strnlen(name, 64) + 1;

	assert(name_size + extra_size <= sizeof(k->bytes));
	k->kind = (uint8_t)kind;
	k->size = (uint16_t)(name_size + extra_size);
	memcpy(k->bytes, name, name_size - 1);
	k->bytes[name_size - 1] = 0;
	if (extra_size > 0)
		memcpy(k->bytes + name_size, extra, extra_size);
	return k;
}

struct key_buf *key_object(struct key_buf *k, enum api_table table, const char *name)
{
	uint8_t t = (uint8_t)table;

	return key_make(k, KEY_OBJECT, name, &t, 1);
}

struct entity *entity_create(struct model *m, const struct api_object *object, uint32_t op)
{
	/* Of flows there are many, and what ports need beside is much. */
	bool is_small = object->table == API_TABLE_FLOW;
	struct entity *e =
	    mem_alloc(is_small ? offsetof(struct entity, body) + sizeof(e->body) : sizeof(*e));
	struct key_buf k;

	e->object = api_object_ref(object);
	e->table = object->table;
	e->name = object->name;
	e->data = object->data;
	e->op = op;
	e->seq = ++m->seq;
	if (is_small)
		e->body.node.hash = hash_string(&m->secret, e->name);
	else
		entity_provide(m, e, key_object(&k, e->table, e->name), "", -1, false);
	return e;
}

static void free_keys(struct model *m, struct key *k)
{
	while (k != NULL) {
		struct key *next = k->next;
		if (--k->anchor->n_keys == 0) {
			hmap_del(&m->anchors, &k->anchor->node);
			free(k->anchor);
		}
		free(k);
		k = next;
	}
}

void entity_destroy(struct model *m, struct entity *e)
{
	if (e == NULL)
		return;
	free_keys(m, e->provides);
	free_keys(m, e->needs);
	if (e->table == API_TABLE_PORT)
		free(e->port.addrs);
	if (e->table == API_TABLE_FLOW || e->table == API_TABLE_GROUP)
		free(e->body.body);
	api_object_unref((struct api_object *)e->object);
	free(e);
}

static uint64_t anchor_hash(const struct model *m, const struct key_buf *kb)
{
	return hash_bytes(&m->secret, kb->bytes, kb->size) + kb->kind;
}

struct anchor *model_anchor(const struct model *m, const struct key_buf *kb)
{
	return find_anchor(m, kb, anchor_hash(m, kb));
}

static struct anchor *find_anchor(const struct model *m, const struct key_buf *kb, uint64_t hash)
{
	hmap_foreach_with_hash (a, &m->anchors, hash, struct anchor, node) {
		if (a->kind == kb->kind && a->size == kb->size &&
		    memcmp(a->bytes, kb->bytes, kb->size) == 0)
			return a;
	}
	return NULL;
}

static struct key *key_create(
    struct model *m, struct entity *e, const struct key_buf *kb, const char *path, int index)
{
	uint64_t hash = anchor_hash(m, kb);
	struct anchor *a = find_anchor(m, kb, hash);

	if (a == NULL) {
		a = mem_alloc(sizeof(*a) + kb->size);
		list_init(&a->providers);
		list_init(&a->users);
		a->kind = kb->kind;
		a->size = kb->size;
		memcpy(a->bytes, kb->bytes, kb->size);
		hmap_add(&m->anchors, &a->node, hash);
	}
	return key_of_anchor(e, a, path, index);
}

static struct key *key_of_anchor(struct entity *e, struct anchor *a, const char *path, int index)
{
	struct key *k = mem_alloc(sizeof(*k));

	a->n_keys++;
	*k = (struct key){.entity = e, .anchor = a, .path = path, .index = index};
	list_init(&k->link);
	return k;
}

void entity_provide(struct model *m, struct entity *e, const struct key_buf *kb, const char *path,
    int index, bool indexed)
{
	struct key *k = key_create(m, e, kb, path, index);

	k->next = e->provides;
	e->provides = k;
	if (indexed)
		list_add(&k->anchor->providers, &k->link);
}

void entity_need(struct model *m, struct entity *e, const struct key_buf *kb, const char *path,
    int index, bool indexed)
{
	add_need(e, key_create(m, e, kb, path, index), indexed);
}

static void add_need(struct entity *e, struct key *k, bool indexed)
{
	k->next = e->needs;
	e->needs = k;
	if (indexed)
		list_add(&k->anchor->users, &k->link);
}

void entity_need_entity(struct entity *e, const struct entity *needed)
{
	const struct key *k = needed->provides;

	while (!key_is_object(k, needed->table))
		k = k->next;
	add_need(e, key_of_anchor(e, k->anchor, "", -1), true);
}

bool key_is_object(const struct key *k, enum api_table table)
{
	const struct anchor *a = k->anchor;

	return a->kind == KEY_OBJECT && a->bytes[a->size - 1] == table;
}

static void count_udp_port(struct model *m, uint16_t udp_port, int by);

static void count(struct model *m, const struct entity *e, int by)
{
	m->n_entities[e->table] += (size_t)by;
	if (e->table == API_TABLE_TUNNEL_PEER && !e->broken && !ip_is_v4(&e->peer.remote))
		m->n_peers6 += (size_t)by;
	if (e->table == API_TABLE_PORT && !e->broken && e->port.kind == PK_VXLAN)
		count_udp_port(m, e->port.udp_port, by);
}

static void count_udp_port(struct model *m, uint16_t udp_port, int by)
{
	size_t i = 0;

	while (i < m->n_udp_ports && m->udp_ports[i].udp_port != udp_port)
		i++;
	if (i == m->n_udp_ports) {
		m->udp_ports = mem_grow(m->udp_ports, m->n_udp_ports, &m->udp_ports_capacity,
		    sizeof(struct udp_port_users));
		m->udp_ports[m->n_udp_ports++] = (struct udp_port_users){.udp_port = udp_port};
	}
	m->udp_ports[i].n += (uint32_t)by;
	if (m->udp_ports[i].n == 0)
		m->udp_ports[i] = m->udp_ports[--m->n_udp_ports];
}

void model_index(struct model *m, struct entity *e)
{
	if (e->table == API_TABLE_FLOW)
		hmap_add(&m->flows, &e->body.node, e->body.node.hash);
	for (struct key *k = e->provides; k != NULL; k = k->next)
		list_add(&k->anchor->providers, &k->link);
	for (struct key *k = e->needs; k != NULL; k = k->next)
		list_add(&k->anchor->users, &k->link);
	count(m, e, 1);
}

void model_unindex(struct model *m, struct entity *e)
{
	if (e->table == API_TABLE_FLOW)
		hmap_del(&m->flows, &e->body.node);
	for (struct key *k = e->provides; k != NULL; k = k->next)
		list_del(&k->link);
	for (struct key *k = e->needs; k != NULL; k = k->next)
		list_del(&k->link);
	count(m, e, -1);
}

struct entity *model_provider(const struct model *m, const struct key_buf *kb)
{
	struct anchor *a = model_anchor(m, kb);

	return a != NULL && !list_is_empty(&a->providers)
		   ? list_entry(a->providers.next, struct key, link)->entity
		   : NULL;
}

struct entity *model_entity(const struct model *m, enum api_table table, const char *name)
{
	struct key_buf kb;

	return table == API_TABLE_FLOW ? find_flow(m, name)
				       : model_provider(m, key_object(&kb, table, name));
}

static struct entity *find_flow(const struct model *m, const char *name)
{
	hmap_foreach_with_hash (
	    e, &m->flows, hash_string(&m->secret, name), struct entity, body.node)
		if (strcmp(e->name, name) == 0)
			return e;
	return NULL;
}

const char *member_string(const json_t *data, const char *name)
{
	return json_string_value(json_object_get(data, name));
}

uint64_t member_u64(const json_t *data, const char *name, uint64_t absent)
{
	const json_t *v = json_object_get(data, name);

	return json_is_integer(v) ? (uint64_t)json_integer_value(v) : absent;
}

bool member_bool(const json_t *data, const char *name, bool absent)
{
	const json_t *v = json_object_get(data, name);

	return json_is_boolean(v) ? json_is_true(v) : absent;
}
