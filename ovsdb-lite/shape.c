/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/shape.h"

#include <stdlib.h>

#include "ovsdb-lite/mem.h"

static uint64_t last_serial;

static bool equals(const struct ovsdb_shape *a, const struct ovsdb_shape *b);
static bool table_equals(const struct ovsdb_shape_table *a, const struct ovsdb_shape_table *b);
static int compare_tables(const void *a, const void *b);
static int compare_columns(const void *a, const void *b);
static void sort(struct ovsdb_shape *shape);

struct ovsdb_shape *ovsdb_shape_create(int version)
{
	struct ovsdb_shape *shape = ovsdb_alloc(sizeof(*shape));
	shape->serial = ++last_serial;
	shape->version = version;
	shape->n_refs = 1;
	list_init(&shape->node);
	return shape;
}

struct ovsdb_shape_table *ovsdb_shape_find_table(
    const struct ovsdb_shape *shape, const struct ovsdb_table *table)
{
	for (size_t i = 0; i < shape->n; i++)
		if (shape->tables[i].table == table)
			return &shape->tables[i];
	return NULL;
}

struct ovsdb_shape_table *ovsdb_shape_add_table(
    struct ovsdb_shape *shape, struct ovsdb_table *table)
{
	shape->tables =
	    ovsdb_grow(shape->tables, shape->n, &shape->capacity, sizeof(*shape->tables));
	shape->tables[shape->n] = (struct ovsdb_shape_table){.table = table};
	return &shape->tables[shape->n++];
}

bool ovsdb_shape_add_column(
    struct ovsdb_shape_table *t, const struct ovsdb_column *column, unsigned int select)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->columns[i].column == column)
			return false;
	t->columns = ovsdb_grow(t->columns, t->n, &t->capacity, sizeof(*t->columns));
	t->columns[t->n++] = (struct ovsdb_shape_column){column, select};
	return true;
}

struct ovsdb_shape *ovsdb_shape_intern(
    struct list *shapes, const struct ovsdb_schema *schema, struct ovsdb_shape *shape)
{
	sort(shape);
	list_foreach (other, shapes, struct ovsdb_shape, node) {
		if (!equals(other, shape))
			continue;
		ovsdb_shape_unref(shape);
		other->n_refs++;
		return other;
	}
	shape->by_number = ovsdb_alloc_array(schema->n_tables, sizeof(*shape->by_number));
	for (size_t i = 0; i < shape->n; i++)
		shape->by_number[shape->tables[i].table->schema->number] = (uint16_t)(i + 1);
	list_add(shapes, &shape->node);
	return shape;
}

void ovsdb_shape_unref(struct ovsdb_shape *shape)
{
	if (shape == NULL || --shape->n_refs > 0)
		return;
	for (size_t i = 0; i < shape->n; i++)
		free(shape->tables[i].columns);
	list_del(&shape->node);
	free(shape->tables);
	free(shape->by_number);
	free(shape);
}

static bool equals(const struct ovsdb_shape *a, const struct ovsdb_shape *b)
{
	if (a->version != b->version || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!table_equals(&a->tables[i], &b->tables[i]))
			return false;
	return true;
}

static bool table_equals(const struct ovsdb_shape_table *a, const struct ovsdb_shape_table *b)
{
	if (a->table != b->table || a->select != b->select || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->columns[i].column != b->columns[i].column ||
		    a->columns[i].select != b->columns[i].select)
			return false;
	return true;
}

static int compare_tables(const void *a, const void *b)
{
	const struct ovsdb_shape_table *x = a, *y = b;
	return (int)x->table->schema->number - (int)y->table->schema->number;
}

static int compare_columns(const void *a, const void *b)
{
	const struct ovsdb_shape_column *x = a, *y = b;
	return (int)x->column->number - (int)y->column->number;
}

static void sort(struct ovsdb_shape *shape)
{
	if (shape->n > 0)
		qsort(shape->tables, shape->n, sizeof(*shape->tables), compare_tables);
	for (size_t i = 0; i < shape->n; i++) {
		struct ovsdb_shape_table *t = &shape->tables[i];
		if (t->n > 0)
			qsort(t->columns, t->n, sizeof(*t->columns), compare_columns);
		shape->max_columns = MAX_OF(shape->max_columns, t->n);
	}
}
