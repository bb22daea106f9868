/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/datapath/table_fixture.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

const char *const shape_names[SHAPE__COUNT] = {
    [SHAPE_EXACT] = "exact",
    [SHAPE_EXACT_ANY] = "exact+any",
    [SHAPE_LPM4] = "lpm4",
    [SHAPE_LPM4_SHUFFLED] = "lpm4 shuffled",
    [SHAPE_LPM6] = "lpm6",
    [SHAPE_OPENFLOW] = "openflow",
    [SHAPE_PRIORITIES] = "priorities",
    [SHAPE_DUPLICATES] = "duplicates",
    [SHAPE_ACL] = "acl",
    [SHAPE_SUBSETS] = "subsets",
};

/* splitmix64 */
uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

uint64_t test_seed(void)
{
	const char *s = getenv("SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t seed = s != NULL ? strtoull(s, NULL, 0)
				  : (uint64_t)now.tv_sec * 1000000007 + (uint64_t)now.tv_nsec;
	printf("SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

/* Addresses that share leading bits of every length: one base, its tail redrawn from a random bit on. */
static void random_address(struct rng *rng, uint8_t *addr, unsigned int size)
{
	unsigned int keep = rng_below(rng, size * 8 + 1);

	for (unsigned int i = 0; i < size; i++)
		addr[i] = (uint8_t)(0x5a + i * 37);
	for (unsigned int bit = keep; bit < size * 8; bit++)
		if (bit == keep || rng_below(rng, 4) == 0)
			addr[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
}

static void prefix_mask(uint8_t *mask, unsigned int len)
{
	for (unsigned int bit = 0; bit < len; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

/* Small domains, so that rules meet. */
static void random_fields(struct rng *rng, struct flow_key *k)
{
	memset(k, 0, sizeof(*k));
	k->in_port = htonl(1 + rng_below(rng, 3));
	k->metadata = htobe64(rng_below(rng, 2));
	k->reg[0] = htonl(rng_below(rng, 2));
	k->reg[15] = htonl(rng_below(rng, 4));
	k->eth_type = htons(rng_below(rng, 2) != 0 ? 0x0800 : 0x86dd);
	k->eth_dst.b[5] = (uint8_t)rng_below(rng, 4);
	k->vlan_tci[0] = htons((uint16_t)(rng_below(rng, 2) * (FLOW_VLAN_PRESENT | 5)));
	random_address(rng, (uint8_t *)&k->ip4_src, 4);
	random_address(rng, (uint8_t *)&k->ip4_dst, 4);
	random_address(rng, k->ip6_dst.b, 16);
	k->ip_proto = rng_below(rng, 2) != 0 ? 6 : 17;
	k->tp_src = htons((uint16_t)rng_below(rng, 3));
	k->tp_dst = htons((uint16_t)rng_below(rng, 3));
	k->tcp_flags = htons((uint16_t)rng_below(rng, 4));
}

static void mask_lpm4(struct rng *rng, struct flow_key *mask, uint16_t *priority)
{
	unsigned int len = rng_below(rng, 33);

	mask->eth_type = UINT16_MAX;
	mask->reg[0] = UINT32_MAX;
	prefix_mask((uint8_t *)&mask->ip4_dst, len);
	*priority = (uint16_t)(100 + len);
}

static void mask_lpm6(struct rng *rng, struct flow_key *mask, uint16_t *priority)
{
	unsigned int len = rng_below(rng, 129);

	prefix_mask(mask->ip6_dst.b, len);
	*priority = (uint16_t)(100 + len);
}

static void mask_openflow(struct rng *rng, struct flow_key *mask)
{
	if (rng_below(rng, 3) == 0)
		mask->in_port = UINT32_MAX;
	if (rng_below(rng, 4) == 0)
		mask->metadata = htobe64(1 + rng_below(rng, 3));
	if (rng_below(rng, 4) == 0)
		mask->reg[15] = htonl(1 + rng_below(rng, 3));
	if (rng_below(rng, 2) == 0)
		mask->eth_type = UINT16_MAX;
	if (rng_below(rng, 4) == 0)
		mask->eth_dst.b[5] = (uint8_t)(1 + rng_below(rng, 3));
	if (rng_below(rng, 5) == 0)
		mask->vlan_tci[0] = htons(FLOW_VLAN_PRESENT);
	if (rng_below(rng, 3) == 0)
		prefix_mask((uint8_t *)&mask->ip4_src, rng_below(rng, 33));
	if (rng_below(rng, 4) == 0)
		mask->ip4_dst = (uint32_t)rng_next(rng); // not a prefix
	if (rng_below(rng, 4) == 0)
		mask->ip_proto = UINT8_MAX;
	if (rng_below(rng, 4) == 0)
		mask->tp_dst = UINT16_MAX;
}

static void mask_five_tuple(struct flow_key *mask)
{
	mask->eth_type = UINT16_MAX;
	mask->ip4_src = mask->ip4_dst = UINT32_MAX;
	mask->ip_proto = UINT8_MAX;
	mask->tp_src = mask->tp_dst = UINT16_MAX;
}

static void mask_few(struct rng *rng, struct flow_key *mask)
{
	switch (rng_below(rng, 4)) {
	case 0: mask->in_port = UINT32_MAX; break;
	case 1: mask->tp_dst = mask->tp_src = UINT16_MAX; break;
	case 2: mask->in_port = mask->reg[0] = UINT32_MAX; break;
	default: break; // matches any
	}
}

/* Most are short, so that many rules share what a relaxed mask leaves of them. */
static void mask_acl(struct rng *rng, struct flow_key *mask)
{
	mask->eth_type = UINT16_MAX;
	prefix_mask((uint8_t *)&mask->ip4_src, rng_below(rng, rng_below(rng, 4) != 0 ? 16 : 33));
	prefix_mask((uint8_t *)&mask->ip4_dst, rng_below(rng, rng_below(rng, 4) != 0 ? 16 : 33));
	if (rng_below(rng, 4) == 0)
		prefix_mask((uint8_t *)&mask->tp_dst, rng_below(rng, 17));
}

static void mask_subset(struct rng *rng, struct flow_key *mask)
{
	static const struct {
		uint16_t ofs, size;
	} fields[] = {
	    {offsetof(struct flow_key, in_port), 4},
	    {offsetof(struct flow_key, metadata), 8},
	    {offsetof(struct flow_key, reg[15]), 4},
	    {offsetof(struct flow_key, eth_dst), 6},
	    {offsetof(struct flow_key, eth_type), 2},
	    {offsetof(struct flow_key, vlan_tci), 2},
	    {offsetof(struct flow_key, ip4_src), 4},
	    {offsetof(struct flow_key, ip6_dst), 16},
	    {offsetof(struct flow_key, ip_proto), 1},
	    {offsetof(struct flow_key, tp_src), 2},
	};
	uint32_t chosen = rng_below(rng, 1u << ARRAY_SIZE(fields));

	for (unsigned int i = 0; i < ARRAY_SIZE(fields); i++)
		if ((chosen >> i & 1) != 0)
			memset((uint8_t *)mask + fields[i].ofs, 0xff, fields[i].size);
}

void shape_match(struct rng *rng, enum shape shape, struct flow_match *ret, uint16_t *ret_priority)
{
	static const uint16_t ends[] = {0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff};
	struct flow_key *mask = &ret->mask;
	bool any = rng_below(rng, 16) == 0;

	memset(ret, 0, sizeof(*ret));
	random_fields(rng, &ret->key);
	*ret_priority = (uint16_t)rng_below(rng, 8);
	switch (shape) {
	case SHAPE_EXACT: mask_five_tuple(mask); break;
	case SHAPE_EXACT_ANY:
		if (!any)
			mask_five_tuple(mask);
		break;
	case SHAPE_LPM4:
		if (!any)
			mask_lpm4(rng, mask, ret_priority);
		break;
	case SHAPE_LPM4_SHUFFLED:
		mask_lpm4(rng, mask, ret_priority);
		*ret_priority = (uint16_t)rng_below(rng, 8);
		break;
	case SHAPE_LPM6: mask_lpm6(rng, mask, ret_priority); break;
	case SHAPE_PRIORITIES:
		mask_few(rng, mask);
		*ret_priority =
		    any ? (uint16_t)rng_next(rng) : ends[rng_below(rng, ARRAY_SIZE(ends))];
		break;
	case SHAPE_DUPLICATES: mask->in_port = UINT32_MAX; break;
	case SHAPE_ACL: mask_acl(rng, mask); break;
	case SHAPE_SUBSETS: mask_subset(rng, mask); break;
	default: mask_openflow(rng, mask); break;
	}
	flow_match_canonicalise(ret);
}

struct rule *make_rule(
    uint64_t id, const struct flow_match *m, uint16_t priority, uint64_t add_version)
{
	struct dp_rule_conf conf = {.priority = priority};
	struct rule *r = rule_create(id, &conf, m, NULL, NULL);

	assert_non_null(r);
	r->add_version = add_version;
	return r;
}

struct rule *shape_rule(struct rng *rng, enum shape shape, uint64_t id, uint64_t add_version)
{
	struct flow_match m;
	uint16_t priority;

	shape_match(rng, shape, &m, &priority);
	return make_rule(id, &m, priority, add_version);
}

static bool wins(const struct rule *a, const struct rule *b)
{
	if (a->priority == b->priority)
		return a->id < b->id;
	return a->priority > b->priority;
}

void rule_set_add(struct rule_set *s, struct rule *r)
{
	size_t i = s->n++;

	assert_true(s->n <= RULE_SET_MAX);
	for (; i > 0 && wins(r, s->rules[i - 1]); i--)
		s->rules[i] = s->rules[i - 1];
	s->rules[i] = r;
}

void rule_set_remove(struct rule_set *s, size_t i)
{
	memmove(&s->rules[i], &s->rules[i + 1], (s->n - i - 1) * sizeof(s->rules[0]));
	s->n--;
}

const struct rule *rule_set_lookup(
    const struct rule_set *s, const struct flow_key *k, uint64_t version)
{
	for (size_t i = 0; i < s->n; i++)
		if (rule_visible(s->rules[i], version) && rule_matches(s->rules[i], k))
			return s->rules[i];
	return NULL;
}

void random_key(struct rng *rng, const struct rule_set *s, struct flow_key *ret)
{
	struct flow_match m;
	uint64_t *words = flow_key_words(ret);

	random_fields(rng, ret);
	if (s->n == 0 || rng_below(rng, 4) == 0)
		return;
	rule_match(s->rules[rng_below(rng, (uint32_t)s->n)], &m);
	for (unsigned int i = 0; i < FLOW_KEY_N_WORDS; i++)
		words[i] = (words[i] & ~flow_key_words(&m.mask)[i]) | flow_key_words(&m.key)[i];
}
