/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/histogram.h"

#include <string.h>

void histogram_init(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
	h->min = UINT64_MAX;
}

void histogram_merge(struct histogram *h, const struct histogram *from)
{
	h->n += from->n;
	h->min = MIN_OF(h->min, from->min);
	h->max = MAX_OF(h->max, from->max);
	for (unsigned int i = 0; i < HISTOGRAM_N_BUCKETS; i++)
		h->counts[i] += from->counts[i];
}

uint64_t histogram_low(unsigned int bucket)
{
	if (bucket < 2u << HISTOGRAM_SUB_BITS)
		return bucket;
	unsigned int shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
	return (uint64_t)(bucket - (shift << HISTOGRAM_SUB_BITS)) << shift;
}

uint64_t histogram_high(unsigned int bucket)
{
	return bucket + 1 < HISTOGRAM_N_BUCKETS ? histogram_low(bucket + 1) - 1 : UINT64_MAX;
}

uint64_t histogram_quantile(const struct histogram *h, double share)
{
	if (h->n == 0)
		return 0;
	double exact = share * (double)h->n;
	uint64_t rank = exact <= 1 ? 1 : exact >= (double)h->n ? h->n : (uint64_t)exact;
	if ((double)rank < exact)
		rank++;
	uint64_t n = 0;
	for (unsigned int i = 0; i < HISTOGRAM_N_BUCKETS; i++) {
		n += h->counts[i];
		if (n >= rank)
			return MAX_OF(h->min, MIN_OF(h->max, histogram_high(i)));
	}
	return h->max;
}
