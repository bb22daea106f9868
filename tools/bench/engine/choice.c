/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/choice.h"

#include <math.h>
#include <stdlib.h>

static int build_alias(struct choice *c, double zipf_s);
static void fill_columns(struct choice *c, double *share, uint32_t *stack);

int choice_init(struct choice *c, enum stream_distribution distribution, uint32_t n, double zipf_s,
    uint64_t seed)
{
	*c = (struct choice){.distribution = distribution, .n = n, .rng = {seed}};
	return distribution == CHOOSE_ZIPF ? build_alias(c, zipf_s) : 0;
}

void choice_fini(struct choice *c)
{
	free(c->alias);
	c->alias = NULL;
}

static int build_alias(struct choice *c, double zipf_s)
{
	double *share = calloc(c->n, sizeof(*share));
	uint32_t *stack = calloc(c->n, sizeof(*stack));
	c->alias = calloc(c->n, sizeof(*c->alias));
	int rc = share != NULL && stack != NULL && c->alias != NULL ? 0 : -ENOMEM;
	if (rc == 0) {
		double sum = 0;
		for (uint32_t i = c->n; i-- > 0;) // small ones first, for the sum's sake
			sum += share[i] = pow(i + 1.0, -zipf_s);
		for (uint32_t i = 0; i < c->n; i++)
			share[i] *= c->n / sum;
		fill_columns(c, share, stack);
	}
	free(share);
	free(stack);
	return rc;
}

/* Vose: columns with less than their share are filled up by one that has more. small grows from below, large from above. */
static void fill_columns(struct choice *c, double *share, uint32_t *stack)
{
	uint32_t n_small = 0, large = c->n;
	for (uint32_t i = 0; i < c->n; i++) {
		c->alias[i] = (struct choice_alias){.keep = UINT32_MAX, .other = i};
		if (share[i] < 1)
			stack[n_small++] = i;
		else
			stack[--large] = i;
	}
	while (n_small > 0 && large < c->n) {
		uint32_t poor = stack[--n_small], rich = stack[large];
		c->alias[poor] = (struct choice_alias){
		    .keep = (uint32_t)(share[poor] * 4294967295.0), .other = rich};
		share[rich] -= 1 - share[poor];
		if (share[rich] < 1) {
			large++;
			stack[n_small++] = rich;
		}
	}
}
