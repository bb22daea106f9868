/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/path/traffic.h"

#include <string.h>

#include "datapath/csum.h"
#include "datapath/wire.h"
#include "tools/bench/path/bench_switch.h"
#include "tools/bench/path/must.h"

enum {
	FRAME_SIZE = 60,
	OUTER_SIZE = 50,
	DATA_ROOM = 2048,
	STRIDE =
	    39 * 64, // what rte_mempool makes of such an mbuf: padded to an odd number of lines
};
static_assert(STRIDE >= 64 + sizeof(struct rte_mbuf) + PKT_PRIV_SIZE + PKT_HEADROOM + DATA_ROOM);

struct tuple {
	uint32_t src, dst; // host order
	uint16_t sport, dport;
};

static void make(struct traffic *t, unsigned int i, const struct tuple *tuple);
static struct tuple flow_tuple(uint64_t flow);
static struct tuple random_tuple(uint64_t r);
static uint8_t *add_outer(uint8_t *p, uint64_t entropy);
static void add_frame(uint8_t *p, const struct tuple *tuple);
static uint64_t next_random(struct traffic *t);

struct traffic *traffic_create(enum traffic_kind kind, uint32_t n_flows, uint32_t n_train)
{
	struct traffic *t = calloc(1, sizeof(*t));
	MUST(t != NULL && n_flows > 0 && n_flows <= TRAFFIC_MAX_FLOWS);
	t->kind = kind;
	t->n_flows = n_flows;
	t->n_train = n_train;
	t->random = 0x853c49e6748fea9b;
	t->memory = aligned_alloc(4096, ROUND_UP(BURST * STRIDE, 4096));
	MUST(t->memory != NULL);
	memset(t->memory, 0, ROUND_UP(BURST * STRIDE, 4096));
	for (unsigned int i = 0; i < BURST; i++) {
		struct rte_mbuf *m = (struct rte_mbuf *)(void *)(t->memory + i * STRIDE + 64);
		m->priv_size = PKT_PRIV_SIZE;
		m->buf_addr = (uint8_t *)m + sizeof(*m) + PKT_PRIV_SIZE;
		m->buf_len = PKT_HEADROOM + DATA_ROOM;
		m->nb_segs = 1;
		rte_mbuf_refcnt_set(m, 1);
		t->m[i] = m;
	}
	return t;
}

void traffic_destroy(struct traffic *t)
{
	free(t->memory);
	free(t);
}

void traffic_next(struct traffic *t)
{
	struct tuple tuple = {0};
	for (unsigned int i = 0; i < BURST; i++) {
		if (i % t->n_train != 0) {
			make(t, i, &tuple);
			continue;
		}
		uint64_t r = next_random(t);
		if (t->kind == TRAFFIC_NEW)
			tuple = flow_tuple(t->next++ % TRAFFIC_MAX_FLOWS);
		else if (t->kind == TRAFFIC_RANDOM)
			tuple = random_tuple(r);
		else
			tuple = flow_tuple((r >> 32) * t->n_flows >> 32);
		make(t, i, &tuple);
	}
}

void traffic_flows(struct traffic *t, uint32_t first)
{
	for (uint32_t i = 0; i < BURST; i++) {
		struct tuple tuple = flow_tuple((first + i) % t->n_flows);
		make(t, i, &tuple);
	}
}

/* As a receive queue hands it over. */
static void make(struct traffic *t, unsigned int i, const struct tuple *tuple)
{
	struct rte_mbuf *m = t->m[i];
	bool is_outer = t->kind == TRAFFIC_VXLAN;
	m->data_off = PKT_HEADROOM;
	m->data_len = FRAME_SIZE + (is_outer ? OUTER_SIZE : 0);
	m->pkt_len = m->data_len;
	m->ol_flags = 0;
	m->next = NULL;
	pkt_reset(m);
	pkt_of(m)->in_port = is_outer ? BENCH_PORT_UPLINK : BENCH_PORT_IN;
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	if (is_outer)
		p = add_outer(p, tuple->src);
	add_frame(p, tuple);
}

static struct tuple flow_tuple(uint64_t flow)
{
	return (struct tuple){.src = 0x0a000000 + (uint32_t)flow % (1 << 20),
	    .dst = 0x0a800001 + (uint32_t)flow % 16,
	    .sport = (uint16_t)(10000 + flow / (1 << 20)),
	    .dport = 53};
}

static struct tuple random_tuple(uint64_t r)
{
	uint64_t more = r * 0xd6e8feb86659fd93;
	return (struct tuple){.src = (uint32_t)(r >> 32),
	    .dst = (uint32_t)r,
	    .sport = (uint16_t)(more >> 48),
	    .dport = (uint16_t)(more >> 32)};
}

static void add_ip4(uint8_t *ip, uint16_t len, uint32_t src, uint32_t dst)
{
	static const uint8_t ip4[] = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, IP_PROTO_UDP, 0, 0};
	memcpy(ip, ip4, sizeof(ip4));
	put_be16(ip + 2, len);
	put_be32(ip + 12, src);
	put_be32(ip + 16, dst);
	store16(ip + IP4_CSUM_OFS, (uint16_t)~csum_ip4_sum(ip, IP4_HDR_SIZE));
}

static uint8_t *add_outer(uint8_t *p, uint64_t entropy)
{
	static const uint8_t eth[] = {2, 0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 1, 8, 0};
	static const uint8_t vxlan[] = {
	    8, 0, 0, 0, BENCH_VNI >> 16, (uint8_t)(BENCH_VNI >> 8), (uint8_t)BENCH_VNI, 0};
	memcpy(p, eth, sizeof(eth));
	add_ip4(p + 14, FRAME_SIZE + OUTER_SIZE - 14, BENCH_REMOTE_IP, BENCH_LOCAL_IP);
	put_be16(p + 34, (uint16_t)(49152 + entropy % 16384));
	put_be16(p + 36, 4789);
	put_be16(p + 38, FRAME_SIZE + OUTER_SIZE - 34);
	put_be16(p + 40, 0);
	memcpy(p + 42, vxlan, sizeof(vxlan));
	return p + OUTER_SIZE;
}

static void add_frame(uint8_t *p, const struct tuple *tuple)
{
	static const uint8_t eth[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
	memcpy(p, eth, sizeof(eth));
	add_ip4(p + 14, FRAME_SIZE - 14, tuple->src, tuple->dst);
	put_be16(p + 34, tuple->sport);
	put_be16(p + 36, tuple->dport);
	put_be16(p + 38, FRAME_SIZE - 34);
	put_be16(p + 40, 0);
	memset(p + 42, 0, FRAME_SIZE - 42);
}

static uint64_t next_random(struct traffic *t)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return t->random * 0x2545f4914f6cdd1d;
}
