/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A line of standard input, decoded and validated before anything happens. No DPDK.
 *
 * Threads: main. Memory: a command owns its streams; command_fini() frees them.
 */
#include "tools/bench/engine/stream_conf.h"

enum {
	COMMAND_LINE_MAX = 1 << 20,
	TRIAL_MS_MAX = 3600 * 1000,
	PACKETS_MAX = 1000 * 1000 * 1000,
	TRIAL_MS = 1000,
	DRAIN_MS = 100,
	WAIT_MS_MAX = 600 * 1000,
	WAIT_MS = 10000,
};
#define RATE_PPS_MAX 1e9

enum command_kind {
	COMMAND_LOAD,
	COMMAND_TRIAL,
	COMMAND_LINK,
	COMMAND_WAIT_LINK,
	COMMAND_CALIBRATE,
	COMMAND_QUIT,
};

struct command {
	enum command_kind kind;
	struct stream_conf *streams; // load
	unsigned int n_streams;
	uint32_t duration_ms, drain_ms;      // trial
	uint64_t n_packets;                  // trial: offered by each stream; 0: as many as are due
	double rates_pps[STREAM_ID_MAX + 1]; // by stream id; 0: no limit
	bool is_active[STREAM_ID_MAX + 1];   // by stream id: sends in this trial
	uint32_t timeout_ms;                 // wait_link
};

/* What a command may refer to. */
struct command_context {
	const struct port_table *ports;
	bool is_loaded[STREAM_ID_MAX + 1];
	unsigned int n_loaded;
};

/* 0 or -errno with err; *ret is filled only on success. */
MUST_CHECK
int command_decode(const char *line, size_t size, const struct command_context *context,
    struct command *ret, struct err *err);
void command_fini(struct command *c);
