/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's half of packet_out.h. */
#include <rte_ring.h>

#include "datapath/act.h"
#include "datapath/packet_out.h"
#include "datapath/pipeline.h"
#include "datapath/program_cache.h"

enum { MAX_TURNS = 2 }; // as in forward.c

static void run_one(struct worker *w, struct packet_out *po);
static bool act_turn(struct worker *w, const struct bridge *br, const struct packet_out *po,
    const struct flow_key *key);

unsigned int packet_out_run(struct worker *w)
{
	void *waiting[BURST];
	unsigned int n = rte_ring_sc_dequeue_burst(w->packet_outs, waiting, BURST, NULL);
	// Control may be ahead of this worker's burst: what it has answered as applied is what the packet meets.
	w->version = __atomic_load_n(&w->dp->version, __ATOMIC_ACQUIRE);
	for (unsigned int i = 0; i < n; i++)
		run_one(w, waiting[i]);
	if (n != 0)
		out_flush(w);
	return n;
}

static void run_one(struct worker *w, struct packet_out *po)
{
	const struct bridge *br = rcu_get(w->dp->bridges[po->bridge]);
	struct rte_mbuf *m = po->m;
	struct session_key parsed;
	struct flow_key key;
	enum dp_drop reason = DP_DROP_NO_BRIDGE;
	if (br != NULL)
		pkt_of(m)->in_port = bridge_find_port(br, po->in_port, w->version);
	w->ports[pkt_of(m)->in_port].copies++;
	if (br != NULL)
		reason = parse_packet(m, &parsed);
	if (reason != DP_DROP__COUNT) {
		pkt_drop(w, m, reason, 0, 0);
	} else {
		parse_flow_key(m, &parsed, po->in_port, NULL, &key);
		bool is_done = false;
		for (unsigned int turn = 0; turn < MAX_TURNS && !is_done; turn++)
			is_done = act_turn(w, br, po, &key);
		if (!is_done) // someone on the net uses its source address at this moment
			pkt_drop(w, m, DP_DROP_MAC_LIMIT, 0, 0);
	}
	__atomic_store_n(&po->done, 1, __ATOMIC_RELEASE);
}

static bool act_turn(struct worker *w, const struct bridge *br, const struct packet_out *po,
    const struct flow_key *key)
{
	struct rte_mbuf *m = po->m;
	uint32_t len = rte_pktmbuf_pkt_len(m);
	const struct program *prog = pipeline_run_actions(w->pipeline, w, br, pkt_of(m)->in_port,
	    key, (const struct dp_action *)(const void *)po->actions, po->actions_size);
	if (!act_run(w, prog, m))
		return false;
	program_count(w, prog, 1, len, w->now_ms);
	return true;
}
