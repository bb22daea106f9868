/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/datapath/fake_exits.h"

#include <stdlib.h>
#include <string.h>

struct exits exits;

static void fake_free(struct rte_mbuf *m);

void exits_reset(void)
{
	unsigned int n_alive = exits.n_alive;
	exits.n_out = exits.n_drops = 0;
	exits.reason = DP_DROP__COUNT;
	exits.rule = 0;
	exits.n_alive = n_alive;
}

struct rte_mbuf *fake_packet(const void *data, uint16_t len, uint16_t port)
{
	size_t room = PKT_HEADROOM + (size_t)len;
	struct rte_mbuf *m = aligned_alloc(64, ROUND_UP(sizeof(*m) + PKT_PRIV_SIZE, 64));
	uint8_t *bytes = malloc(room);
	if (m == NULL || bytes == NULL)
		abort();
	memset(m, 0, sizeof(*m) + PKT_PRIV_SIZE);
	m->buf_addr = bytes;
	m->buf_len = (uint16_t)room;
	m->data_off = PKT_HEADROOM;
	m->priv_size = PKT_PRIV_SIZE;
	m->nb_segs = 1;
	m->data_len = len;
	m->pkt_len = len;
	rte_mbuf_refcnt_set(m, 1);
	memcpy(bytes + PKT_HEADROOM, data, len);
	pkt_reset(m);
	pkt_of(m)->in_port = port;
	exits.n_alive++;
	return m;
}

void pkt_drop(
    struct worker *w, struct rte_mbuf *m, enum dp_drop reason, uint64_t rule, uint64_t cookie)
{
	(void)cookie;
	w->ports[pkt_of(m)->in_port].drops[reason]++;
	exits.n_drops++;
	exits.reason = reason;
	exits.rule = rule;
	fake_free(m);
}

void out_add(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	w->ports[pkt_of(m)->in_port].sent++;
	if (exits.n_out == EXITS_MAX || m->data_len > EXITS_DATA)
		abort();
	exits.out[exits.n_out].port = port;
	exits.out[exits.n_out].len = m->data_len;
	memcpy(exits.out[exits.n_out].data, rte_pktmbuf_mtod(m, void *), m->data_len);
	exits.n_out++;
	fake_free(m);
}

void out_flush(struct worker *w)
{
	(void)w;
}

struct rte_mbuf *pkt_copy(struct worker *w, struct rte_mbuf *m)
{
	struct rte_mbuf *copy = fake_packet(rte_pktmbuf_mtod(m, void *), m->data_len, 0);
	*pkt_of(copy) = *pkt_of(m);
	w->ports[pkt_of(m)->in_port].copies++;
	return copy;
}

static void fake_free(struct rte_mbuf *m)
{
	exits.n_alive--;
	free(m->buf_addr);
	free(m);
}
