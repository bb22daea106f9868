/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/path/measure.h"

#include <stdlib.h>

#include "datapath/base/clock.h"
#include "tools/bench/path/must.h"

enum { CALIBRATE_NS = 50000000, ADDS_PER_TURN = 64, N_TURNS = 20000, N_RUNS = 20, N_EMPTY = 10000 };

static double core_ghz(double tsc_hz);
static uint32_t overhead(void);
static int by_size(const void *a, const void *b);

void samples_init(struct samples *s, size_t max, uint32_t max_ms)
{
	*s = (struct samples){.max = max, .end_ns = clock_ns() + (uint64_t)max_ms * 1000000};
	s->cycles = calloc(max, sizeof(*s->cycles));
	MUST(s->cycles != NULL);
	for (size_t i = 0; i < max; i += 1024)
		((volatile uint32_t *)s->cycles)[i] = 1; // no page fault later
}

void samples_fini(struct samples *s)
{
	free(s->cycles);
}

bool samples_is_full(const struct samples *s)
{
	return s->n == s->max || (s->n % 256 == 255 && clock_ns() > s->end_ns);
}

void samples_add(struct samples *s, uint64_t cycles, const struct clock_rate *rate)
{
	uint64_t net = cycles > rate->overhead_cycles ? cycles - rate->overhead_cycles : 0;
	s->cycles[s->n++] = net < UINT32_MAX ? (uint32_t)net : UINT32_MAX;
}

struct summary samples_summary(struct samples *s, unsigned int packets_per_sample)
{
	MUST(s->n > 0);
	double sum = 0, per = packets_per_sample;
	size_t median = s->n / 2, p99 = s->n - 1 - s->n / 100;
	qsort(s->cycles, s->n, sizeof(*s->cycles), by_size);
	for (size_t i = 0; i < s->n; i++)
		sum += s->cycles[i];
	return (struct summary){.n = s->n,
	    .min = s->cycles[0] / per,
	    .median = s->cycles[median] / per,
	    .p99 = s->cycles[p99] / per,
	    .mean = sum / (double)s->n / per};
}

struct clock_rate clock_calibrate(void)
{
	struct clock_rate r;
	uint64_t start_ns = clock_ns(), start = cycles_begin(), ns;
	do
		ns = clock_ns() - start_ns;
	while (ns < CALIBRATE_NS);
	r.tsc_hz = (double)(cycles_end() - start) * 1e9 / (double)ns;
	r.core_ghz = core_ghz(r.tsc_hz);
	r.overhead_cycles = overhead();
	return r;
}

/* The best of some short runs: the others were interrupted. */
static double core_ghz(double tsc_hz)
{
	uint64_t least = UINT64_MAX;
	for (unsigned int run = 0; run < N_RUNS; run++) {
		uint64_t x = 1, start = cycles_begin();
		for (unsigned int i = 0; i < N_TURNS; i++) {
			for (unsigned int j = 0; j < ADDS_PER_TURN; j++)
				__asm__ volatile("add $1, %0" : "+r"(x));
		}
		uint64_t cycles = cycles_end() - start;
		least = cycles < least ? cycles : least;
	}
	return (double)N_TURNS * ADDS_PER_TURN * tsc_hz / (double)least / 1e9;
}

static uint32_t overhead(void)
{
	uint64_t least = UINT64_MAX;
	for (unsigned int i = 0; i < N_EMPTY; i++) {
		uint64_t start = cycles_begin(), cycles = cycles_end() - start;
		least = cycles < least ? cycles : least;
	}
	return (uint32_t)least;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}
