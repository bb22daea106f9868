/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/path/ruleset.h"

#include <arpa/inet.h>

#include "tools/bench/path/must.h"

enum { MIN_PREFIX = 8, N_PREFIXES = 25, MASK_STEP = 617 }; // prime to the number of masks

static struct flow_match mask_match(uint32_t mask, uint64_t r);
static uint32_t pick_src(uint64_t r);
static uint32_t pick_dst(uint64_t r, uint32_t len);
static uint32_t prefix_mask_be(uint32_t len);
static uint64_t mix(uint64_t x);

void ruleset_put(struct bench_switch *s, const struct ruleset *rs)
{
	MUST(rs->n_tables > 0 && rs->n_tables < DP_N_TABLES && rs->n_masks <= RULESET_MAX_MASKS);
	for (uint32_t t = 0; t < rs->n_tables; t++) {
		for (uint32_t i = 0; i < rs->n_rules; i++) {
			struct bench_rule r = ruleset_rule(rs, (uint8_t)t, i);
			bench_put_rule(s, &r);
		}
		bool is_last = t + 1 == rs->n_tables;
		struct bench_rule on = {.id = (uint64_t)t << 32 | UINT32_MAX,
		    .table = (uint8_t)t,
		    .goto_table = is_last ? 0 : (uint8_t)(t + 1),
		    .output = is_last ? rs->output : 0};
		bench_put_rule(s, &on);
	}
	bench_commit(s);
}

struct bench_rule ruleset_rule(const struct ruleset *rs, uint8_t table, uint32_t i)
{
	uint64_t r = mix((uint64_t)table << 32 | i);
	uint32_t mask = i % rs->n_masks * MASK_STEP % RULESET_MAX_MASKS;
	// Some rules of coarse masks are the same match: they differ in priority.
	return (struct bench_rule){.id = (uint64_t)table << 32 | (i + 1),
	    .match = mask_match(mask, r),
	    .priority = (uint16_t)(1 + mix(r) % 60000),
	    .table = table,
	    .output = BENCH_PORT_OUT};
}

static struct flow_match mask_match(uint32_t mask, uint64_t r)
{
	uint32_t src_len = 32 - mask / 2 % N_PREFIXES, dst_len = 32 - mask / 2 / N_PREFIXES;
	struct flow_match m = {0};
	m.key.eth_type = htons(0x0800);
	m.mask.eth_type = 0xffff;
	m.key.ip4_src = htonl(pick_src(r));
	m.mask.ip4_src = prefix_mask_be(src_len);
	m.key.ip4_dst = htonl(pick_dst(mix(r + 1), dst_len));
	m.mask.ip4_dst = prefix_mask_be(dst_len);
	if (mask % 2 == 0) {
		m.key.ip_proto = 17;
		m.mask.ip_proto = 0xff;
		m.key.tp_dst = htons((uint16_t)(1024 + mix(r + 2) % 60000));
		m.mask.tp_dst = 0xffff;
	}
	flow_match_canonicalise(&m);
	return m;
}

/* Half of the rules are about the net that the traffic comes from. */
static uint32_t pick_src(uint64_t r)
{
	return r % 2 == 0 ? 0x0a000000 | (uint32_t)(r >> 40) : (uint32_t)(r >> 32);
}

/* Never where the traffic goes, 10.128.0.x; half of the prefixes that can be are of a net beside it. */
static uint32_t pick_dst(uint64_t r, uint32_t len)
{
	uint32_t net = 11 + (uint32_t)(r >> 8) % 200;
	if (r % 2 == 0 && len >= 16)
		return 0x0a000000 | (129 + net % 100) << 16 | (uint32_t)(r >> 48);
	return net << 24 | (uint32_t)(r >> 40);
}

static uint32_t prefix_mask_be(uint32_t len)
{
	return htonl(UINT32_MAX << (32 - len));
}

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}
