/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/mutation.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/mem.h"

enum arith { ARITH_OK, ARITH_DOMAIN, ARITH_RANGE };

static const char *const mutator_names[OVSDB_N_MUTATORS] = {
#define MUTATOR(id, name) [OVSDB_M_##id] = name,
#include "ovsdb-lite/mutator.def"
#undef MUTATOR
};

static struct ovsdb_error *mutation_from_json(struct ovsdb_mutation *m,
    const struct ovsdb_table_schema *table, const json_t *json, struct ovsdb_names *names);
static struct ovsdb_error *arg_from_json(
    struct ovsdb_mutation *m, const json_t *json, const json_t *arg, struct ovsdb_names *names);
static struct ovsdb_error *number_from_json(
    struct ovsdb_mutation *m, const json_t *arg, struct ovsdb_names *names);
static struct ovsdb_error *type_mismatch(const struct ovsdb_mutation *m, const json_t *json);
static bool is_arithmetic(enum ovsdb_mutator mutator);
static struct ovsdb_error *apply_arithmetic(
    const struct ovsdb_mutation *m, const struct ovsdb_datum *value, struct ovsdb_datum *ret);
static enum arith mutate_integer(enum ovsdb_mutator mutator, int64_t *x, int64_t y);
static enum arith mutate_real(enum ovsdb_mutator mutator, double *x, double y);
static struct ovsdb_error *arith_error(enum arith result, enum ovsdb_mutator mutator);

struct ovsdb_error *ovsdb_mutations_from_json(struct ovsdb_mutations *ret,
    const struct ovsdb_table_schema *table, const json_t *json, struct ovsdb_names *names)
{
	size_t n = json_array_size(json);

	*ret = (struct ovsdb_mutations){.array = ovsdb_alloc_array(n, sizeof(*ret->array))};
	for (size_t i = 0; i < n; i++) {
		struct ovsdb_error *error =
		    mutation_from_json(&ret->array[i], table, json_array_get(json, i), names);
		if (error != NULL) {
			ovsdb_mutations_fini(ret);
			return error;
		}
		ret->n++;
	}
	return NULL;
}

void ovsdb_mutations_fini(struct ovsdb_mutations *mutations)
{
	for (size_t i = 0; i < mutations->n; i++)
		ovsdb_datum_unref(&mutations->array[i].arg);
	free(mutations->array);
	*mutations = (struct ovsdb_mutations){0};
}

struct ovsdb_error *ovsdb_mutation_apply(
    const struct ovsdb_mutation *mutation, const struct ovsdb_datum *value, struct ovsdb_datum *ret)
{
	if (is_arithmetic(mutation->mutator))
		return apply_arithmetic(mutation, value, ret);
	*ret = mutation->mutator == OVSDB_M_INSERT ? ovsdb_datum_union(value, &mutation->arg)
						   : ovsdb_datum_subtract(value, &mutation->arg);
	struct ovsdb_error *error = ovsdb_datum_check_count(ret, &mutation->column->type);
	if (error != NULL)
		ovsdb_datum_unref(ret);
	return error;
}

static struct ovsdb_error *mutation_from_json(struct ovsdb_mutation *m,
    const struct ovsdb_table_schema *table, const json_t *json, struct ovsdb_names *names)
{
	const char *column = json_string_value(json_array_get(json, 0));
	const char *mutator = json_string_value(json_array_get(json, 1));
	int i = 0;

	if (json_array_size(json) != 3 || column == NULL || mutator == NULL)
		return ovsdb_syntax_error(json, NULL, "Parse error in mutation.");
	m->column = ovsdb_table_schema_find_column(table, column);
	if (m->column == NULL)
		return ovsdb_syntax_error(
		    json, "unknown column", "No column %s in table %s.", column, table->name);
	if (!m->column->is_mutable)
		return ovsdb_syntax_error(json, "constraint violation",
		    "Cannot mutate immutable column %s in table %s.", column, table->name);
	while (i < OVSDB_N_MUTATORS && strcmp(mutator, mutator_names[i]) != 0)
		i++;
	if (i == OVSDB_N_MUTATORS)
		return ovsdb_syntax_error(NULL, "unknown mutator", "No mutator named %s.", mutator);
	m->mutator = (enum ovsdb_mutator)i;
	return arg_from_json(m, json, json_array_get(json, 2), names);
}

static struct ovsdb_error *arg_from_json(
    struct ovsdb_mutation *m, const json_t *json, const json_t *arg, struct ovsdb_names *names)
{
	struct ovsdb_type type = m->column->type;
	bool is_set = ovsdb_type_is_set(&type), is_map = ovsdb_type_is_map(&type);
	bool is_number = type.key.type == OVSDB_INTEGER ||
			 (type.key.type == OVSDB_REAL && m->mutator != OVSDB_M_MOD);

	if (is_arithmetic(m->mutator))
		return is_map || !is_number ? type_mismatch(m, json)
					    : number_from_json(m, arg, names);
	if (!is_set && !is_map)
		return type_mismatch(m, json);
	type.n_min = 0;
	if (m->mutator == OVSDB_M_DELETE)
		type.n_max = OVSDB_UNLIMITED;
	struct ovsdb_error *error = ovsdb_datum_from_json(&m->arg, &type, arg, names);
	if (error == NULL || !is_map || m->mutator != OVSDB_M_DELETE)
		return error;
	// A map's pairs may be deleted by a set of keys.
	ovsdb_error_destroy(error);
	ovsdb_base_type_init(&type.value, OVSDB_VOID);
	return ovsdb_datum_from_json(&m->arg, &type, arg, names);
}

/* The operand is a scalar without the column's constraints: the result has to satisfy them. */
static struct ovsdb_error *number_from_json(
    struct ovsdb_mutation *m, const json_t *arg, struct ovsdb_names *names)
{
	struct ovsdb_type scalar = {.n_min = 1, .n_max = 1};

	ovsdb_base_type_init(&scalar.key, m->column->type.key.type);
	return ovsdb_datum_from_json(&m->arg, &scalar, arg, names);
}

static struct ovsdb_error *type_mismatch(const struct ovsdb_mutation *m, const json_t *json)
{
	char *english = ovsdb_type_to_english(&m->column->type);
	struct ovsdb_error *error = ovsdb_syntax_error(json, NULL,
	    "Type mismatch: \"%s\" operator may not be applied to column %s of type %s.",
	    mutator_names[m->mutator], m->column->name, english);

	free(english);
	return error;
}

static bool is_arithmetic(enum ovsdb_mutator mutator)
{
	return mutator != OVSDB_M_INSERT && mutator != OVSDB_M_DELETE;
}

static struct ovsdb_error *apply_arithmetic(
    const struct ovsdb_mutation *m, const struct ovsdb_datum *value, struct ovsdb_datum *ret)
{
	const struct ovsdb_base_type *base = &m->column->type.key;
	union ovsdb_atom y = ovsdb_datum_key(&m->arg, 0);
	struct ovsdb_datum_builder b;
	struct ovsdb_error *error = NULL;

	ovsdb_datum_builder_init(&b, base->type, OVSDB_VOID);
	for (uint32_t i = 0; error == NULL && i < value->n; i++) {
		union ovsdb_atom x = ovsdb_datum_key(value, i);
		enum arith result = base->type == OVSDB_INTEGER
					? mutate_integer(m->mutator, &x.integer, y.integer)
					: mutate_real(m->mutator, &x.real, y.real);
		if (result != ARITH_OK)
			error = arith_error(result, m->mutator);
		else
			ovsdb_datum_builder_add(&b, x, (union ovsdb_atom){.uuid = {0}});
	}
	for (uint32_t i = 0; error == NULL && i < b.n; i++)
		error = ovsdb_base_type_check(base, &b.pairs[i].key);
	if (error == NULL && ovsdb_datum_builder_sort(&b) > 0)
		error = ovsdb_error_create("constraint violation",
		    "Result of \"%s\" operation contains duplicates.", mutator_names[m->mutator]);
	if (error != NULL)
		ovsdb_datum_builder_fini(&b);
	else
		*ret = ovsdb_datum_builder_finish(&b);
	return error;
}

static enum arith mutate_integer(enum ovsdb_mutator mutator, int64_t *x, int64_t y)
{
	bool is_over = false;

	if (mutator == OVSDB_M_DIV || mutator == OVSDB_M_MOD) {
		if (y == 0)
			return ARITH_DOMAIN;
		if (*x == INT64_MIN && y == -1)
			return ARITH_RANGE;
		*x = mutator == OVSDB_M_DIV ? *x / y : *x % y;
		return ARITH_OK;
	}
	if (mutator == OVSDB_M_ADD)
		is_over = __builtin_add_overflow(*x, y, x);
	else if (mutator == OVSDB_M_SUB)
		is_over = __builtin_sub_overflow(*x, y, x);
	else
		is_over = __builtin_mul_overflow(*x, y, x);
	return is_over ? ARITH_RANGE : ARITH_OK;
}

static enum arith mutate_real(enum ovsdb_mutator mutator, double *x, double y)
{
	if (mutator == OVSDB_M_DIV && y == 0)
		return ARITH_DOMAIN;
	if (mutator == OVSDB_M_ADD)
		*x += y;
	else if (mutator == OVSDB_M_SUB)
		*x -= y;
	else if (mutator == OVSDB_M_MUL)
		*x *= y;
	else
		*x /= y;
	return *x >= -DBL_MAX && *x <= DBL_MAX ? ARITH_OK : ARITH_RANGE;
}

static struct ovsdb_error *arith_error(enum arith result, enum ovsdb_mutator mutator)
{
	if (result == ARITH_DOMAIN)
		return ovsdb_error_create("domain error", "Division by zero.");
	return ovsdb_error_create(
	    "range error", "Result of \"%s\" operation is out of range.", mutator_names[mutator]);
}
