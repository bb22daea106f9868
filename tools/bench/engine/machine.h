/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the machine did to a measurement: time stolen by the hypervisor, involuntary context switches of this thread, and the
 * core's real frequency, which the TSC does not say.
 *
 * Threads: the one that measures. Memory: none.
 */
#include <stdint.h>

struct machine_sample {
	uint64_t steal_ms;     // of the core, since boot, in steps of a tick (10 ms)
	uint64_t steal_all_ms; // of all cores
	uint64_t involuntary_switches;
};

void machine_sample(struct machine_sample *s, unsigned int core);
/* Frequency by a loop of dependent additions, each of which takes one cycle: the fastest of some short runs, about 1 ms. */
double machine_core_ghz(uint64_t tsc_hz);
