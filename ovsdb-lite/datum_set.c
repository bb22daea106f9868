/* SPDX-License-Identifier: Apache-2.0 */
/* Values as sets: inclusion, union, subtraction, differences. All merge sorted atoms, or look few up in many. */
#include <stdlib.h>

#include "ovsdb-lite/column_type.h"
#include "ovsdb-lite/mem.h"

static bool contains(const struct ovsdb_datum *in, const struct ovsdb_datum *of, uint32_t i);
static void add_from(struct ovsdb_datum_builder *b, const struct ovsdb_datum *d, uint32_t i);
static bool values_equal(
    const struct ovsdb_datum *a, uint32_t i, const struct ovsdb_datum *b, uint32_t j);

bool ovsdb_datum_includes_all(const struct ovsdb_datum *a, const struct ovsdb_datum *b)
{
	if (a->n > b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		if (!contains(b, a, i))
			return false;
	}
	return true;
}

bool ovsdb_datum_excludes_all(const struct ovsdb_datum *a, const struct ovsdb_datum *b)
{
	for (uint32_t i = 0; i < a->n; i++) {
		if (contains(b, a, i))
			return false;
	}
	return true;
}

void ovsdb_datum_merge(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
    void (*visit)(void *ctx, enum ovsdb_side side, uint32_t i, uint32_t j), void *ctx)
{
	uint32_t i = 0, j = 0;

	if (!a->is_inline && !b->is_inline && a->block == b->block && a->n == b->n) {
		for (; i < a->n; i++)
			visit(ctx, OVSDB_IN_BOTH, i, i);
		return;
	}
	while (i < a->n || j < b->n) {
		int order = i == a->n ? 1 : j == b->n ? -1 : 0;
		if (order == 0) {
			union ovsdb_atom x = ovsdb_datum_key(a, i), y = ovsdb_datum_key(b, j);
			order = ovsdb_atom_compare(&x, &y, a->key_type);
		}
		enum ovsdb_side side = order < 0                  ? OVSDB_IN_FIRST
				       : order > 0                ? OVSDB_IN_SECOND
				       : values_equal(a, i, b, j) ? OVSDB_IN_BOTH
								  : OVSDB_IN_BOTH_CHANGED;
		visit(ctx, side, i, j);
		i += order <= 0;
		j += order >= 0;
	}
}

struct merge {
	struct ovsdb_datum_builder builder;
	const struct ovsdb_datum *a, *b;
};

static void visit_diff(void *ctx, enum ovsdb_side side, uint32_t i, uint32_t j)
{
	struct merge *m = ctx;

	if (side == OVSDB_IN_FIRST)
		add_from(&m->builder, m->a, i);
	else if (side != OVSDB_IN_BOTH)
		add_from(&m->builder, m->b, j);
}

struct ovsdb_datum ovsdb_datum_diff(
    const struct ovsdb_datum *old, const struct ovsdb_datum *new, const struct ovsdb_type *type)
{
	struct merge m = {.a = old, .b = new};

	if (type->n_max == 1)
		return ovsdb_datum_ref(new);
	ovsdb_datum_builder_init(&m.builder, old->key_type, old->value_type);
	ovsdb_datum_merge(old, new, visit_diff, &m);
	return ovsdb_datum_builder_finish(&m.builder);
}

struct ovsdb_error *ovsdb_datum_apply_diff(struct ovsdb_datum *ret, const struct ovsdb_datum *old,
    const struct ovsdb_datum *diff, const struct ovsdb_type *type)
{
	struct ovsdb_datum new = ovsdb_datum_diff(old, diff, type);

	if (new.n < type->n_min || new.n > type->n_max) {
		ovsdb_datum_unref(&new);
		return ovsdb_error_create("ovsdb error", "Datum created by diff has size error");
	}
	*ret = new;
	return NULL;
}

static void visit_union(void *ctx, enum ovsdb_side side, uint32_t i, uint32_t j)
{
	struct merge *m = ctx;

	if (side == OVSDB_IN_SECOND)
		add_from(&m->builder, m->b, j);
	else
		add_from(&m->builder, m->a, i);
}

struct ovsdb_datum ovsdb_datum_union(const struct ovsdb_datum *a, const struct ovsdb_datum *b)
{
	struct merge m = {.a = a, .b = b};
	uint32_t n_new = 0;

	for (uint32_t j = 0; j < b->n; j++) {
		union ovsdb_atom key = ovsdb_datum_key(b, j);
		n_new += ovsdb_datum_find_key(a, &key) < 0;
	}
	if (n_new == 0)
		return ovsdb_datum_ref(a);
	ovsdb_datum_builder_init(&m.builder, a->key_type, a->value_type);
	ovsdb_datum_merge(a, b, visit_union, &m);
	return ovsdb_datum_builder_finish(&m.builder);
}

struct ovsdb_datum ovsdb_datum_subtract(const struct ovsdb_datum *a, const struct ovsdb_datum *b)
{
	struct ovsdb_datum_builder builder;
	bool *is_gone = NULL;

	for (uint32_t j = 0; j < b->n; j++) {
		union ovsdb_atom key = ovsdb_datum_key(b, j);
		int64_t i = ovsdb_datum_find_key(a, &key);
		if (i < 0 || (b->value_type != OVSDB_VOID && !values_equal(a, (uint32_t)i, b, j)))
			continue;
		if (is_gone == NULL)
			is_gone = ovsdb_alloc_array(a->n, sizeof(*is_gone));
		is_gone[i] = true;
	}
	if (is_gone == NULL)
		return ovsdb_datum_ref(a);
	ovsdb_datum_builder_init(&builder, a->key_type, a->value_type);
	for (uint32_t i = 0; i < a->n; i++) {
		if (!is_gone[i])
			add_from(&builder, a, i);
	}
	free(is_gone);
	return ovsdb_datum_builder_finish(&builder);
}

/* Atom or pair i of `of` is in `in`. */
static bool contains(const struct ovsdb_datum *in, const struct ovsdb_datum *of, uint32_t i)
{
	union ovsdb_atom key = ovsdb_datum_key(of, i);
	int64_t found = ovsdb_datum_find_key(in, &key);

	return found >= 0 && values_equal(of, i, in, (uint32_t)found);
}

static void add_from(struct ovsdb_datum_builder *b, const struct ovsdb_datum *d, uint32_t i)
{
	union ovsdb_atom key = ovsdb_datum_key(d, i), value = {.uuid = {0}};

	if (d->value_type != OVSDB_VOID)
		value = ovsdb_datum_value(d, i);
	ovsdb_datum_builder_add(
	    b, ovsdb_atom_ref(&key, d->key_type), ovsdb_atom_ref(&value, d->value_type));
}

static bool values_equal(
    const struct ovsdb_datum *a, uint32_t i, const struct ovsdb_datum *b, uint32_t j)
{
	if (a->value_type == OVSDB_VOID)
		return true;
	union ovsdb_atom x = ovsdb_datum_value(a, i), y = ovsdb_datum_value(b, j);
	return ovsdb_atom_equals(&x, &y, a->value_type);
}
