/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/port.h"

#include <rte_ether.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/port_kinds.h"

#define LOG_MODULE "port"
#include "datapath/base/clock.h"
#include "datapath/base/log.h"

enum { RETRY_MS = 1000 };

static const struct port_ops *const kinds[] = {
    [DP_PORT_VHOST_USER] = &port_vhost_ops,
    [DP_PORT_ETHDEV] = &port_eth_ops,
    [DP_PORT_TAP] = &port_tap_ops,
    [DP_PORT_PATCH] = &port_patch_ops,
    [DP_PORT_VXLAN] = &port_vxlan_ops,
    [DP_PORT_NULL] = &port_null_ops,
    [DP_PORT_PCAP] = &port_pcap_ops,
};

static int check_conf(const struct dp_port_conf *conf, struct err *err);
static int try_open(struct port *p, struct err *err);
static bool needs_reopen(const struct dp_port_conf *a, const struct dp_port_conf *b);

const struct port_ops *port_ops_of(enum dp_port_kind kind)
{
	return (size_t)kind < ARRAY_SIZE(kinds) ? kinds[kind] : NULL;
}

int port_create(uint16_t id, const struct dp_port_conf *conf, struct rte_mempool *pool,
    struct port **ret, struct err *err)
{
	int rc = check_conf(conf, err);
	if (rc < 0)
		return rc;
	struct port *p = calloc(1, sizeof(*p));
	if (p == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	p->id = id;
	p->kind = conf->kind;
	p->conf = *conf;
	p->ops = port_ops_of(conf->kind);
	p->pool = pool;
	p->max_frame = conf->mtu + RTE_ETHER_HDR_LEN + PKT_MAX_VLANS * 4U;
	p->state_since_ms = clock_ms();
	memset(p->rxq_worker, PORT_NO_WORKER, sizeof(p->rxq_worker));
	rc = try_open(p, err);
	// A configuration that can never work is the caller's error; a device that is missing may come.
	if (rc == -EINVAL) {
		free(p);
		return rc;
	}
	*ret = p;
	(void)port_poll(p, clock_ms());
	return 0;
}

void port_destroy(void *port)
{
	struct port *p = port;
	if (p == NULL)
		return;
	if (p->opened && p->ops->close != NULL)
		p->ops->close(p);
	free(p);
}

int port_check_update(const struct port *p, const struct dp_port_conf *conf, struct err *err)
{
	int rc = check_conf(conf, err);
	if (rc < 0)
		return rc;
	return needs_reopen(&p->conf, conf) ? -EOPNOTSUPP : 0;
}

void port_update(struct port *p, const struct dp_port_conf *conf)
{
	// Workers read single members, each whole; what belongs together comes with the next version of the rules.
	p->conf = *conf;
	p->max_frame = conf->mtu + RTE_ETHER_HDR_LEN + PKT_MAX_VLANS * 4U;
}

bool port_poll(struct port *p, uint64_t now_ms)
{
	if (!p->opened && now_ms >= p->retry_ms) {
		struct err err = {0};
		(void)try_open(p, &err); // says why in p->error
	}
	enum dp_port_state state = p->opened ? DP_PORT_UP : DP_PORT_FAILED;
	bool link_up = p->opened;
	uint64_t features = 0;
	if (p->opened && p->ops->get_state != NULL)
		p->ops->get_state(p, &state, &link_up, &features);
	p->features = features;
	if (state == p->state && link_up == p->link_up)
		return false;
	if (state != p->state)
		p->state_since_ms = now_ms;
	p->state = (uint16_t)state;
	__atomic_store_n(&p->link_up, link_up, __ATOMIC_RELAXED);
	return true;
}

void port_close_device(struct port *p)
{
	if (p->ops->close != NULL)
		p->ops->close(p);
	p->priv = NULL;
	p->opened = p->device_gone = false;
	p->retry_ms = 0;
	log_warn("port %s: its device is gone", p->conf.name);
}

static int check_conf(const struct dp_port_conf *conf, struct err *err)
{
	if (port_ops_of(conf->kind) == NULL)
		return err_set(err, ERR_PARAMS, "unknown port kind %u", conf->kind);
	if (conf->mtu < 68 || conf->mtu > DP_MAX_MTU)
		return err_set(err, ERR_PARAMS, "the MTU must be 68 to %d", DP_MAX_MTU);
	if (conf->n_queues < 1 || conf->n_queues > DP_MAX_QUEUES)
		return err_set(err, ERR_PARAMS, "a port has 1 to %d queue pairs", DP_MAX_QUEUES);
	if (memchr(conf->arg, '\0', sizeof(conf->arg)) == NULL ||
	    memchr(conf->name, '\0', sizeof(conf->name)) == NULL)
		return err_set(err, ERR_PARAMS, "name or argument without end");
	return 0;
}

static int try_open(struct port *p, struct err *err)
{
	int rc = p->ops->open != NULL ? p->ops->open(p, err) : 0;
	if (rc == 0) {
		p->opened = true;
		p->error[0] = '\0';
		return 0;
	}
	p->state = DP_PORT_FAILED;
	p->retry_ms = clock_ms() + RETRY_MS;
	if (strncmp(p->error, err->what, sizeof(p->error) - 1) != 0)
		log_warn("port %s: %s", p->conf.name, err->what);
	snprintf(p->error, sizeof(p->error), "%.*s", (int)sizeof(p->error) - 1, err->what);
	return rc;
}

/* What the device was opened with. The rest is read from conf at each use. */
static bool needs_reopen(const struct dp_port_conf *a, const struct dp_port_conf *b)
{
	const uint32_t fixed_flags = DP_PORT_F_SERVER | DP_PORT_F_UPLINK;
	bool has_device =
	    a->kind == DP_PORT_ETHDEV || a->kind == DP_PORT_TAP || a->kind == DP_PORT_PCAP;
	return a->kind != b->kind || strcmp(a->arg, b->arg) != 0 || a->n_queues != b->n_queues ||
	       ((a->flags ^ b->flags) & fixed_flags) != 0 ||
	       (has_device && (a->mtu != b->mtu || memcmp(&a->mac, &b->mac, sizeof(a->mac)) != 0));
}
