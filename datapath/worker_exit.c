/* SPDX-License-Identifier: Apache-2.0 */
#include <rte_cycles.h>
#include <rte_ether.h>

#include <string.h>

#include "datapath/base/clock.h"
#include "datapath/csum.h"
#include "datapath/worker_io.h"

enum {
	SAMPLE_GAP_US = 50,
	COPIES_PPS_DEFAULT = 100000,
	COPIES_BURST_MS = 100, // copies at once: what the rate gives in this time
	COPIES_BURST_MIN = 256,
};

/* Packets ready for a port, and what is counted of them when it has taken, and perhaps freed, them. */
struct parcel {
	uint16_t n;
	uint16_t many_ports; // not 0: they came in by more than one port
	uint64_t n_bytes;    // of all
	uint16_t in_port[BURST];
	uint32_t len[BURST];
	struct rte_mbuf **m; // [n]
};

static void sample_drop(struct worker *w, const struct rte_mbuf *m, enum dp_drop reason,
    uint64_t rule, uint64_t cookie);
static void open_queue(struct worker *w, uint16_t port, struct rte_mbuf *first);
static void flush_queue(struct worker *w, struct out_queue *q);
static void make_ready(
    struct worker *w, struct port *p, struct rte_mbuf **pkts, uint16_t n, struct parcel *ret);
static void send_burst(struct worker *w, struct port *p, struct parcel *parcel);
static void hand_over(
    struct worker *w, struct worker *owner, const struct port *p, struct parcel *parcel);
static unsigned int run_of(const struct parcel *parcel, unsigned int from, unsigned int n);
static void lose(
    struct worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n, enum dp_drop reason);
static bool take_copy_token(struct worker *w, uint16_t in_port);

void pkt_drop(
    struct worker *w, struct rte_mbuf *m, enum dp_drop reason, uint64_t rule, uint64_t cookie)
{
	w->ports[pkt_of(m)->in_port].drops[reason]++;
	sample_drop(w, m, reason, rule, cookie);
	rte_pktmbuf_free(m);
}

void out_add(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	uint16_t idx = w->out_of_port[port];
	if (UNLIKELY(idx == 0)) {
		open_queue(w, port, m);
		return;
	}
	struct out_queue *q = &w->out[idx - 1];
	q->m[q->n++] = m;
	if (UNLIKELY(q->n == BURST))
		flush_queue(w, q);
}

void out_flush(struct worker *w)
{
	for (unsigned int i = 0; i < w->n_out; i++) {
		struct out_queue *q = &w->out[i];
		flush_queue(w, q);
		w->out_of_port[q->port] = 0;
	}
	w->n_out = 0;
}

struct rte_mbuf *pkt_copy(struct worker *w, struct rte_mbuf *m)
{
	const struct pkt *k = pkt_of(m);
	struct port_counters *c = &w->ports[k->in_port];
	enum dp_drop reason = DP_DROP_NO_COPY_BUDGET;
	c->copies++;
	if (take_copy_token(w, k->in_port)) {
		struct rte_mbuf *copy = rte_pktmbuf_copy(m, w->pool, 0, UINT32_MAX);
		if (LIKELY(copy != NULL)) {
			*pkt_of(copy) = *k;
			return copy;
		}
		reason = DP_DROP_NO_MBUF;
	}
	// The copy that could not be made counts as made and dropped: the port's packets stay conserved.
	c->drops[reason]++;
	sample_drop(w, m, reason, 0, 0);
	return NULL;
}

unsigned int worker_drain_handoff(struct worker *w)
{
	struct rte_mbuf *pkts[BURST];
	unsigned int n = rte_ring_sc_dequeue_burst(w->io->handoff, (void **)pkts, BURST, NULL);
	// Who handed them over may be ahead of this worker's burst, and mean a port that has come since.
	w->version = __atomic_load_n(&w->dp->version, __ATOMIC_ACQUIRE);
	for (unsigned int i = 0; i < n; i++) {
		uint16_t id = pkts[i]->port;
		const struct port *p = rcu_get(w->dp->ports[id]);
		w->ports[pkt_of(pkts[i])->in_port].held--;
		if (LIKELY(p != NULL && (uint32_t)p->add_version == pkts[i]->hash.usr))
			out_add(w, id, pkts[i]);
		else
			lose(w, id, &pkts[i], 1, DP_DROP_STOPPED);
	}
	if (n != 0)
		out_flush(w);
	return n;
}

static void sample_drop(
    struct worker *w, const struct rte_mbuf *m, enum dp_drop reason, uint64_t rule, uint64_t cookie)
{
	struct drop_ring *ring = &w->samples[reason];
	if (w->now_tsc - ring->last_tsc < rte_get_tsc_hz() / 1000000 * SAMPLE_GAP_US &&
	    ring->last_tsc != 0)
		return;
	ring->last_tsc = w->now_tsc;

	__atomic_store_n(&ring->seq, ring->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	struct dp_sample *s = &ring->s[ring->next++ % SAMPLES_PER_REASON];
	uint32_t len = rte_pktmbuf_pkt_len(m);
	*s = (struct dp_sample){
	    .wall_ms = clock_wall_ms(),
	    .rule = rule,
	    .cookie = cookie,
	    .in_port =
		((const struct pkt *)rte_mbuf_to_priv((struct rte_mbuf *)(uintptr_t)m))->in_port,
	    .reason = reason,
	    .len = (uint16_t)MIN_OF(len, (uint32_t)UINT16_MAX),
	    .snap = (uint16_t)MIN_OF(len, (uint32_t)DP_SAMPLE_SNAP),
	    .worker = w->id,
	};
	const void *bytes = rte_pktmbuf_read(m, 0, s->snap, s->data);
	if (bytes != NULL && bytes != s->data)
		memcpy(s->data, bytes, s->snap);
	__atomic_store_n(&ring->seq, ring->seq + 1, __ATOMIC_RELEASE);
}

/* Apart from out_add, and called last, so that out_add itself needs no stack: it runs once per packet. */
__attribute__((noinline)) static void open_queue(
    struct worker *w, uint16_t port, struct rte_mbuf *first)
{
	if (w->n_out == OUT_QUEUES)
		out_flush(w);
	struct out_queue *q = &w->out[w->n_out++];
	q->port = port;
	q->m[0] = first;
	q->n = 1;
	w->out_of_port[port] = (uint16_t)w->n_out;
}

__attribute__((noinline)) static void flush_queue(struct worker *w, struct out_queue *q)
{
	uint16_t n = q->n;
	q->n = 0;
	if (n == 0)
		return;
	struct port *p = rcu_get(w->dp->ports[q->port]);
	// Newer than the rules of this burst: they meant an earlier port of its id.
	if (UNLIKELY(p == NULL || p->add_version > w->version)) {
		lose(w, q->port, q->m, n, DP_DROP_STOPPED);
		return;
	}
	if (UNLIKELY(p->ops->tx_burst == NULL)) {
		lose(w, q->port, q->m, n, DP_DROP_BAD_OUTPUT_PORT);
		return;
	}
	uint16_t n_txq = __atomic_load_n(&p->n_txq, __ATOMIC_ACQUIRE);
	if (UNLIKELY(n_txq == 0)) {
		lose(w, q->port, q->m, n, DP_DROP_PORT_DOWN);
		return;
	}
	struct parcel parcel;
	make_ready(w, p, q->m, n, &parcel);
	unsigned int owner = w->id % n_txq;
	if (owner == w->id)
		send_burst(w, p, &parcel);
	else
		hand_over(w, w->dp->workers[owner], p, &parcel);
}

/* Drops what is too long, completes checksums for receivers that cannot. */
static void make_ready(
    struct worker *w, struct port *p, struct rte_mbuf **pkts, uint16_t n, struct parcel *ret)
{
	bool completes_csum = p->ops->completes_csum;
	uint32_t max_untagged = RTE_ETHER_HDR_LEN + p->conf.mtu;
	uint16_t n_good = 0, first_port = pkt_of(pkts[0])->in_port, many_ports = 0;
	uint64_t n_bytes = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct pkt *k = pkt_of(m);
		uint32_t len = rte_pktmbuf_pkt_len(m);
		if (UNLIKELY(len > max_untagged + k->n_vlans * 4U)) {
			lose(w, p->id, &m, 1, DP_DROP_TX_TOO_LONG);
			continue;
		}
		if (UNLIKELY((k->flags & PKT_F_CSUM_PARTIAL) && !completes_csum))
			csum_complete(m);
		ret->in_port[n_good] = k->in_port;
		ret->len[n_good] = len;
		many_ports |= k->in_port ^ first_port;
		n_bytes += len;
		pkts[n_good++] = m;
	}
	ret->m = pkts;
	ret->n = n_good;
	ret->many_ports = many_ports;
	ret->n_bytes = n_bytes;
}

static void send_burst(struct worker *w, struct port *p, struct parcel *parcel)
{
	uint16_t n_sent = p->ops->tx_burst(p, (uint16_t)w->id, parcel->m, parcel->n);
	uint64_t n_bytes = parcel->n_bytes;
	for (unsigned int i = n_sent; i < parcel->n; i++)
		n_bytes -= parcel->len[i];
	struct port_counters *c = &w->ports[p->id];
	c->tx_packets += n_sent;
	c->tx_bytes += n_bytes;
	for (unsigned int i = 0, run; i < n_sent; i += run) {
		run = run_of(parcel, i, n_sent);
		w->ports[parcel->in_port[i]].sent += run;
	}
	if (UNLIKELY(n_sent < parcel->n))
		lose(w, p->id, parcel->m + n_sent, (uint16_t)(parcel->n - n_sent),
		    p->ops->full_reason);
}

static void hand_over(
    struct worker *w, struct worker *owner, const struct port *p, struct parcel *parcel)
{
	for (unsigned int i = 0; i < parcel->n; i++) {
		parcel->m[i]->port = p->id;
		parcel->m[i]->hash.usr = (uint32_t)p->add_version;
	}
	uint16_t n_taken = (uint16_t)rte_ring_mp_enqueue_burst(
	    owner->io->handoff, (void *const *)parcel->m, parcel->n, NULL);
	for (unsigned int i = 0, run; i < n_taken; i += run) {
		run = run_of(parcel, i, n_taken);
		w->ports[parcel->in_port[i]].held += run;
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST); // pairs with sleep_us
	if (n_taken != 0 && __atomic_load_n(&owner->io->asleep, __ATOMIC_RELAXED))
		worker_wake(owner);
	if (UNLIKELY(n_taken < parcel->n))
		lose(w, p->id, parcel->m + n_taken, (uint16_t)(parcel->n - n_taken),
		    DP_DROP_TX_HANDOFF_FULL);
}

/* How many packets of one in_port there are at from, of the first n. Most parcels are of one. */
static unsigned int run_of(const struct parcel *parcel, unsigned int from, unsigned int n)
{
	if (LIKELY(parcel->many_ports == 0))
		return n - from;
	unsigned int i = from + 1;
	while (i < n && parcel->in_port[i] == parcel->in_port[from])
		i++;
	return i - from;
}

/* Drops packets at the queue of a port. */
static void lose(
    struct worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n, enum dp_drop reason)
{
	w->ports[port].tx_drops += n;
	for (uint16_t i = 0; i < n; i++)
		pkt_drop(w, pkts[i], reason, 0, 0);
}

/* One bucket per worker and ingress port: a port whose queues are on several workers has the rate on each. */
static bool take_copy_token(struct worker *w, uint16_t in_port)
{
	const struct port *p = rcu_get(w->dp->ports[in_port]);
	uint64_t rate =
	    p == NULL || p->conf.copies_pps == 0 ? COPIES_PPS_DEFAULT : p->conf.copies_pps;
	uint64_t burst = MAX_OF(rate * COPIES_BURST_MS / 1000, (uint64_t)COPIES_BURST_MIN);
	struct copy_bucket *b = &w->io->copies[in_port];
	uint64_t hz = rte_get_tsc_hz();
	uint64_t elapsed = w->now_tsc - b->filled_tsc;

	if (b->filled_tsc == 0 || elapsed >= hz) {
		b->n_tokens = burst;
		b->filled_tsc = w->now_tsc;
	} else {
		uint64_t n_new = elapsed * rate / hz; // below 2^64: elapsed < hz, rate < 2^32
		b->n_tokens = MIN_OF(b->n_tokens + n_new, burst);
		if (n_new != 0)
			b->filled_tsc += n_new * hz / rate;
	}
	if (b->n_tokens == 0)
		return false;
	b->n_tokens--;
	return true;
}
