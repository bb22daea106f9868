/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Flows of a stream: the four header fields in which its packets differ, with their part of the checksums. IPv6 addresses
 * vary in their low 32 bits.
 *
 * Threads: built by main, read by the trial. Memory: a flow_set owns its array.
 */
#include "tools/bench/engine/inet_sum.h"
#include "tools/bench/engine/rng.h"
#include "tools/bench/engine/stream_conf.h"

struct flow {
	uint32_t src_be, dst_be;
	uint16_t sport_be, dport_be;
	uint16_t addr_sum; // of both addresses, folded
	uint16_t l4_sum;   // of addresses and ports
};

struct flow_set {
	struct flow *flows;
	uint32_t n;
};

enum {
	EXPLOSION_DPORT_BITS = 16,
	EXPLOSION_SRC_BITS = 32,
	EXPLOSION_SPORT_BITS = 16,
};

/*
 * conf->n_flows different flows. Each varied field takes a digit of the flow's number in base r, the least r for which
 * r^(varied fields) flows are enough, counted up from the stream's own value; so all fields vary about equally. Explosion:
 * the product of performance.md 10. -ENOMEM, or -EINVAL when the varied fields have fewer values, with err.
 */
MUST_CHECK
int flow_set_init(struct flow_set *set, const struct stream_conf *conf, struct err *err);
void flow_set_fini(struct flow_set *set);
uint32_t flow_addr_low_be(const struct ip_addr *addr);

static inline void flow_make(
    struct flow *f, uint32_t src_be, uint32_t dst_be, uint16_t sport_be, uint16_t dport_be)
{
	uint64_t sum = (uint64_t)src_be + dst_be;
	*f = (struct flow){.src_be = src_be,
	    .dst_be = dst_be,
	    .sport_be = sport_be,
	    .dport_be = dport_be,
	    .addr_sum = inet_fold(sum),
	    .l4_sum = inet_fold(sum + sport_be + dport_be)};
}

/* Every field random; ports are not 0. */
static inline void flow_random(struct flow *f, struct rng *rng)
{
	uint64_t addrs = rng_next(rng), ports = rng_next(rng);
	flow_make(f, (uint32_t)addrs, (uint32_t)(addrs >> 32), (uint16_t)ports | 1,
	    (uint16_t)(ports >> 16) | 1);
}
