/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The sending side of a stream: its templates, flows and sequence, and the packets it makes from them. No DPDK: it fills
 * buffers of the caller.
 *
 * Threads: main. Memory: owns flows, alias table and captured frames.
 */
#include "tools/bench/engine/choice.h"
#include "tools/bench/engine/frame.h"
#include "tools/bench/engine/pcap_file.h"

enum { SOURCE_BURST = 32 };

struct source {
	struct stream_conf conf;
	uint64_t seq;              // of the next packet, from 0 in each trial
	uint32_t head;             // of this trial's stamps
	uint32_t size_at, n_sizes; // place in sizes_cycle
	struct choice choice;
	struct flow_set flows;
	struct rng rng; // of random tuples
	struct pcap_file pcap;
	struct frame_template templates[STREAM_SIZES_MAX];
	uint8_t size_cycle[STREAM_WEIGHT_SUM_MAX]; // the mix in its proportions, evenly spread
};

MUST_CHECK
int source_init(struct source *s, const struct stream_conf *conf, struct err *err);
void source_fini(struct source *s);
void source_start(struct source *s, uint8_t trial);
/*
 * Makes the next n packets (at most SOURCE_BURST) with time now. Buffers hold frame_pattern() but for a captured stream's
 * (source_keeps_pattern()), which need FRAME_ROOM bytes as all do.
 */
void source_fill(
    struct source *s, uint8_t *const *buffers, uint16_t *sizes, unsigned int n, uint64_t now);
/* The first n_sent of the n packets made last went out; the others are made again. */
void source_commit(struct source *s, unsigned int n, unsigned int n_sent);
uint64_t source_memory(const struct source *s);

/* False: what it leaves in a buffer is no pattern. */
static inline bool source_keeps_pattern(const struct source *s)
{
	return s->conf.kind != STREAM_PCAP;
}

/*
 * Buffers are shared: what one stream's headers overwrite, another's must not take for the pattern. So all streams that
 * share buffers copy the same number of bytes, the largest source_copy_size() of them.
 */
uint16_t source_copy_size(const struct source *s);
void source_set_copy_size(struct source *s, uint16_t copy_size);
/* Bytes of a buffer that holds every frame of the stream. */
uint16_t source_room(const struct source *s);
