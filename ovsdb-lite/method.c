/* SPDX-License-Identifier: Apache-2.0 */
/* The table of methods, and those that only read what the server knows. */
#include "ovsdb-lite/method.h"

#include <string.h>

static const struct method {
	const char *name;
	void (*run)(struct ovsdb_session *s, const struct ovsdb_call *call);
	bool names_db;
} methods[] = {
#define METHOD(name, function, names_db) {name, function, names_db},
#include "ovsdb-lite/method.def"
#undef METHOD
};

static const struct method *find(const struct ovsdb_server *server, const char *name);
static struct ovsdb_error *find_db(struct ovsdb_server *server, struct ovsdb_call *call);

void ovsdb_method_run(struct ovsdb_session *s, struct ovsdb_call *call)
{
	const struct method *m = find(s->server, call->method);
	if (m == NULL) {
		ovsdb_session_fail(s, call->id, "unknown method");
		return;
	}
	struct ovsdb_error *error = m->names_db ? find_db(s->server, call) : NULL;
	if (error != NULL)
		ovsdb_session_refuse(s, call->id, error);
	else
		m->run(s, call);
}

void ovsdb_get_schema(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	ovsdb_session_reply(s, call->id, ovsdb_schema_to_json(call->served->db->schema));
}

void ovsdb_list_dbs(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	json_t *names = json_array();
	list_foreach (served, &s->server->dbs, struct ovsdb_served, node)
		json_array_append_new(names, json_string(served->db->schema->name));
	ovsdb_session_reply(s, call->id, names);
}

void ovsdb_get_server_id(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	char text[OVSDB_UUID_LEN + 1];
	ovsdb_session_reply(s, call->id, json_string(ovsdb_uuid_format(&s->server->id, text)));
}

void ovsdb_set_db_change_aware(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	const json_t *value = json_array_get(call->params, 0);
	if (json_array_size(call->params) != 1 || !json_is_boolean(value)) {
		ovsdb_session_refuse(s, call->id,
		    ovsdb_syntax_error(
			call->params, NULL, "%s: true or false parameter expected", call->method));
		return;
	}
	s->is_change_aware = json_is_true(value);
	ovsdb_session_reply(s, call->id, json_object());
}

void ovsdb_echo(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	ovsdb_session_reply(s, call->id, json_incref(call->params));
}

static const struct method *find(const struct ovsdb_server *server, const char *name)
{
	static const char cond[] = "monitor_cond";
	if (server->monitor_cond_disabled &&
	    (strcmp(name, cond) == 0 || strcmp(name, "monitor_cond_since") == 0))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

static struct ovsdb_error *find_db(struct ovsdb_server *server, struct ovsdb_call *call)
{
	const char *name = json_string_value(json_array_get(call->params, 0));
	if (name == NULL)
		return ovsdb_syntax_error(call->params, NULL,
		    "%s request params must begin with <db-name>", call->method);
	call->served = ovsdb_server_find_served(server, name);
	if (call->served == NULL)
		return ovsdb_syntax_error(call->params, "unknown database",
		    "%s request specifies unknown database %s", call->method, name);
	return NULL;
}
