/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/flow.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_VALUES = UINT16_MAX }; // 1…65535

static int count_up(struct flow_set *set, const struct stream_conf *conf, struct err *err);
static uint32_t base_for(uint32_t n, unsigned int n_digits);
static uint16_t nth_port(uint16_t first, uint32_t n);
static void explode(struct flow_set *set, const struct stream_conf *conf);
static uint32_t miss_at(uint32_t allowed, unsigned int width, unsigned int bit, struct rng *rng);

int flow_set_init(struct flow_set *set, const struct stream_conf *conf, struct err *err)
{
	*set = (struct flow_set){0};
	if (conf->kind == STREAM_PCAP || conf->kind == STREAM_RANDOM_TUPLES)
		return 0;
	set->n = conf->n_flows;
	set->flows = calloc(set->n, sizeof(set->flows[0]));
	if (set->flows == NULL)
		return err_set(err, ERR_INTERNAL, "no memory for %u flows", set->n);
	if (conf->kind == STREAM_EXPLOSION) {
		explode(set, conf);
		return 0;
	}
	int rc = count_up(set, conf, err);
	if (rc < 0)
		flow_set_fini(set);
	return rc;
}

void flow_set_fini(struct flow_set *set)
{
	free(set->flows);
	*set = (struct flow_set){0};
}

uint32_t flow_addr_low_be(const struct ip_addr *addr)
{
	uint32_t low;
	memcpy(&low, addr->a.b + 12, sizeof(low));
	return low;
}

static int count_up(struct flow_set *set, const struct stream_conf *conf, struct err *err)
{
	unsigned int n_fields = (unsigned int)__builtin_popcount(conf->vary);
	uint32_t base = base_for(set->n, n_fields);
	bool has_port = (conf->vary & (VARY_SPORT | VARY_DPORT)) != 0;
	if ((n_fields == 0 && set->n > 1) || (has_port && base > PORT_VALUES)) {
		err_set(err, ERR_PARAMS, "the fields in vary have not %u values", set->n);
		return err_hint(err, "add src or dst to vary");
	}
	uint32_t src = __builtin_bswap32(flow_addr_low_be(&conf->src));
	uint32_t dst = __builtin_bswap32(flow_addr_low_be(&conf->dst));
	for (uint32_t i = 0; i < set->n; i++) {
		uint32_t digit[4] = {0}, rest = i;
		for (unsigned int k = 0; k < 4; k++) {
			if ((conf->vary & (1u << k)) == 0)
				continue;
			digit[k] = rest % base;
			rest /= base;
		}
		flow_make(&set->flows[i], __builtin_bswap32(src + digit[0]),
		    __builtin_bswap32(dst + digit[1]), nth_port(conf->sport, digit[2]),
		    nth_port(conf->dport, digit[3]));
	}
	return 0;
}

static uint32_t base_for(uint32_t n, unsigned int n_digits)
{
	for (uint32_t base = 1;; base++) {
		uint64_t reach = 1;
		for (unsigned int i = 0; i < n_digits && reach < n; i++)
			reach *= base;
		if (reach >= n || n_digits == 0)
			return base;
	}
}

static uint16_t nth_port(uint16_t first, uint32_t n)
{
	return __builtin_bswap16((uint16_t)(1 + (first - 1u + n) % PORT_VALUES));
}

/* Product over the fields: "destination port · source address · source port differs first in bit k". */
static void explode(struct flow_set *set, const struct stream_conf *conf)
{
	struct rng rng = {conf->seed};
	uint32_t src = __builtin_bswap32(flow_addr_low_be(&conf->src));
	struct flow *f = set->flows;
	for (unsigned int d = 0; d < EXPLOSION_DPORT_BITS; d++)
		for (unsigned int s = 0; s < EXPLOSION_SRC_BITS; s++)
			for (unsigned int p = 0; p < EXPLOSION_SPORT_BITS; p++, f++)
				flow_make(f,
				    __builtin_bswap32(miss_at(src, EXPLOSION_SRC_BITS, s, &rng)),
				    flow_addr_low_be(&conf->dst),
				    __builtin_bswap16((uint16_t)miss_at(
					conf->sport, EXPLOSION_SPORT_BITS, p, &rng)),
				    __builtin_bswap16((uint16_t)miss_at(
					conf->dport, EXPLOSION_DPORT_BITS, d, &rng)));
}

/* A value that equals allowed in its first bits, differs in the next one, and is random behind it. */
static uint32_t miss_at(uint32_t allowed, unsigned int width, unsigned int bit, struct rng *rng)
{
	unsigned int n_random = width - bit - 1;
	uint32_t random_mask = (uint32_t)((1ull << n_random) - 1);
	uint32_t flipped = allowed ^ (uint32_t)(1ull << n_random);
	return (flipped & ~random_mask) | ((uint32_t)rng_next(rng) & random_mask);
}
