/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/police.h"

static bool take(uint64_t *full_at, uint64_t now, uint64_t cost, uint64_t depth);

unsigned int police(struct worker *w, struct port *p, struct rte_mbuf **pkts, unsigned int n)
{
	// Each whole, and read once: control may change them meanwhile.
	uint64_t rate_kbps = __atomic_load_n(&p->conf.policing_kbps, __ATOMIC_RELAXED);
	uint64_t burst_kbit = __atomic_load_n(&p->conf.policing_burst_kbit, __ATOMIC_RELAXED);
	uint64_t hz = w->stats.tsc_hz;
	unsigned int n_left = 0;

	if (rate_kbps == 0)
		return n;
	uint64_t depth =
	    (burst_kbit != 0 ? burst_kbit : POLICE_DEFAULT_BURST_KBIT) * hz / rate_kbps;
	for (unsigned int i = 0; i < n; i++) {
		uint64_t n_bits = 8 * (uint64_t)rte_pktmbuf_pkt_len(pkts[i]);
		if (LIKELY(take(
			&p->policing_full_at, w->now_tsc, n_bits * hz / (rate_kbps * 1000), depth)))
			pkts[n_left++] = pkts[i];
		else
			pkt_drop(w, pkts[i], DP_DROP_POLICED, 0, 0);
	}
	return n_left;
}

/* As meter_take, with a cost per packet. Workers' clocks are a burst apart: what one saw as the future is now at the least. */
static bool take(uint64_t *full_at, uint64_t now, uint64_t cost, uint64_t depth)
{
	uint64_t old = __atomic_load_n(full_at, __ATOMIC_RELAXED), t;

	do {
		t = MAX_OF(old, now) + cost;
		if (t - now > depth)
			return false;
	} while (!__atomic_compare_exchange_n(
	    full_at, &old, t, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}
