/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/fdb.h"
#include "datapath/parse.h"
#include "tests/unit/datapath/packet_fixture.h"

enum { N_MBUFS = 511, N_PORTS = 16, MAX_ROWS = 256 };

struct fixture fx;
static struct port_counters counters[DP_MAX_PORTS];
static uint32_t random_state;
static struct packet_row rows[MAX_ROWS];
static unsigned int n_rows;

static uint32_t naive_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

void out_add(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	assert_true(fx.n_out < FIXTURE_MAX_OUT);
	fx.out[fx.n_out].port = port;
	fx.out[fx.n_out++].m = m;
	w->ports[pkt_of(m)->in_port].sent++;
}

void pkt_drop(struct worker *w, struct rte_mbuf *m, enum dp_drop reason, uint64_t rule, uint64_t)
{
	w->ports[pkt_of(m)->in_port].drops[reason]++;
	fx.drop = reason;
	fx.drop_rule = rule;
	fx.n_drops++;
	rte_pktmbuf_free(m);
}

struct rte_mbuf *pkt_copy(struct worker *w, struct rte_mbuf *m)
{
	struct port_counters *c = &w->ports[pkt_of(m)->in_port];
	c->copies++;
	struct rte_mbuf *copy = fx.copies_fail ? NULL : rte_pktmbuf_copy(m, w->pool, 0, UINT32_MAX);
	if (copy == NULL) {
		c->drops[DP_DROP_NO_MBUF]++;
		return NULL;
	}
	*pkt_of(copy) = *pkt_of(m);
	return copy;
}

bool fdb_refresh(struct fdb *, int32_t, const struct mac_addr *, uint16_t, uint16_t, uint64_t)
{
	return fx.is_fresh;
}

int fixture_init(void **)
{
	char prefix[40];
	snprintf(prefix, sizeof(prefix), "--file-prefix=packet%d", (int)getpid());
	const char *args[] = {"test", "--no-huge", "-m", "64", "--no-pci", "--no-shconf", "-l", "0",
	    "--log-level=1", prefix};
	char *argv[ARRAY_SIZE(args) + 1] = {0};
	for (unsigned int i = 0; i < ARRAY_SIZE(args); i++)
		argv[i] = (char *)(uintptr_t)args[i];
	if (rte_eal_init(ARRAY_SIZE(args), argv) < 0)
		return -1;
	const char *seed = getenv("SEED");
	random_state = seed != NULL ? (uint32_t)strtoul(seed, NULL, 0) : 1;
	random_state |= random_state == 0;
	print_message("SEED=%u\n", random_state);

	fx.pool =
	    rte_pktmbuf_pool_create("fixture", N_MBUFS, 0, PKT_PRIV_SIZE, PKT_HEADROOM + 2048, 0);
	fx.w.punts = rte_ring_create("punts", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	fx.w.pool = fx.pool;
	fx.w.dp = &fx.dp;
	fx.w.ports = counters;
	fx.w.stats.tsc_hz = 1000000;
	return fx.pool != NULL && fx.w.punts != NULL ? 0 : -1;
}

int fixture_reset(void **)
{
	void *m;
	for (unsigned int i = 0; i < fx.n_out; i++)
		rte_pktmbuf_free(fx.out[i].m);
	while (rte_ring_dequeue(fx.w.punts, &m) == 0)
		rte_pktmbuf_free(m);
	fx.n_out = 0;
	fx.n_drops = 0;
	fx.drop = DP_DROP__COUNT;
	fx.copies_fail = false;
	fx.is_fresh = true;
	fx.w.now_tsc += 3600 * fx.w.stats.tsc_hz; // meters are full again
	memset(counters, 0, sizeof(counters[0]) * N_PORTS);
	return rte_mempool_avail_count(fx.pool) == N_MBUFS ? 0 : -1;
}

struct rte_mbuf *fixture_packet(const void *bytes, size_t size)
{
	return fixture_packet_split(bytes, size, size);
}

struct rte_mbuf *fixture_packet_split(const void *bytes, size_t size, size_t at)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(fx.pool);
	assert_non_null(m);
	pkt_reset(m);
	pkt_of(m)->in_port = 1;
	memcpy(rte_pktmbuf_append(m, (uint16_t)at), bytes, at);
	if (at == size)
		return m;
	struct rte_mbuf *second = rte_pktmbuf_alloc(fx.pool);
	assert_non_null(second);
	memcpy(rte_pktmbuf_append(second, (uint16_t)(size - at)), (const uint8_t *)bytes + at,
	    size - at);
	assert_int_equal(rte_pktmbuf_chain(m, second), 0);
	return m;
}

struct rte_mbuf *fixture_parsed(const char *name)
{
	struct packet_row row;
	fixture_row(name, &row);
	struct rte_mbuf *m = fixture_packet(row.bytes, row.size);
	fixture_parse(m);
	return m;
}

void fixture_parse(struct rte_mbuf *m)
{
	struct session_key key;
	assert_int_equal(parse_packet(m, &key), DP_DROP__COUNT);
}

static bool read_row(FILE *f, struct packet_row *ret)
{
	static char line[8192];
	char *save;
	if (fgets(line, sizeof(line), f) == NULL)
		return false;
	const char *name = strtok_r(line, "\t\n", &save);
	const char *expect = strtok_r(NULL, "\t\n", &save);
	const char *hex = strtok_r(NULL, "\t\n", &save);
	assert_true(name != NULL && expect != NULL && hex != NULL);
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	snprintf(ret->expect, sizeof(ret->expect), "%s", expect);
	ret->size = strlen(hex) / 2;
	assert_true(ret->size <= sizeof(ret->bytes));
	for (size_t i = 0; i < ret->size; i++) {
		unsigned int byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		ret->bytes[i] = (uint8_t)byte;
	}
	return true;
}

/* Read once: tests ask for rows thousands of times. */
static void load_rows(void)
{
	FILE *f = fopen(TEST_DATA "/packets.txt", "r");
	assert_non_null(f);
	while (n_rows < MAX_ROWS && read_row(f, &rows[n_rows]))
		n_rows++;
	fclose(f);
	assert_true(n_rows > 0 && n_rows < MAX_ROWS);
}

void fixture_foreach_row(void (*cb)(const struct packet_row *row, void *arg), void *arg)
{
	if (n_rows == 0)
		load_rows();
	for (unsigned int i = 0; i < n_rows; i++)
		cb(&rows[i], arg);
}

void fixture_row(const char *name, struct packet_row *ret)
{
	if (n_rows == 0)
		load_rows();
	for (unsigned int i = 0; i < n_rows; i++) {
		if (strcmp(rows[i].name, name) == 0) {
			*ret = rows[i];
			return;
		}
	}
	fail_msg("packets.txt has no %s", name);
}

bool fixture_checksums_ok(struct rte_mbuf *m)
{
	static uint8_t b[65536];
	const struct pkt *pkt = pkt_of(m);
	const uint8_t *p = rte_pktmbuf_read(m, 0, m->pkt_len, b);
	const uint8_t *ip = p + pkt->l3_ofs, *l4 = p + pkt->l4_ofs;
	bool is_v4 = ip[0] >> 4 == 4;
	uint32_t end = pkt->l3_ofs + (is_v4 ? (uint32_t)(ip[2] << 8 | ip[3])
					    : 40u + (uint32_t)(ip[4] << 8 | ip[5]));
	uint32_t len = end - pkt->l4_ofs, sum = 0;

	if (is_v4 && naive_sum(ip, (ip[0] & 15u) * 4, 0) != 0xffff)
		return false;
	bool is_covered =
	    pkt->l4_proto == 6 || pkt->l4_proto == 17 || pkt->l4_proto == (is_v4 ? 1 : 58);
	if (pkt->l4_ofs == 0 || !is_covered)
		return true;
	if ((is_v4 && pkt->l4_proto == 17 && l4[6] == 0 && l4[7] == 0))
		return true;
	if (!(is_v4 && pkt->l4_proto == 1)) {
		sum = naive_sum(is_v4 ? ip + 12 : ip + 8, is_v4 ? 8 : 32, 0);
		sum += pkt->l4_proto + (len >> 16) + (len & 0xffff);
	}
	return naive_sum(l4, len, sum) == 0xffff;
}

uint32_t fixture_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}
