/* SPDX-License-Identifier: Apache-2.0 */
/* drop.list and drop.samples. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/api/method.h"
#include "control/query/packet.h"
#include "control/query/query.h"

/* Optional filters, checked before the switch is asked. */
static int check_filters(struct rpc_request *req, struct err *err)
{
	json_t *params = rpc_params(req);
	const char *reason, *words[DP_DROP__COUNT];
	uint32_t port;

	if (json_object_get(params, "port") != NULL &&
	    query_port(rpc_daemon(req), params, "port", &port, err) != 0)
		return -ENOENT;
	int rc = query_string(params, "reason", &reason, err);
	if (rc != 0 || reason == NULL || dp_drop_find(reason) != DP_DROP__COUNT)
		return rc;
	for (size_t i = 0; i < DP_DROP__COUNT; i++)
		words[i] = dp_drops[i].name;
	const char *near = nearest_word(reason, words, DP_DROP__COUNT);
	err_path(err, "/reason");
	err_set(err, ERR_NOT_FOUND, "there is no drop reason \"%s\"", reason);
	return near != NULL ? err_hint(err, "did you mean \"%s\"?", near)
			    : err_hint(err, "drop.list has all");
}

static json_t *list_done(struct query *q, const void *body, size_t size, struct err *)
{
	const struct dp_port_stats *ports = body;
	const size_t n = size / sizeof(*ports);
	json_t *only = json_object_get(q->params, "port"), *reasons = json_array();
	uint32_t only_id = only != NULL ? model_port_id(q->d->model, json_string_value(only)) : 0;
	char buf[80];

	for (unsigned int r = 0; r < DP_DROP__COUNT; r++) {
		json_t *by_port = json_object();
		uint64_t total = 0;

		for (size_t i = 0; i < n; i++) {
			if (ports[i].drops[r] == 0 || (only != NULL && ports[i].id != only_id))
				continue;
			total += ports[i].drops[r];
			json_object_set_new(by_port, query_port_name(q->d, ports[i].id, buf),
			    json_integer((json_int_t)ports[i].drops[r]));
		}
		json_array_append_new(
		    reasons, json_pack("{s:s, s:I, s:s, s:s, s:o}", "reason", dp_drops[r].name,
				 "count", (json_int_t)total, "help", dp_drops[r].help, "check",
				 dp_drops[r].check, "ports", by_port));
	}
	return json_pack("{s:o}", "reasons", reasons);
}

void drop_list(struct rpc_request *req)
{
	struct err err = {0};
	const struct dp_stats_req body = {.kind = DP_STATS_PORTS};

	if (check_filters(req, &err) != 0)
		rpc_fail(req, &err);
	else
		query_start(req, DP_MSG_STATS, &body, sizeof(body), list_done);
}

/* RFC 3339 with milliseconds. */
static void format_time(uint64_t wall_ms, char text[32])
{
	const time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	char date[24];

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, 32, "%s.%03uZ", date, (unsigned int)(wall_ms % 1000));
}

static json_t *sample_to_json(const struct daemon *d, const struct dp_sample *s)
{
	char time_text[32], port[80], rule[80], summary[PACKET_TEXT_SIZE],
	    hex[2 * DP_SAMPLE_SNAP + 1] = "", cookie[24];
	size_t snap = MIN_OF(s->snap, (uint16_t)DP_SAMPLE_SNAP);

	format_time(s->wall_ms, time_text);
	for (size_t i = 0; i < snap; i++)
		snprintf(hex + 2 * i, 3, "%02x", s->data[i]);
	snprintf(cookie, sizeof(cookie), "0x%" PRIx64, s->cookie);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s}", "time", time_text,
	    "reason", s->reason < DP_DROP__COUNT ? dp_drops[s->reason].name : "unknown", "port",
	    query_port_name(d, s->in_port, port), "rule", query_rule_name(d, s->rule, rule),
	    "cookie", cookie, "length", (int)s->len, "summary",
	    packet_format(s->data, snap, summary), "data", hex, "help",
	    s->reason < DP_DROP__COUNT ? dp_drops[s->reason].help : "");
}

static json_t *samples_done(struct query *q, const void *body, size_t size, struct err *)
{
	const struct dp_sample *s = body;
	json_t *only_port = json_object_get(q->params, "port"),
	       *only_reason = json_object_get(q->params, "reason");
	uint32_t port =
	    only_port != NULL ? model_port_id(q->d->model, json_string_value(only_port)) : 0;
	uint32_t reason =
	    only_reason != NULL ? (uint32_t)dp_drop_find(json_string_value(only_reason)) : 0;
	json_t *samples = json_array();

	for (size_t i = 0; i < size / sizeof(*s); i++) {
		if ((only_port == NULL || s[i].in_port == port) &&
		    (only_reason == NULL || s[i].reason == reason))
			json_array_append_new(samples, sample_to_json(q->d, &s[i]));
	}
	return json_pack("{s:o}", "samples", samples);
}

void drop_samples(struct rpc_request *req)
{
	struct err err = {0};

	if (check_filters(req, &err) != 0)
		rpc_fail(req, &err);
	else
		query_start(req, DP_MSG_SAMPLES, NULL, 0, samples_done);
}
