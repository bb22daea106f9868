/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What can be measured. Each case makes its own switch, says what must become of its packets and checks it after each burst,
 * and prints one JSON object.
 *
 * Threads: one. Memory: freed at the end of a case.
 */
#include "tools/bench/path/measure.h"
#include "tools/bench/path/ruleset.h"
#include "tools/bench/path/traffic.h"

struct params {
	uint32_t n_flows, n_sessions;
	uint32_t n_train; // of hits
	struct ruleset rules;
	uint32_t n_bursts, time_ms;
	uint32_t n_per_txn; // update
	const char *stage;  // b0
};

struct bench_case {
	const char *name, *help;
	struct params defaults;
	void (*run)(const struct bench_case *c, const struct params *p);
};

/* Packets at work: a switch, its traffic, and the fate that every packet must meet. */
struct run {
	struct bench_switch *s;
	struct traffic *t;
	uint16_t fate; // port it is sent to; 0: dropped
	bool keeps_sessions;
};

/* cases.c */
void case_packets(const struct bench_case *c, const struct params *p);
/* The switch, rules and traffic of the packet case of this name, warm. */
void run_init(struct run *r, const char *name, const struct params *p);
void run_fini(struct run *r);
/* Between bursts, not measured: the next packets, and the state that the case wants. */
void run_prepare(struct run *r);
/* After a burst: ends the program when a packet met another fate. */
void run_check(struct run *r);

/* cases_control.c */
void case_update(const struct bench_case *c, const struct params *p);
void case_memory(const struct bench_case *c, const struct params *p);

/* b0.c */
void case_b0(const struct bench_case *c, const struct params *p);
