/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The receiving side: what came back, from the stamps alone. A stream's sequence numbers are kept in a bitmap over the last
 * SINK_WINDOW of them, so that a repeated one is a duplicate and a late one is reordered (RFC 4737 3.3: it arrives when a
 * higher one has arrived before).
 *
 * Of every stream: sent = unique + corrupted + lost, where unique are the different, intact packets that arrived
 * (rx_packets = unique + duplicates + corrupted + too_late).
 *
 * Threads: main. Memory: owns the bitmaps and histograms.
 */
#include "datapath/base/histogram.h"
#include "tools/bench/engine/frame_view.h"
#include "tools/bench/engine/stream_conf.h"

enum {
	SINK_WINDOW = 1 << 20,
	SINK_WORDS = SINK_WINDOW / 64,
};

struct sink_counters {
	uint64_t rx_packets, rx_bytes; // recognised as the stream's, at its port; bytes without FCS
	uint64_t unique;
	uint64_t duplicates;
	uint64_t reordered;
	uint64_t corrupted; // a checksum is wrong, or the sequence number was never sent
	uint64_t too_late;  // behind the window: reordered or repeated, nobody can say
	uint64_t
	    foreign; // at another port, or encapsulated when it should not be, or the other way round
	uint64_t stale; // of an earlier trial
};

struct sink_stream {
	const struct stream_conf *conf; // NULL: no such stream
	const uint64_t *sent;           // sequence numbers below this one are out there
	uint64_t next;                  // one more than the highest seen
	uint8_t trial;
	struct sink_counters counters;
	uint64_t *window;          // bit of a number: seen
	struct histogram *latency; // in TSC ticks
};

struct sink {
	struct sink_stream streams[STREAM_ID_MAX + 1];
	uint64_t unclaimed[PORT_MAX]; // frames without a stamp of ours, by port
	uint64_t unclaimed_bytes[PORT_MAX];
};

/* Makes a stream known. sent is the source's sequence. 0 or -ENOMEM. */
MUST_CHECK
int sink_add(struct sink *sink, const struct stream_conf *conf, const uint64_t *sent);
void sink_fini(struct sink *sink);
/* Forgets everything; stamps of other trials are stale from now on. */
void sink_start(struct sink *sink, uint8_t trial);
/* A whole frame (no FCS) that port received at now. True: it was claimed by a stream. */
bool sink_frame(struct sink *sink, uint8_t port, const uint8_t *frame, uint32_t size, uint64_t now);
/* Of sent packets; 0 when more came back than went out. */
uint64_t sink_lost(const struct sink_stream *s);
