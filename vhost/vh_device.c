/* SPDX-License-Identifier: Apache-2.0 */
#include "vhost/vh_port.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LOG_MODULE "vhost"
#include "datapath/base/log.h"

static int on_new_device(int vid);
static void on_destroy_device(int vid);
static int on_vring_state(int vid, uint16_t ring_id, int enable);
static int on_features(int vid, uint64_t features);
static int on_new_connection(int vid);
static void on_destroy_connection(int vid);
static struct vh_port *find_port(int vid);
static void watch_kick(struct vh_port *vp, int vid, unsigned int queue);
static void wait_until_out(const struct vh_ring *r);

const struct rte_vhost_device_ops vh_device_ops = {
    .new_device = on_new_device,
    .destroy_device = on_destroy_device,
    .vring_state_changed = on_vring_state,
    .features_changed = on_features,
    .new_connection = on_new_connection,
    .destroy_connection = on_destroy_connection,
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vh_port *registry; // guarded by registry_lock

int vh_registry_add(struct vh_port *vp)
{
	int rc = 0;
	pthread_mutex_lock(&registry_lock);
	for (const struct vh_port *p = registry; p != NULL; p = p->next)
		if (strcmp(p->path, vp->path) == 0)
			rc = -EEXIST;
	if (rc == 0) {
		vp->next = registry;
		registry = vp;
	}
	pthread_mutex_unlock(&registry_lock);
	return rc;
}

void vh_registry_del(struct vh_port *vp)
{
	pthread_mutex_lock(&registry_lock);
	struct vh_port **at = &registry;
	while (*at != NULL && *at != vp)
		at = &(*at)->next;
	if (*at != NULL)
		*at = vp->next;
	pthread_mutex_unlock(&registry_lock);
}

/* The guest's driver is up: its memory is mapped and its first rings are ready. */
static int on_new_device(int vid)
{
	struct vh_port *vp = find_port(vid);
	if (vp == NULL)
		return -1;
	uint64_t features = 0;
	if (rte_vhost_get_negotiated_features(vid, &features) < 0)
		return -1;
	for (unsigned int q = 0; q < vp->n_queues; q++) {
		watch_kick(vp, vid, q);
		__atomic_store_n(&vp->queues[q].rx.is_new, true, __ATOMIC_RELAXED);
		__atomic_store_n(&vp->queues[q].tx.is_new, true, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&vp->features, features, __ATOMIC_RELAXED);
	__atomic_store_n(&vp->vid, vid, __ATOMIC_SEQ_CST);
	vp->on_change(vp->arg);
	log_info("%s: guest is up, features 0x%llx", vp->path, (unsigned long long)features);
	return 0;
}

/* The guest's memory goes away when this returns. */
static void on_destroy_device(int vid)
{
	struct vh_port *vp = find_port(vid);
	if (vp == NULL)
		return;
	__atomic_store_n(&vp->vid, VH_NO_DEVICE, __ATOMIC_SEQ_CST);
	vp->on_change(vp->arg);
	for (unsigned int q = 0; q < vp->n_queues; q++) {
		wait_until_out(&vp->queues[q].rx);
		wait_until_out(&vp->queues[q].tx);
	}
	log_info("%s: guest is down", vp->path);
}

static int on_vring_state(int vid, uint16_t ring_id, int enable)
{
	struct vh_port *vp = find_port(vid);
	if (vp == NULL)
		return 0;
	unsigned int queue = ring_id / 2;
	if (queue >= vp->n_queues) {
		__atomic_add_fetch(&vp->n_extra, enable ? 1 : -1, __ATOMIC_RELAXED);
		return 0;
	}
	// No wait for workers here: rte_vhost holds the ring's lock, which a worker inside may be spinning on.
	// They look at enabled again at their next burst, and rte_vhost itself checks the ring under its lock.
	bool is_rx = ring_id % 2 == 1;
	struct vh_ring *r = is_rx ? &vp->queues[queue].rx : &vp->queues[queue].tx;
	__atomic_store_n(&r->is_new, true, __ATOMIC_RELAXED);
	__atomic_store_n(&r->enabled, enable != 0, __ATOMIC_SEQ_CST);
	if (is_rx && enable)
		watch_kick(vp, vid, queue);
	vp->on_change(vp->arg);
	return 0;
}

static int on_features(int vid, uint64_t features)
{
	struct vh_port *vp = find_port(vid);
	if (vp != NULL)
		__atomic_store_n(&vp->features, features, __ATOMIC_RELAXED);
	return 0;
}

static int on_new_connection(int vid)
{
	struct vh_port *vp = find_port(vid);
	if (vp == NULL)
		return -1;
	__atomic_store_n(&vp->n_extra, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&vp->connected, true, __ATOMIC_RELAXED);
	vp->on_change(vp->arg);
	return 0;
}

static void on_destroy_connection(int vid)
{
	struct vh_port *vp = find_port(vid);
	if (vp == NULL)
		return;
	for (unsigned int q = 0; q < vp->n_queues; q++) {
		__atomic_store_n(&vp->queues[q].rx.enabled, false, __ATOMIC_SEQ_CST);
		__atomic_store_n(&vp->queues[q].tx.enabled, false, __ATOMIC_SEQ_CST);
	}
	__atomic_store_n(&vp->connected, false, __ATOMIC_RELAXED);
	vp->on_change(vp->arg);
}

/* A port outlives its callbacks: vh_port_destroy unregisters the socket before it leaves the registry. */
static struct vh_port *find_port(int vid)
{
	char path[VH_PATH_SIZE];
	if (rte_vhost_get_ifname(vid, path, sizeof(path)) < 0)
		return NULL;
	pthread_mutex_lock(&registry_lock);
	struct vh_port *vp = registry;
	while (vp != NULL && strcmp(vp->path, path) != 0)
		vp = vp->next;
	pthread_mutex_unlock(&registry_lock);
	return vp;
}

/*
 * Puts a duplicate of the ring's kick fd into the queue's epoll instance, so that rte_vhost may close its own at any
 * time. Edge-triggered: nobody reads it.
 */
static void watch_kick(struct vh_port *vp, int vid, unsigned int queue)
{
	struct vh_queue *q = &vp->queues[queue];
	struct rte_vhost_vring vring;
	if (rte_vhost_get_vhost_vring(vid, (uint16_t)(queue * 2 + 1), &vring) < 0 ||
	    vring.kickfd < 0)
		return;
	int fd = dup(vring.kickfd);
	if (fd < 0) {
		log_warn(
		    "%s: cannot watch kicks of queue %u: %s", vp->path, queue, strerror(errno));
		return;
	}
	if (q->kick_fd >= 0) {
		// Closing does not end the watch: rte_vhost's descriptor keeps the eventfd alive.
		(void)epoll_ctl(q->wakeup_fd, EPOLL_CTL_DEL, q->kick_fd, NULL);
		close(q->kick_fd);
	}
	q->kick_fd = fd;
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
	if (epoll_ctl(q->wakeup_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		log_warn(
		    "%s: cannot watch kicks of queue %u: %s", vp->path, queue, strerror(errno));
}

static void wait_until_out(const struct vh_ring *r)
{
	while (__atomic_load_n(&r->busy, __ATOMIC_SEQ_CST))
		sched_yield();
}
