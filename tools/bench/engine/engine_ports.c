/* SPDX-License-Identifier: Apache-2.0 */
/* Ports by devargs and the buffers of all of them. */
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_MODULE "ports"
#include "datapath/base/log.h"
#include "tools/bench/engine/engine.h"

enum {
	N_DESC = 1024,
	SMALL_MTU_MAX = 1900,
	SMALL_ROOM = 2048,
	POOL_CACHE = 256,
	N_TX_SMALL = 8191,
	N_TX_LARGE = 2047,
	N_RX_EXTRA = 1024,
};

static int open_port(struct engine *e, unsigned int i, struct err *err);
static void remove_stale_socket(const char *devargs);
static int configure(struct engine *e, unsigned int i, struct err *err);
static int start_queues(
    struct engine *e, struct engine_port *p, const struct rte_eth_dev_info *info);
static struct rte_mempool *make_pool(
    const char *name, unsigned int n, uint16_t room, unsigned int memory_mb, struct err *err);
static void fill_pattern(struct rte_mempool *pool, void *arg, void *object, unsigned int i);
static uint16_t rx_room(const struct engine *e);

int engine_ports_open(struct engine *e, struct err *err)
{
	unsigned int n_rings = 0;
	for (unsigned int i = 0; i < e->options.n_ports; i++)
		n_rings += e->options.ports[i].n_queues;
	e->rx_pool =
	    make_pool("rx", n_rings * N_DESC + N_RX_EXTRA, rx_room(e), e->options.memory_mb, err);
	e->tx_pool = make_pool("tx", N_TX_SMALL, SMALL_ROOM, e->options.memory_mb, err);
	if (e->rx_pool == NULL || e->tx_pool == NULL)
		return -ENOMEM;
	rte_mempool_obj_iter(e->tx_pool, fill_pattern, NULL);
	for (unsigned int i = 0; i < e->options.n_ports; i++) {
		int rc = open_port(e, i, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

void engine_ports_close(struct engine *e)
{
	for (unsigned int i = 0; i < e->faces.n; i++) {
		struct rte_eth_dev_info info;
		struct engine_port *p = &e->ports[i];
		if (!p->is_open)
			continue;
		bool known = rte_eth_dev_info_get(p->dev_id, &info) == 0;
		(void)rte_eth_dev_stop(p->dev_id);
		if (rte_eth_dev_close(p->dev_id) < 0 || !known || rte_dev_remove(info.device) < 0)
			log_warn("port %s was not removed", e->faces.ports[i].name);
		p->is_open = false;
	}
	rte_mempool_free(e->rx_pool);
	rte_mempool_free(e->tx_pool);
	rte_mempool_free(e->tx_large_pool);
	rte_mempool_free(e->raw_pool);
}

bool engine_port_is_up(const struct engine *e, unsigned int port)
{
	struct rte_eth_link link = {0};
	return rte_eth_link_get_nowait(e->ports[port].dev_id, &link) == 0 &&
	       link.link_status == RTE_ETH_LINK_UP;
}

struct rte_mempool *engine_pool_for(struct engine *e, const struct source *s, struct err *err)
{
	if (source_keeps_pattern(s) && source_room(s) <= SMALL_ROOM)
		return e->tx_pool;
	bool is_raw = !source_keeps_pattern(s);
	struct rte_mempool **pool = is_raw ? &e->raw_pool : &e->tx_large_pool;
	if (*pool != NULL)
		return *pool;
	*pool =
	    make_pool(is_raw ? "raw" : "large", N_TX_LARGE, FRAME_ROOM, e->options.memory_mb, err);
	if (*pool != NULL)
		rte_mempool_obj_iter(*pool, fill_pattern, NULL);
	return *pool;
}

void engine_pools_restore(struct engine *e, uint16_t copy_size)
{
	unsigned int from = copy_size;
	rte_mempool_obj_iter(e->tx_pool, fill_pattern, &from);
	if (e->tx_large_pool != NULL)
		rte_mempool_obj_iter(e->tx_large_pool, fill_pattern, &from);
}

static int open_port(struct engine *e, unsigned int i, struct err *err)
{
	const struct port_option *o = &e->options.ports[i];
	struct engine_port *p = &e->ports[i];
	struct port_face *face = &e->faces.ports[i];
	char dev_name[RTE_DEV_NAME_MAX_LEN];
	snprintf(dev_name, sizeof(dev_name), "%.*s", (int)strcspn(o->devargs, ","), o->devargs);
	err_object(err, "port/%s", o->name);
	log_info("port %s: %s", o->name, o->devargs);
	if (strstr(o->devargs, ",server=1") != NULL)
		remove_stale_socket(o->devargs);
	int rc = rte_dev_probe(o->devargs);
	if (rc < 0) {
		err_set(err, ERR_NOT_FOUND, "the device %s did not open: %s", dev_name,
		    rte_strerror(-rc));
		return err_hint(err, "DPDK's messages on standard error say why");
	}
	if (rte_eth_dev_get_port_by_name(dev_name, &p->dev_id) < 0)
		return err_set(err, ERR_NOT_FOUND, "%s is no network device", dev_name);
	p->is_open = true;
	p->n_queues = (uint16_t)o->n_queues;
	e->faces.n = i + 1;
	memcpy(face->name, o->name, sizeof(face->name));
	rc = configure(e, i, err);
	face->n_queues = p->n_queues;
	return rc;
}

/* A killed engine leaves its socket, at which nobody listens any more; the driver would not bind to it. */
static void remove_stale_socket(const char *devargs)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat st;
	const char *path = strstr(devargs, ",path=");
	if (path == NULL)
		return;
	path += strlen(",path=");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.*s", (int)strcspn(path, ","), path);
	if (stat(addr.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 && errno == ECONNREFUSED)
		(void)unlink(addr.sun_path);
	close(fd);
}

static int configure(struct engine *e, unsigned int i, struct err *err)
{
	struct engine_port *p = &e->ports[i];
	struct port_face *face = &e->faces.ports[i];
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	int rc = rte_eth_dev_info_get(p->dev_id, &info);
	if (rc < 0)
		return err_set(err, ERR_INTERNAL, "the device does not describe itself: %s",
		    rte_strerror(-rc));
	// Drivers of kernel interfaces name a maximum of 1518 and carry what the interface does.
	uint32_t frame_max = e->options.mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
	if (info.max_rx_pktlen >= frame_max)
		conf.rxmode.mtu = e->options.mtu;
	face->frame_size_max = (uint16_t)(frame_max + RTE_VLAN_HLEN);
	snprintf(p->driver, sizeof(p->driver), "%s", info.driver_name);
	if (p->n_queues > info.max_rx_queues || p->n_queues > info.max_tx_queues)
		return err_set(err, ERR_PARAMS, "the device has %u receive and %u transmit queues",
		    info.max_rx_queues, info.max_tx_queues);
	rc = rte_eth_dev_configure(p->dev_id, p->n_queues, p->n_queues, &conf);
	if (rc == 0)
		rc = start_queues(e, p, &info);
	if (rc == 0)
		rc = rte_eth_macaddr_get(p->dev_id, &mac);
	if (rc < 0)
		return err_set(err, ERR_INTERNAL, "the device refused %u queues and MTU %u: %s",
		    p->n_queues, e->options.mtu, rte_strerror(-rc));
	memcpy(face->mac.b, mac.addr_bytes, sizeof(face->mac.b));
	rc = rte_eth_promiscuous_enable(p->dev_id);
	if (rc < 0 && rc != -ENOTSUP)
		log_info("port %s: not promiscuous: %s", face->name, rte_strerror(-rc));
	return 0;
}

static int start_queues(
    struct engine *e, struct engine_port *p, const struct rte_eth_dev_info *info)
{
	uint16_t n_rxd =
	    info->default_rxportconf.ring_size != 0 ? info->default_rxportconf.ring_size : N_DESC;
	uint16_t n_txd =
	    info->default_txportconf.ring_size != 0 ? info->default_txportconf.ring_size : N_DESC;
	n_rxd = MIN_OF(n_rxd, (uint16_t)N_DESC);
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->dev_id, &n_rxd, &n_txd);
	for (uint16_t q = 0; q < p->n_queues && rc == 0; q++)
		rc = rte_eth_rx_queue_setup(p->dev_id, q, n_rxd, SOCKET_ID_ANY, NULL, e->rx_pool);
	for (uint16_t q = 0; q < p->n_queues && rc == 0; q++)
		rc = rte_eth_tx_queue_setup(p->dev_id, q, n_txd, SOCKET_ID_ANY, NULL);
	return rc == 0 ? rte_eth_dev_start(p->dev_id) : rc;
}

static struct rte_mempool *make_pool(
    const char *name, unsigned int n, uint16_t room, unsigned int memory_mb, struct err *err)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
	    name, n, POOL_CACHE, 0, room + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	if (pool == NULL) {
		err_set(
		    err, ERR_TABLE_FULL, "no memory for %u packet buffers of %u bytes", n, room);
		err_hint(err, "raise --memory, now %u MB", memory_mb);
	}
	return pool;
}

static void fill_pattern(struct rte_mempool *pool, void *arg, void *object, unsigned int i)
{
	struct rte_mbuf *m = object;
	uint8_t *bytes = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
	const unsigned int *from = arg; // NULL: from the first byte on
	(void)pool, (void)i;
	for (unsigned int k = from != NULL ? *from : 0; k + RTE_PKTMBUF_HEADROOM < m->buf_len; k++)
		bytes[k] = frame_pattern(k);
}

static uint16_t rx_room(const struct engine *e)
{
	return e->options.mtu <= SMALL_MTU_MAX ? SMALL_ROOM : FRAME_ROOM;
}
