/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Time in cycles of the time stamp counter, which ticks at a fixed rate whatever the core does; how fast the core ran
 * meanwhile is told by a chain of dependent additions, one a cycle.
 *
 * Threads: one. Memory: samples_init allocates for all samples.
 */
#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct samples {
	uint32_t *cycles; // per burst
	size_t n, max;
	uint64_t end_ns; // no sample after this
};

struct summary {
	size_t n;
	double min, median, p99, mean; // cycles per packet
};

struct clock_rate {
	double tsc_hz;
	double core_ghz;          // by dependent additions
	uint32_t overhead_cycles; // of a measurement of nothing; taken off every sample
};

/* Both wait until what came before has ended. */
static inline uint64_t cycles_begin(void)
{
	_mm_lfence();
	uint64_t t = __builtin_ia32_rdtsc();
	_mm_lfence();
	return t;
}

static inline uint64_t cycles_end(void)
{
	unsigned int aux;
	uint64_t t = __builtin_ia32_rdtscp(&aux);
	_mm_lfence();
	return t;
}

/* Room for max bursts, of which as many are measured as fit into the time. */
void samples_init(struct samples *s, size_t max, uint32_t max_ms);
void samples_fini(struct samples *s);
bool samples_is_full(const struct samples *s);
void samples_add(struct samples *s, uint64_t cycles, const struct clock_rate *rate);
struct summary samples_summary(struct samples *s, unsigned int packets_per_sample);
struct clock_rate clock_calibrate(void);
