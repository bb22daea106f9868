/* SPDX-License-Identifier: Apache-2.0 */
/* flow.trace: a packet through the switch's real pipeline, in words. */
#include <arpa/inet.h>
#include <ctype.h>
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/method.h"
#include "control/flow_json.h"
#include "control/mem.h"
#include "control/query/packet.h"
#include "control/query/query.h"
#include "datapath/base/json_util.h"

enum { TEXT_SIZE = 512, PACKET_MAX = DP_MAX_MTU + 64 };

/* The reply being told: what bridge it is in decides what port numbers are called. */
struct story {
	const struct daemon *d;
	uint32_t bridge;
	json_t *steps, *program, *verdict;
};

static int packet_from_hex(const char *hex, uint8_t *packet, struct err *err);
static int packet_from_fields(
    json_t *fields, struct dp_trace_req *ret, uint8_t *packet, struct err *err);
static json_t *trace_done(struct query *q, const void *body, size_t size, struct err *err);
static void tell(struct story *s, const struct dp_trace_rec *rec, struct buf body);

void flow_trace(struct rpc_request *req)
{
	struct err err = {0};
	struct dp_trace_req body = {0};
	json_t *params = rpc_params(req), *fields = json_object_get(params, "fields");
	const char *hex;
	uint8_t *message = mem_alloc(sizeof(body) + PACKET_MAX);

	int len = query_port(rpc_daemon(req), params, "port", &body.port, &err);
	if (len == 0)
		len = query_string(params, "packet", &hex, &err);
	if (len == 0 && (hex != NULL) == (fields != NULL)) {
		len = err_set(&err, ERR_PARAMS, "either packet (hex) or fields is needed");
	} else if (len == 0) {
		len = hex != NULL ? packet_from_hex(hex, message + sizeof(body), &err)
				  : packet_from_fields(fields, &body, message + sizeof(body), &err);
	}
	if (len < 0) {
		rpc_fail(req, &err);
	} else {
		body.len = (uint16_t)len;
		memcpy(message, &body, sizeof(body));
		query_start(req, DP_MSG_TRACE, message, sizeof(body) + (size_t)len, trace_done);
	}
	free(message);
}

static int packet_from_hex(const char *hex, uint8_t *packet, struct err *err)
{
	size_t n = 0;

	err_path(err, "/packet");
	for (; *hex != '\0'; hex++) {
		if (isspace((unsigned char)*hex) || *hex == ':')
			continue;
		unsigned int byte;
		if (!isxdigit((unsigned char)hex[0]) || !isxdigit((unsigned char)hex[1]))
			return err_set(err, ERR_PARAMS, "not pairs of hex digits at \"%.8s\"", hex);
		if (n == PACKET_MAX)
			return err_set(err, ERR_PARAMS, "longer than %d bytes", PACKET_MAX);
		(void)sscanf(hex, "%2x", &byte);
		packet[n++] = (uint8_t)byte;
		hex++;
	}
	return (int)n;
}

static int packet_from_fields(
    json_t *fields, struct dp_trace_req *ret, uint8_t *packet, struct err *err)
{
	static const struct flow_names no_names = {0};
	struct flow_match m = {0};

	err_path(err, "/fields");
	int rc = json_is_object(fields) ? flow_match_from_json(fields, &no_names, &m, err)
					: err_set(err, ERR_PARAMS, "fields is not an object");
	if (rc != 0)
		return rc;
	ret->tun_id = be64toh(m.key.tun_id);
	ret->tun_src = m.key.tun_src != 0 ? ip_from_v4(m.key.tun_src) : ip_from_v6(&m.key.tun6_src);
	ret->tun_dst = m.key.tun_dst != 0 ? ip_from_v4(m.key.tun_dst) : ip_from_v6(&m.key.tun6_dst);
	return packet_build(&m.key, packet, err);
}

static json_t *trace_done(struct query *q, const void *body, size_t size, struct err *err)
{
	struct story s = {.d = q->d, .steps = json_array(), .program = json_array()};
	struct buf b = buf_from(body, size);
	struct dp_trace_rec rec;

	while (buf_left(&b) > 0) {
		buf_bytes(&b, &rec, sizeof(rec));
		if (b.bad || rec.size < sizeof(rec) || rec.size - sizeof(rec) > buf_left(&b)) {
			b.bad = true;
			break;
		}
		tell(&s, &rec,
		    buf_from(buf_take(&b, rec.size - sizeof(rec)), rec.size - sizeof(rec)));
	}
	if (b.bad || s.verdict == NULL) {
		err_set(err, ERR_INTERNAL, "sluice-switch sent a trace that cannot be read");
		json_decref(s.steps);
		json_decref(s.program);
		json_decref(s.verdict);
		return NULL;
	}
	return json_pack(
	    "{s:o, s:o, s:o}", "steps", s.steps, "program", s.program, "verdict", s.verdict);
}

static const char *port_name_of(void *arg, uint32_t ofport)
{
	const struct story *s = arg;
	return model_ofport_name(s->d->model, s->bridge, ofport);
}

/* The fields of the packet that are not zero, as a match that would fit it exactly. */
static void describe_key(const struct flow_key *k, char text[TEXT_SIZE])
{
	static const struct flow_value zero;
	struct flow_match m = {0};

	for (enum flow_field_id id = 0; id < FIELD__COUNT; id++) {
		const struct flow_field *f = &flow_fields[id];
		struct flow_value v, ones = flow_value_ones(f->n_bits);

		flow_field_get(f, k, &v);
		if (id != FIELD_IN_PORT && (f->flags & FW_ALIAS) == 0 &&
		    memcmp(&v, &zero, sizeof(v)) != 0 && flow_match_has_prereq(&m, f->prereq))
			(void)!flow_match_add_field(&m, id, &v, &ones);
	}
	flow_match_format(&m, text, TEXT_SIZE);
}

static void tell_bridge(struct story *s, unsigned int depth, struct buf *b)
{
	struct flow_key k;
	char text[TEXT_SIZE];

	s->bridge = buf_u32(b);
	uint32_t ofport = buf_u32(b);
	buf_bytes(b, &k, sizeof(k));
	describe_key(&k, text);
	const char *bridge = model_bridge_name(s->d->model, s->bridge);
	const char *port = model_ofport_name(s->d->model, s->bridge, ofport);
	json_array_append_new(
	    s->steps, json_pack("{s:s, s:i, s:s, s:s, s:I, s:s}", "type", "bridge", "depth",
			  (int)depth, "bridge", bridge != NULL ? bridge : "", "port",
			  port != NULL ? port : "", "in_port", (json_int_t)ofport, "flow", text));
}

static json_t *whynot_to_json(const struct story *s, const struct dp_trace_whynot *w)
{
	char rule[80], want[FIELD_STR_SIZE], have[FIELD_STR_SIZE];
	const struct flow_field *f =
	    w->field < FIELD__COUNT ? &flow_fields[w->field] : &flow_fields[0];

	return json_pack("{s:s, s:I, s:s, s:s, s:s}", "rule", query_rule_name(s->d, w->rule, rule),
	    "priority", (json_int_t)w->priority, "field", f->name, "want",
	    flow_field_format(f, &w->want, &w->mask, want), "have",
	    flow_field_format(f, &w->have, NULL, have));
}

static void tell_table(struct story *s, unsigned int depth, struct buf *b)
{
	struct dp_trace_table t;
	struct dp_trace_whynot w;
	char rule[80];
	json_t *why_not = json_array();

	buf_bytes(b, &t, sizeof(t));
	for (uint32_t i = 0; i < t.n_whynot && buf_left(b) >= sizeof(w); i++) {
		buf_bytes(b, &w, sizeof(w));
		json_array_append_new(why_not, whynot_to_json(s, &w));
	}
	json_t *step = json_pack("{s:s, s:i, s:i, s:o}", "type", "table", "depth", (int)depth,
	    "table", (int)t.table, "why_not", why_not);
	if (t.rule != 0) {
		json_object_set_new(step, "rule", json_string(query_rule_name(s->d, t.rule, rule)));
		json_object_set_new(step, "priority", json_integer((json_int_t)t.priority));
	}
	json_array_append_new(s->steps, step);
}

static void tell_action(struct story *s, unsigned int depth, struct buf *b)
{
	const struct flow_names names = {.port_name = port_name_of, .arg = s};
	struct dp_action a = {0};

	buf_bytes(b, &a, MIN_OF(buf_left(b), sizeof(a)));
	if (a.type >= DP_ACTION__COUNT)
		return;
	json_t *action = flow_action_to_json(&a, &names);
	char *text = json_text(action, JSON_COMPACT | JSON_ENCODE_ANY);
	json_array_append_new(s->steps, json_pack("{s:s, s:i, s:s, s:o}", "type", "action", "depth",
					    (int)depth, "text", text, "action", action));
	free(text);
}

/* The switch writes "port 17": here it gets its name. */
static void name_ports(const struct story *s, const char *line, char text[TEXT_SIZE])
{
	size_t len = 0;

	while (*line != '\0' && len < TEXT_SIZE - 1) {
		unsigned int id;
		int used = 0;
		char buf[80];

		if (strncmp(line, "port ", 5) == 0 && sscanf(line, "port %u%n", &id, &used) == 1 &&
		    used > 0) {
			len += (size_t)snprintf(
			    text + len, TEXT_SIZE - len, "%s", query_port_name(s->d, id, buf));
			len = MIN_OF(len, (size_t)TEXT_SIZE - 1);
			line += used;
		} else {
			text[len++] = *line++;
		}
	}
	text[len] = '\0';
}

static void tell_program(const struct story *s, struct buf *b)
{
	size_t size = buf_left(b);
	char *lines = mem_copy_text((const char *)buf_take(b, size), size), *save = NULL,
	     text[TEXT_SIZE];

	if (lines == NULL)
		abort();
	for (char *line = strtok_r(lines, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		name_ports(s, line, text);
		json_array_append_new(s->program, json_string(text));
	}
	free(lines);
}

static void tell_verdict(struct story *s, struct buf *b)
{
	struct dp_trace_verdict v;
	char rule[80];

	buf_bytes(b, &v, sizeof(v));
	json_decref(s->verdict);
	s->verdict = json_pack("{s:i, s:b, s:s}", "outputs", (int)v.n_outputs, "cached",
	    v.cached != 0, "rule", query_rule_name(s->d, v.rule, rule));
	if (v.drop >= DP_DROP__COUNT)
		return;
	json_object_set_new(s->verdict, "drop", json_string(dp_drops[v.drop].name));
	json_object_set_new(s->verdict, "help", json_string(dp_drops[v.drop].help));
	json_object_set_new(s->verdict, "check", json_string(dp_drops[v.drop].check));
}

static void tell(struct story *s, const struct dp_trace_rec *rec, struct buf body)
{
	char text[TEXT_SIZE];

	switch (rec->type) {
	case DP_TRACE_BRIDGE: tell_bridge(s, rec->depth, &body); break;
	case DP_TRACE_TABLE: tell_table(s, rec->depth, &body); break;
	case DP_TRACE_ACTION: tell_action(s, rec->depth, &body); break;
	case DP_TRACE_NOTE:
		snprintf(text, sizeof(text), "%.*s", (int)buf_left(&body), (const char *)body.data);
		json_array_append_new(s->steps, json_pack("{s:s, s:i, s:s}", "type", "note",
						    "depth", (int)rec->depth, "text", text));
		break;
	case DP_TRACE_PROGRAM: tell_program(s, &body); break;
	case DP_TRACE_VERDICT: tell_verdict(s, &body); break;
	default: break;
	}
}
