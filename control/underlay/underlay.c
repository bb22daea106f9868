/* SPDX-License-Identifier: Apache-2.0 */
#include "control/underlay/underlay.h"

#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "control/mem.h"
#include "control/underlay/underlay_priv.h"
#include "datapath/base/clock.h"

#define LOG_MODULE "underlay"
#include "datapath/base/log.h"

/*
 * Every netlink event only says "look again": after a short pause, so that a burst of events costs one look, links, addresses and
 * neighbours are dumped and each remote's route is asked for. The result is compared with the last one; only a difference is
 * told. Nothing is kept from event to event that could get out of step with the kernel.
 */
enum {
	SETTLE_MS = 5,      // from an event to the look
	RETRY_MS = 1000,    // unresolved next hops are asked again
	REFRESH_MS = 30000, // stale next hops are asked again
};

struct underlay {
	struct event_base *base;
	struct underlay_events events;
	struct nl_sock *requests, *monitor;
	struct event *on_netlink, *on_settled, *on_retry;
	struct underlay_uplink *uplinks;
	size_t n_uplinks;
	struct ip_addr *remotes;
	size_t n_remotes;
	uint16_t udp_ports[MODEL_MAX_UDP_PORTS];
	size_t n_udp_ports;
	struct sinks sinks;
	uint64_t refreshed_ms;
	/* What was told last. */
	struct dp_route_conf *routes;
	size_t n_routes;
	struct dp_local_conf locals[MAX_SINKS];
	size_t n_locals;
	struct model_underlay summary;
	bool told;
};

static int monitor_open(struct underlay *u);
static void netlink_readable(evutil_socket_t fd, short what, void *arg);
static void look(evutil_socket_t fd, short what, void *arg);
static void look_soon(struct underlay *u);
static size_t find_locals(const struct underlay *u, const struct kernel_snapshot *s,
    struct dp_local_conf *ret, struct model_underlay *ret_summary);
static size_t spread_udp_ports(
    const struct underlay *u, struct dp_local_conf *locals, size_t n_addrs);
static void find_route(struct underlay *u, const struct kernel_snapshot *s,
    const struct ip_addr *remote, bool refresh, struct dp_route_conf *ret);
static void tell(struct underlay *u, struct dp_route_conf *routes_take,
    const struct dp_local_conf *locals, size_t n_locals, const struct model_underlay *summary);

struct underlay *underlay_create(
    struct event_base *base, const struct underlay_events *events, struct err *err)
{
	struct underlay *u = mem_alloc(sizeof(*u));

	u->base = base;
	u->events = *events;
	if (kernel_open(&u->requests) != 0 || monitor_open(u) != 0) {
		err_set(err, ERR_INTERNAL, "cannot open a netlink socket: %s", strerror(errno));
		underlay_destroy(u);
		return NULL;
	}
	u->on_netlink = event_new(
	    base, nl_socket_get_fd(u->monitor), EV_READ | EV_PERSIST, netlink_readable, u);
	u->on_settled = event_new(base, -1, 0, look, u);
	u->on_retry = event_new(base, -1, EV_PERSIST, look, u);
	const struct timeval retry = {.tv_sec = RETRY_MS / 1000};
	if (u->on_netlink == NULL || u->on_settled == NULL || u->on_retry == NULL ||
	    event_add(u->on_netlink, NULL) != 0 || event_add(u->on_retry, &retry) != 0) {
		err_set(err, ERR_INTERNAL, "cannot watch netlink");
		underlay_destroy(u);
		return NULL;
	}
	look_soon(u);
	return u;
}

void underlay_destroy(struct underlay *u)
{
	if (u == NULL)
		return;
	struct event *const events[] = {u->on_netlink, u->on_settled, u->on_retry};
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (events[i] != NULL)
			event_free(events[i]);
	}
	sinks_fini(&u->sinks);
	nl_socket_free(u->requests);
	nl_socket_free(u->monitor);
	free(u->uplinks);
	free(u->remotes);
	free(u->routes);
	free(u);
}

void underlay_set_uplinks(struct underlay *u, const struct underlay_uplink *uplinks, size_t n)
{
	struct underlay_uplink *copy = mem_alloc_array(n + 1, sizeof(*copy));

	if (n > 0)
		memcpy(copy, uplinks, n * sizeof(*copy));
	free(u->uplinks);
	u->uplinks = copy;
	u->n_uplinks = n;
	look_soon(u);
}

void underlay_set_remotes(struct underlay *u, const struct ip_addr *remotes, size_t n)
{
	struct ip_addr *copy = mem_alloc_array(n + 1, sizeof(*copy));

	if (n > 0)
		memcpy(copy, remotes, n * sizeof(*copy));
	free(u->remotes);
	u->remotes = copy;
	u->n_remotes = n;
	look_soon(u);
}

void underlay_set_udp_ports(struct underlay *u, const uint16_t *udp_ports, size_t n)
{
	n = MIN_OF(n, ARRAY_SIZE(u->udp_ports));
	if (n > 0)
		memcpy(u->udp_ports, udp_ports, n * sizeof(*udp_ports));
	u->n_udp_ports = n;
	look_soon(u);
}

void underlay_run(struct underlay *u)
{
	look(-1, 0, u);
}

static int monitor_open(struct underlay *u)
{
	int rc = kernel_open(&u->monitor);

	if (rc != 0)
		return rc;
	nl_socket_disable_seq_check(u->monitor);
	if (nl_socket_set_nonblocking(u->monitor) != 0)
		return -EPROTO;
	return nl_socket_add_memberships(u->monitor, RTNLGRP_LINK, RTNLGRP_NEIGH,
		   RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
		   0) == 0
		   ? 0
		   : -EPROTO;
}

static void netlink_readable(evutil_socket_t, short, void *arg)
{
	struct underlay *u = arg;

	// What the events say does not matter, nor that some were lost to a full buffer: the look asks for all.
	(void)nl_recvmsgs_default(u->monitor);
	look_soon(u);
}

static void look_soon(struct underlay *u)
{
	const struct timeval settle = {.tv_usec = SETTLE_MS * 1000};

	if (!event_pending(u->on_settled, EV_TIMEOUT, NULL))
		event_add(u->on_settled, &settle);
}

static void look(evutil_socket_t, short, void *arg)
{
	struct underlay *u = arg;
	struct kernel_snapshot s;
	struct dp_local_conf locals[MAX_SINKS] = {0};
	struct model_underlay summary = {0};

	if (kernel_snapshot_init(u->requests, &s) != 0) {
		log_warn("cannot read links and neighbours from the kernel; trying again");
		return;
	}
	bool refresh = clock_ms() - u->refreshed_ms >= REFRESH_MS;
	if (refresh)
		u->refreshed_ms = clock_ms();
	size_t n_locals = find_locals(u, &s, locals, &summary);
	struct dp_route_conf *routes = mem_alloc_array(u->n_remotes + 1, sizeof(*routes));
	for (size_t i = 0; i < u->n_remotes; i++)
		find_route(u, &s, &u->remotes[i], refresh, &routes[i]);
	kernel_snapshot_fini(&s);
	tell(u, routes, locals, n_locals, &summary);
}

static size_t find_locals(const struct underlay *u, const struct kernel_snapshot *s,
    struct dp_local_conf *ret, struct model_underlay *ret_summary)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n_uplinks; i++) {
		struct ip_addr addrs[MAX_SINKS];
		struct kernel_link link;

		if (!kernel_find_link(s, u->uplinks[i].interface, &link))
			continue;
		if (ret_summary->mtu == 0 || link.mtu < ret_summary->mtu)
			ret_summary->mtu = link.mtu;
		size_t n_addrs = kernel_addresses(s, link.ifindex, addrs, MAX_SINKS);
		for (size_t k = 0; k < n_addrs && n < MAX_SINKS; k++)
			ret[n++].addr = addrs[k];
	}
	return spread_udp_ports(u, ret, n);
}

/* Every address with every UDP port, the first port's first: when there are too many, the last port goes short. */
static size_t spread_udp_ports(
    const struct underlay *u, struct dp_local_conf *locals, size_t n_addrs)
{
	size_t n = 0;

	for (size_t p = 0; p < u->n_udp_ports; p++) {
		for (size_t i = 0; i < n_addrs && n < MAX_SINKS; i++) {
			locals[n].addr = locals[i].addr;
			locals[n++].udp_port = u->udp_ports[p];
		}
	}
	return n;
}

/* The uplink that the kernel routes to remote by, or NULL. */
static const struct underlay_uplink *find_uplink(
    const struct underlay *u, const struct kernel_snapshot *s, int ifindex, struct kernel_link *ret)
{
	for (size_t i = 0; i < u->n_uplinks; i++) {
		if (kernel_find_link(s, u->uplinks[i].interface, ret) && ret->ifindex == ifindex)
			return &u->uplinks[i];
	}
	return NULL;
}

static void find_route(struct underlay *u, const struct kernel_snapshot *s,
    const struct ip_addr *remote, bool refresh, struct dp_route_conf *ret)
{
	struct kernel_path path;
	struct kernel_link link;
	bool stale = false;

	*ret = (struct dp_route_conf){.remote = *remote, .state = DP_ROUTE_NO_ROUTE};
	if (kernel_route(u->requests, remote, &path) != 0)
		return;
	const struct underlay_uplink *uplink = find_uplink(u, s, path.ifindex, &link);
	if (uplink == NULL || !link.running || ip_is_zero(&path.source))
		return;
	ret->local = path.source;
	ret->uplink = uplink->dp_port;
	ret->mtu = path.mtu != 0 ? MIN_OF(path.mtu, link.mtu) : link.mtu;
	ret->src_mac = link.mac;
	if (kernel_find_neighbour(s, path.ifindex, &path.next_hop, &ret->dst_mac, &stale)) {
		ret->state = DP_ROUTE_UP;
		if (stale && refresh)
			neighbour_ask(uplink->interface, &path.next_hop);
		return;
	}
	ret->state = DP_ROUTE_NO_NEIGHBOUR;
	neighbour_ask(uplink->interface, &path.next_hop);
}

static void tell(struct underlay *u, struct dp_route_conf *routes_take,
    const struct dp_local_conf *locals, size_t n_locals, const struct model_underlay *summary)
{
	bool same = u->told && u->n_routes == u->n_remotes && u->n_locals == n_locals &&
		    u->summary.mtu == summary->mtu &&
		    memcmp(u->routes, routes_take, u->n_remotes * sizeof(*routes_take)) == 0 &&
		    memcmp(u->locals, locals, n_locals * sizeof(*locals)) == 0;
	if (same) {
		free(routes_take);
		return;
	}
	free(u->routes);
	u->routes = routes_take;
	u->n_routes = u->n_remotes;
	memcpy(u->locals, locals, n_locals * sizeof(*locals));
	u->n_locals = n_locals;
	u->summary = *summary;
	u->told = true;
	if (n_locals == MAX_SINKS)
		log_warn(
		    "tunnels end at %d addresses and UDP ports, which is the most there can be; "
		    "what more the uplinks have is not used",
		    MAX_SINKS);
	sinks_set(&u->sinks, locals, n_locals);
	u->events.on_change(
	    u->routes, u->n_routes, u->locals, u->n_locals, &u->summary, u->events.arg);
}
