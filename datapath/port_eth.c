/* SPDX-License-Identifier: Apache-2.0 */
/* Any DPDK device by its devargs: a bound NIC, af_packet, af_xdp… */
#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_MODULE "ethdev"
#include "datapath/base/log.h"
#include "datapath/port_kinds.h"

enum {
	N_DESC = 1024,
	SMALL_MTU_MAX = 1900,    // a frame of it fits one buffer of the common pool
	JUMBO_DATA_SIZE = 10240, // and of the largest MTU one of these; also af_packet's frame
	JUMBO_N = 1024,
	JUMBO_CACHE = 32,
	AF_PACKET_FRAMES = 256, // per direction and queue, when they are jumbo
};

struct eth_dev {
	uint16_t dev_id;
	uint16_t n_txq;
	unsigned int if_index;    // of the kernel interface behind it, or 0
	bool linear_tx;           // the device takes no chained buffers
	struct rte_mempool *pool; // its buffers hold a whole frame
};

static void complete_devargs(const struct port *p, const char *devargs, char *ret, size_t size);
static int probe(const char *devargs, uint16_t *ret_dev_id, struct err *err);
static bool interface_exists(const char *devargs, char ret_name[IFNAMSIZ]);
static void remove_dev(uint16_t dev_id);
static int configure(struct port *p, struct eth_dev *d, struct err *err);
static int setup_queues(struct port *p, struct eth_dev *d, const struct rte_eth_dev_info *info);
static struct rte_mempool *jumbo_pool(void);
static bool has_carrier(unsigned int if_index, bool *ret_gone);
static bool linearise(struct rte_mempool *pool, struct rte_mbuf **m);

static int eth_port_open(struct port *p, struct err *err)
{
	return eth_open(p, p->conf.arg, err);
}

const struct port_ops port_eth_ops = {
    .kind = "ethdev",
    .open = eth_port_open,
    .close = eth_close,
    .rx_burst = eth_rx,
    .tx_burst = eth_tx,
    .full_reason = DP_DROP_TX_FULL,
    .get_state = eth_get_state,
};

int eth_open(struct port *p, const char *devargs, struct err *err)
{
	char full[ETH_DEVARGS_SIZE];
	struct eth_dev *d = calloc(1, sizeof(*d));
	if (d == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	complete_devargs(p, devargs, full, sizeof(full));
	int rc = probe(full, &d->dev_id, err);
	if (rc < 0)
		goto fail;
	rc = configure(p, d, err);
	if (rc < 0)
		goto fail_probed;
	p->priv = d;
	// Workers may know the port already: it takes packets only now.
	__atomic_store_n(&p->n_txq, d->n_txq, __ATOMIC_RELEASE);
	return 0;

fail_probed:
	remove_dev(d->dev_id);
fail:
	free(d);
	return rc;
}

void eth_close(struct port *p)
{
	struct eth_dev *d = p->priv;
	int rc = rte_eth_dev_stop(d->dev_id);
	if (rc < 0)
		log_warn("port %s: the device did not stop: %s", p->conf.name, strerror(-rc));
	remove_dev(d->dev_id);
	free(d);
}

uint16_t eth_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct eth_dev *d = p->priv;
	uint16_t n_rx = rte_eth_rx_burst(d->dev_id, queue, pkts, n);
	for (uint16_t i = 0; i < n_rx; i++) {
		struct rte_mbuf *m = pkts[i];
		pkt_reset(m);
		if (UNLIKELY(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED))
			(void)!rte_vlan_insert(&pkts[i]); // every pool has the headroom
		m->ol_flags = 0;
	}
	return n_rx;
}

uint16_t eth_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct eth_dev *d = p->priv;
	if (UNLIKELY(d->linear_tx))
		for (uint16_t i = 0; i < n; i++)
			if (pkts[i]->nb_segs > 1 && !linearise(d->pool, &pkts[i]))
				n = i; // the rest finds no room either
	return rte_eth_tx_burst(d->dev_id, queue, pkts, n);
}

void eth_get_state(struct port *p, enum dp_port_state *state, bool *link_up, uint64_t *features)
{
	const struct eth_dev *d = p->priv;
	struct rte_eth_link link = {0};
	*features = 0;
	*link_up =
	    rte_eth_link_get_nowait(d->dev_id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
	// Drivers of kernel interfaces say "up" whatever the interface does, and do not see it go.
	if (d->if_index != 0)
		*link_up = has_carrier(d->if_index, &p->device_gone);
	*state = *link_up ? DP_PORT_UP : DP_PORT_LINK_DOWN;
	// The kernel would take the packets, and lose them.
	if (d->if_index != 0)
		__atomic_store_n(&p->n_txq, *link_up ? d->n_txq : 0, __ATOMIC_RELAXED);
}

static bool has_carrier(unsigned int if_index, bool *ret_gone)
{
	struct ifreq ifr = {0};
	if (if_indextoname(if_index, ifr.ifr_name) == NULL) {
		*ret_gone = errno == ENXIO;
		return false;
	}
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool up = ioctl(fd, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_RUNNING) != 0;
	close(fd);
	return up;
}

/*
 * A virtual device without a number gets the port's id ("net_af_packet,iface=eth0"), and af_packet buffers that hold
 * the port's MTU.
 */
static void complete_devargs(const struct port *p, const char *devargs, char *ret, size_t size)
{
	size_t name_len = strcspn(devargs, ",");
	bool is_vdev = strncmp(devargs, "net_", 4) == 0;
	bool has_number = name_len > 0 && isdigit((unsigned char)devargs[name_len - 1]);
	char number[8] = "";
	if (is_vdev && !has_number)
		snprintf(number, sizeof(number), "%u", p->id);
	int n = snprintf(ret, size, "%.*s%s%s", (int)name_len, devargs, number, devargs + name_len);
	if (n < 0 || (size_t)n >= size || strncmp(devargs, "net_af_packet", 13) != 0)
		return;
	if (p->conf.n_queues > 1 && strstr(ret, "qpairs=") == NULL)
		n += snprintf(ret + n, size - (size_t)n, ",qpairs=%u", p->conf.n_queues);
	if (p->conf.mtu > SMALL_MTU_MAX && (size_t)n < size && strstr(ret, "framesz=") == NULL)
		// The kernel wants blocks of whole pages that hold whole frames.
		snprintf(ret + n, size - (size_t)n, ",framesz=%d,blocksz=%d,framecnt=%d",
		    JUMBO_DATA_SIZE, JUMBO_DATA_SIZE * 2, AF_PACKET_FRAMES);
}

static int probe(const char *devargs, uint16_t *ret_dev_id, struct err *err)
{
	char name[RTE_DEV_NAME_MAX_LEN];
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(devargs, ","), devargs);
	if (name[0] == '\0')
		return err_set(err, ERR_PARAMS,
		    "an ethdev port needs devargs, such as net_af_packet,iface=eth0");
	if (rte_eth_dev_get_port_by_name(name, ret_dev_id) == 0)
		return err_set(err, ERR_CONFLICT, "the device %s is in use by another port", name);
	char interface[IFNAMSIZ];
	if (!interface_exists(devargs, interface)) {
		// Known without asking the driver, which would complain at every retry. In the words that clients of OVS know.
		err_set(err, ERR_NOT_FOUND, "could not open network device %s (%s)", interface,
		    strerror(ENODEV));
		return -ENODEV;
	}
	int rc = rte_dev_probe(devargs);
	if (rc < 0) {
		// The number says little: EAL and the driver have said more in the log.
		err_set(err, ERR_NOT_FOUND, "the device %s did not open: %s", name, strerror(-rc));
		return -ENODEV;
	}
	if (rte_eth_dev_get_port_by_name(name, ret_dev_id) < 0) {
		err_set(err, ERR_NOT_FOUND, "%s is not a network device", name);
		return -ENODEV;
	}
	return 0;
}

/* False when devargs name a kernel interface that is not there. A path is net_vhost's socket. */
static bool interface_exists(const char *devargs, char ret_name[IFNAMSIZ])
{
	const char *at = strstr(devargs, ",iface=");
	if (at == NULL)
		return true;
	at += strlen(",iface=");
	if (*at == '/')
		return true;
	snprintf(ret_name, IFNAMSIZ, "%.*s", (int)strcspn(at, ","), at);
	return if_nametoindex(ret_name) != 0;
}

static void remove_dev(uint16_t dev_id)
{
	struct rte_eth_dev_info info;
	bool known = rte_eth_dev_info_get(dev_id, &info) == 0;
	if (rte_eth_dev_close(dev_id) < 0 || !known || rte_dev_remove(info.device) < 0)
		log_warn("device %u was not removed", dev_id);
}

static int configure(struct port *p, struct eth_dev *d, struct err *err)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	int rc = rte_eth_dev_info_get(d->dev_id, &info);
	if (rc < 0)
		return err_set(
		    err, ERR_INTERNAL, "the device does not describe itself: %s", strerror(-rc));
	// Drivers of kernel interfaces name a maximum of 1518 and carry what the interface does.
	if (info.max_rx_pktlen >= (uint32_t)p->conf.mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN)
		conf.rxmode.mtu = p->conf.mtu;
	p->n_rxq = (uint16_t)MIN_OF(p->conf.n_queues, info.max_rx_queues);
	uint16_t n_txq = (uint16_t)MIN_OF(p->conf.n_queues, info.max_tx_queues);
	d->linear_tx = !(info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	d->pool = p->conf.mtu > SMALL_MTU_MAX ? jumbo_pool() : p->pool;
	if (d->pool == NULL)
		return err_set(
		    err, ERR_TABLE_FULL, "no memory for packet buffers of MTU %u", p->conf.mtu);
	if (p->n_rxq > 1)
		conf.rxmode.mq_mode =
		    info.flow_type_rss_offloads != 0 ? RTE_ETH_MQ_RX_RSS : RTE_ETH_MQ_RX_NONE;
	conf.rx_adv_conf.rss_conf.rss_hf =
	    info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP);

	rc = rte_eth_dev_configure(d->dev_id, p->n_rxq, n_txq, &conf);
	d->n_txq = n_txq;
	d->if_index = info.if_index;
	if (rc == 0)
		rc = setup_queues(p, d, &info);
	if (rc == 0)
		rc = rte_eth_dev_start(d->dev_id);
	if (rc < 0) {
		err_set(err, ERR_INTERNAL, "the device refused %u queues with MTU %u: %s", p->n_rxq,
		    p->conf.mtu, strerror(-rc));
		return -ENODEV;
	}
	rc = rte_eth_promiscuous_enable(d->dev_id);
	if (rc < 0 && rc != -ENOTSUP)
		log_warn("port %s: not promiscuous: %s", p->conf.name, strerror(-rc));
	return 0;
}

static int setup_queues(struct port *p, struct eth_dev *d, const struct rte_eth_dev_info *info)
{
	uint16_t n_rxd =
	    info->default_rxportconf.ring_size != 0 ? info->default_rxportconf.ring_size : N_DESC;
	uint16_t n_txd =
	    info->default_txportconf.ring_size != 0 ? info->default_txportconf.ring_size : N_DESC;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(d->dev_id, &n_rxd, &n_txd);
	for (uint16_t q = 0; q < p->n_rxq && rc == 0; q++)
		rc = rte_eth_rx_queue_setup(d->dev_id, q, n_rxd, SOCKET_ID_ANY, NULL, d->pool);
	for (uint16_t q = 0; q < d->n_txq && rc == 0; q++)
		rc = rte_eth_tx_queue_setup(d->dev_id, q, n_txd, SOCKET_ID_ANY, NULL);
	return rc;
}

/* Made with the first port that needs it, kept for the next. */
static struct rte_mempool *jumbo_pool(void)
{
	static struct rte_mempool *pool; // ctl: rw
	if (pool == NULL)
		pool = rte_pktmbuf_pool_create("jumbo", JUMBO_N, JUMBO_CACHE, PKT_PRIV_SIZE,
		    JUMBO_DATA_SIZE + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return pool;
}

static bool linearise(struct rte_mempool *pool, struct rte_mbuf **m)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(*m, pool, 0, UINT32_MAX);
	if (copy == NULL)
		return false;
	*pkt_of(copy) = *pkt_of(*m);
	rte_pktmbuf_free(*m);
	*m = copy;
	return true;
}
