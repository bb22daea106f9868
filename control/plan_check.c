/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a transaction may be: what is referred to is there, what must be alone is alone, what goes is not needed. */
#include <stdio.h>
#include <string.h>

#include "control/plan_priv.h"

static const struct {
	enum err_code code;
	const char *what; // of the object that has it already
} conflicts[] = {
    [KEY_OBJECT] = {ERR_INTERNAL, "the name is taken by %s"},
    [KEY_VNI] = {ERR_CONFLICT, "the VNI is that of %s"},
    [KEY_MAC] = {ERR_CONFLICT, "the MAC address is that of %s in the same network"},
    [KEY_IP] = {ERR_CONFLICT, "the address is that of %s in the same network"},
    [KEY_REMOTE] = {ERR_CONFLICT, "the tunnel address is that of %s"},
    [KEY_OFPORT] = {ERR_CONFLICT, "the port number is that of %s on the same bridge"},
    [KEY_PORT_ID] = {ERR_INTERNAL, "the number is that of %s"},
    [KEY_BRIDGE_ID] = {ERR_INTERNAL, "the number is that of %s"},
    [KEY_GROUP] = {ERR_EXISTS, "the group id is that of %s on the same bridge"},
    [KEY_RULE] = {ERR_EXISTS, "%s has the same match and priority in the same table"},
    [KEY_DEVICE] = {ERR_CONFLICT, "the socket or device is that of %s"},
    [KEY_TUNNEL] = {ERR_CONFLICT, "the same packets of the underlay are those of %s"},
};

static void check_entity(struct model_plan *p, const struct entity *e);
static void check_reference(struct model_plan *p, const struct entity *e, const struct key *k);
static void check_conflict(struct model_plan *p, const struct entity *e, const struct key *k);
static void check_gone(struct model_plan *p, const struct swap *s);
static void set_key_path(struct err *err, const struct key *k);
static void describe(const struct entity *e, char buf[100]);

void plan_check(struct model_plan *p)
{
	// Groups and flows are resolved when all ports and bridges are known, and before anybody is checked.
	memset(p->m->recent_ports, 0, sizeof(p->m->recent_ports));
	for (size_t i = 0; i < p->n_swaps; i++) {
		struct entity *e = p->swaps[i].new_e;
		if (e != NULL && !e->broken && plan_table_ops[e->table]->resolve != NULL) {
			size_t n_errs = p->errs->n_total;
			plan_table_ops[e->table]->resolve(p, e);
			e->broken = p->errs->n_total != n_errs;
		}
	}
	for (size_t i = 0; i < p->n_swaps; i++) {
		const struct entity *e = p->swaps[i].new_e;
		if (e != NULL && !e->broken)
			check_entity(p, e);
		if (p->swaps[i].old_e != NULL && e == NULL)
			check_gone(p, &p->swaps[i]);
		else if (p->swaps[i].old_e != NULL && p->swaps[i].old_e->table == API_TABLE_GROUP)
			check_gone(p, &p->swaps[i]);
	}
}

static void set_key_path(struct err *err, const struct key *k)
{
	if (k->index >= 0)
		err_path(err, "%s/%d", k->path, k->index);
	else
		err_path(err, "%s", k->path);
}

static void describe(const struct entity *e, char buf[100])
{
	snprintf(buf, 100, "%s \"%s\"", api_tables[e->table].name, e->name);
}

static void check_conflict(struct model_plan *p, const struct entity *e, const struct key *k)
{
	list_foreach (other, &k->anchor->providers, struct key, link) {
		char who[100];
		if (other->entity == e || other->entity->seq > e->seq)
			continue;
		struct err *err = plan_error(p, e);
		describe(other->entity, who);
		set_key_path(err, k);
		err_set(err, conflicts[k->anchor->kind].code, conflicts[k->anchor->kind].what, who);
		return;
	}
}

static void check_reference(struct model_plan *p, const struct entity *e, const struct key *k)
{
	const char *name = (const char *)k->anchor->bytes;

	if (!list_is_empty(&k->anchor->providers))
		return;
	struct err *err = plan_error(p, e);
	set_key_path(err, k);
	if (k->anchor->kind != KEY_OBJECT) {
		uint32_t id;
		memcpy(&id, name + strlen(name) + 1, sizeof(id));
		err_set(err, ERR_DANGLING, "bridge \"%s\" has no group %u", name, id);
		return;
	}
	err_set(err, ERR_DANGLING, "there is no %s \"%s\"",
	    api_tables[k->anchor->bytes[k->anchor->size - 1]].name, name);
}

/* What e was to others is not provided any more: is it still needed? */
static void check_gone(struct model_plan *p, const struct swap *s)
{
	for (const struct key *k = s->old_e->provides; k != NULL; k = k->next) {
		char who[100];
		size_t n = 0;
		if (!list_is_empty(&k->anchor->providers) || list_is_empty(&k->anchor->users))
			continue;
		list_foreach (user, &k->anchor->users, struct key, link) {
			if (n++ == 0)
				describe(user->entity, who);
		}
		struct err *err = err_list_add(p->errs, s->op);
		err_object(err, "%s/%s", api_tables[s->old_e->table].name, s->old_e->name);
		if (n == 1)
			err_set(err, ERR_DANGLING, "it is used by %s", who);
		else
			err_set(err, ERR_DANGLING, "it is used by %s and %zu more", who, n - 1);
		err_hint(err, "delete what uses it first, or in the same transaction");
	}
}

static void check_entity(struct model_plan *p, const struct entity *e)
{
	size_t n_errs = p->errs->n_total;

	for (const struct key *k = e->needs; k != NULL; k = k->next)
		check_reference(p, e, k);
	for (const struct key *k = e->provides; k != NULL; k = k->next)
		check_conflict(p, e, k);
	if (p->errs->n_total == n_errs && plan_table_ops[e->table]->check != NULL)
		plan_table_ops[e->table]->check(p, e);
}
