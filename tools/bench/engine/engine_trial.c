/* SPDX-License-Identifier: Apache-2.0 */
/* A trial: one loop that sends what is due and takes what has come, in bursts. */
#include <rte_cycles.h>
#include <rte_prefetch.h>

#include "tools/bench/engine/engine.h"

enum { PREFETCH_AHEAD = 4 };

struct trial {
	struct engine *e;
	struct trial_result *result;
	struct stream *active[STREAM_MAX];
	unsigned int n_active;
	struct connections *connections[STREAM_MAX]; // of active streams
	unsigned int n_connections;
	uint8_t joined[FRAME_ROOM]; // frame in one piece
};

static void drain(struct trial *t, uint64_t end);
static void start(struct trial *t, const struct command *c, uint64_t now);
static void send_due(struct trial *t, struct stream *s);
static void send_burst(struct trial *t, struct stream *s, unsigned int n, uint64_t now);
static void send_connections(struct trial *t, struct stream *s, unsigned int n);
static void send_side(
    struct trial *t, struct stream *s, enum conn_side side, uint8_t port, uint64_t now);
static void receive_all(struct trial *t);
static void receive_burst(
    struct trial *t, uint8_t port, struct rte_mbuf **pkts, unsigned int n, uint64_t now);
static inline void sink_packet(
    struct trial *t, uint8_t port, const struct rte_mbuf *m, uint64_t now);
static bool claim_connection(
    struct trial *t, uint8_t port, const uint8_t *frame, uint32_t size, uint64_t now);
static void drop_old(struct engine *e);

void engine_trial(struct engine *e, const struct command *c, struct trial_result *ret)
{
	static struct trial t;
	struct machine_sample before, after;
	*ret = (struct trial_result){0};
	t = (struct trial){.e = e, .result = ret};
	drop_old(e);
	machine_sample(&before, e->options.core);
	uint64_t begin = rte_rdtsc(), now = begin;
	uint64_t end = begin + e->tsc_hz * c->duration_ms / 1000;
	start(&t, c, begin);
	while (now < end && !*e->stop) {
		for (unsigned int i = 0; i < t.n_active; i++)
			send_due(&t, t.active[i]);
		receive_all(&t);
		now = rte_rdtsc();
	}
	ret->elapsed_ticks = now - begin;
	end = now + e->tsc_hz * c->drain_ms / 1000;
	drain(&t, end);
	machine_sample(&after, e->options.core);
	ret->machine = (struct machine_sample){
	    .steal_ms = after.steal_ms - before.steal_ms,
	    .steal_all_ms = after.steal_all_ms - before.steal_all_ms,
	    .involuntary_switches = after.involuntary_switches - before.involuntary_switches,
	};
	ret->core_ghz = machine_core_ghz(e->tsc_hz);
}

static void drain(struct trial *t, uint64_t end)
{
	for (unsigned int i = 0; i < t->n_active; i++)
		if (t->active[i]->connections != NULL)
			t->active[i]->n_completed = t->active[i]->connections->counters.completed;
	while (rte_rdtsc() < end && !*t->e->stop) {
		// Connections that are open go on; no new ones.
		for (unsigned int i = 0; i < t->n_active; i++)
			if (t->active[i]->connections != NULL)
				send_connections(t, t->active[i], 0);
		receive_all(t);
	}
}

static void start(struct trial *t, const struct command *c, uint64_t now)
{
	struct engine *e = t->e;
	e->trial++;
	sink_start(&e->load->sink, e->trial);
	for (unsigned int i = 0; i < e->load->n; i++) {
		struct stream *s = e->load->streams[i];
		uint8_t id = s->source.conf.id;
		source_start(&s->source, e->trial);
		s->tx_packets = s->tx_bytes = s->tx_refused = 0;
		pacer_init(&s->pacer, c->rates_pps[id], e->tsc_hz, now);
		s->n_left = c->n_packets > 0 ? c->n_packets : UINT64_MAX;
		s->is_active = c->is_active[id];
		s->n_completed = 0;
		if (s->is_active)
			t->active[t->n_active++] = s;
		if (s->connections == NULL)
			continue;
		connections_start(s->connections, e->trial);
		if (s->is_active)
			t->connections[t->n_connections++] = s->connections;
	}
}

static void send_due(struct trial *t, struct stream *s)
{
	uint64_t now = rte_rdtsc();
	unsigned int most = s->n_left < BURST ? (unsigned int)s->n_left : BURST;
	// What is due after the last packet was never offered: it is not missed either.
	unsigned int n = most > 0 ? pacer_due(&s->pacer, now, most) : 0;
	s->n_left -= n;
	if (s->connections != NULL) {
		pacer_take(&s->pacer, n);
		send_connections(t, s, n);
		return;
	}
	if (n == 0)
		return;
	send_burst(t, s, n, now);
	pacer_take(&s->pacer, n);
	t->result->tx_ticks += rte_rdtsc() - now;
	t->result->n_tx += n;
}

/* The time of all packets is the time before the first is made: what the generator takes counts as latency. */
static void send_burst(struct trial *t, struct stream *s, unsigned int n, uint64_t now)
{
	struct rte_mbuf *pkts[BURST];
	uint8_t *buffers[BURST];
	uint16_t sizes[BURST];
	const struct stream_conf *conf = &s->source.conf;
	if (UNLIKELY(rte_pktmbuf_alloc_bulk(s->pool, pkts, n) < 0)) {
		t->result->n_no_buffer++;
		s->tx_refused += n;
		return;
	}
	for (unsigned int i = 0; i < n; i++)
		buffers[i] = rte_pktmbuf_mtod(pkts[i], uint8_t *);
	source_fill(&s->source, buffers, sizes, n, now);
	for (unsigned int i = 0; i < n; i++) {
		pkts[i]->data_len = sizes[i];
		pkts[i]->pkt_len = sizes[i];
	}
	unsigned int n_sent =
	    rte_eth_tx_burst(t->e->ports[conf->tx_port].dev_id, conf->queue, pkts, (uint16_t)n);
	for (unsigned int i = 0; i < n_sent; i++)
		s->tx_bytes += sizes[i];
	s->tx_packets += n_sent;
	source_commit(&s->source, n, n_sent);
	if (UNLIKELY(n_sent < n)) {
		s->tx_refused += n - n_sent;
		rte_pktmbuf_free_bulk(pkts + n_sent, n - n_sent);
	}
}

/* Opens n connections and sends what both ends have to. */
static void send_connections(struct trial *t, struct stream *s, unsigned int n)
{
	const uint8_t ports[CONN__SIDES] = {s->source.conf.tx_port, s->source.conf.rx_port};
	uint64_t now = rte_rdtsc();
	connections_expire(s->connections, now);
	connections_open(s->connections, n, now);
	for (unsigned int side = 0; side < CONN__SIDES; side++)
		send_side(t, s, (enum conn_side)side, ports[side], now);
}

static void send_side(
    struct trial *t, struct stream *s, enum conn_side side, uint8_t port, uint64_t now)
{
	struct rte_mbuf *pkts[BURST];
	uint8_t *buffers[BURST];
	uint16_t sizes[BURST];
	unsigned int n = MIN_OF(s->connections->queues[side].n, (uint32_t)BURST);
	if (n == 0)
		return;
	if (UNLIKELY(rte_pktmbuf_alloc_bulk(s->pool, pkts, n) < 0)) {
		t->result->n_no_buffer++;
		return;
	}
	uint64_t before = rte_rdtsc();
	for (unsigned int i = 0; i < n; i++)
		buffers[i] = rte_pktmbuf_mtod(pkts[i], uint8_t *);
	unsigned int n_made = connections_fill(s->connections, side, buffers, sizes, n, now);
	for (unsigned int i = 0; i < n_made; i++) {
		pkts[i]->data_len = sizes[i];
		pkts[i]->pkt_len = sizes[i];
	}
	unsigned int n_sent = rte_eth_tx_burst(t->e->ports[port].dev_id, 0, pkts, (uint16_t)n_made);
	connections_commit(s->connections, side, sizes, n_made, n_sent);
	if (n_sent < n)
		rte_pktmbuf_free_bulk(pkts + n_sent, n - n_sent);
	t->result->tx_ticks += rte_rdtsc() - before;
	t->result->n_tx += n_made;
}

static void receive_all(struct trial *t)
{
	struct rte_mbuf *pkts[BURST];
	for (unsigned int i = 0; i < t->e->faces.n; i++) {
		const struct engine_port *p = &t->e->ports[i];
		for (uint16_t q = 0; q < p->n_queues; q++) {
			uint64_t before = rte_rdtsc();
			unsigned int n = rte_eth_rx_burst(p->dev_id, q, pkts, BURST);
			if (n == 0)
				continue;
			uint64_t now = rte_rdtsc();
			receive_burst(t, (uint8_t)i, pkts, n, now);
			t->result->rx_ticks += rte_rdtsc() - before;
			t->result->n_rx += n;
		}
	}
}

static void receive_burst(
    struct trial *t, uint8_t port, struct rte_mbuf **pkts, unsigned int n, uint64_t now)
{
	for (unsigned int i = 0; i < n && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (unsigned int i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + PREFETCH_AHEAD], void *));
		sink_packet(t, port, pkts[i], now);
	}
	rte_pktmbuf_free_bulk(pkts, n);
}

static inline void sink_packet(
    struct trial *t, uint8_t port, const struct rte_mbuf *m, uint64_t now)
{
	struct sink *sink = &t->e->load->sink;
	uint32_t size = m->pkt_len;
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	if (UNLIKELY(m->nb_segs > 1)) {
		size = MIN_OF(size, (uint32_t)sizeof(t->joined));
		frame = rte_pktmbuf_read(m, 0, size, t->joined);
		if (frame == NULL)
			return;
	}
	if (UNLIKELY(t->n_connections > 0) && claim_connection(t, port, frame, size, now))
		return;
	(void)sink_frame(sink, port, frame, size, now);
}

static bool claim_connection(
    struct trial *t, uint8_t port, const uint8_t *frame, uint32_t size, uint64_t now)
{
	struct frame_view v;
	if (!frame_view_init(&v, frame, size))
		return false;
	for (unsigned int i = 0; i < t->n_connections; i++)
		if (connections_frame(t->connections[i], port, &v, now))
			return true;
	return false;
}

/* What has come since the last trial: nobody asked for it. */
static void drop_old(struct engine *e)
{
	struct rte_mbuf *pkts[BURST];
	for (unsigned int i = 0; i < e->faces.n; i++)
		for (uint16_t q = 0; q < e->ports[i].n_queues; q++) {
			// Bounded: net_null never runs dry.
			for (unsigned int k = 0; k < 64; k++) {
				unsigned int n =
				    rte_eth_rx_burst(e->ports[i].dev_id, q, pkts, BURST);
				if (n == 0)
					break;
				rte_pktmbuf_free_bulk(pkts, n);
			}
		}
}
