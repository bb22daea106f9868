/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <x86intrin.h>

#include "datapath/base/compiler.h"

enum {
	N_RUNS = 40,
	N_LOOPS = 2000,
	ADDS_PER_LOOP = 16,
	LINE_SIZE = 512,
};

static uint64_t time_additions(void);

void machine_sample(struct machine_sample *s, unsigned int core)
{
	struct rusage usage;
	char line[LINE_SIZE], name[16];
	*s = (struct machine_sample){0};
	if (getrusage(RUSAGE_THREAD, &usage) == 0)
		s->involuntary_switches = (uint64_t)usage.ru_nivcsw;
	FILE *f = fopen("/proc/stat", "re");
	if (f == NULL)
		return;
	uint64_t tick_ms = 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	snprintf(name, sizeof(name), "cpu%u", core);
	while (fgets(line, sizeof(line), f) != NULL) {
		char cpu[16];
		unsigned long long steal;
		if (sscanf(line, "%15s %*u %*u %*u %*u %*u %*u %*u %llu", cpu, &steal) != 2)
			continue;
		if (strcmp(cpu, "cpu") == 0)
			s->steal_all_ms = steal * tick_ms;
		if (strcmp(cpu, name) == 0)
			s->steal_ms = steal * tick_ms;
	}
	fclose(f);
}

double machine_core_ghz(uint64_t tsc_hz)
{
	uint64_t best = UINT64_MAX;
	for (unsigned int i = 0; i < N_RUNS; i++) {
		uint64_t ticks = time_additions();
		best = MIN_OF(best, ticks);
	}
	return (double)N_LOOPS * ADDS_PER_LOOP * ((double)tsc_hz / 1e9) / (double)best;
}

/*
 * The loop's own two instructions run beside the additions: they do not depend on them. A register is added because newer
 * cores add small constants while renaming, in no time.
 */
static uint64_t time_additions(void)
{
	uint64_t sum = 0, n = N_LOOPS, one = 1;
	uint64_t start = __rdtsc();
	__asm__ volatile("1:\n"
			 ".rept 16\n"
			 "add %2, %0\n"
			 ".endr\n"
			 "dec %1\n"
			 "jnz 1b\n"
			 : "+r"(sum), "+r"(n)
			 : "r"(one)
			 : "cc");
	return __rdtsc() - start;
}
