/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_cycles.h>
#include <rte_eal.h>

#include <stdlib.h>
#include <string.h>

#include "datapath/worker_io.h"

enum { PORT_A = 1, PORT_B = 2, N_MBUFS = 4095, RING_SIZE = 64 };

/* A port whose device takes as many packets as the test says. */
struct fake {
	struct port port;
	unsigned int room;
	unsigned int n_taken, last_queue;
	bool saw_partial;
};

static uint16_t fake_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct fake *f = (struct fake *)p;
	uint16_t n_tx = (uint16_t)MIN_OF(n, f->room);
	for (uint16_t i = 0; i < n_tx; i++)
		f->saw_partial |= pkt_of(pkts[i])->flags & PKT_F_CSUM_PARTIAL;
	f->room -= n_tx;
	f->n_taken += n_tx;
	f->last_queue = queue;
	rte_pktmbuf_free_bulk(pkts, n_tx);
	return n_tx;
}

static const struct port_ops fake_ops = {
    .kind = "fake", .tx_burst = fake_tx, .full_reason = DP_DROP_TX_FULL};
static const struct port_ops fake_partial_ops = {
    .kind = "fake", .tx_burst = fake_tx, .full_reason = DP_DROP_GUEST_FULL, .completes_csum = true};
static const struct port_ops unsendable_ops = {.kind = "vxlan"};

static struct dp *dp;
static struct dp_options options;
static struct fake a, b;
static struct rte_mempool *pool;
static unsigned int n_free_before;

void rcu_worker_online(unsigned int)
{
}

void rcu_worker_offline(unsigned int)
{
}

static void fake_init(struct fake *f, uint16_t id, uint16_t n_txq)
{
	*f = (struct fake){
	    .port = {.id = id, .ops = &fake_ops, .n_txq = n_txq, .conf.mtu = 1500}, .room = 100000};
	dp->ports[id] = &f->port;
}

static struct worker *make_worker(unsigned int id)
{
	char name[16];
	snprintf(name, sizeof(name), "t%u", id);
	struct worker *w = calloc(1, sizeof(*w));
	*w = (struct worker){.id = id, .dp = dp, .pool = pool, .now_tsc = rte_rdtsc()};
	w->ports = calloc(DP_MAX_PORTS, sizeof(*w->ports));
	w->samples = calloc(DP_DROP__COUNT, sizeof(*w->samples));
	w->out = calloc(OUT_QUEUES, sizeof(*w->out));
	w->out_of_port = calloc(DP_MAX_PORTS, sizeof(*w->out_of_port));
	w->io = calloc(1, sizeof(*w->io));
	w->io->copies = calloc(DP_MAX_PORTS, sizeof(*w->io->copies));
	w->io->handoff = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	w->io->wake_fd = -1;
	assert_non_null(w->io->handoff);
	return w;
}

static int setup(void **)
{
	dp = calloc(1, sizeof(*dp));
	dp->options = &options;
	dp->n_workers = 2;
	for (unsigned int i = 0; i < 2; i++)
		dp->workers[i] = make_worker(i);
	fake_init(&a, PORT_A, 2);
	fake_init(&b, PORT_B, 2);
	n_free_before = rte_mempool_avail_count(pool);
	return 0;
}

static int teardown(void **)
{
	assert_int_equal(
	    rte_mempool_avail_count(pool), n_free_before); // no packet leaks, whatever happened
	for (unsigned int i = 0; i < 2; i++) {
		struct worker *w = dp->workers[i];
		rte_ring_free(w->io->handoff);
		free(w->io->copies);
		free(w->io);
		free(w->ports);
		free(w->samples);
		free(w->out);
		free(w->out_of_port);
		free(w);
	}
	free(dp);
	return 0;
}

static struct rte_mbuf *packet(struct worker *w, uint16_t in_port, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	assert_non_null(m);
	pkt_reset(m);
	pkt_of(m)->in_port = in_port;
	memset(rte_pktmbuf_append(m, len), 0x5a, len);
	w->ports[in_port].rx_packets++;
	return m;
}

/* rx + copies = sent + drops + held, over all workers. */
static void assert_conserved(uint16_t port)
{
	int64_t in = 0, out = 0;
	for (unsigned int i = 0; i < 2; i++) {
		const struct port_counters *c = &dp->workers[i]->ports[port];
		in += (int64_t)(c->rx_packets + c->copies);
		out += (int64_t)c->sent + c->held;
		for (unsigned int r = 0; r < DP_DROP__COUNT; r++)
			out += (int64_t)c->drops[r];
	}
	assert_int_equal(in, out);
}

static uint64_t drops(unsigned int worker, enum dp_drop reason)
{
	return dp->workers[worker]->ports[PORT_A].drops[reason];
}

static void sent_packets_count_on_both_ports(void **)
{
	struct worker *w = dp->workers[0];
	for (unsigned int i = 0; i < BURST + 3; i++)
		out_add(w, PORT_B, packet(w, PORT_A, 100));
	out_flush(w);
	assert_int_equal(b.n_taken, BURST + 3);
	assert_int_equal(w->ports[PORT_B].tx_packets, BURST + 3);
	assert_int_equal(w->ports[PORT_B].tx_bytes, (BURST + 3) * 100);
	assert_int_equal(w->ports[PORT_A].sent, BURST + 3);
	assert_int_equal(w->ports[PORT_B].sent, 0);
	assert_conserved(PORT_A);
}

static void what_the_device_does_not_take_is_dropped_with_its_reason(void **)
{
	struct worker *w = dp->workers[0];
	b.room = 5;
	b.port.ops = &fake_partial_ops;
	for (unsigned int i = 0; i < 20; i++)
		out_add(w, PORT_B, packet(w, PORT_A, 60));
	out_flush(w);
	assert_int_equal(b.n_taken, 5);
	assert_int_equal(drops(0, DP_DROP_GUEST_FULL), 15);
	assert_int_equal(w->ports[PORT_B].tx_drops, 15);
	assert_conserved(PORT_A);
}

static void ports_that_cannot_send_drop(void **)
{
	struct worker *w = dp->workers[0];
	b.port.n_txq = 0;
	out_add(w, PORT_B, packet(w, PORT_A, 60));
	out_add(w, 77, packet(w, PORT_A, 60));
	out_flush(w);
	b.port.ops = &unsendable_ops;
	out_add(w, PORT_B, packet(w, PORT_A, 60));
	out_flush(w);
	assert_int_equal(drops(0, DP_DROP_PORT_DOWN), 1);
	assert_int_equal(drops(0, DP_DROP_STOPPED), 1);
	assert_int_equal(drops(0, DP_DROP_BAD_OUTPUT_PORT), 1);
	assert_conserved(PORT_A);
}

static void the_mtu_counts_without_the_headers(void **)
{
	struct worker *w = dp->workers[0];
	out_add(w, PORT_B, packet(w, PORT_A, 14 + 1500));
	out_add(w, PORT_B, packet(w, PORT_A, 14 + 1500 + 1));
	struct rte_mbuf *tagged = packet(w, PORT_A, 14 + 4 + 1500);
	pkt_of(tagged)->n_vlans = 1;
	out_add(w, PORT_B, tagged);
	struct rte_mbuf *tagged_long = packet(w, PORT_A, 14 + 4 + 1500 + 1);
	pkt_of(tagged_long)->n_vlans = 1;
	out_add(w, PORT_B, tagged_long);
	out_flush(w);
	assert_int_equal(b.n_taken, 2);
	assert_int_equal(drops(0, DP_DROP_TX_TOO_LONG), 2);
	assert_conserved(PORT_A);
}

static void partial_checksums_are_completed_for_who_cannot(void **)
{
	struct worker *w = dp->workers[0];
	for (unsigned int i = 0; i < 2; i++) {
		struct rte_mbuf *m = packet(w, PORT_A, 80);
		pkt_of(m)->flags = PKT_F_CSUM_PARTIAL;
		pkt_of(m)->l3_ofs = 14;
		pkt_of(m)->l4_ofs = pkt_of(m)->csum_start = 34;
		pkt_of(m)->csum_offset = 6;
		out_add(w, i == 0 ? PORT_B : PORT_A, m);
		if (i == 0)
			a.port.ops = &fake_partial_ops;
	}
	out_flush(w);
	assert_int_equal(b.n_taken, 1);
	assert_false(b.saw_partial);
	assert_true(a.saw_partial);
}

static void a_queue_is_used_by_its_owner_only(void **)
{
	struct worker *w = dp->workers[1];
	out_add(w, PORT_B, packet(w, PORT_A, 60));
	out_flush(w);
	assert_int_equal(b.last_queue, 1);

	b.port.n_txq = 1;
	for (unsigned int i = 0; i < 3; i++)
		out_add(w, PORT_B, packet(w, PORT_A, 60));
	out_flush(w);
	assert_int_equal(b.n_taken, 1); // not sent by worker 1
	assert_int_equal(w->ports[PORT_A].held, 3);
	assert_conserved(PORT_A);

	assert_int_equal(worker_drain_handoff(dp->workers[0]), 3);
	assert_int_equal(b.n_taken, 4);
	assert_int_equal(b.last_queue, 0);
	assert_int_equal(dp->workers[0]->ports[PORT_A].held, -3);
	assert_int_equal(dp->workers[0]->ports[PORT_B].tx_packets, 3);
	assert_conserved(PORT_A);
}

static void queues_that_go_while_packets_wait_are_followed(void **)
{
	struct worker *w = dp->workers[1];
	b.port.n_txq = 1;
	out_add(w, PORT_B, packet(w, PORT_A, 60));
	out_add(w, 9, packet(w, PORT_A, 60));
	out_flush(w);
	b.port.n_txq = 0;
	worker_drain_handoff(dp->workers[0]);
	assert_int_equal(drops(0, DP_DROP_PORT_DOWN), 1);

	b.port.n_txq = 1;
	out_add(w, PORT_B, packet(w, PORT_A, 60));
	out_flush(w);
	dp->ports[PORT_B] = NULL;
	worker_drain_handoff(dp->workers[0]);
	assert_int_equal(drops(0, DP_DROP_STOPPED), 1);
	assert_conserved(PORT_A);
}

/* Deleted and made again, or replaced, while packets for the old one wait: perhaps another tenant's now. */
static void a_new_port_of_the_same_id_gets_nothing_that_waited(void **)
{
	static struct fake successor;
	struct worker *w = dp->workers[1], *owner = dp->workers[0];
	b.port.n_txq = 1;
	b.port.add_version = 5;
	w->version = dp->version = 5;
	for (unsigned int i = 0; i < 3; i++)
		out_add(w, PORT_B, packet(w, PORT_A, 60));
	out_flush(w);
	fake_init(&successor, PORT_B, 1);
	successor.port.add_version = 7;
	w->version = dp->version = 7; // the owner's burst is older
	out_add(w, PORT_B, packet(w, PORT_A, 60));
	out_flush(w);
	assert_int_equal(worker_drain_handoff(owner), 4);
	assert_int_equal(b.n_taken, 0);
	assert_int_equal(successor.n_taken, 1); // what was sent to it
	assert_int_equal(drops(0, DP_DROP_STOPPED), 3);
	assert_int_equal(owner->ports[PORT_B].tx_drops, 3);
	assert_conserved(PORT_A);
	assert_int_equal(dp->workers[0]->ports[PORT_A].held + w->ports[PORT_A].held, 0);
}

static void a_burst_sends_to_no_port_that_is_newer_than_its_rules(void **)
{
	for (unsigned int id = 0; id < 2; id++) {
		struct worker *w = dp->workers[id];
		b.port.n_txq = 1;
		b.port.add_version = 6; // published, the version not yet
		w->version = 5;
		out_add(w, PORT_B, packet(w, PORT_A, 60));
		out_flush(w);
		assert_int_equal(drops(id, DP_DROP_STOPPED), 1);
		assert_int_equal(w->ports[PORT_A].held, 0);
		w->version = 6;
		out_add(w, PORT_B, packet(w, PORT_A, 60));
		out_flush(w);
	}
	assert_int_equal(b.n_taken, 1);
	dp->version = 6;
	worker_drain_handoff(dp->workers[0]);
	assert_int_equal(b.n_taken, 2);
	assert_conserved(PORT_A);
}

static void a_full_hand_off_ring_drops(void **)
{
	struct worker *w = dp->workers[1];
	b.port.n_txq = 1;
	for (unsigned int i = 0; i < RING_SIZE + 10; i++)
		out_add(w, PORT_B, packet(w, PORT_A, 60));
	out_flush(w);
	unsigned int room = RING_SIZE - 1; // of an rte_ring
	assert_int_equal(w->ports[PORT_A].held, room);
	assert_int_equal(drops(1, DP_DROP_TX_HANDOFF_FULL), RING_SIZE + 10 - room);
	assert_conserved(PORT_A);
	while (worker_drain_handoff(dp->workers[0]) != 0)
		continue;
	assert_int_equal(b.n_taken, room);
	assert_conserved(PORT_A);
}

static void a_burst_may_go_to_any_number_of_ports(void **)
{
	struct worker *w = dp->workers[0];
	enum { N = OUT_QUEUES * 3 };
	struct fake *many = calloc(N, sizeof(*many));
	for (uint16_t i = 0; i < N; i++) {
		fake_init(&many[i], (uint16_t)(100 + i), 1);
		out_add(w, (uint16_t)(100 + i), packet(w, PORT_A, 60));
	}
	out_add(w, 100, packet(w, PORT_A, 60));
	out_flush(w);
	for (unsigned int i = 0; i < N; i++)
		assert_int_equal(many[i].n_taken, i == 0 ? 2 : 1);
	assert_conserved(PORT_A);
	free(many);
}

static void a_copy_keeps_bytes_and_metadata(void **)
{
	struct worker *w = dp->workers[0];
	struct rte_mbuf *m = packet(w, PORT_A, 1000), *tail = packet(w, PORT_A, 900);
	w->ports[PORT_A].rx_packets--;
	tail->pkt_len = 0; // becomes a segment
	m->pkt_len += tail->data_len;
	m->nb_segs = 2;
	m->next = tail;
	pkt_of(m)->tun_vni = 77;
	pkt_of(m)->l4_ofs = 34;
	struct rte_mbuf *c = pkt_copy(w, m);
	assert_non_null(c);
	assert_int_equal(c->pkt_len, 1900);
	assert_int_equal(rte_pktmbuf_headroom(c), RTE_PKTMBUF_HEADROOM);
	assert_memory_equal(pkt_of(c), pkt_of(m), sizeof(struct pkt));
	*rte_pktmbuf_mtod(c, uint8_t *) = 1; // deep: the original does not see it
	assert_int_equal(*rte_pktmbuf_mtod(m, uint8_t *), 0x5a);
	out_add(w, PORT_B, m);
	pkt_drop(w, c, DP_DROP_RULE_DROP, 0, 0);
	out_flush(w);
	assert_int_equal(w->ports[PORT_A].copies, 1);
	assert_int_equal(w->ports[PORT_A].drops[DP_DROP_TX_TOO_LONG], 1);
	assert_conserved(PORT_A);
}

static void copies_end_with_the_ports_budget(void **)
{
	struct worker *w = dp->workers[0];
	a.port.conf.copies_pps = 1000;
	struct rte_mbuf *m = packet(w, PORT_A, 60);
	unsigned int n_made = 0;
	for (unsigned int i = 0; i < 1000; i++) {
		struct rte_mbuf *c = pkt_copy(w, m);
		n_made += c != NULL;
		if (c != NULL)
			out_add(w, PORT_B, c);
	}
	out_flush(w);
	assert_int_equal(n_made, 256); // the least burst
	assert_int_equal(drops(0, DP_DROP_NO_COPY_BUDGET), 1000 - 256);
	// 10 ms later: ten more. Another port's budget is its own.
	w->now_tsc += rte_get_tsc_hz() / 100;
	n_made = 0;
	for (unsigned int i = 0; i < 100; i++) {
		struct rte_mbuf *c = pkt_copy(w, m);
		n_made += c != NULL;
		if (c != NULL)
			out_add(w, PORT_B, c);
	}
	assert_in_range(n_made, 9, 10);
	struct rte_mbuf *other = packet(w, PORT_B, 60);
	struct rte_mbuf *c = pkt_copy(w, other);
	assert_non_null(c);
	out_add(w, PORT_A, c);
	out_add(w, PORT_A, other);
	out_add(w, PORT_B, m);
	out_flush(w);
	assert_conserved(PORT_A);
	assert_conserved(PORT_B);
}

static void a_copy_without_memory_is_a_counted_drop(void **)
{
	struct worker *w = dp->workers[0];
	static struct rte_mbuf *all[N_MBUFS + 1];
	struct rte_mbuf *m = packet(w, PORT_A, 60);
	unsigned int n = 0;
	while ((all[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	assert_null(pkt_copy(w, m));
	rte_pktmbuf_free_bulk(all, n);
	assert_int_equal(drops(0, DP_DROP_NO_MBUF), 1);
	out_add(w, PORT_B, m);
	out_flush(w);
	assert_conserved(PORT_A);
}

static void samples_hold_the_head_of_the_packet(void **)
{
	struct worker *w = dp->workers[0];
	struct rte_mbuf *m = packet(w, PORT_A, 40), *tail = packet(w, PORT_A, 300);
	m->pkt_len += tail->data_len;
	m->nb_segs = 2;
	m->next = tail;
	pkt_drop(w, m, DP_DROP_TABLE_MISS, 7, 8);
	const struct drop_ring *r = &w->samples[DP_DROP_TABLE_MISS];
	assert_int_equal(r->seq, 2);
	assert_int_equal(r->s[0].rule, 7);
	assert_int_equal(r->s[0].cookie, 8);
	assert_int_equal(r->s[0].in_port, PORT_A);
	assert_int_equal(r->s[0].reason, DP_DROP_TABLE_MISS);
	assert_int_equal(r->s[0].len, 340);
	assert_int_equal(r->s[0].snap, DP_SAMPLE_SNAP);
	for (unsigned int i = 0; i < DP_SAMPLE_SNAP; i++)
		assert_int_equal(r->s[0].data[i], 0x5a);
	assert_true(r->s[0].wall_ms > 1500000000000ULL);
}

static void a_flood_of_drops_is_sampled_slowly_and_the_last_are_kept(void **)
{
	struct worker *w = dp->workers[0];
	const struct drop_ring *r = &w->samples[DP_DROP_TABLE_MISS];
	for (unsigned int i = 0; i < 100; i++)
		pkt_drop(w, packet(w, PORT_A, 60), DP_DROP_TABLE_MISS, 1, 0);
	assert_int_equal(r->next, 1);
	for (unsigned int i = 0; i < 20; i++) {
		w->now_tsc += rte_get_tsc_hz() / 10000; // 100 us
		pkt_drop(w, packet(w, PORT_A, 60), DP_DROP_TABLE_MISS, 100 + i, 0);
	}
	assert_int_equal(r->next, 21);
	for (unsigned int i = 0; i < SAMPLES_PER_REASON; i++)
		assert_in_range(r->s[i].rule, 100 + 20 - SAMPLES_PER_REASON, 100 + 19);
}

int main(void)
{
	const char *args[] = {"worker_exit_test", "--no-huge", "-m", "64", "--no-pci",
	    "--no-shconf", "-l", "0", "--log-level=1", "--file-prefix=worker_exit_test"};
	if (rte_eal_init(ARRAY_SIZE(args), (char **)(uintptr_t)args) < 0)
		return 1;
	pool = rte_pktmbuf_pool_create(
	    "t", N_MBUFS, 0, PKT_PRIV_SIZE, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    TEST(sent_packets_count_on_both_ports),
	    TEST(what_the_device_does_not_take_is_dropped_with_its_reason),
	    TEST(ports_that_cannot_send_drop),
	    TEST(the_mtu_counts_without_the_headers),
	    TEST(partial_checksums_are_completed_for_who_cannot),
	    TEST(a_queue_is_used_by_its_owner_only),
	    TEST(queues_that_go_while_packets_wait_are_followed),
	    TEST(a_new_port_of_the_same_id_gets_nothing_that_waited),
	    TEST(a_burst_sends_to_no_port_that_is_newer_than_its_rules),
	    TEST(a_full_hand_off_ring_drops),
	    TEST(a_burst_may_go_to_any_number_of_ports),
	    TEST(a_copy_keeps_bytes_and_metadata),
	    TEST(copies_end_with_the_ports_budget),
	    TEST(a_copy_without_memory_is_a_counted_drop),
	    TEST(samples_hold_the_head_of_the_packet),
	    TEST(a_flood_of_drops_is_sampled_slowly_and_the_last_are_kept),
#undef TEST
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	rte_eal_cleanup();
	return rc;
}
