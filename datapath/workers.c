/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/workers.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "datapath/eal.h"
#include "datapath/packet_out.h"
#include "datapath/pipeline.h"
#include "datapath/program_cache.h"
#include "datapath/session.h"
#include "datapath/worker_io.h"

enum { PUNT_RING_SIZE = 1024 };

static struct worker *worker_create(struct dp *dp, unsigned int id);
static bool create_tables(struct worker *w);
static struct worker_io *worker_io_create(unsigned int id);
static void worker_destroy(struct worker *w);
static void worker_io_destroy(struct worker_io *io);
static void drop_handoff(struct worker *w);
static void settle_queues(struct dp *dp, unsigned int n_queues[]);
static struct port *polled(const struct dp *dp, unsigned int id);
static uint8_t least_loaded(const unsigned int n_queues[], unsigned int n_workers);
static struct rxq_list *make_list(const struct dp *dp, unsigned int worker, unsigned int n_queues);
static void watch(const struct worker *w, const struct rxq_list *list, int op);

int workers_create(struct dp *dp, struct err *err)
{
	for (dp->n_workers = 0; dp->n_workers < dp->options->n_workers; dp->n_workers++) {
		struct worker *w = worker_create(dp, dp->n_workers);
		if (w == NULL) {
			workers_destroy(dp);
			err_set(err, ERR_TABLE_FULL, "no memory for worker %u", dp->n_workers);
			return err_hint(err, "lower --sessions or raise --memory");
		}
		dp->workers[dp->n_workers] = w;
	}
	return 0;
}

int workers_start(struct dp *dp, struct err *err)
{
	for (unsigned int i = 0; i < dp->n_workers; i++) {
		int rc = rte_eal_remote_launch(worker_main, dp->workers[i], eal_lcore_of_worker(i));
		if (rc < 0) {
			workers_stop(dp);
			return err_set(
			    err, ERR_INTERNAL, "cannot start worker %u: %s", i, strerror(-rc));
		}
	}
	return 0;
}

void workers_stop(struct dp *dp)
{
	for (unsigned int i = 0; i < dp->n_workers; i++) {
		__atomic_store_n(&dp->workers[i]->io->stop, true, __ATOMIC_RELAXED);
		worker_wake(dp->workers[i]);
	}
	for (unsigned int i = 0; i < dp->n_workers; i++)
		(void)rte_eal_wait_lcore(eal_lcore_of_worker(i)); // worker_main returns 0
	for (unsigned int i = 0; i < dp->n_workers; i++)
		drop_handoff(dp->workers[i]);
	packet_out_fini(dp);
}

void workers_destroy(struct dp *dp)
{
	for (unsigned int i = 0; i < dp->n_workers; i++) {
		worker_destroy(dp->workers[i]);
		dp->workers[i] = NULL;
	}
	dp->n_workers = 0;
}

int workers_assign(struct dp *dp)
{
	unsigned int n_queues[RCU_MAX_WORKERS] = {0};
	struct rxq_list *lists[RCU_MAX_WORKERS] = {NULL};
	settle_queues(dp, n_queues);
	for (unsigned int i = 0; i < dp->n_workers; i++) {
		lists[i] = make_list(dp, i, n_queues[i]);
		if (lists[i] != NULL)
			continue;
		while (i-- > 0)
			free(lists[i]);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < dp->n_workers; i++) {
		struct worker *w = dp->workers[i];
		struct rxq_list *old = w->io->rxqs;
		watch(w, old, EPOLL_CTL_DEL);
		watch(w, lists[i], EPOLL_CTL_ADD);
		rcu_publish(w->io->rxqs, lists[i]);
		worker_wake(w);
		rcu_defer(free, old);
	}
	return 0;
}

static struct worker *worker_create(struct dp *dp, unsigned int id)
{
	struct worker *w = aligned_alloc(64, ROUND_UP(sizeof(*w), 64));
	if (w == NULL)
		return NULL;
	*w = (struct worker){.id = id, .core = dp->options->cores[id], .dp = dp, .pool = dp->pool};
	w->stats = (struct dp_worker_stats){.id = id,
	    .core = w->core,
	    .max_sessions = dp->options->max_sessions,
	    .tsc_hz = rte_get_tsc_hz()};
	w->io = worker_io_create(id);
	if (w->io == NULL || !create_tables(w)) {
		worker_destroy(w);
		return NULL;
	}
	return w;
}

static bool create_tables(struct worker *w)
{
	const struct dp *dp = w->dp;
	char name[RTE_RING_NAMESIZE];
	snprintf(name, sizeof(name), "punts%u", w->id);
	w->punts =
	    rte_ring_create(name, PUNT_RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (w->id == 0) {
		w->packet_outs = rte_ring_create("packet_outs", PACKET_OUT_WAITING, SOCKET_ID_ANY,
		    RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (w->packet_outs == NULL)
			return false;
	}
	w->sessions = session_table_create(dp->options->max_sessions, &dp->secret);
	w->programs = program_cache_create(PROGRAM_ARENA_SIZE, &dp->secret);
	w->pipeline = pipeline_create();
	w->ports = calloc(DP_MAX_PORTS, sizeof(*w->ports));
	w->samples = calloc(DP_DROP__COUNT, sizeof(*w->samples));
	w->out = calloc(OUT_QUEUES, sizeof(*w->out));
	w->out_of_port = calloc(DP_MAX_PORTS, sizeof(*w->out_of_port));
	return w->punts != NULL && w->sessions != NULL && w->programs != NULL &&
	       w->pipeline != NULL && w->ports != NULL && w->samples != NULL && w->out != NULL &&
	       w->out_of_port != NULL;
}

static struct worker_io *worker_io_create(unsigned int id)
{
	struct worker_io *io = calloc(1, sizeof(*io));
	if (io == NULL)
		return NULL;
	char name[RTE_RING_NAMESIZE];
	snprintf(name, sizeof(name), "handoff%u", id);
	io->handoff = rte_ring_create(name, HANDOFF_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	io->copies = calloc(DP_MAX_PORTS, sizeof(*io->copies));
	io->rxqs = rxq_list_create(0);
	io->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	io->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
	if (rx_sched_init(&io->sched, DP_MAX_PORTS) != 0 || io->handoff == NULL ||
	    io->copies == NULL || io->rxqs == NULL || io->epoll_fd < 0 || io->wake_fd < 0 ||
	    epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, io->wake_fd, &ev) < 0) {
		worker_io_destroy(io);
		return NULL;
	}
	return io;
}

static void worker_destroy(struct worker *w)
{
	if (w == NULL)
		return;
	if (w->io != NULL)
		worker_io_destroy(w->io);
	pipeline_destroy(w->pipeline);
	session_table_destroy(w->sessions);
	program_cache_destroy(w->programs);
	rte_ring_free(w->punts);
	rte_ring_free(w->packet_outs);
	for (unsigned int i = 0; i < RULE_STATS_CHUNKS; i++)
		free(w->rules[i]);
	free(w->ports);
	free(w->samples);
	free(w->out);
	free(w->out_of_port);
	free(w);
}

static void worker_io_destroy(struct worker_io *io)
{
	rte_ring_free(io->handoff);
	free(io->copies);
	rx_sched_fini(&io->sched);
	free(io->rxqs);
	if (io->epoll_fd >= 0)
		close(io->epoll_fd);
	if (io->wake_fd >= 0)
		close(io->wake_fd);
	free(io);
}

/* Packets whose owner has ended. */
static void drop_handoff(struct worker *w)
{
	void *m;
	while (rte_ring_sc_dequeue(w->io->handoff, &m) == 0) {
		w->ports[pkt_of(m)->in_port].held--;
		pkt_drop(w, m, DP_DROP_STOPPED, 0, 0);
	}
}

/*
 * Gives every receive queue a worker, the least loaded one when it is new. A queue stays with its worker for as long as its
 * port lives: two workers never poll one queue, not even for a moment, and sessions stay where their packets are.
 */
static void settle_queues(struct dp *dp, unsigned int n_queues[])
{
	for (unsigned int pass = 0; pass < 2; pass++) {
		for (unsigned int id = 1; id < DP_MAX_PORTS; id++) {
			struct port *p = dp->ports[id];
			for (uint16_t q = 0; p != NULL && p->ops->rx_burst != NULL && q < p->n_rxq;
			     q++) {
				if (pass == 1 && p->rxq_worker[q] == PORT_NO_WORKER)
					p->rxq_worker[q] = least_loaded(n_queues, dp->n_workers);
				else if (pass == 1)
					continue;
				if (p->rxq_worker[q] != PORT_NO_WORKER)
					n_queues[p->rxq_worker[q]]++;
			}
		}
	}
}

/* The port of that id, or NULL when it has nothing to poll, or not yet. */
static struct port *polled(const struct dp *dp, unsigned int id)
{
	struct port *p = dp->ports[id];
	return p != NULL && p->opened && p->ops->rx_burst != NULL ? p : NULL;
}

static uint8_t least_loaded(const unsigned int n_queues[], unsigned int n_workers)
{
	unsigned int best = 0;
	for (unsigned int i = 1; i < n_workers; i++)
		if (n_queues[i] < n_queues[best])
			best = i;
	return (uint8_t)best;
}

static struct rxq_list *make_list(const struct dp *dp, unsigned int worker, unsigned int n_queues)
{
	struct rxq_list *list = rxq_list_create(n_queues);
	if (list == NULL)
		return NULL;
	for (unsigned int id = 1; id < DP_MAX_PORTS; id++) {
		struct port *p = polled(dp, id);
		for (uint16_t q = 0; p != NULL && q < p->n_rxq; q++) {
			if (p->rxq_worker[q] != worker)
				continue;
			int fd = p->ops->wakeup_fd != NULL ? p->ops->wakeup_fd(p, q) : -1;
			list->q[list->n++] = (struct rxq){.port = p,
			    .port_id = p->id,
			    .queue = q,
			    .is_uplink = p->conf.flags & DP_PORT_F_UPLINK,
			    .wakeup_fd = fd};
			if (fd < 0)
				list->all_wake = false;
		}
	}
	rxq_list_ready(list);
	return list;
}

static void watch(const struct worker *w, const struct rxq_list *list, int op)
{
	for (unsigned int i = 0; i < list->n; i++) {
		struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
		// Without it the worker would wake a little later, by its timeout.
		if (list->q[i].wakeup_fd >= 0)
			(void)!epoll_ctl(w->io->epoll_fd, op, list->q[i].wakeup_fd, &ev);
	}
}
