/* SPDX-License-Identifier: Apache-2.0 */
/* Matches and port names as JSON. */
#include "control/flow_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int add_member(struct flow_match *m, const char *name, json_t *value,
    const struct flow_names *names, struct err *err);
static int check_prereqs(json_t *match, const struct flow_match *m, struct err *err);
static void add_to_path(struct err *err, const char *name);

static const struct {
	const char *word;
	uint32_t port;
} reserved_ports[] = {
    {"in_port", DP_OFPORT_IN_PORT},
    {"normal", DP_OFPORT_NORMAL},
    {"flood", DP_OFPORT_FLOOD},
    {"all", DP_OFPORT_ALL},
    {"controller", DP_OFPORT_CONTROLLER},
    {"local", DP_OFPORT_LOCAL},
};

int flow_match_from_json(
    json_t *match, const struct flow_names *names, struct flow_match *ret, struct err *err)
{
	memset(ret, 0, sizeof(*ret));
	if (!json_is_object(match))
		return err_set(err, ERR_PARAMS, "a match is an object of field names and values");
	const char *name;
	json_t *value;
	json_object_foreach (match, name, value) {
		int r = add_member(ret, name, value, names, err);
		if (r < 0) {
			add_to_path(err, name);
			return r;
		}
	}
	return check_prereqs(match, ret, err);
}

/* A value as flow_field_parse takes it; the integer forms of JSON are allowed for all fields. */
static const char *value_text(json_t *value, char buf[32])
{
	if (json_is_string(value))
		return json_string_value(value);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return NULL;
	snprintf(buf, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return buf;
}

static int add_member(struct flow_match *m, const char *name, json_t *value,
    const struct flow_names *names, struct err *err)
{
	const struct flow_field *f = flow_field_find(name);
	struct flow_value v, mask;

	if (f == NULL) {
		int r = err_set(err, ERR_PARAMS, "no field is called \"%.40s\"", name);
		const char *near = flow_field_nearest(name);
		return near != NULL ? err_hint(err, "did you mean \"%s\"?", near) : r;
	}
	if (f->format == FF_PORT) {
		uint32_t port;
		int r = flow_port_from_json(value, names, false, &port, err);
		if (r < 0)
			return r;
		v = flow_value_from_u64(port);
		mask = flow_value_ones(f->n_bits);
	} else {
		char buf[32];
		const char *text = value_text(value, buf);
		if (text == NULL)
			return err_set(
			    err, ERR_PARAMS, "the value of %s is a text or a number", name);
		int r = flow_field_parse(f, text, &v, &mask, err);
		if (r < 0)
			return r;
	}
	if (flow_match_add_field(m, flow_field_id(f), &v, &mask) < 0)
		return err_set(err, ERR_PARAMS, "%s contradicts another field of the match", name);
	return 0;
}

static int check_prereqs(json_t *match, const struct flow_match *m, struct err *err)
{
	const char *name;
	json_t *value;
	json_object_foreach (match, name, value) {
		const struct flow_field *f = flow_field_find(name);
		if (f->prereq == FP_NONE || flow_match_has_prereq(m, f->prereq))
			continue;
		int r =
		    err_set(err, ERR_PARAMS, "%s needs %s", name, flow_prereq_describe(f->prereq));
		add_to_path(err, name);
		return r;
	}
	return 0;
}

static void add_to_path(struct err *err, const char *name)
{
	char prefix[sizeof(err->path)];

	memcpy(prefix, err->path, sizeof(prefix));
	err_path(err, "%s/%s", prefix, name);
}

static int port_unknown(const char *name, const struct flow_names *names, struct err *err)
{
	int r = err_set(err, ERR_DANGLING, "the bridge has no port \"%.64s\"", name);
	const char *near =
	    names->port_nearest != NULL ? names->port_nearest(names->arg, name) : NULL;

	return near != NULL ? err_hint(err, "did you mean \"%s\"?", near) : r;
}

int flow_port_from_json(json_t *value, const struct flow_names *names, bool allow_reserved,
    uint32_t *ret, struct err *err)
{
	if (json_is_integer(value)) {
		json_int_t n = json_integer_value(value);
		if (n < 1 || n >= (json_int_t)DP_OFPORT_MAX)
			return err_set(
			    err, ERR_PARAMS, "a port number is 1..%u", DP_OFPORT_MAX - 1);
		*ret = n == FLOW_LOCAL_NUMBER ? DP_OFPORT_LOCAL : (uint32_t)n;
		return 0;
	}
	if (!json_is_string(value))
		return err_set(err, ERR_PARAMS, "a port is given by name or number");
	const char *name = json_string_value(value);
	for (size_t i = 0; allow_reserved && i < ARRAY_SIZE(reserved_ports); i++) {
		if (strcmp(name, reserved_ports[i].word) != 0)
			continue;
		*ret = reserved_ports[i].port;
		return 0;
	}
	*ret = names->port_number(names->arg, name);
	if (*ret == 0 && strcmp(name, "local") == 0)
		*ret = DP_OFPORT_LOCAL;
	return *ret != 0 ? 0 : port_unknown(name, names, err);
}

bool flow_port_is_reserved(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved_ports); i++)
		if (strcmp(name, reserved_ports[i].word) == 0)
			return true;
	return false;
}

json_t *flow_port_to_json(uint32_t ofport, const struct flow_names *names)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved_ports); i++) {
		if (reserved_ports[i].port == ofport)
			return json_string(reserved_ports[i].word);
	}
	const char *name = names->port_name != NULL ? names->port_name(names->arg, ofport) : NULL;
	return name != NULL ? json_string(name) : json_integer(ofport);
}

static bool value_is_zero(const struct flow_value *v)
{
	static const struct flow_value zero;

	return memcmp(v, &zero, sizeof(zero)) == 0;
}

json_t *flow_match_to_json(const struct flow_match *m, const struct flow_names *names)
{
	json_t *o = json_object();

	for (int id = 0; id < FIELD__COUNT; id++) {
		const struct flow_field *f = &flow_fields[id];
		struct flow_value v, mask;
		char buf[FIELD_STR_SIZE];
		flow_field_get(f, &m->mask, &mask);
		if (value_is_zero(&mask) || (f->flags & FW_ALIAS) != 0)
			continue;
		// Of the aliases of one storage, the one whose protocol is matched; parts of vlan_tci are said by it.
		if (f->prereq != FP_NONE && !flow_match_has_prereq(m, f->prereq))
			continue;
		if (id == FIELD_VLAN_VID || id == FIELD_VLAN_PCP || id == FIELD_VLAN_VID2)
			continue;
		flow_field_get(f, &m->key, &v);
		json_t *text = f->format == FF_PORT
				   ? flow_port_to_json((uint32_t)flow_value_to_u64(&v), names)
				   : json_string(flow_field_format(f, &v, &mask, buf));
		json_object_set_new(o, f->name, text);
	}
	return o;
}
