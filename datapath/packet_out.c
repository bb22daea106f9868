/* SPDX-License-Identifier: Apache-2.0 */
/* Control's half. */
#include "datapath/packet_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/worker_io.h"

static void free_done(struct dp *dp, bool all);
static struct rte_mbuf *make_packet(
    struct dp *dp, const struct dp_packet_out *req, const void *packet);

int packet_out_submit(
    struct dp *dp, const struct dp_packet_out *req, const void *actions, const void *packet)
{
	struct worker *w = dp->workers[0];
	struct packet_out *po = NULL;
	free_done(dp, false);
	if (dp->bridges[req->bridge] == NULL)
		return -ENOENT;
	if (req->packet_size > rte_pktmbuf_data_room_size(dp->pool) - RTE_PKTMBUF_HEADROOM)
		return -EMSGSIZE;
	struct rte_mbuf *m = make_packet(dp, req, packet);
	if (m != NULL)
		po = malloc(sizeof(*po) + req->actions_size);
	if (po == NULL) {
		rte_pktmbuf_free(m);
		return -ENOBUFS;
	}
	*po = (struct packet_out){.next = dp->packet_outs,
	    .m = m,
	    .bridge = req->bridge,
	    .in_port = req->in_port,
	    .actions_size = req->actions_size};
	if (req->actions_size > 0)
		memcpy(po->actions, actions, req->actions_size);
	if (rte_ring_sp_enqueue(w->packet_outs, po) != 0) {
		rte_pktmbuf_free(m);
		free(po);
		return -ENOBUFS;
	}
	dp->packet_outs = po;
	worker_wake(w);
	return 0;
}

void packet_out_fini(struct dp *dp)
{
	void *po;
	struct rte_ring *ring = dp->n_workers > 0 ? dp->workers[0]->packet_outs : NULL;
	while (ring != NULL && rte_ring_sc_dequeue(ring, &po) == 0)
		rte_pktmbuf_free(((struct packet_out *)po)->m);
	free_done(dp, true);
}

static void free_done(struct dp *dp, bool all)
{
	struct packet_out **link = &dp->packet_outs;
	while (*link != NULL) {
		struct packet_out *po = *link;
		if (!all && !__atomic_load_n(&po->done, __ATOMIC_ACQUIRE)) {
			link = &po->next;
			continue;
		}
		*link = po->next;
		free(po);
	}
}

static struct rte_mbuf *make_packet(
    struct dp *dp, const struct dp_packet_out *req, const void *packet)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);
	if (m == NULL)
		return NULL;
	pkt_reset(m);
	char *data = rte_pktmbuf_append(m, req->packet_size);
	if (data == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(data, packet, req->packet_size);
	return m;
}
