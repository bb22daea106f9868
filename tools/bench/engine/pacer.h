/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A token bucket in TSC ticks: how many packets are due now. In whole numbers, so that a rate has no drift: a packet costs
 * hz * 1000 credits, a tick earns the rate in thousandths of a packet a second. The bucket holds PACER_BURST packets; what
 * overflows because the caller came late is lost and counted.
 *
 * Threads: caller excludes. Memory: a plain value.
 */
#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/compiler.h"

enum { PACER_BURST = 32 };

struct pacer {
	uint64_t cost;       // credits of a packet
	uint64_t rate_milli; // credits of a tick; 0: no limit
	uint64_t last_tsc;   // up to here ticks are credited
	uint64_t max_ticks;  // that earn PACER_BURST packets
	uint64_t credit, max_credit;
	uint64_t missed_credit; // what overflowed, less than a packet
	uint64_t
	    n_missed; // packets that were due and never offered, because the caller came too late
};

/* rate_pps of 0: no limit. At most 10^9, tsc_hz at most 2^36. The first packet is due at once. */
static inline void pacer_init(struct pacer *p, double rate_pps, uint64_t tsc_hz, uint64_t now)
{
	*p = (struct pacer){.cost = tsc_hz * 1000, .last_tsc = now};
	if (rate_pps <= 0)
		return;
	p->rate_milli = (uint64_t)(rate_pps * 1000 + 0.5);
	p->rate_milli = MAX_OF(p->rate_milli, (uint64_t)1);
	p->max_credit = PACER_BURST * p->cost;
	p->max_ticks = p->max_credit / p->rate_milli + 1;
	p->credit = p->cost;
}

static inline void pacer_miss(struct pacer *p, unsigned __int128 credit)
{
	credit += p->missed_credit;
	p->n_missed += (uint64_t)(credit / p->cost);
	p->missed_credit = (uint64_t)(credit % p->cost);
}

/* Packets due at now, at most max. Takes nothing: pacer_take() does, for those that were tried. */
static inline unsigned int pacer_due(struct pacer *p, uint64_t now, unsigned int max)
{
	if (p->rate_milli == 0)
		return max;
	uint64_t ticks = now - p->last_tsc;
	p->last_tsc = now;
	if (UNLIKELY(ticks > p->max_ticks)) {
		pacer_miss(p, (unsigned __int128)(ticks - p->max_ticks) * p->rate_milli);
		ticks = p->max_ticks;
	}
	p->credit += ticks * p->rate_milli;
	if (UNLIKELY(p->credit > p->max_credit)) {
		pacer_miss(p, p->credit - p->max_credit);
		p->credit = p->max_credit;
	}
	if (p->credit < p->cost)
		return 0;
	uint64_t due = p->credit / p->cost;
	return due < max ? (unsigned int)due : max;
}

static inline void pacer_take(struct pacer *p, unsigned int n)
{
	if (p->rate_milli != 0)
		p->credit -= n * p->cost;
}
