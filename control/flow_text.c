/* SPDX-License-Identifier: Apache-2.0 */
#include "control/flow_text.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/json_read.h"

enum { IP4_BITS = 32, MAC_TEXT_SIZE = 17 };

struct reader {
	struct json_plain p;
	struct flow_rule *rule;
	const struct flow_names *names;
};

static bool read_column(struct reader *r, struct json_span key);
static bool read_cookie(struct reader *r);
static bool read_match(struct reader *r);
static const struct flow_field *find_field(struct reader *r, struct json_span name, size_t place);
static bool read_field(struct reader *r, const struct flow_field *f, uint32_t *prereqs);
static bool add_number(
    struct flow_match *m, const struct flow_field *f, uint64_t value, uint64_t mask);
static bool add_other(struct flow_match *m, const struct flow_field *f, struct json_span text);
static bool has_prereqs(const struct flow_match *m, uint32_t prereqs);
static bool parse_simple(
    const struct flow_field *f, struct json_span s, uint64_t *value, uint64_t *mask);
static bool parse_number(struct json_span s, uint64_t *ret);
static bool parse_ip4(struct json_span s, uint64_t *value, uint64_t *mask);
static bool parse_mac(struct json_span s, uint64_t *ret);
static bool read_port(struct reader *r, bool allow_reserved, uint32_t *ret);
static bool read_actions(struct reader *r, struct buf_writer *w);
static bool read_output(struct reader *r, struct buf_writer *w);
static bool read_any_action(struct reader *r, struct buf_writer *w);
static bool check_actions(const struct flow_rule *rule);

void flow_rule_init(struct flow_rule *r)
{
	*r = (struct flow_rule){0};
	buf_writer_init(&r->apply, DP_MAX_ACTIONS_SIZE);
	buf_writer_init(&r->write, DP_MAX_ACTIONS_SIZE);
}

void flow_rule_reset(struct flow_rule *r)
{
	r->conf = (struct dp_rule_conf){.priority = 32768};
	memset(&r->match, 0, sizeof(r->match));
	r->apply.size = r->write.size = 0;
	r->apply.bad = r->write.bad = false;
}

void flow_rule_fini(struct flow_rule *r)
{
	buf_writer_fini(&r->apply);
	buf_writer_fini(&r->write);
}

bool flow_rule_from_text(
    struct flow_rule *rule, struct json_span text, const struct flow_names *names)
{
	struct reader r = {{.at = text.text, .end = text.text + text.size}, rule, names};
	struct dp_rule_conf *conf = &rule->conf;

	json_plain_take(&r.p, '{');
	for (bool is_first = true; json_plain_more(&r.p, '}', &is_first);) {
		if (!read_column(&r, json_plain_key(&r.p)))
			return false;
	}
	if (r.p.bad || r.p.at != r.p.end)
		return false;
	if (conf->idle_timeout_s != 0 || conf->hard_timeout_s != 0)
		conf->flags |= DP_RULE_F_SEND_REMOVED;
	bool has_goto = (conf->flags & DP_RULE_F_GOTO) != 0;
	return (!has_goto || (conf->goto_table > conf->table && conf->goto_table < DP_N_TABLES)) &&
	       check_actions(rule);
}

/* In the order of the schema, which puts the most frequent first. */
static bool read_column(struct reader *r, struct json_span key)
{
	struct dp_rule_conf *conf = &r->rule->conf;

	if (JSON_SPAN_IS(key, "bridge"))
		json_plain_string(&r->p);
	else if (JSON_SPAN_IS(key, "table"))
		conf->table = (uint8_t)json_plain_uint(&r->p);
	else if (JSON_SPAN_IS(key, "priority"))
		conf->priority = (uint16_t)json_plain_uint(&r->p);
	else if (JSON_SPAN_IS(key, "match"))
		return read_match(r);
	else if (JSON_SPAN_IS(key, "actions"))
		return read_actions(r, &r->rule->apply);
	else if (JSON_SPAN_IS(key, "write_actions"))
		return read_actions(r, &r->rule->write);
	else if (JSON_SPAN_IS(key, "idle_timeout_s"))
		conf->idle_timeout_s = (uint16_t)json_plain_uint(&r->p);
	else if (JSON_SPAN_IS(key, "hard_timeout_s"))
		conf->hard_timeout_s = (uint16_t)json_plain_uint(&r->p);
	else if (JSON_SPAN_IS(key, "_installed_ms"))
		conf->installed_ms = json_plain_uint(&r->p);
	else if (JSON_SPAN_IS(key, "cookie"))
		return read_cookie(r);
	else if (JSON_SPAN_IS(key, "goto")) {
		uint64_t table = json_plain_uint(&r->p);
		conf->flags |= DP_RULE_F_GOTO;
		conf->goto_table = (uint8_t)table;
		return table < DP_N_TABLES;
	} else {
		return false;
	}
	return !r->p.bad;
}

static bool read_cookie(struct reader *r)
{
	struct json_span s = json_plain_string(&r->p);

	return s.size > 2 && s.text[0] == '0' && s.text[1] == 'x' &&
	       parse_number(s, &r->rule->conf.cookie);
}

static bool read_match(struct reader *r)
{
	uint32_t prereqs = 0;
	size_t n = 0;

	json_plain_take(&r->p, '{');
	for (bool is_first = true; json_plain_more(&r->p, '}', &is_first);) {
		if (!read_field(r, find_field(r, json_plain_key(&r->p), n++), &prereqs))
			return false;
	}
	return !r->p.bad && has_prereqs(&r->rule->match, prereqs);
}

/* The one that was at this place in the last match, most often. */
static const struct flow_field *find_field(struct reader *r, struct json_span name, size_t place)
{
	uint8_t *hint = &r->rule->hints[place % ARRAY_SIZE(r->rule->hints)];
	const struct flow_field *f = &flow_fields[*hint];

	if (strlen(f->name) == name.size && memcmp(f->name, name.text, name.size) == 0)
		return f;
	f = flow_field_find_n(name.text, name.size);
	if (f != NULL)
		*hint = (uint8_t)flow_field_id(f);
	return f;
}

static bool read_field(struct reader *r, const struct flow_field *f, uint32_t *prereqs)
{
	struct flow_match *m = &r->rule->match;
	uint64_t value, mask;
	uint32_t port;

	if (f == NULL)
		return false;
	*prereqs |= 1U << f->prereq;
	if (f->format == FF_PORT)
		return read_port(r, false, &port) && add_number(m, f, port, UINT32_MAX);
	bool is_text = json_plain_next(&r->p) == '"';
	const char *start = r->p.at;
	struct json_span s = {start, 0};
	if (is_text)
		s = json_plain_string(&r->p);
	else
		json_plain_uint(&r->p);
	if (r->p.bad)
		return false;
	if (!is_text)
		s.size = (size_t)(r->p.at - start);
	return parse_simple(f, s, &value, &mask) ? add_number(m, f, value, mask)
						 : add_other(m, f, s);
}

/* The field is the whole of its storage, of at most 8 bytes. */
static bool add_number(
    struct flow_match *m, const struct flow_field *f, uint64_t value, uint64_t mask)
{
	uint64_t old_value = 0, old_mask = 0, value_be = htobe64(value), mask_be = htobe64(mask);
	uint8_t *key = (uint8_t *)&m->key + f->offset, *key_mask = (uint8_t *)&m->mask + f->offset;
	size_t skip = sizeof(uint64_t) - f->size;

	memcpy((uint8_t *)&old_value + skip, key, f->size);
	memcpy((uint8_t *)&old_mask + skip, key_mask, f->size);
	if (((old_value ^ value_be) & old_mask & mask_be) != 0)
		return false;
	value_be = (old_value & ~mask_be) | (value_be & mask_be);
	mask_be |= old_mask;
	memcpy(key, (uint8_t *)&value_be + skip, f->size);
	memcpy(key_mask, (uint8_t *)&mask_be + skip, f->size);
	return true;
}

static bool add_other(struct flow_match *m, const struct flow_field *f, struct json_span text)
{
	char copy[FIELD_STR_SIZE];
	struct flow_value value, mask;
	struct err err;

	if (text.size >= sizeof(copy))
		return false;
	memcpy(copy, text.text, text.size);
	copy[text.size] = '\0';
	return flow_field_parse(f, copy, &value, &mask, &err) == 0 &&
	       flow_match_add_field(m, flow_field_id(f), &value, &mask) == 0;
}

static bool has_prereqs(const struct flow_match *m, uint32_t prereqs)
{
	for (; prereqs != 0; prereqs &= prereqs - 1) {
		if (!flow_match_has_prereq(m, (enum flow_field_prereq)__builtin_ctz(prereqs)))
			return false;
	}
	return true;
}

/* Numbers, addresses and prefixes that fit the field and its storage; false: another form, or wrong. */
static bool parse_simple(
    const struct flow_field *f, struct json_span s, uint64_t *value, uint64_t *mask)
{
	uint64_t ones = f->n_bits < 64 ? (UINT64_C(1) << f->n_bits) - 1 : UINT64_MAX;

	if (f->size > sizeof(uint64_t) || f->n_bits != f->size * 8U || (f->flags & FW_ABSENT) != 0)
		return false;
	*mask = ones;
	switch (f->format) {
	case FF_IP4: return parse_ip4(s, value, mask);
	case FF_MAC: return parse_mac(s, value);
	case FF_DEC:
	case FF_HEX: return parse_number(s, value) && *value <= ones;
	default: return false;
	}
}

/* As flow_field_parse: decimal without leading zeros, or 0x and hexadecimal. */
static bool parse_number(struct json_span s, uint64_t *ret)
{
	bool is_hex = s.size > 2 && s.text[0] == '0' && s.text[1] == 'x';
	uint64_t n = 0;

	if (s.size == 0 || s.size > 18 || (!is_hex && s.size > 1 && s.text[0] == '0'))
		return false;
	for (size_t i = is_hex ? 2 : 0; i < s.size; i++) {
		unsigned int digit = (uint8_t)s.text[i] - '0';
		if (digit > 9 && is_hex)
			digit = ((uint8_t)s.text[i] | 0x20U) - 'a' + 10;
		if (digit > (is_hex ? 15 : 9) || (digit < 10 && s.text[i] > '9'))
			return false;
		n = n * (is_hex ? 16 : 10) + digit;
	}
	*ret = n;
	return true;
}

static bool parse_ip4(struct json_span s, uint64_t *value, uint64_t *mask)
{
	size_t at = 0;
	uint32_t n = 0;

	for (unsigned int part = 0; part < 4; part++) {
		size_t start = at;
		unsigned int byte = 0;
		for (; at < s.size && at - start < 3 && (uint8_t)(s.text[at] - '0') <= 9; at++)
			byte = byte * 10 + (uint8_t)(s.text[at] - '0');
		if (at == start || byte > 255 || (at - start > 1 && s.text[start] == '0'))
			return false;
		n = n << 8 | byte;
		if (part < 3 && (at == s.size || s.text[at++] != '.'))
			return false;
	}
	*value = n;
	if (at == s.size)
		return true;
	uint64_t len;
	struct json_span rest = {s.text + at + 1, s.size - at - 1};
	if (s.text[at] != '/' || rest.size > 2 || !parse_number(rest, &len) || len > IP4_BITS)
		return false;
	*mask = len == 0 ? 0 : UINT32_MAX << (IP4_BITS - len) & UINT32_MAX;
	return (n & ~*mask) == 0;
}

static bool parse_mac(struct json_span s, uint64_t *ret)
{
	uint64_t n = 0;

	if (s.size != MAC_TEXT_SIZE)
		return false;
	for (size_t i = 0; i < s.size; i += 3) {
		struct json_span byte = {s.text + i, 2};
		char hex[4] = {'0', 'x', byte.text[0], byte.text[1]};
		uint64_t v;
		if (!parse_number((struct json_span){hex, sizeof(hex)}, &v) ||
		    (i + 2 < s.size && s.text[i + 2] != ':'))
			return false;
		n = n << 8 | v;
	}
	*ret = n;
	return true;
}

/* By number or name of the bridge, as flow_port_from_json; false for reserved words where they are allowed. */
static bool read_port(struct reader *r, bool allow_reserved, uint32_t *ret)
{
	char name[65];

	if (json_plain_next(&r->p) != '"') {
		uint64_t n = json_plain_uint(&r->p);
		*ret = (uint32_t)n;
		return !r->p.bad && n > 0 && n < DP_OFPORT_MAX && n != FLOW_LOCAL_NUMBER;
	}
	struct json_span s = json_plain_string(&r->p);
	if (r->p.bad || s.size >= sizeof(name))
		return false;
	memcpy(name, s.text, s.size);
	name[s.size] = '\0';
	if (allow_reserved && flow_port_is_reserved(name))
		return false;
	*ret = r->names->port_number(r->names->arg, name);
	return *ret != 0;
}

static bool read_actions(struct reader *r, struct buf_writer *w)
{
	json_plain_take(&r->p, '[');
	for (bool is_first = true; json_plain_more(&r->p, ']', &is_first);) {
		struct json_plain start = r->p;
		if (read_output(r, w))
			continue;
		r->p = start;
		if (!read_any_action(r, w))
			return false;
	}
	return !r->p.bad && !w->bad;
}

/* {"output":…} to a port. */
static bool read_output(struct reader *r, struct buf_writer *w)
{
	static const struct dp_action output = {.type = DP_ACTION_OUTPUT};
	struct dp_action a = output;

	if (json_plain_next(&r->p) != '{')
		return false;
	r->p.at++;
	if (!JSON_SPAN_IS(json_plain_key(&r->p), "output") || !read_port(r, true, &a.output.port) ||
	    !json_plain_take(&r->p, '}'))
		return false;
	a.len = (uint16_t)dp_action_size(DP_ACTION_OUTPUT);
	buf_put(w, &a, a.len);
	return true;
}

static bool read_any_action(struct reader *r, struct buf_writer *w)
{
	struct json_span text = json_plain_value(&r->p);
	json_error_t fault;
	struct err err = {0};

	if (r->p.bad)
		return false;
	json_t *action = json_read(text.text, text.size, &fault);
	int rc = action != NULL ? flow_action_from_json(action, r->names, w, &err) : -EINVAL;
	json_decref(action);
	return rc == 0;
}

/* Only these two ask for fields. */
static bool check_actions(const struct flow_rule *rule)
{
	bool reads_fields = false;
	struct flow_match packet;
	struct err err = {0};

	action_foreach (a, rule->apply.data, rule->apply.size)
		reads_fields |= a->type == DP_ACTION_SET_FIELD || a->type == DP_ACTION_MOVE;
	action_foreach (a, rule->write.data, rule->write.size)
		reads_fields |= a->type == DP_ACTION_SET_FIELD || a->type == DP_ACTION_MOVE;
	if (!reads_fields)
		return true;
	packet = rule->match;
	return flow_actions_check(&packet, &rule->apply, &err) == 0 &&
	       flow_action_set_check(&packet, &rule->write, &err) == 0;
}
