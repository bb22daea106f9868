/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/worker_io.h"

#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_lcore.h>
#include <rte_prefetch.h>

#include "datapath/base/clock.h"
#include "datapath/forward.h"
#include "datapath/packet_out.h"

enum { CLOCK_HZ = 4000 }; // at least: often enough for a time in ms

static void see_version(struct worker *w);
static void see_time(struct worker *w);
static unsigned int poll_queue(void *worker, struct rxq *q, uint64_t *ret_cycles);
static unsigned int admit(
    struct worker *w, const struct port *p, struct rte_mbuf **pkts, unsigned int n);
static enum dp_drop check(const struct port *p, struct rte_mbuf *m);

int worker_main(void *worker)
{
	struct worker *w = worker;
	struct worker_io *io = w->io;
	rcu_worker_register(w->id);
	rcu_worker_online(w->id);
	see_time(w);
	while (!__atomic_load_n(&io->stop, __ATOMIC_RELAXED)) {
		uint64_t start_tsc = w->now_tsc;
		unsigned int n = worker_poll(w);
		forward_idle(w);
		out_flush(w);
		see_time(w);
		*(n != 0 ? &w->stats.busy_cycles : &w->stats.idle_cycles) += w->now_tsc - start_tsc;
		rcu_worker_quiescent(w->id);
		if (n != 0) {
			worker_rested(w);
			continue;
		}
		worker_rest(w);
		see_time(w); // sleep is counted by worker_rest
	}
	rcu_worker_offline(w->id);
	rcu_worker_unregister(w->id);
	return 0;
}

unsigned int worker_poll(struct worker *w)
{
	struct worker_io *io = w->io;
	struct rxq_list *list = rcu_get(io->rxqs);
	see_version(w);
	if (UNLIKELY(list->is_new))
		worker_meet(w, list);
	unsigned int n = rx_sched_round(&io->sched, list, io->idle_since_tsc != 0, poll_queue, w);
	if (UNLIKELY(w->packet_outs != NULL && !rte_ring_empty(w->packet_outs)))
		n += packet_out_run(w);
	return n + worker_drain_handoff(w);
}

static void see_version(struct worker *w)
{
	w->version = __atomic_load_n(&w->dp->version, __ATOMIC_ACQUIRE);
}

/* The system's clock costs as much as a packet: it is asked only when the TSC says that its answer may be another. */
static void see_time(struct worker *w)
{
	struct worker_io *io = w->io;
	w->now_tsc = rte_rdtsc();
	if (LIKELY(w->now_tsc - io->clock_tsc < w->stats.tsc_hz / CLOCK_HZ))
		return;
	io->clock_tsc = w->now_tsc;
	w->now_ms = clock_ms();
}

static unsigned int poll_queue(void *worker, struct rxq *q, uint64_t *ret_cycles)
{
	struct worker *w = worker;
	struct port *p = q->port;
	struct rte_mbuf *pkts[BURST];
	unsigned int n = p->ops->rx_burst(p, q->queue, pkts, BURST);
	if (n == 0)
		return 0;
	see_version(w);
	uint64_t start_tsc = w->now_tsc;
	w->stats.n_bursts++;
	w->stats.n_packets += n;
	unsigned int n_good = admit(w, p, pkts, n);
	if (n_good != 0)
		forward_burst(w, p->id, pkts, n_good);
	out_flush(w);
	see_time(w);
	*ret_cycles = w->now_tsc - start_tsc;
	return n;
}

/* Counts packets in; ends those that no stage may see. Returns how many are left. */
static unsigned int admit(
    struct worker *w, const struct port *p, struct rte_mbuf **pkts, unsigned int n)
{
	struct port_counters *c = &w->ports[p->id];
	unsigned int n_good = 0;
	uint64_t n_bytes = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		rte_prefetch0(rte_pktmbuf_mtod(m, void *));
		pkt_of(m)->in_port = p->id;
		n_bytes += rte_pktmbuf_pkt_len(m);
		enum dp_drop reason = check(p, m);
		if (LIKELY(reason == DP_DROP__COUNT))
			pkts[n_good++] = m;
		else
			pkt_drop(w, m, reason, 0, 0);
	}
	c->rx_packets += n;
	c->rx_bytes += n_bytes;
	return n_good;
}

static enum dp_drop check(const struct port *p, struct rte_mbuf *m)
{
	uint32_t len = rte_pktmbuf_pkt_len(m);
	if (UNLIKELY(len < RTE_ETHER_HDR_LEN))
		return DP_DROP_RX_RUNT;
	if (UNLIKELY(len > p->max_frame))
		return DP_DROP_RX_TOO_LONG;
	const struct pkt *k = pkt_of(m);
	if (UNLIKELY((k->flags & PKT_F_CSUM_PARTIAL) &&
		     (uint32_t)k->csum_start + k->csum_offset + 2 > rte_pktmbuf_data_len(m)))
		return DP_DROP_BAD_OFFLOAD;
	return DP_DROP__COUNT;
}
