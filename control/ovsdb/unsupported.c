/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "control/ovsdb/wants.h"

static const struct {
	const char *table, *column;
} unsupported[] = {
#define UNSUPPORTED(table, column) {#table, #column},
#include "control/ovsdb/unsupported.def"
#undef UNSUPPORTED
};

void unsupported_columns(const struct ovsdb_row *row, char *ret, size_t size)
{
	const char *table = row->table->schema->name;
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(unsupported) && len < size; i++) {
		const struct ovsdb_column *column =
		    strcmp(unsupported[i].table, table) == 0
			? ovsdb_table_find_column(row->table, unsupported[i].column)
			: NULL;
		if (column == NULL)
			continue;
		struct ovsdb_datum d = ovsdb_row_get(row, column);
		if (!ovsdb_datum_is_default(&d, &column->type))
			len += (size_t)snprintf(ret + len, size - len, "%s%s", len > 0 ? ", " : "",
			    unsupported[i].column);
	}
}
