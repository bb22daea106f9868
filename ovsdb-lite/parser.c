/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void start(struct ovsdb_parser *p, const json_t *json);
static bool is_used(const struct ovsdb_parser *p, const char *name);

void ovsdb_parser_init(struct ovsdb_parser *p, const json_t *json, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	// cppcheck-suppress ctuuninitvar ; it is what is initialised here
	vsnprintf(p->name, sizeof(p->name), fmt, args);
	va_end(args);
	p->n = 0;
	start(p, json);
}

void ovsdb_parser_init_operation(struct ovsdb_parser *p, const json_t *json, size_t i, size_t n)
{
	p->i = i;
	p->n = n;
	start(p, json);
}

const json_t *ovsdb_parser_member(struct ovsdb_parser *p, const char *name, int types)
{
	const json_t *value = p->json != NULL ? json_object_get(p->json, name) : NULL;

	if (value == NULL) {
		if (p->json != NULL && (types & OVSDB_P_OPTIONAL) == 0)
			ovsdb_parser_raise(p, "Required '%s' member is missing.", name);
		return NULL;
	}
	bool is_ok = (types & 1 << json_typeof(value)) != 0;
	if ((types & OVSDB_P_ID) != 0 && json_is_string(value))
		is_ok |= ovsdb_is_id(json_string_value(value));
	if (!is_ok) {
		ovsdb_parser_raise(p, "Type mismatch for member '%s'.", name);
		return NULL;
	}
	if (!is_used(p, name)) {
		assert(p->n_used < OVSDB_PARSER_MEMBERS);
		p->used[p->n_used++] = name;
	}
	return value;
}

void ovsdb_parser_raise(struct ovsdb_parser *p, const char *fmt, ...)
{
	va_list args;
	char *text = NULL;

	if (p->error != NULL)
		return;
	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	if (p->n > 0)
		snprintf(p->name, sizeof(p->name), "ovsdb operation %zu of %zu", p->i, p->n);
	p->error = ovsdb_syntax_error(p->json, NULL, "Parsing %s failed: %s", p->name, text);
	free(text);
}

struct ovsdb_error *ovsdb_parser_finish(struct ovsdb_parser *p)
{
	const char *name;
	json_t *value = NULL;
	size_t n_unused = json_object_size(p->json) - p->n_used;

	if (p->error != NULL || n_unused == 0)
		return p->error;
	json_object_foreach ((json_t *)p->json, name, value) {
		if (is_used(p, name))
			continue;
		if (n_unused > 1)
			ovsdb_parser_raise(p,
			    "Member '%s' and %zu other member%s are present but not allowed here.",
			    name, n_unused - 1, n_unused > 2 ? "s" : "");
		else
			ovsdb_parser_raise(p, "Member '%s' is present but not allowed here.", name);
		break;
	}
	return p->error;
}

bool ovsdb_is_id(const char *s)
{
	if (*s == '\0' || (*s >= '0' && *s <= '9'))
		return false;
	for (; *s != '\0'; s++) {
		char lower = (char)(*s | 0x20);
		if ((lower < 'a' || lower > 'z') && (*s < '0' || *s > '9') && *s != '_')
			return false;
	}
	return true;
}

static void start(struct ovsdb_parser *p, const json_t *json)
{
	p->json = json_is_object(json) ? json : NULL;
	p->n_used = 0;
	p->error = NULL;
	if (p->json == NULL)
		ovsdb_parser_raise(p, "Object expected.");
}

static bool is_used(const struct ovsdb_parser *p, const char *name)
{
	for (size_t i = 0; i < p->n_used; i++) {
		if (strcmp(p->used[i], name) == 0)
			return true;
	}
	return false;
}
