/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel network device (TUN/TAP), also what OVS calls an internal port. Our own rather than DPDK's net_tap, which
 * wakes its process by signals: here each queue is an fd that a sleeping worker waits on, and partial checksums pass in
 * both directions with the virtio header.
 */
#include <rte_ether.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define LOG_MODULE "tap"
#include "datapath/base/log.h"
#include "datapath/csum.h"
#include "datapath/port_kinds.h"

enum {
	TAP_MAX_SEGS = 8,     // buffers for one frame of the largest MTU, and room
	TAP_MAX_TX_SEGS = 32, // of a packet to write
};

struct tap_queue {
	int fd;
	unsigned int n_segs;                 // worker: rw, as is segs
	struct rte_mbuf *segs[TAP_MAX_SEGS]; // empty buffers for the next frame
};

struct tap {
	unsigned int n_queues, n_segs;
	char name[IFNAMSIZ];
	struct tap_queue queues[DP_MAX_QUEUES];
};

static int open_queue(struct tap *t, struct tap_queue *q, bool multi_queue);
static int attach(const struct tap *t, const struct tap_queue *q, bool multi_queue);
static bool is_gone(const struct tap *t);
static bool make_again(struct port *p, struct tap *t);
static int configure(const struct port *p, const struct tap *t);
static bool fill_segs(struct tap_queue *q, unsigned int n_segs, struct rte_mempool *pool);
static struct rte_mbuf *read_frame(struct port *p, struct tap_queue *q);
static struct rte_mbuf *assemble(struct tap_queue *q, uint32_t len);
static bool write_frame(struct tap_queue *q, struct rte_mbuf *m);
static void tap_close(struct port *p);

static int tap_open(struct port *p, struct err *err)
{
	size_t len = strlen(p->conf.arg);
	if (len == 0 || len >= IFNAMSIZ)
		return err_set(
		    err, ERR_PARAMS, "a kernel device's name has 1 to %d characters", IFNAMSIZ - 1);
	struct tap *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	memcpy(t->name, p->conf.arg, len);
	unsigned int seg_size = rte_pktmbuf_data_room_size(p->pool) - RTE_PKTMBUF_HEADROOM;
	t->n_segs = (p->max_frame + seg_size - 1) / seg_size;
	p->priv = t;
	int rc = t->n_segs <= TAP_MAX_SEGS ? 0 : -EMSGSIZE;
	for (; t->n_queues < p->conf.n_queues && rc == 0; t->n_queues++)
		rc = open_queue(t, &t->queues[t->n_queues], p->conf.n_queues > 1);
	if (rc == 0)
		rc = configure(p, t);
	if (rc < 0) {
		err_set(err, ERR_INTERNAL, "cannot make the kernel device %s: %s", t->name,
		    strerror(-rc));
		tap_close(p);
		// It may be in use now and free later: to be tried again.
		return -ENODEV;
	}
	p->n_rxq = p->n_txq = (uint16_t)t->n_queues;
	return 0;
}

static void tap_close(struct port *p)
{
	struct tap *t = p->priv;
	p->n_rxq = p->n_txq = 0;
	p->priv = NULL;
	for (unsigned int i = 0; i < t->n_queues; i++) {
		struct tap_queue *q = &t->queues[i];
		rte_pktmbuf_free_bulk(q->segs, q->n_segs);
		if (q->fd >= 0)
			close(q->fd);
	}
	free(t);
}

static uint16_t tap_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap *t = p->priv;
	uint16_t n_rx = 0;
	while (n_rx < n && (pkts[n_rx] = read_frame(p, &t->queues[queue])) != NULL)
		n_rx++;
	return n_rx;
}

static uint16_t tap_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap *t = p->priv;
	uint16_t n_tx = 0;
	while (n_tx < n && write_frame(&t->queues[queue], pkts[n_tx]))
		n_tx++;
	rte_pktmbuf_free_bulk(pkts, n_tx);
	return n_tx;
}

static int tap_wakeup_fd(struct port *p, uint16_t queue)
{
	const struct tap *t = p->priv;
	return t->queues[queue].fd;
}

static void tap_get_state(
    struct port *p, enum dp_port_state *state, bool *link_up, uint64_t *features)
{
	struct tap *t = p->priv;
	struct ifreq ifr = {0};
	*features = 0;
	*link_up = false;
	if (is_gone(t) && !make_again(p, t)) {
		*state = DP_PORT_FAILED;
		__atomic_store_n(&p->n_txq, 0, __ATOMIC_RELAXED);
		return;
	}
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
		// A device that was given to a container is in another namespace: its state is not ours to see.
		*link_up = ioctl(fd, SIOCGIFFLAGS, &ifr) == 0 ? (ifr.ifr_flags & IFF_UP) != 0
							      : errno == ENODEV;
		close(fd);
	}
	*state = *link_up ? DP_PORT_UP : DP_PORT_LINK_DOWN;
	// The kernel takes nothing while the device is down.
	__atomic_store_n(&p->n_txq, *link_up ? (uint16_t)t->n_queues : 0, __ATOMIC_RELAXED);
}

const struct port_ops port_tap_ops = {
    .kind = "tap",
    .open = tap_open,
    .close = tap_close,
    .rx_burst = tap_rx,
    .tx_burst = tap_tx,
    .full_reason = DP_DROP_TX_FULL,
    .wakeup_fd = tap_wakeup_fd,
    .get_state = tap_get_state,
    .completes_csum = true,
};

static int open_queue(struct tap *t, struct tap_queue *q, bool multi_queue)
{
	q->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return q->fd >= 0 ? attach(t, q, multi_queue) : -errno;
}

static int attach(const struct tap *t, const struct tap_queue *q, bool multi_queue)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int hdr_size = sizeof(struct virtio_net_hdr);
	if (multi_queue)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
	if (ioctl(q->fd, TUNSETIFF, &ifr) < 0 || ioctl(q->fd, TUNSETVNETHDRSZ, &hdr_size) < 0 ||
	    ioctl(q->fd, TUNSETOFFLOAD, TUN_F_CSUM) < 0)
		return -errno;
	return 0;
}

/* The device was deleted, with the namespace that it was given to perhaps. */
static bool is_gone(const struct tap *t)
{
	struct ifreq ifr = {0};
	return ioctl(t->queues[0].fd, TUNGETIFF, &ifr) < 0 && errno == EBADFD;
}

/* In our namespace again, on the same fds: workers go on reading them. */
static bool make_again(struct port *p, struct tap *t)
{
	int rc = 0;
	for (unsigned int i = 0; i < t->n_queues && rc == 0; i++)
		rc = attach(t, &t->queues[i], t->n_queues > 1);
	if (rc == 0)
		rc = configure(p, t);
	if (rc == 0)
		log_info("port %s: the kernel device %s was deleted and is made again",
		    p->conf.name, t->name);
	p->error[0] = '\0';
	if (rc < 0)
		snprintf(p->error, sizeof(p->error), "cannot make the kernel device %s: %s",
		    t->name, strerror(-rc));
	return rc == 0;
}

/* Address, MTU, up. */
static int configure(const struct port *p, const struct tap *t)
{
	struct ifreq ifr = {0};
	int rc = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
	if (!mac_is_zero(&p->conf.mac)) {
		ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
		memcpy(ifr.ifr_hwaddr.sa_data, p->conf.mac.b, sizeof(p->conf.mac.b));
		rc = ioctl(fd, SIOCSIFHWADDR, &ifr);
	}
	ifr.ifr_mtu = p->conf.mtu;
	if (rc == 0)
		rc = ioctl(fd, SIOCSIFMTU, &ifr);
	if (rc == 0)
		rc = ioctl(fd, SIOCGIFFLAGS, &ifr);
	ifr.ifr_flags |= IFF_UP;
	if (rc == 0)
		rc = ioctl(fd, SIOCSIFFLAGS, &ifr);
	rc = rc < 0 ? -errno : 0;
	close(fd);
	return rc;
}

/* NULL: no frame. */
static struct rte_mbuf *read_frame(struct port *p, struct tap_queue *q)
{
	const struct tap *t = p->priv;
	struct virtio_net_hdr hdr;
	struct iovec iov[TAP_MAX_SEGS + 1] = {{.iov_base = &hdr, .iov_len = sizeof(hdr)}};
	if (!fill_segs(q, t->n_segs, p->pool))
		return NULL; // the kernel keeps it
	for (unsigned int i = 0; i < q->n_segs; i++)
		iov[i + 1] = (struct iovec){.iov_base = rte_pktmbuf_mtod(q->segs[i], void *),
		    .iov_len = rte_pktmbuf_tailroom(q->segs[i])};
	ssize_t size = readv(q->fd, iov, (int)q->n_segs + 1);
	if (size <= (ssize_t)sizeof(hdr))
		return NULL;
	struct rte_mbuf *m = assemble(q, (uint32_t)((size_t)size - sizeof(hdr)));
	pkt_reset(m);
	if (hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		pkt_of(m)->flags |= PKT_F_CSUM_PARTIAL;
		pkt_of(m)->csum_start = hdr.csum_start;
		pkt_of(m)->csum_offset = hdr.csum_offset;
	}
	return m;
}

static bool fill_segs(struct tap_queue *q, unsigned int n_segs, struct rte_mempool *pool)
{
	if (q->n_segs == n_segs)
		return true;
	if (rte_pktmbuf_alloc_bulk(pool, q->segs + q->n_segs, n_segs - q->n_segs) < 0)
		return false;
	q->n_segs = n_segs;
	return true;
}

/* Takes as many buffers as len bytes fill, chained; the others wait for the next frame. */
static struct rte_mbuf *assemble(struct tap_queue *q, uint32_t len)
{
	struct rte_mbuf *head = q->segs[0];
	struct rte_mbuf *last = NULL;
	unsigned int n_used = 0;
	head->pkt_len = len;
	for (uint32_t left = len; left > 0; n_used++) {
		struct rte_mbuf *seg = q->segs[n_used];
		uint32_t n = MIN_OF(left, (uint32_t)rte_pktmbuf_tailroom(seg));
		seg->data_len = (uint16_t)n;
		left -= n;
		if (last != NULL)
			last->next = seg;
		last = seg;
	}
	head->nb_segs = (uint16_t)n_used;
	q->n_segs -= n_used;
	memmove(q->segs, q->segs + n_used, q->n_segs * sizeof(q->segs[0]));
	return head;
}

/* False: the kernel's queue is full. */
static bool write_frame(struct tap_queue *q, struct rte_mbuf *m)
{
	struct virtio_net_hdr hdr = {0};
	struct iovec iov[TAP_MAX_TX_SEGS + 1] = {{.iov_base = &hdr, .iov_len = sizeof(hdr)}};
	const struct pkt *k = pkt_of(m);
	int n = 1;
	if (k->flags & PKT_F_CSUM_PARTIAL) {
		hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr.csum_start = k->csum_start;
		hdr.csum_offset = k->csum_offset;
	}
	for (struct rte_mbuf *seg = m; seg != NULL; seg = seg->next) {
		if (n > TAP_MAX_TX_SEGS)
			return false;
		iov[n++] = (struct iovec){
		    .iov_base = rte_pktmbuf_mtod(seg, void *), .iov_len = seg->data_len};
	}
	return writev(q->fd, iov, n) > 0;
}
