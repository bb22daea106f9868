/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a value satisfies its column's type: range, length, enumeration, number of elements. */
#include <float.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/column_type.h"
#include "ovsdb-lite/mem.h"

static struct ovsdb_error *check_enum(
    const struct ovsdb_base_type *base, const union ovsdb_atom *atom);
static struct ovsdb_error *check_integer(const struct ovsdb_base_type *base, int64_t v);
static struct ovsdb_error *check_real(const struct ovsdb_base_type *base, double v);
static struct ovsdb_error *check_string(
    const struct ovsdb_base_type *base, const struct ovsdb_text *text);
static size_t ascii_len(const struct ovsdb_text *text);
static size_t utf8_count(const struct ovsdb_text *text, bool *is_valid);

struct ovsdb_error *ovsdb_base_type_check(
    const struct ovsdb_base_type *base, const union ovsdb_atom *atom)
{
	if (base->enum_values != NULL && ovsdb_datum_find_key(base->enum_values, atom) < 0)
		return check_enum(base, atom);
	switch (base->type) {
	case OVSDB_INTEGER: return check_integer(base, atom->integer);
	case OVSDB_REAL: return check_real(base, atom->real);
	case OVSDB_STRING: return check_string(base, atom->string);
	case OVSDB_BOOLEAN:
	case OVSDB_UUID:
	case OVSDB_VOID:
	case OVSDB_N_TYPES: break;
	}
	return NULL;
}

struct ovsdb_error *ovsdb_datum_check(const struct ovsdb_datum *d, const struct ovsdb_type *type)
{
	struct ovsdb_error *error = ovsdb_datum_check_count(d, type);

	for (uint32_t i = 0; error == NULL && i < d->n; i++) {
		union ovsdb_atom key = ovsdb_datum_key(d, i);
		error = ovsdb_base_type_check(&type->key, &key);
	}
	for (uint32_t i = 0; error == NULL && type->value.type != OVSDB_VOID && i < d->n; i++) {
		union ovsdb_atom value = ovsdb_datum_value(d, i);
		error = ovsdb_base_type_check(&type->value, &value);
	}
	return error;
}

struct ovsdb_error *ovsdb_datum_check_count(
    const struct ovsdb_datum *d, const struct ovsdb_type *type)
{
	if (d->n >= type->n_min && d->n <= type->n_max)
		return NULL;
	char *english = ovsdb_type_to_english(type);
	struct ovsdb_error *error = ovsdb_error_create(
	    "constraint violation", "Attempted to store %u elements in %s.", d->n, english);
	free(english);
	return error;
}

static struct ovsdb_error *check_enum(
    const struct ovsdb_base_type *base, const union ovsdb_atom *atom)
{
	struct ovsdb_type set;

	ovsdb_type_init_any(&set, base->type, OVSDB_VOID);
	char *actual = ovsdb_atom_format(atom, base->type);
	char *allowed = ovsdb_datum_format(base->enum_values, &set);
	struct ovsdb_error *error = ovsdb_error_create(
	    "constraint violation", "%s is not one of the allowed values (%s)", actual, allowed);
	free(actual);
	free(allowed);
	ovsdb_type_fini(&set);
	return error;
}

static struct ovsdb_error *check_integer(const struct ovsdb_base_type *base, int64_t v)
{
	int64_t min = base->integer.min, max = base->integer.max;

	if (v >= min && v <= max)
		return NULL;
	if (min != INT64_MIN && max != INT64_MAX)
		return ovsdb_error_create("constraint violation",
		    "%" PRId64 " is not in the valid range %" PRId64 " to %" PRId64 " (inclusive)",
		    v, min, max);
	if (min != INT64_MIN)
		return ovsdb_error_create("constraint violation",
		    "%" PRId64 " is less than minimum allowed value %" PRId64, v, min);
	return ovsdb_error_create("constraint violation",
	    "%" PRId64 " is greater than maximum allowed value %" PRId64, v, max);
}

static struct ovsdb_error *check_real(const struct ovsdb_base_type *base, double v)
{
	double min = base->real.min, max = base->real.max;

	if (v >= min && v <= max)
		return NULL;
	if (min != -DBL_MAX && max != DBL_MAX)
		return ovsdb_error_create("constraint violation",
		    "%.*g is not in the valid range %.*g to %.*g (inclusive)", DBL_DIG, v, DBL_DIG,
		    min, DBL_DIG, max);
	if (min != -DBL_MAX)
		return ovsdb_error_create("constraint violation",
		    "%.*g is less than minimum allowed value %.*g", DBL_DIG, v, DBL_DIG, min);
	return ovsdb_error_create("constraint violation",
	    "%.*g is greater than maximum allowed value %.*g", DBL_DIG, v, DBL_DIG, max);
}

static struct ovsdb_error *check_string(
    const struct ovsdb_base_type *base, const struct ovsdb_text *text)
{
	bool is_valid = true;
	size_t n = utf8_count(text, &is_valid);

	if (!is_valid)
		return ovsdb_error_create("constraint violation", "not a valid UTF-8 string");
	if (n < base->string.min_len)
		return ovsdb_error_create("constraint violation",
		    "\"%s\" length %zu is less than minimum allowed length %u", text->s, n,
		    base->string.min_len);
	if (n > base->string.max_len)
		return ovsdb_error_create("constraint violation",
		    "\"%s\" length %zu is greater than maximum allowed length %u", text->s, n,
		    base->string.max_len);
	return NULL;
}

/* Of its beginning, by eights. */
static size_t ascii_len(const struct ovsdb_text *text)
{
	size_t n = 0;
	uint64_t word;

	for (; n + sizeof(word) <= text->len; n += sizeof(word)) {
		memcpy(&word, text->s + n, sizeof(word));
		if ((word & 0x8080808080808080ULL) != 0)
			break;
	}
	return n;
}

/* Characters; RFC 3629: no overlong forms, surrogates, or values over 10ffff. */
static size_t utf8_count(const struct ovsdb_text *text, bool *is_valid)
{
	const unsigned char *s = (const unsigned char *)text->s, *end = s + text->len;
	size_t n = ascii_len(text);

	for (s += n; s < end; n++) {
		unsigned int n_more = *s < 0x80   ? 0
				      : *s < 0xc2 ? 4
				      : *s < 0xe0 ? 1
				      : *s < 0xf0 ? 2
				      : *s < 0xf5 ? 3
						  : 4;
		uint32_t c = n_more == 0 ? *s : *s & (0x3fU >> n_more);
		bool is_bad = n_more == 4 || s + n_more >= end || *s == 0;
		for (unsigned int i = 1; !is_bad && i <= n_more; i++) {
			is_bad = (s[i] & 0xc0) != 0x80;
			c = c << 6 | (s[i] & 0x3f);
		}
		is_bad |= (n_more == 2 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
			  (n_more == 3 && (c < 0x10000 || c > 0x10ffff));
		if (is_bad) {
			*is_valid = false;
			return n;
		}
		s += n_more + 1;
	}
	return n;
}
