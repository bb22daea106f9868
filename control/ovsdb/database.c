/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ovsdb/database.h"

/* Generated from vswitch.ovsschema. */
extern const char vswitch_schema_text[];
extern const size_t vswitch_schema_size;

struct ovsdb_schema *database_schema(struct err *err)
{
	struct ovsdb_schema *schema = NULL;
	json_error_t where;
	json_t *json = json_loadb(vswitch_schema_text, vswitch_schema_size, 0, &where);
	struct ovsdb_error *error = json != NULL ? ovsdb_schema_from_json(&schema, json)
						 : ovsdb_error_create("syntax error", "line %d: %s",
						       where.line, where.text);

	json_decref(json);
	if (error != NULL)
		ovsdb_error_to_err(error, ERR_INTERNAL, err);
	return schema;
}
