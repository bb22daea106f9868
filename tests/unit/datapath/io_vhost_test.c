/* SPDX-License-Identifier: Apache-2.0 */
/* vhost-user ports against DPDK's virtio-user driver, which is the guest here: same process, other end of the socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_dev.h>
#include <rte_ethdev.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/base/clock.h"
#include "datapath/csum.h"
#include "datapath/worker_io.h"
#include "tests/unit/datapath/io_fixture.h"
#include "vhost/vh_port.h"

enum { WAIT_MS = 5000, N_DESC = 256, MAX_RINGS = 2 };

/* A guest on port id: a virtio-user device that listens on (or connects to) the port's socket. */
struct guest {
	char name[32], path[96];
	uint16_t dev_id;
	uint64_t rx_offloads, tx_offloads; // what the guest's driver negotiates
	struct rte_mempool *pool;
};

static struct guest g1 = {.name = "net_virtio_user1"}, g2 = {.name = "net_virtio_user2"};
static char dir[] = "/tmp/sluice-io-vhost-XXXXXX";

static bool is_up(void *port)
{
	return ((struct port *)port)->state == DP_PORT_UP;
}

static bool is_waiting(void *port)
{
	return ((struct port *)port)->state == DP_PORT_WAITING;
}

static bool is_quiet(void *)
{
	return io_unaccounted(1) == 0 && io_unaccounted(2) == 0 && io_counters(1).held == 0 &&
	       io_counters(2).held == 0;
}

static void guest_prepare(struct guest *g)
{
	snprintf(g->path, sizeof(g->path), "%s/%s.sock", dir, g->name);
	(void)unlink(g->path);
}

/* Boots the guest: options as in devargs ("packed_vq=1"). Waits for the other end when it listens. */
static void guest_start(struct guest *g, uint16_t n_queues, const char *options)
{
	char devargs[384];
	struct rte_eth_conf conf = {
	    .rxmode.offloads = g->rx_offloads, .txmode.offloads = g->tx_offloads};
	snprintf(devargs, sizeof(devargs), "%s,path=%s,queues=%u,queue_size=%d,%s", g->name,
	    g->path, n_queues, N_DESC, options);
	assert_int_equal(rte_dev_probe(devargs), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(g->name, &g->dev_id), 0);
	assert_int_equal(rte_eth_dev_configure(g->dev_id, n_queues, n_queues, &conf), 0);
	for (uint16_t q = 0; q < n_queues; q++) {
		assert_int_equal(
		    rte_eth_rx_queue_setup(g->dev_id, q, N_DESC, SOCKET_ID_ANY, NULL, g->pool), 0);
		assert_int_equal(
		    rte_eth_tx_queue_setup(g->dev_id, q, N_DESC, SOCKET_ID_ANY, NULL), 0);
	}
	assert_int_equal(rte_eth_dev_start(g->dev_id), 0);
}

static void guest_stop(struct guest *g)
{
	struct rte_eth_dev_info info;
	assert_int_equal(rte_eth_dev_info_get(g->dev_id, &info), 0);
	(void)rte_eth_dev_stop(g->dev_id);
	rte_eth_dev_close(g->dev_id);
	assert_int_equal(rte_dev_remove(info.device), 0);
}

static struct rte_mbuf *make_packet(struct rte_mempool *pool, uint16_t size, uint8_t seed)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	assert_non_null(m);
	uint8_t *b = (uint8_t *)rte_pktmbuf_append(m, size);
	assert_non_null(b);
	for (uint16_t i = 0; i < size; i++)
		b[i] = (uint8_t)(seed + i);
	memcpy(b + 12, "\x88\xb5", 2);
	return m;
}

static struct rte_mbuf *guest_recv(struct guest *g, uint16_t queue)
{
	struct rte_mbuf *m;
	uint64_t end_ms = clock_ms() + WAIT_MS;
	while (rte_eth_rx_burst(g->dev_id, queue, &m, 1) == 0)
		if (clock_ms() > end_ms)
			return NULL;
	return m;
}

static void guest_send(struct guest *g, uint16_t queue, struct rte_mbuf *m)
{
	while (rte_eth_tx_burst(g->dev_id, queue, &m, 1) == 0)
		usleep(100);
}

static void assert_crosses(struct guest *from, struct guest *to, uint16_t size, uint8_t seed)
{
	uint8_t want[4096], got[4096];
	struct rte_mbuf *m = make_packet(from->pool, size, seed);
	memcpy(want, rte_pktmbuf_mtod(m, void *), size);
	guest_send(from, 0, m);
	m = guest_recv(to, 0);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, size);
	const void *b = rte_pktmbuf_read(m, 0, size, got);
	assert_memory_equal(b, want, size);
	rte_pktmbuf_free(m);
}

/*
 * Two guests on two ports, each port's packets to the other. The ports listen, or connect when the guests listen (server=1),
 * which takes up to a second each.
 */
static void two_guests(uint16_t n_queues, const char *options)
{
	uint32_t flags = strstr(options, "server=1") != NULL ? 0 : DP_PORT_F_SERVER;
	guest_prepare(&g1);
	guest_prepare(&g2);
	// Ports first: guests that are not there yet are no error.
	struct port *p1 = io_add(1, DP_PORT_VHOST_USER, g1.path, 1500, n_queues, flags);
	struct port *p2 = io_add(2, DP_PORT_VHOST_USER, g2.path, 1500, n_queues, flags);
	assert_non_null(p1);
	assert_non_null(p2);
	assert_int_equal(p1->state, DP_PORT_WAITING);
	guest_start(&g1, n_queues, options);
	guest_start(&g2, n_queues, options);
	io_connect(1, 2);
	io_connect(2, 1);
	assert_true(io_wait(is_up, p1, WAIT_MS) && io_wait(is_up, p2, WAIT_MS));
}

static int teardown(void **)
{
	guest_stop(&g1);
	guest_stop(&g2);
	g1.rx_offloads = g1.tx_offloads = g2.rx_offloads = g2.tx_offloads = 0;
	bool quiet = io_wait(is_quiet, NULL, WAIT_MS);
	io_del(1);
	io_del(2);
	io_connect(1, 0);
	io_connect(2, 0);
	return quiet ? 0 : -1;
}

static void talk(void)
{
	for (uint16_t i = 0; i < 600; i++) { // more than a ring
		assert_crosses(&g1, &g2, (uint16_t)(60 + i * 2), (uint8_t)i);
		assert_crosses(&g2, &g1, (uint16_t)(60 + i * 2), (uint8_t)i);
	}
}

static void split_rings_carry_packets_and_segmentation_is_not_offered(void **)
{
	two_guests(1, "packed_vq=0");
	talk();
	uint64_t f = io_dp.ports[1]->features;
	assert_int_equal(f & (1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 |
				 1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_MQ),
	    0);
	assert_true(f & 1ULL << VIRTIO_NET_F_MRG_RXBUF);
}

static void packed_rings_carry_packets_and_a_socket_has_one_port(void **)
{
	two_guests(1, "packed_vq=1");
	talk();
	assert_true(io_dp.ports[1]->features & 1ULL << VIRTIO_F_RING_PACKED);

	// The socket belongs to this port.
	struct port *p = io_add(3, DP_PORT_VHOST_USER, g1.path, 1500, 1, 0);
	assert_non_null(p);
	assert_int_equal(p->state, DP_PORT_FAILED);
	assert_non_null(strstr(p->error, "another port"));
	io_del(3);
	assert_crosses(&g1, &g2, 100, 1);
}

static void rings_without_mergeable_buffers_carry_packets(void **)
{
	two_guests(1, "packed_vq=0,mrg_rxbuf=0,in_order=0");
	talk();
}

static void a_guest_that_restarts_comes_back(void **)
{
	two_guests(1, "server=1,packed_vq=0");
	for (unsigned int i = 0; i < 2; i++) {
		assert_crosses(&g1, &g2, 100, 1);
		guest_stop(&g2);
		assert_true(io_wait(is_waiting, io_dp.ports[2], WAIT_MS));
		// Towards a guest that is away: dropped with the reason, nobody waits.
		uint64_t before = io_counters(1).drops[DP_DROP_PORT_DOWN];
		guest_send(&g1, 0, make_packet(g1.pool, 100, 0));
		assert_true(io_wait(is_quiet, NULL, WAIT_MS));
		for (unsigned int k = 0;
		     k < 100 && io_counters(1).drops[DP_DROP_PORT_DOWN] == before; k++)
			usleep(10000);
		assert_int_equal(io_counters(1).drops[DP_DROP_PORT_DOWN] - before, 1);
		(void)unlink(g2.path);
		guest_start(&g2, 1, i % 2 ? "server=1,packed_vq=0" : "server=1,packed_vq=1");
		assert_true(io_wait(is_up, io_dp.ports[2], WAIT_MS));
	}
	assert_crosses(&g2, &g1, 100, 1);
}

static void every_queue_of_a_guest_is_polled(void **)
{
	two_guests(2, "packed_vq=0");
	for (uint16_t q = 0; q < 2; q++)
		for (unsigned int i = 0; i < 40; i++)
			guest_send(&g1, q, make_packet(g1.pool, 100, (uint8_t)i));
	unsigned int n = 0;
	uint64_t end_ms = clock_ms() + WAIT_MS;
	while (n < 80 && clock_ms() < end_ms) {
		struct rte_mbuf *m;
		for (uint16_t q = 0; q < 2; q++)
			while (rte_eth_rx_burst(g2.dev_id, q, &m, 1) == 1) {
				rte_pktmbuf_free(m);
				n++;
			}
	}
	assert_int_equal(n, 80);
}

/* UDP over IPv4 whose checksum field holds the pseudo-header's sum, as a guest with checksum offload sends it. */
static struct rte_mbuf *make_partial(struct rte_mempool *pool)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, /* IPv4 */ 0x45, 0,
	    0, 48, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, /* UDP */ 1, 2, 3, 4, 0, 28,
	    0, 0};
	struct rte_mbuf *m = make_packet(pool, 62, 9);
	memcpy(rte_pktmbuf_mtod(m, void *), head, sizeof(head));
	m->l2_len = 14;
	m->l3_len = 20;
	m->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
	return m;
}

/* Sends a packet with a partial checksum; what the other guest gets. The caller frees. */
static struct rte_mbuf *send_partial(struct guest *from, struct guest *to, uint16_t *ret_phdr)
{
	struct rte_mbuf *m = make_partial(from->pool);
	assert_int_equal(rte_eth_tx_prepare(from->dev_id, 0, &m, 1), 1);
	memcpy(ret_phdr, rte_pktmbuf_mtod_offset(m, uint8_t *, 40), 2);
	guest_send(from, 0, m);
	m = guest_recv(to, 0);
	assert_non_null(m);
	return m;
}

static void a_partial_checksum_is_completed_for_who_does_not_take_it(void **)
{
	uint16_t phdr;
	g1.tx_offloads = g2.tx_offloads = RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	g2.rx_offloads = RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	two_guests(1, "packed_vq=0");
	assert_true(io_dp.ports[1]->features & 1ULL << VIRTIO_NET_F_CSUM);
	assert_false(io_dp.ports[1]->features & 1ULL << VIRTIO_NET_F_GUEST_CSUM);
	assert_true(io_dp.ports[2]->features & 1ULL << VIRTIO_NET_F_GUEST_CSUM);

	// The driver says NONE for a header with NEEDS_CSUM.
	struct rte_mbuf *m = send_partial(&g1, &g2, &phdr);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_NONE);
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 40), &phdr, 2);
	rte_pktmbuf_free(m);

	m = send_partial(&g2, &g1, &phdr);
	const uint8_t *b = rte_pktmbuf_mtod(m, const uint8_t *);
	uint64_t sum = csum_pseudo(b + 14, IPPROTO_UDP, 28);
	assert_int_equal(csum_fold(csum_add(sum, b + 34, 28)), 0xffff);
	rte_pktmbuf_free(m);
}

/* A frame as long as a driver's descriptors can say: many segments, all of the same bytes. */
static struct rte_mbuf *make_monster(
    struct rte_mempool *big, struct rte_mempool *heads, unsigned int n_segs)
{
	struct rte_mbuf *m = make_packet(big, 60000, 1), *all = make_packet(heads, 60, 1);
	struct rte_mbuf *last = all;
	for (unsigned int i = 1; i < n_segs; i++) {
		struct rte_mbuf *seg = rte_pktmbuf_alloc(heads);
		assert_non_null(seg);
		rte_pktmbuf_attach(seg, m);
		last->next = seg;
		last = seg;
		all->nb_segs++;
		all->pkt_len += seg->data_len;
	}
	rte_pktmbuf_free(m); // its segments hold it
	return all;
}

/* Nobody polls the port but the test, so that what one look takes can be counted. */
static void assert_takes_a_share(const char *options)
{
	enum { BURST_MAX = 32, N_SEGS = 120 };
	struct dp_port_conf conf = {
	    .kind = DP_PORT_VHOST_USER, .mtu = 1500, .n_queues = 1, .flags = DP_PORT_F_SERVER};
	struct err err = {0};
	struct port *p;
	struct rte_mempool *big =
	    rte_pktmbuf_pool_create("big", 15, 0, 0, 60000 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	struct rte_mempool *heads =
	    rte_pktmbuf_pool_create("heads", 1023, 0, 0, 256, SOCKET_ID_ANY);
	assert_true(big != NULL && heads != NULL);
	guest_prepare(&g1);
	snprintf(conf.arg, sizeof(conf.arg), "%s", g1.path);
	assert_int_equal(port_create(9, &conf, io_dp.pool, &p, &err), 0);
	guest_start(&g1, 1, options);
	uint64_t end_ms = clock_ms() + WAIT_MS;
	while (!is_up(p) && clock_ms() < end_ms)
		(void)port_poll(p, clock_ms());
	assert_true(is_up(p));

	struct rte_mbuf *pkts[BURST_MAX];
	guest_send(&g1, 0, make_packet(g1.pool, 100, 7));
	guest_send(&g1, 0, make_monster(big, heads, N_SEGS));
	guest_send(&g1, 0, make_packet(g1.pool, 100, 8));
	unsigned int n_free = rte_mempool_avail_count(io_dp.pool), n_small = 0, n_looks = 0;
	for (; n_small < 2 && n_looks < 100; n_looks++) {
		uint16_t n = p->ops->rx_burst(p, 0, pkts, BURST_MAX);
		assert_true(
		    n_free - rte_mempool_avail_count(io_dp.pool) <= VH_MAX_BUFFERS(BURST_MAX));
		for (uint16_t i = 0; i < n; i++)
			n_small += pkts[i]->pkt_len == 100;
		rte_pktmbuf_free_bulk(pkts, n);
	}
	assert_int_equal(n_small, 2); // what is around it arrives
	assert_int_equal(rte_mempool_avail_count(io_dp.pool), n_free);
	(void)port_poll(p, clock_ms());
	assert_non_null(strstr(p->error, "1 frames from the guest were longer than any MTU"));

	guest_stop(&g1);
	port_destroy(p);
	rte_mempool_free(heads);
	rte_mempool_free(big);
}

static void no_chain_of_descriptors_takes_more_than_a_share_of_the_buffers(void **)
{
	assert_takes_a_share("packed_vq=0");
}

static void nor_does_one_of_a_packed_ring(void **)
{
	assert_takes_a_share("packed_vq=1");
}

static bool is_asleep(void *)
{
	for (unsigned int i = 0; i < io_dp.n_workers; i++)
		if (!io_dp.workers[i]->io->armed || io_dp.workers[i]->io->sleep_us < 20000)
			return false;
	return true;
}

static void a_kick_wakes_a_sleeping_worker_at_once(void **)
{
	two_guests(1, "packed_vq=0");
	uint64_t worst_us = 0, sum_us = 0;
	enum { N = 20 };
	for (unsigned int i = 0; i < N; i++) {
		assert_true(io_wait(is_asleep, NULL, WAIT_MS));
		usleep(1000 + i * 700); // some way into the 20 ms sleep
		uint64_t start_ns = clock_ns();
		assert_crosses(&g1, &g2, 100, (uint8_t)i);
		uint64_t us = (clock_ns() - start_ns) / 1000;
		sum_us += us;
		worst_us = us > worst_us ? us : worst_us;
	}
	printf("through a sleeping switch: mean %llu us, worst %llu us\n",
	    (unsigned long long)(sum_us / N), (unsigned long long)worst_us);
	assert_true(sum_us / N < 5000); // the timeout alone would give 10 ms
}

/* How often the guest has kicked the ring since the last call. */
static uint64_t new_kicks(uint16_t port, uint16_t ring_id)
{
	const struct vh_port *vp = io_dp.ports[port]->priv;
	struct rte_vhost_vring vring;
	uint64_t n = 0;
	assert_int_equal(rte_vhost_get_vhost_vring(vp->vid, ring_id, &vring), 0);
	return read(vring.kickfd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

/* Half a ring at once. */
static void assert_burst_crosses(struct guest *from, struct guest *to)
{
	for (unsigned int i = 0; i < N_DESC / 2; i++)
		guest_send(from, 0, make_packet(from->pool, 100, (uint8_t)i));
	for (unsigned int i = 0; i < N_DESC / 2; i++) {
		struct rte_mbuf *m = guest_recv(to, 0);
		assert_non_null(m);
		rte_pktmbuf_free(m);
	}
}

static void assert_no_kicks(const char *options)
{
	two_guests(1, options);
	for (unsigned int i = 0; i < 4; i++) {
		assert_crosses(&g1, &g2, 100, 1);
		assert_crosses(&g2, &g1, 100, 1);
	}
	for (uint16_t id = 1; id <= 2; id++)
		for (uint16_t ring_id = 0; ring_id < 2; ring_id++)
			(void)new_kicks(id, ring_id);
	for (unsigned int i = 0; i < 8; i++)
		assert_burst_crosses(&g1, &g2);
	for (uint16_t id = 1; id <= 2; id++)
		for (uint16_t ring_id = 0; ring_id < 2; ring_id++)
			assert_int_equal(new_kicks(id, ring_id), 0);
}

/* Neither for packets that it sends nor for buffers that it gives. */
static void a_guest_kicks_nobody_who_is_awake(void **)
{
	io_let_sleep(false);
	assert_no_kicks("packed_vq=0");
}

static void a_guest_with_packed_rings_kicks_nobody_who_is_awake(void **)
{
	io_let_sleep(false);
	assert_no_kicks("packed_vq=1");
}

static int teardown_to_sleep(void **state)
{
	io_let_sleep(true);
	return teardown(state);
}

static int start_guests(void)
{
	if (mkdtemp(dir) == NULL)
		return -1;
	g1.pool =
	    rte_pktmbuf_pool_create("guest1", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	g2.pool =
	    rte_pktmbuf_pool_create("guest2", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return g1.pool != NULL && g2.pool != NULL ? 0 : -1;
}

int main(void)
{
	if (!io_start(2))
		return 77;
	if (start_guests() < 0)
		return 1;
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_teardown(f, teardown)
	    TEST(split_rings_carry_packets_and_segmentation_is_not_offered),
	    TEST(packed_rings_carry_packets_and_a_socket_has_one_port),
	    TEST(rings_without_mergeable_buffers_carry_packets),
	    TEST(a_guest_that_restarts_comes_back),
	    TEST(every_queue_of_a_guest_is_polled),
	    TEST(a_partial_checksum_is_completed_for_who_does_not_take_it),
	    TEST(a_kick_wakes_a_sleeping_worker_at_once),
	    cmocka_unit_test(no_chain_of_descriptors_takes_more_than_a_share_of_the_buffers),
	    cmocka_unit_test(nor_does_one_of_a_packed_ring),
#undef TEST
#define TEST(f) cmocka_unit_test_teardown(f, teardown_to_sleep)
	    TEST(a_guest_kicks_nobody_who_is_awake),
	    TEST(a_guest_with_packed_rings_kicks_nobody_who_is_awake),
#undef TEST
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	io_stop();
	rmdir(dir);
	return rc;
}
