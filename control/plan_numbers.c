/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that the switch knows ports and bridges by: kept where they were, chosen for what is new. */
#include <string.h>

#include "control/plan_priv.h"

static void choose_id(struct model_plan *p, struct entity *e, enum key_kind kind, uint32_t was,
    uint32_t max, uint32_t *from, uint32_t *ret);
static void choose_ofport(struct model_plan *p, struct entity *e, const struct entity *old_e);
static uint32_t free_number(
    const struct model *m, enum key_kind kind, const char *name, uint32_t from, uint32_t max);
static uint32_t kept_number(
    const struct model *m, enum key_kind kind, const char *name, uint32_t was, uint32_t stored);

void plan_choose_numbers(struct model_plan *p)
{
	uint32_t next_port = 1, next_bridge = 1;

	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < p->n_swaps; i++) {
			struct entity *e = p->swaps[i].new_e;
			const struct entity *old_e = p->swaps[i].old_e;
			bool has_old = old_e != NULL && !old_e->broken;
			if (e == NULL || e->broken)
				continue;
			// First those that have a number already, so that it is not given away.
			if ((has_old || json_object_get(e->data, "_id") != NULL) != (pass == 0))
				continue;
			if (e->table == API_TABLE_BRIDGE)
				choose_id(p, e, KEY_BRIDGE_ID, has_old ? old_e->bridge_id : 0,
				    NET_BRIDGE_ID - 1, &next_bridge, &e->bridge_id);
			if (e->table != API_TABLE_PORT)
				continue;
			if (e->port.kind != PK_REMOTE)
				choose_id(p, e, KEY_PORT_ID, has_old ? old_e->port.id : 0,
				    NET_VXLAN_PORT_ID - 1, &next_port, &e->port.id);
			choose_ofport(p, e, has_old ? old_e : NULL);
		}
	}
}

/* Lowest free number of a kind of key; from is where the last search of this transaction ended. */
static uint32_t free_number(
    const struct model *m, enum key_kind kind, const char *name, uint32_t from, uint32_t max)
{
	struct key_buf kb;

	for (uint32_t n = from; n <= max; n++) {
		if (model_provider(m, key_make(&kb, kind, name, &n, sizeof(n))) == NULL)
			return n;
	}
	return 0;
}

/* The number to keep: what the entity was before, or what its stored object says, when nobody else has it. */
static uint32_t kept_number(
    const struct model *m, enum key_kind kind, const char *name, uint32_t was, uint32_t stored)
{
	struct key_buf kb;

	if (was != 0 && model_provider(m, key_make(&kb, kind, name, &was, sizeof(was))) == NULL)
		return was;
	if (stored != 0 &&
	    model_provider(m, key_make(&kb, kind, name, &stored, sizeof(stored))) == NULL)
		return stored;
	return 0;
}

static void choose_id(struct model_plan *p, struct entity *e, enum key_kind kind, uint32_t was,
    uint32_t max, uint32_t *from, uint32_t *ret)
{
	struct key_buf kb;
	uint64_t stored = member_u64(e->data, "_id", 0);
	uint32_t id = kept_number(p->m, kind, "", was, stored <= max ? (uint32_t)stored : 0);

	if (id == 0)
		id = *from = free_number(p->m, kind, "", *from, max);
	if (id == 0) {
		err_set(plan_error(p, e), ERR_TABLE_FULL, "all %u numbers are taken", max);
		return;
	}
	*ret = id;
	entity_provide(p->m, e, key_make(&kb, kind, "", &id, sizeof(id)), "", -1, true);
	json_object_set_new(e->data, "_id", json_integer(id));
}

static void choose_ofport(struct model_plan *p, struct entity *e, const struct entity *old_e)
{
	struct key_buf kb;
	struct port_conf *port = &e->port;

	if (port->bridge == NULL || port->ofport != 0 || port->kind == PK_REMOTE)
		return;
	bool stays = old_e != NULL && !old_e->broken && old_e->port.bridge != NULL &&
		     strcmp(old_e->port.bridge, port->bridge) == 0;
	uint32_t n = kept_number(p->m, KEY_OFPORT, port->bridge, stays ? old_e->port.ofport : 0, 0);
	if (n == 0)
		n = free_number(p->m, KEY_OFPORT, port->bridge, 1, NET_VXLAN_OFPORT - 1);
	port->ofport = n;
	entity_provide(
	    p->m, e, key_make(&kb, KEY_OFPORT, port->bridge, &n, sizeof(n)), "/ofport", -1, true);
	json_object_set_new(e->data, "ofport", json_integer(n));
}
