/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/flow_key.h"

#include <errno.h>
#include <string.h>

static_assert(
    sizeof(struct flow_key) == 408, "the key is wire format: no hidden padding, no silent growth");

void flow_match_canonicalise(struct flow_match *m)
{
	uint64_t *key = flow_key_words(&m->key);
	const uint64_t *mask = flow_key_words_const(&m->mask);

	for (int i = 0; i < FLOW_KEY_N_WORDS; i++)
		key[i] &= mask[i];
}

bool flow_match_covers(const struct flow_match *m, const struct flow_key *k)
{
	const uint64_t *key = flow_key_words_const(&m->key);
	const uint64_t *mask = flow_key_words_const(&m->mask);
	const uint64_t *words = flow_key_words_const(k);

	for (int i = 0; i < FLOW_KEY_N_WORDS; i++) {
		if (((words[i] ^ key[i]) & mask[i]) != 0)
			return false;
	}
	return true;
}

bool flow_match_equal(const struct flow_match *a, const struct flow_match *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool flow_match_overlaps(const struct flow_match *a, const struct flow_match *b)
{
	const uint64_t *a_key = flow_key_words_const(&a->key),
		       *a_mask = flow_key_words_const(&a->mask);
	const uint64_t *b_key = flow_key_words_const(&b->key),
		       *b_mask = flow_key_words_const(&b->mask);

	for (int i = 0; i < FLOW_KEY_N_WORDS; i++) {
		if (((a_key[i] ^ b_key[i]) & a_mask[i] & b_mask[i]) != 0)
			return false;
	}
	return true;
}

bool flow_match_is_subset(const struct flow_match *a, const struct flow_match *b)
{
	const uint64_t *a_key = flow_key_words_const(&a->key),
		       *a_mask = flow_key_words_const(&a->mask);
	const uint64_t *b_key = flow_key_words_const(&b->key),
		       *b_mask = flow_key_words_const(&b->mask);

	for (int i = 0; i < FLOW_KEY_N_WORDS; i++) {
		if ((b_mask[i] & ~a_mask[i]) != 0 || ((a_key[i] ^ b_key[i]) & b_mask[i]) != 0)
			return false;
	}
	return true;
}

size_t flow_match_encode(const struct flow_match *m, uint8_t buf[FLOW_MATCH_MAX_SIZE])
{
	const uint64_t *key = flow_key_words_const(&m->key);
	const uint64_t *mask = flow_key_words_const(&m->mask);
	uint64_t map = 0;
	size_t size = sizeof(map);

	for (int i = 0; i < FLOW_KEY_N_WORDS; i++) {
		if (mask[i] == 0)
			continue;
		uint64_t pair[2] = {key[i] & mask[i], mask[i]};
		map |= UINT64_C(1) << i;
		memcpy(buf + size, pair, sizeof(pair));
		size += sizeof(pair);
	}
	memcpy(buf, &map, sizeof(map));
	return size;
}

int flow_match_decode(const uint8_t *buf, size_t size, struct flow_match *ret)
{
	uint64_t *key = flow_key_words(&ret->key);
	uint64_t *mask = flow_key_words(&ret->mask);
	size_t used = sizeof(uint64_t);
	uint64_t map;

	if (size < sizeof(map))
		return -EINVAL;
	memcpy(&map, buf, sizeof(map));
	if (map >> FLOW_KEY_N_WORDS != 0)
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	for (; map != 0; map &= map - 1) {
		int i = __builtin_ctzll(map);
		if (size - used < 16)
			return -EINVAL;
		memcpy(&key[i], buf + used, 8);
		memcpy(&mask[i], buf + used + 8, 8);
		used += 16;
		if (mask[i] == 0 || (key[i] & ~mask[i]) != 0)
			return -EINVAL;
	}
	return (int)used;
}
