/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/command.h"

#include <stdlib.h>
#include <string.h>

#include "datapath/base/json_util.h"
#include "tools/bench/engine/json_more.h"

static int decode_load(
    json_t *obj, const struct command_context *x, struct command *c, struct err *err);
static int check_load(const struct command *c, struct err *err);
static int decode_trial(
    json_t *obj, const struct command_context *x, struct command *c, struct err *err);
static int decode_rates(
    json_t *obj, const struct command_context *x, struct command *c, struct err *err);
static int decode_only(
    json_t *obj, const struct command_context *x, struct command *c, struct err *err);
static int decode_wait_link(
    json_t *obj, const struct command_context *x, struct command *c, struct err *err);
static int decode_nothing(
    json_t *obj, const struct command_context *x, struct command *c, struct err *err);

struct command_row {
	const char *name;
	const char *const *members;
	size_t n_members;
	int (*decode)(
	    json_t *obj, const struct command_context *x, struct command *c, struct err *err);
};

static const char *const load_members[] = {"cmd", "streams"};
static const char *const trial_members[] = {
    "cmd", "duration_ms", "drain_ms", "rates", "only", "packets"};
static const char *const wait_members[] = {"cmd", "timeout_ms"};

static const struct command_row rows[] = {
    [COMMAND_LOAD] = {"load", load_members, ARRAY_SIZE(load_members), decode_load},
    [COMMAND_TRIAL] = {"trial", trial_members, ARRAY_SIZE(trial_members), decode_trial},
    [COMMAND_LINK] = {"link", wait_members, 1, decode_nothing},
    [COMMAND_WAIT_LINK] = {"wait_link", wait_members, ARRAY_SIZE(wait_members), decode_wait_link},
    [COMMAND_CALIBRATE] = {"calibrate", wait_members, 1, decode_nothing},
    [COMMAND_QUIT] = {"quit", wait_members, 1, decode_nothing},
};

int command_decode(const char *line, size_t size, const struct command_context *context,
    struct command *ret, struct err *err)
{
	const char *names[ARRAY_SIZE(rows)];
	json_error_t at;
	size_t kind = 0;
	struct command c = {0};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		names[i] = rows[i].name;
	json_t *given = json_loadb(line, size, JSON_REJECT_DUPLICATES, &at);
	if (given == NULL)
		return err_set(err, ERR_PARSE, "not JSON: %s at byte %d", at.text, at.position);
	json_t *obj = json_is_object(given) ? json_without_nulls(given) : NULL;
	json_decref(given);
	if (obj == NULL)
		return err_set(err, ERR_REQUEST, "a command is an object with a member \"cmd\"");
	int rc = json_get_choice(obj, "cmd", names, ARRAY_SIZE(names), &kind, err);
	rc = json_required(rc, "cmd", err);
	if (rc == 0)
		rc = json_check_members(obj, rows[kind].members, rows[kind].n_members, err);
	c.kind = (enum command_kind)kind;
	if (rc == 0)
		rc = rows[kind].decode(obj, context, &c, err);
	json_decref(obj);
	if (rc == 0)
		*ret = c;
	else
		command_fini(&c);
	return rc;
}

void command_fini(struct command *c)
{
	free(c->streams);
	c->streams = NULL;
}

static int decode_load(
    json_t *obj, const struct command_context *x, struct command *c, struct err *err)
{
	json_t *list = NULL;
	int rc = json_required(json_get_array(obj, "streams", &list, err), "streams", err);
	if (rc < 0)
		return rc;
	size_t n = json_array_size(list);
	err_path(err, "/streams");
	if (n == 0 || n > STREAM_MAX)
		return err_set(err, ERR_TOO_LARGE, "%zu streams, not 1..%d", n, STREAM_MAX);
	c->streams = calloc(n, sizeof(c->streams[0]));
	if (c->streams == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	for (size_t i = 0; i < n; i++) {
		err_path(err, "/streams/%zu", i);
		rc = stream_conf_decode(json_array_get(list, i), x->ports, &c->streams[i], err);
		if (rc < 0)
			return rc;
		c->n_streams++;
		rc = check_load(c, err);
		if (rc < 0)
			return rc;
	}
	err_path(err, "%s", "");
	return 0;
}

/* What the last stream must not have in common with those before. */
static int check_load(const struct command *c, struct err *err)
{
	uint64_t n_flows = 0;
	const struct stream_conf *last = &c->streams[c->n_streams - 1];
	for (unsigned int i = 0; i < c->n_streams; i++) {
		const struct stream_conf *s = &c->streams[i];
		n_flows += s->n_flows;
		if (s == last)
			break;
		if (s->id == last->id)
			return err_set(err, ERR_PARAMS, "two streams have the id %u", s->id);
		// Captured frames carry no stamp: those that arrive are told apart by the port.
		if (s->kind == STREAM_PCAP && last->kind == STREAM_PCAP &&
		    s->rx_port == last->rx_port && s->rx_port != PORT_NONE)
			return err_set(err, ERR_PARAMS,
			    "streams %u and %u replay captures to the same port, whose frames "
			    "nobody could tell apart",
			    s->id, last->id);
	}
	if (n_flows > STREAM_FLOWS_SUM_MAX)
		return err_set(err, ERR_TOO_LARGE, "all streams together have more than %d flows",
		    STREAM_FLOWS_SUM_MAX);
	return 0;
}

static int decode_trial(
    json_t *obj, const struct command_context *x, struct command *c, struct err *err)
{
	uint64_t duration_ms = TRIAL_MS, drain_ms = DRAIN_MS, n_packets = 0;
	int rc =
	    json_optional(json_get_u64(obj, "duration_ms", 1, TRIAL_MS_MAX, &duration_ms, err));
	if (rc == 0)
		rc = json_optional(json_get_u64(obj, "drain_ms", 0, TRIAL_MS_MAX, &drain_ms, err));
	if (rc == 0)
		rc = json_optional(json_get_u64(obj, "packets", 1, PACKETS_MAX, &n_packets, err));
	if (rc < 0)
		return rc;
	if (x->n_loaded == 0)
		return err_set(err, ERR_STATE, "no streams are loaded");
	c->duration_ms = (uint32_t)duration_ms;
	c->drain_ms = (uint32_t)drain_ms;
	c->n_packets = n_packets;
	memcpy(c->is_active, x->is_loaded, sizeof(c->is_active));
	rc = decode_rates(obj, x, c, err);
	return rc < 0 ? rc : decode_only(obj, x, c, err);
}

/* {"1": 1000000}: by stream id. */
static int decode_rates(
    json_t *obj, const struct command_context *x, struct command *c, struct err *err)
{
	json_t *rates = NULL, *value;
	const char *name;
	int rc = json_get_object(obj, "rates", &rates, err);
	if (rc < 0)
		return json_optional(rc);
	json_object_foreach (rates, name, value) {
		char *end;
		unsigned long id = strtoul(name, &end, 10);
		bool is_number = name[0] >= '1' && name[0] <= '9' && *end == '\0';
		if (!is_number || id > STREAM_ID_MAX || !x->is_loaded[id]) {
			err_path(err, "/rates");
			return err_set(err, ERR_PARAMS, "there is no stream \"%.20s\"", name);
		}
		double rate = json_number_value(value);
		if (json_is_null(value))
			continue;
		if (!json_is_number(value) || !(rate >= 0 && rate <= RATE_PPS_MAX)) {
			err_path(err, "/rates/%lu", id);
			return err_set(err, ERR_PARAMS,
			    "a rate is a number of packets a second up to %.0f, 0 for no limit",
			    RATE_PPS_MAX);
		}
		c->rates_pps[id] = rate;
	}
	return 0;
}

/* [1, 3]: the other streams do not send. */
static int decode_only(
    json_t *obj, const struct command_context *x, struct command *c, struct err *err)
{
	json_t *list = NULL;
	int rc = json_get_array(obj, "only", &list, err);
	if (rc < 0)
		return json_optional(rc);
	memset(c->is_active, 0, sizeof(c->is_active));
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_int_t id = json_integer_value(json_array_get(list, i));
		if (id < 1 || id > STREAM_ID_MAX || !x->is_loaded[id]) {
			err_path(err, "/only/%zu", i);
			return err_set(err, ERR_PARAMS, "there is no such stream");
		}
		c->is_active[id] = true;
	}
	return 0;
}

static int decode_wait_link(
    json_t *obj, const struct command_context *x, struct command *c, struct err *err)
{
	uint64_t timeout_ms = WAIT_MS;
	(void)x;
	int rc = json_optional(json_get_u64(obj, "timeout_ms", 0, WAIT_MS_MAX, &timeout_ms, err));
	c->timeout_ms = (uint32_t)timeout_ms;
	return rc;
}

static int decode_nothing(
    json_t *obj, const struct command_context *x, struct command *c, struct err *err)
{
	(void)obj, (void)x, (void)c, (void)err;
	return 0;
}
