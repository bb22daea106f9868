/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/openflow/of_priv.h"
#include "datapath/base/clock.h"

#define LOG_MODULE "openflow"
#include "datapath/base/log.h"

enum {
	FAIL_OPEN_MS = 3 * OF_DEFAULT_PROBE_MS,
	LOG_GAP_MS = 5000, // between lines of refused connections
};
#define FAIL_OPEN_RULE (OPENFLOW_RULE | 1ULL << 62) // and the bridge's number

static void put_fail_open(struct of_bridge *b);
static void set_controllers(struct of_bridge *b, const struct of_bridge_conf *conf);
static struct of_controller *find_controller(const struct of_bridge *b, const char *target);
static void on_link(void *owner, struct ovsdb_link link, bool is_connecting, const char *name);
static struct ssl_ctx_st *no_tls(void *owner);

static const struct of_remote_ops mgmt_ops = {.on_link = on_link, .tls = no_tls};

struct of_bridge *of_bridge_create(struct of_switch *s, const char *name, uint32_t id)
{
	struct of_bridge *b = mem_alloc(sizeof(*b));
	char target[OF_TARGET_SIZE];
	struct err err = {0};

	*b = (struct of_bridge){.sw = s, .id = id, .versions = OF_ALL_VERSIONS};
	snprintf(b->name, sizeof(b->name), "%s", name);
	hmap_init(&b->flows);
	hmap_init(&b->groups);
	list_init(&b->sessions);
	list_init(&b->controllers);
	list_add(&s->bridges, &b->node);
	snprintf(target, sizeof(target), "punix:%s/%s.mgmt", s->d->rundir, name);
	b->mgmt = of_remote_create(s->d->base, target, &mgmt_ops, b, &err);
	if (b->mgmt == NULL)
		log_err("%s: %s", target, err.what);
	return b;
}

void of_bridge_destroy(struct of_bridge *b)
{
	list_foreach_safe (c, &b->controllers, struct of_controller, node)
		of_controller_destroy(c);
	list_foreach_safe (s, &b->sessions, struct of_session, node)
		of_session_destroy(s);
	of_remote_destroy(b->mgmt);
	of_flows_destroy(b);
	of_groups_destroy(b);
	list_del(&b->node);
	free(b);
}

/* Rules are flushed when a bridge gets its first controller or loses the last, as OVS does: they are somebody else's from then on. */
void of_bridge_configure(struct of_bridge *b, const struct api_object *object)
{
	struct of_bridge_conf conf;
	struct err err = {0};
	bool had_controllers = !list_is_empty(&b->controllers);

	if (b->is_set_up && b->generation == object->generation)
		return;
	b->generation = object->generation;
	if (of_bridge_conf_read(object->data, &conf, &err) !=
	    0) { // not reached: the model has read it
		log_err("%s: %s", b->name, err.what);
		return;
	}
	bool is_same = b->is_set_up && b->is_standalone == conf.is_standalone &&
		       had_controllers == (conf.n_controllers > 0);
	b->versions = conf.versions;
	b->is_standalone = conf.is_standalone;
	b->is_set_up = true;
	set_controllers(b, &conf);
	if (is_same)
		return;
	b->rules_are_due = true;
	txn_when_idle(b->sw->d->txn, &b->sw->settle);
}

void of_bridge_settle(struct of_bridge *b)
{
	struct {
		struct dp_action a;
	} normal = {{.type = DP_ACTION_OUTPUT,
	    .len = (uint16_t)dp_action_size(DP_ACTION_OUTPUT),
	    .output.port = DP_OFPORT_NORMAL}};
	struct dp_rule_conf conf = {0};
	struct flow_match any = {0};
	uint8_t match[FLOW_MATCH_MAX_SIZE];

	if (!b->rules_are_due)
		return;
	b->rules_are_due = false;
	hmap_foreach_safe (f, &b->flows, struct of_flow, node)
		of_flow_del(b, f);
	of_groups_flush(b);
	if (!b->is_standalone || !list_is_empty(&b->controllers))
		return;
	const struct ofp_instructions ins = {.apply = {&normal, normal.a.len}};
	of_flow_put(b, NULL, &conf, match, flow_match_encode(&any, match), &ins, true);
}

/*
 * A stand-alone bridge whose controllers are all away is a learning switch until one is back (as with OVS, after three times the
 * silence that is allowed). The rule for it is above all others, and not one of those that are shown.
 */
void of_bridge_watch_over(struct of_bridge *b, uint64_t now_ms)
{
	bool is_governed = list_is_empty(&b->controllers) || !b->is_standalone;

	list_foreach (c, &b->controllers, struct of_controller, node)
		is_governed |= c->n_open > 0;
	if (is_governed || b->alone_since_ms == 0)
		b->alone_since_ms = now_ms;
	bool is_alone = !is_governed && now_ms - b->alone_since_ms >= FAIL_OPEN_MS;
	if (is_alone == b->is_fail_open || !b->sw->is_restored || !txn_is_idle(b->sw->d->txn))
		return;
	b->is_fail_open = is_alone;
	log_warn("%s: %s", b->name,
	    is_alone ? "no controller: it acts as a learning switch"
		     : "a controller is back: it follows the rules again");
	if (is_alone)
		put_fail_open(b);
	else
		model_part_del(b->sw->d->model, b->part, DP_KIND_RULE, FAIL_OPEN_RULE | b->id,
		    of_switch_ops(b->sw));
	of_switch_flush(b->sw);
}

static void put_fail_open(struct of_bridge *b)
{
	struct {
		struct dp_rule_conf conf;
		uint8_t match[sizeof(uint64_t)];
		struct dp_action normal;
	} rule = {
	    .conf = {.bridge = b->id, .priority = UINT16_MAX, .match_size = sizeof(rule.match)},
	    .normal = {.type = DP_ACTION_OUTPUT,
		.len = (uint16_t)dp_action_size(DP_ACTION_OUTPUT),
		.output.port = DP_OFPORT_NORMAL},
	};

	rule.conf.apply_size = rule.normal.len;
	model_part_put(b->sw->d->model, b->part, DP_KIND_RULE, FAIL_OPEN_RULE | b->id, &rule,
	    offsetof(typeof(rule), normal) + rule.normal.len, of_switch_ops(b->sw));
}

void of_bridge_tick(struct of_bridge *b, uint64_t now_ms)
{
	if (b->mgmt != NULL)
		of_remote_tick(b->mgmt, now_ms);
	list_foreach (c, &b->controllers, struct of_controller, node)
		of_remote_tick(c->remote, now_ms);
	list_foreach_safe (s, &b->sessions, struct of_session, node)
		of_session_tick(s, now_ms);
	of_bridge_watch_over(b, now_ms);
}

void of_bridge_adopt(struct of_bridge *b, struct ovsdb_link link, bool is_connecting,
    struct of_controller *controller, const char *name)
{
	unsigned int n_tools = 0, limit = controller != NULL ? OF_MAX_SESSIONS : OF_MAX_TOOLS;

	list_foreach (s, &b->sessions, struct of_session, node)
		n_tools += s->controller == NULL;
	if ((controller != NULL ? b->n_sessions : n_tools) >= limit) {
		uint64_t now_ms = clock_ms();
		b->sw->n_refused++;
		if (now_ms - b->refused_ms > LOG_GAP_MS)
			log_warn("%s: %s: connection refused: there are %u, which is the limit",
			    b->name, name, limit);
		b->refused_ms = now_ms;
		ovsdb_link_close(&link);
		return;
	}
	of_session_create(b, link, is_connecting, controller, name);
}

static void set_controllers(struct of_bridge *b, const struct of_bridge_conf *conf)
{
	list_foreach (c, &b->controllers, struct of_controller, node)
		c->is_wanted = false;
	for (size_t i = 0; i < conf->n_controllers; i++) {
		struct of_controller *c = find_controller(b, conf->controllers[i].target);
		if (c != NULL)
			c->is_wanted = true;
	}
	// Those that go make room for those that come: a port to listen at, for one.
	list_foreach_safe (c, &b->controllers, struct of_controller, node)
		if (!c->is_wanted)
			of_controller_destroy(c);
	for (size_t i = 0; i < conf->n_controllers; i++) {
		struct of_controller *c = find_controller(b, conf->controllers[i].target);
		if (c != NULL)
			of_controller_set(c, &conf->controllers[i]);
		else
			of_controller_create(b, &conf->controllers[i]);
	}
}

static struct of_controller *find_controller(const struct of_bridge *b, const char *target)
{
	list_foreach (c, &b->controllers, struct of_controller, node)
		if (strcmp(of_remote_target(c->remote), target) == 0)
			return c;
	return NULL;
}

static void on_link(void *owner, struct ovsdb_link link, bool is_connecting, const char *name)
{
	of_bridge_adopt(owner, link, is_connecting, NULL, name);
}

static struct ssl_ctx_st *no_tls(void *)
{
	return NULL; // a socket in the file system
}
