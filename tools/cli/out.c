/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cli/out.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct out_table {
	struct libscols_table *t;
	size_t n_columns, n_rows;
};

struct out_table *out_table_create(const struct cli *, const char *const *columns)
{
	struct out_table *o = calloc(1, sizeof(*o));

	if (o == NULL)
		abort();
	o->t = scols_new_table();
	if (o->t == NULL)
		abort();
	scols_table_enable_noheadings(
	    o->t, !isatty(STDOUT_FILENO) && getenv("SLUICE_HEADINGS") == NULL);
	for (; columns[o->n_columns] != NULL; o->n_columns++) {
		bool right = columns[o->n_columns][0] == '>';

		scols_table_new_column(
		    o->t, columns[o->n_columns] + right, 0, right ? SCOLS_FL_RIGHT : 0);
	}
	return o;
}

void out_table_row(struct out_table *o, const char *const *cells)
{
	struct libscols_line *line = scols_table_new_line(o->t, NULL);

	for (size_t i = 0; i < o->n_columns; i++) {
		if (scols_line_set_data(line, i, cells[i] != NULL ? cells[i] : "") != 0)
			abort();
	}
	o->n_rows++;
}

void out_table_end(struct out_table *o)
{
	if (o->n_rows > 0)
		scols_print_table(o->t);
	scols_unref_table(o->t);
	free(o);
}

void out_json(const struct cli *cli, const json_t *value)
{
	json_dumpf(value, stdout, JSON_ENCODE_ANY | (cli->pretty ? JSON_INDENT(2) : JSON_COMPACT));
	putchar('\n');
}

const char *out_value(const json_t *value, char *buf, size_t size)
{
	size_t i, len = 0;
	json_t *e;

	buf[0] = '\0';
	switch (json_typeof(value)) {
	case JSON_STRING: snprintf(buf, size, "%s", json_string_value(value)); return buf;
	case JSON_INTEGER:
		snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return buf;
	case JSON_REAL: snprintf(buf, size, "%g", json_real_value(value)); return buf;
	case JSON_TRUE: snprintf(buf, size, "true"); return buf;
	case JSON_FALSE: snprintf(buf, size, "false"); return buf;
	case JSON_NULL: return buf;
	case JSON_ARRAY:
		json_array_foreach (value, i, e) {
			char item[256];

			if (len < size)
				len += (size_t)snprintf(buf + len, size - len, "%s%s",
				    i > 0 ? "," : "", out_value(e, item, sizeof(item)));
		}
		return buf;
	case JSON_OBJECT: break;
	}
	char *text = json_dumps(value, JSON_COMPACT);
	snprintf(buf, size, "%s", text != NULL ? text : "");
	free(text);
	return buf;
}

static void print_members(json_t *object, int indent)
{
	const char *key;
	json_t *value;
	char text[1024];

	json_object_foreach (object, key, value) {
		if (json_is_object(value) && json_object_size(value) > 0) {
			printf("%*s%s:\n", indent, "", key);
			print_members(value, indent + 4);
		} else {
			printf("%*s%-*s %s\n", indent, "", 20 - indent, key,
			    out_value(value, text, sizeof(text)));
		}
	}
}

void out_members(json_t *object)
{
	print_members(object, 0);
}

const char *out_count(uint64_t n, char buf[16])
{
	static const char units[] = {'k', 'M', 'G', 'T', 'P', 'E'};
	double v = (double)n;
	int unit = -1;

	while (v >= 1000 && unit < (int)ARRAY_SIZE(units) - 1) {
		v /= 1000;
		unit++;
	}
	if (unit < 0)
		snprintf(buf, 16, "%" PRIu64, n);
	else
		snprintf(buf, 16, "%.*f%c", v < 10 ? 2 : v < 100 ? 1 : 0, v, units[unit]);
	return buf;
}
