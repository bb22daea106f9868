/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/rule.h"

#include <stdlib.h>
#include <string.h>

static size_t match_size(uint64_t map)
{
	return (size_t)__builtin_popcountll(map) * 2 * sizeof(uint64_t);
}

static uint64_t mask_map(const struct flow_key *mask)
{
	const uint64_t *words = flow_key_words_const(mask);
	uint64_t map = 0;

	for (unsigned int i = 0; i < FLOW_KEY_N_WORDS; i++)
		map |= (uint64_t)(words[i] != 0) << i;
	return map;
}

static void store_match(struct rule *r, const struct flow_match *match)
{
	const uint64_t *key = flow_key_words_const(&match->key);
	const uint64_t *mask = flow_key_words_const(&match->mask);
	uint64_t *w = r->words;

	for (uint64_t map = r->match_map; map != 0; map &= map - 1) {
		int i = __builtin_ctzll(map);
		*w++ = key[i] & mask[i];
		*w++ = mask[i];
	}
}

struct rule *rule_create(uint64_t id, const struct dp_rule_conf *conf,
    const struct flow_match *match, const void *apply, const void *write)
{
	uint64_t map = mask_map(&match->mask);
	struct rule *r =
	    malloc(sizeof(*r) + match_size(map) + conf->apply_size + (size_t)conf->write_size);

	if (r == NULL)
		return NULL;
	*r = (struct rule){
	    .id = id,
	    .cookie = conf->cookie,
	    .del_version = UINT64_MAX,
	    .bridge = conf->bridge,
	    .priority = conf->priority,
	    .table = conf->table,
	    .goto_table = conf->goto_table,
	    .flags = conf->flags,
	    .opaque = conf->opaque,
	    .metadata_be = conf->metadata_be,
	    .metadata_mask_be = conf->metadata_mask_be,
	    .idle_timeout_s = conf->idle_timeout_s,
	    .hard_timeout_s = conf->hard_timeout_s,
	    .apply_size = (uint16_t)conf->apply_size,
	    .write_size = (uint16_t)conf->write_size,
	    .match_map = map,
	};
	store_match(r, match);
	if (conf->apply_size != 0)
		memcpy((uint8_t *)r->words + match_size(map), apply, conf->apply_size);
	if (conf->write_size != 0)
		memcpy((uint8_t *)r->words + match_size(map) + conf->apply_size, write,
		    conf->write_size);
	return r;
}

void rule_encode(const struct rule *r, uint64_t now_ms, uint64_t now_wall_ms, struct buf_writer *w)
{
	struct dp_rule_conf conf = {
	    .bridge = r->bridge,
	    .priority = r->priority,
	    .table = r->table,
	    .goto_table = r->goto_table,
	    .cookie = r->cookie,
	    .flags = r->flags,
	    .idle_timeout_s = r->idle_timeout_s,
	    .hard_timeout_s = r->hard_timeout_s,
	    .match_size = (uint32_t)(sizeof(r->match_map) + match_size(r->match_map)),
	    .apply_size = r->apply_size,
	    .write_size = r->write_size,
	    .opaque = r->opaque,
	    .metadata_be = r->metadata_be,
	    .metadata_mask_be = r->metadata_mask_be,
	};
	if (r->hard_timeout_s != 0) {
		uint64_t since_ms = r->hard_end_ms != 0
					? r->hard_end_ms - r->hard_timeout_s * 1000ULL
					: r->timed_since_ms;
		conf.installed_ms = now_wall_ms - (now_ms - since_ms);
	}
	buf_put(w, &conf, sizeof(conf));
	buf_put(w, &r->match_map, sizeof(r->match_map)); // flow_match_encode's form is what is kept
	buf_put(w, r->words, match_size(r->match_map) + r->apply_size + r->write_size);
}

void rule_free(void *rule)
{
	free(rule);
}

const struct dp_action *rule_apply_actions(const struct rule *r)
{
	return (const struct dp_action *)((const uint8_t *)r->words + match_size(r->match_map));
}

const struct dp_action *rule_write_actions(const struct rule *r)
{
	return (const struct dp_action *)((const uint8_t *)rule_apply_actions(r) + r->apply_size);
}

void rule_match(const struct rule *r, struct flow_match *ret)
{
	const uint64_t *w = r->words;

	memset(ret, 0, sizeof(*ret));
	for (uint64_t map = r->match_map; map != 0; map &= map - 1) {
		int i = __builtin_ctzll(map);
		flow_key_words(&ret->key)[i] = *w++;
		flow_key_words(&ret->mask)[i] = *w++;
	}
}

size_t rule_size(const struct rule *r)
{
	return sizeof(*r) + match_size(r->match_map) + r->apply_size + r->write_size;
}

bool rule_matches(const struct rule *r, const struct flow_key *k)
{
	const uint64_t *key = flow_key_words_const(k);
	const uint64_t *w = r->words;

	for (uint64_t map = r->match_map; map != 0; map &= map - 1, w += 2)
		if ((key[__builtin_ctzll(map)] & w[1]) != w[0])
			return false;
	return true;
}
