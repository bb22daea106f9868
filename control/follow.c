/* SPDX-License-Identifier: Apache-2.0 */
#include "control/follow.h"

#include <stdlib.h>
#include <string.h>

#include "control/api/txn.h"
#include "control/daemon.h"
#include "control/dp_client.h"
#include "control/underlay/underlay.h"

struct follow {
	struct daemon *daemon;
	struct txn_job job; // the model may change between transactions only
	struct model_underlay summary;
	struct dp_route_conf *routes;
	struct dp_local_conf *locals;
	size_t n_routes, n_locals;
};

static void on_change(const struct dp_route_conf *routes, size_t n_routes,
    const struct dp_local_conf *locals, size_t n_locals, const struct model_underlay *summary,
    void *arg);
static void put_underlay(void *arg);
static void *copy(const void *array, size_t n, size_t elem_size);

struct follow *follow_create(struct daemon *d, struct err *err)
{
	struct follow *f = calloc(1, sizeof(*f));
	const struct underlay_events events = {.on_change = on_change, .arg = f};

	if (f == NULL) {
		err_set(err, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	f->daemon = d;
	f->job = (struct txn_job){.run = put_underlay, .arg = f};
	d->underlay = underlay_create(d->base, &events, err);
	if (d->underlay != NULL)
		return f;
	free(f);
	return NULL;
}

void follow_destroy(struct follow *f)
{
	if (f == NULL)
		return;
	underlay_destroy(f->daemon->underlay);
	free(f->routes);
	free(f->locals);
	free(f);
}

void follow_model(struct daemon *d)
{
	const struct underlay_uplink *uplinks;
	const struct ip_addr *remotes;
	const uint16_t *udp_ports;
	size_t n_uplinks = model_uplinks(d->model, &uplinks),
	       n_remotes = model_remotes(d->model, &remotes),
	       n_udp_ports = model_udp_ports(d->model, &udp_ports);

	underlay_set_uplinks(d->underlay, uplinks, n_uplinks);
	underlay_set_remotes(d->underlay, remotes, n_remotes);
	underlay_set_udp_ports(d->underlay, udp_ports, n_udp_ports);
}

static void on_change(const struct dp_route_conf *routes, size_t n_routes,
    const struct dp_local_conf *locals, size_t n_locals, const struct model_underlay *summary,
    void *arg)
{
	struct follow *f = arg;

	free(f->routes);
	free(f->locals);
	f->routes = copy(routes, n_routes, sizeof(*routes));
	f->locals = copy(locals, n_locals, sizeof(*locals));
	f->n_routes = n_routes;
	f->n_locals = n_locals;
	f->summary = *summary;
	txn_when_idle(f->daemon->txn, &f->job);
}

static void put_underlay(void *arg)
{
	struct follow *f = arg;
	struct daemon *d = f->daemon;
	struct buf_writer ops;

	buf_writer_init(&ops, DP_BODY_MAX);
	model_set_underlay(d->model, &f->summary);
	uint32_t n_ops =
	    model_put_underlay(d->model, f->routes, f->n_routes, f->locals, f->n_locals, &ops);
	if (n_ops > 0 && d->dp != NULL)
		dp_client_apply(d->dp, &ops, n_ops, NULL, NULL);
	buf_writer_fini(&ops);
}

/* Out of memory ends the daemon, as everywhere in the model. */
static void *copy(const void *array, size_t n, size_t elem_size)
{
	void *p = malloc(n * elem_size + 1);

	if (p == NULL)
		abort();
	if (n > 0)
		memcpy(p, array, n * elem_size);
	return p;
}
