/* SPDX-License-Identifier: Apache-2.0 */
/* A controller of a bridge, as it is configured: one connection that is made again, or a socket that listens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/openflow/of_priv.h"
#include "datapath/base/clock.h"

#define LOG_MODULE "openflow"
#include "datapath/base/log.h"

static void on_link(void *owner, struct ovsdb_link link, bool is_connecting, const char *name);
static struct ssl_ctx_st *get_tls(void *owner);

static const char *role_of(const struct of_controller *c);

static const struct of_remote_ops remote_ops = {.on_link = on_link, .tls = get_tls};

void of_controller_create(struct of_bridge *b, const struct of_controller_conf *conf)
{
	struct of_controller *c = mem_alloc(sizeof(*c));
	struct err err = {0};

	*c = (struct of_controller){.bridge = b, .probe_ms = conf->probe_ms, .is_wanted = true};
	c->remote = of_remote_create(b->sw->d->base, conf->target, &remote_ops, c, &err);
	if (c->remote == NULL) { // not reached: the target was parsed before
		log_err("%s: %s", conf->target, err.what);
		free(c);
		return;
	}
	of_remote_set_max_backoff(c->remote, conf->max_backoff_ms);
	list_add(&b->controllers, &c->node);
}

void of_controller_destroy(struct of_controller *c)
{
	list_foreach_safe (s, &c->bridge->sessions, struct of_session, node)
		if (s->controller == c)
			of_session_destroy(s);
	of_remote_destroy(c->remote);
	list_del(&c->node);
	free(c);
}

void of_controller_set(struct of_controller *c, const struct of_controller_conf *conf)
{
	c->probe_ms = conf->probe_ms;
	of_remote_set_max_backoff(c->remote, conf->max_backoff_ms);
}

void of_controller_get_status(const struct of_controller *c, struct of_controller_status *ret)
{
	uint64_t now_ms = clock_ms();

	*ret = (struct of_controller_status){
	    .is_connected = c->n_open > 0,
	    .last_error = of_remote_last_error(c->remote),
	    .role = role_of(c),
	    .connected_s = c->connected_ms != 0 ? (int64_t)(now_ms - c->connected_ms) / 1000 : -1,
	    .disconnected_s =
		c->disconnected_ms != 0 ? (int64_t)(now_ms - c->disconnected_ms) / 1000 : -1,
	};
	ret->state = c->n_open > 0                     ? "ACTIVE"
		     : of_remote_is_passive(c->remote) ? "IDLE"
						       : "BACKOFF";
}

void of_controller_on_open(struct of_controller *c)
{
	c->n_open++;
	c->connected_ms = clock_ms();
	of_bridge_watch_over(c->bridge, c->connected_ms);
	if (!of_remote_is_passive(c->remote))
		of_remote_on_open(c->remote);
}

void of_controller_on_end(struct of_controller *c, bool was_open, const char *why)
{
	c->n_open -= was_open;
	c->disconnected_ms = clock_ms();
	if (!of_remote_is_passive(c->remote))
		of_remote_on_end(c->remote, why);
}

static const char *role_of(const struct of_controller *c)
{
	list_foreach (s, &c->bridge->sessions, struct of_session, node)
		if (s->controller == c && s->is_open && !s->is_over)
			return of_session_role(s);
	return "";
}

static void on_link(void *owner, struct ovsdb_link link, bool is_connecting, const char *name)
{
	struct of_controller *c = owner;

	of_bridge_adopt(c->bridge, link, is_connecting, c, name);
}

static struct ssl_ctx_st *get_tls(void *owner)
{
	const struct of_controller *c = owner;

	return vswitch_tls(c->bridge->sw->d->vswitch);
}
