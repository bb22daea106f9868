/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/table_relax.h"

#include <string.h>

#include "datapath/table_ops.h"

enum {
	FEW_MASKS = 8,   // a probe for each costs less than to look through a group
	N_PRINCIPAL = 5, // units kept besides those that all masks have: at most 2^5 tuples
	OUTGROWN = 2,    // times as many masks
	N_PAIRS = sizeof(struct flow_key) / sizeof(uint16_t),
};

static size_t count_cover(const struct hmap *masks, size_t cover[N_PAIRS]);
static uint16_t *pairs(struct flow_key *k);

void relaxer_init(struct relaxer *r, const struct hmap *masks)
{
	size_t cover[N_PAIRS] = {0};

	*r = (struct relaxer){.n_masks = masks->n, .first_level = RELAX_EXACT};
	if (masks->n <= FEW_MASKS)
		return;
	r->first_level = RELAX_PAIRS;
	size_t n_rules = count_cover(masks, cover);
	for (unsigned int i = 0; i < N_PAIRS; i++) {
		if (cover[i] != n_rules)
			continue;
		pairs(&r->keep)[i] = UINT16_MAX;
		cover[i] = 0;
	}
	for (unsigned int n = 0; n < N_PRINCIPAL; n++) {
		unsigned int best = 0;
		for (unsigned int i = 1; i < N_PAIRS; i++)
			if (cover[i] > cover[best])
				best = i;
		if (cover[best] == 0)
			break;
		pairs(&r->keep)[best] = UINT16_MAX;
		cover[best] = 0;
	}
}

bool relaxer_is_outgrown(const struct relaxer *r, const struct hmap *masks)
{
	if (r->first_level == RELAX_EXACT)
		return masks->n > FEW_MASKS;
	return masks->n > r->n_masks * OUTGROWN || masks->n * OUTGROWN * OUTGROWN < r->n_masks;
}

void relaxer_relax(
    const struct relaxer *r, unsigned int level, const struct flow_key *mask, struct flow_key *ret)
{
	uint16_t *units = pairs(ret);

	*ret = *mask;
	for (unsigned int i = 0; level != RELAX_EXACT && i < N_PAIRS; i++) {
		unsigned int u = units[i], kept = u == UINT16_MAX ? UINT16_MAX : 0;
		if (level == RELAX_PAIRS)
			kept &= pairs((struct flow_key *)(uintptr_t)&r->keep)[i];
		for (unsigned int at = 0; level == RELAX_BYTES && at < 16; at += 8)
			kept |= (u >> at & 0xff) == 0xff ? 0xffu << at : 0;
		for (unsigned int at = 0; level == RELAX_NIBBLES && at < 16; at += 4)
			kept |= (u >> at & 0xf) == 0xf ? 0xfu << at : 0;
		units[i] = (uint16_t)kept;
	}
}

/* How many rules have each pair of bytes in their mask. Returns how many rules have a mask at all. */
static size_t count_cover(const struct hmap *masks, size_t cover[N_PAIRS])
{
	struct flow_key mask;
	size_t n_rules = 0;

	hmap_foreach (m, masks, struct table_mask, node) {
		if (m->map == 0)
			continue;
		table_mask_expand(m, &mask);
		for (unsigned int i = 0; i < N_PAIRS; i++)
			cover[i] += pairs(&mask)[i] == UINT16_MAX ? m->n_rules : 0;
		n_rules += m->n_rules;
	}
	return n_rules;
}

static uint16_t *pairs(struct flow_key *k)
{
	return (uint16_t *)(void *)k;
}
