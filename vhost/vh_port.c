/* SPDX-License-Identifier: Apache-2.0 */
#include "vhost/vh_port.h"

#include <linux/virtio_net.h>
#include <rte_vhost.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_MODULE "vhost"
#include "datapath/base/log.h"

static int register_driver(struct vh_port *vp, struct err *err);
static uint64_t refused_features(const struct vh_port *vp);
static int open_wakeups(struct vh_port *vp);
static void close_wakeups(struct vh_port *vp);

int vh_port_create(const struct vh_conf *conf, struct vh_port **ret, struct err *err)
{
	if (conf->path[0] == '\0' ||
	    strlen(conf->path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return err_set(err, ERR_PARAMS, "the socket path must have 1 to %zu bytes",
		    sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	if (conf->n_queues == 0 || conf->n_queues > VH_MAX_QUEUES)
		return err_set(
		    err, ERR_PARAMS, "a vhost port has 1 to %d queue pairs", VH_MAX_QUEUES);

	struct vh_port *vp = aligned_alloc(64, ROUND_UP(sizeof(*vp), 64));
	if (vp == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	*vp = (struct vh_port){.vid = VH_NO_DEVICE,
	    .server = conf->server,
	    .n_queues = conf->n_queues,
	    .on_change = conf->on_change,
	    .arg = conf->arg};
	memcpy(vp->path, conf->path, strlen(conf->path));
	vp->share = vh_share_get(conf->pool);
	if (vp->share == NULL) {
		free(vp);
		return err_set(err, ERR_INTERNAL, "out of memory");
	}
	int rc = open_wakeups(vp);
	if (rc < 0) {
		rc = err_set(err, ERR_INTERNAL, "no file descriptor for kicks: %s", strerror(-rc));
		goto fail;
	}
	rc = vh_registry_add(vp);
	if (rc < 0) {
		rc = err_set(err, ERR_CONFLICT, "another port uses the socket %s", vp->path);
		goto fail;
	}
	rc = register_driver(vp, err);
	if (rc < 0) {
		vh_registry_del(vp);
		goto fail;
	}
	*ret = vp;
	return 0;
fail:
	close_wakeups(vp);
	vh_share_put();
	free(vp);
	return rc;
}

void vh_port_destroy(struct vh_port *vp)
{
	if (vp == NULL)
		return;
	// Ends the connection first: destroy_device of a live guest runs in here or before.
	if (rte_vhost_driver_unregister(vp->path) < 0)
		log_warn("%s: rte_vhost did not know the socket", vp->path);
	vh_registry_del(vp);
	close_wakeups(vp);
	vh_share_put();
	free(vp);
}

void vh_get_state(struct vh_port *vp, struct vh_state *ret)
{
	*ret = (struct vh_state){
	    .connected = __atomic_load_n(&vp->connected, __ATOMIC_RELAXED),
	    .running = __atomic_load_n(&vp->vid, __ATOMIC_ACQUIRE) != VH_NO_DEVICE,
	    .n_extra = __atomic_load_n(&vp->n_extra, __ATOMIC_RELAXED),
	};
	for (unsigned int q = 0; q < vp->n_queues; q++)
		ret->n_refused += __atomic_load_n(&vp->queues[q].n_refused, __ATOMIC_RELAXED);
	if (!ret->running)
		return;
	ret->features = __atomic_load_n(&vp->features, __ATOMIC_RELAXED);
	while (ret->n_txq < vp->n_queues &&
	       __atomic_load_n(&vp->queues[ret->n_txq].tx.enabled, __ATOMIC_RELAXED))
		ret->n_txq++;
}

bool vh_takes_partial(const struct vh_port *vp)
{
	return __atomic_load_n(&vp->features, __ATOMIC_RELAXED) & (1ULL << VIRTIO_NET_F_GUEST_CSUM);
}

int vh_wakeup_fd(const struct vh_port *vp, uint16_t queue)
{
	return vp->queues[queue].wakeup_fd;
}

static int register_driver(struct vh_port *vp, struct err *err)
{
	uint64_t flags =
	    RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS | (vp->server ? 0 : RTE_VHOST_USER_CLIENT);
	uint64_t protocol =
	    1ULL << VHOST_USER_PROTOCOL_F_LOG_SHMFD | 1ULL << VHOST_USER_PROTOCOL_F_RARP |
	    1ULL << VHOST_USER_PROTOCOL_F_REPLY_ACK | 1ULL << VHOST_USER_PROTOCOL_F_NET_MTU |
	    1ULL << VHOST_USER_PROTOCOL_F_STATUS;
	if (vp->n_queues > 1)
		protocol |= 1ULL << VHOST_USER_PROTOCOL_F_MQ;

	if (rte_vhost_driver_register(vp->path, flags) < 0)
		return err_set(err, ERR_INTERNAL, "rte_vhost refused the socket %s", vp->path);
	if (rte_vhost_driver_disable_features(vp->path, refused_features(vp)) < 0 ||
	    rte_vhost_driver_set_protocol_features(vp->path, protocol) < 0 ||
	    rte_vhost_driver_callback_register(vp->path, &vh_device_ops) < 0 ||
	    rte_vhost_driver_start(vp->path) < 0) {
		rte_vhost_driver_unregister(vp->path);
		err_set(err, ERR_INTERNAL, "cannot %s the socket %s",
		    vp->server ? "listen on" : "connect to", vp->path);
		return err_hint(err, "check that the directory exists and may be %s",
		    vp->server ? "written" : "searched");
	}
	return 0;
}

/* Refused: what we do not do, so that a guest cannot ask for it. */
static uint64_t refused_features(const struct vh_port *vp)
{
	uint64_t f = 1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO6 |
		     1ULL << VIRTIO_NET_F_GUEST_ECN | 1ULL << VIRTIO_NET_F_GUEST_UFO |
		     1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 |
		     1ULL << VIRTIO_NET_F_HOST_ECN | 1ULL << VIRTIO_NET_F_HOST_UFO;
	// With one pair a guest must not spread over rings that nobody serves.
	if (vp->n_queues == 1)
		f |= 1ULL << VIRTIO_NET_F_MQ;
	return f;
}

static int open_wakeups(struct vh_port *vp)
{
	for (unsigned int q = 0; q < VH_MAX_QUEUES; q++)
		vp->queues[q].wakeup_fd = vp->queues[q].kick_fd = -1;
	for (unsigned int q = 0; q < vp->n_queues; q++) {
		vp->queues[q].wakeup_fd = epoll_create1(EPOLL_CLOEXEC);
		if (vp->queues[q].wakeup_fd < 0)
			return -errno;
	}
	return 0;
}

static void close_wakeups(struct vh_port *vp)
{
	for (unsigned int q = 0; q < vp->n_queues; q++) {
		if (vp->queues[q].kick_fd >= 0)
			close(vp->queues[q].kick_fd);
		if (vp->queues[q].wakeup_fd >= 0)
			close(vp->queues[q].wakeup_fd);
	}
}
