/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Short TCP connections with both ends played here: the client on the stream's tx port, the server on its rx port. Seven
 * packets, each sent when the one before has arrived through the switch:
 *
 *   SYN → · ← SYN,ACK · ACK → · data → · ← FIN,ACK · FIN,ACK → · ← ACK
 *
 * A connection is completed when all seven have arrived intact, and failed when that takes longer than the timeout; nothing
 * is sent again. The client's sequence number names the connection's slot and how often it was used, so that a packet of an
 * earlier connection is never taken for one of this. A slot has flows of its own: no two open connections share one.
 *
 * No DPDK: it fills buffers of the caller.
 *
 * Threads: main. Memory: owns slots, flows and queues.
 */
#include "datapath/base/histogram.h"
#include "tools/bench/engine/frame.h"
#include "tools/bench/engine/frame_view.h"

enum conn_side { CONN_CLIENT, CONN_SERVER, CONN__SIDES };

enum { CONN_PACKETS = 7, CONN_DATA_SIZE = 64 };

struct conn_counters {
	uint64_t opened, completed, failed;
	uint64_t not_opened; // due, but all slots were in use
	uint64_t tx_packets, tx_bytes, tx_refused;
	uint64_t rx_packets, rx_bytes; // of open connections, at the right port
	uint64_t unique, duplicates, reordered, corrupted;
};

struct conn {
	uint64_t opened_tsc;
	uint32_t flow;       // index
	uint32_t n_uses;     // how often the slot was opened; its low byte is in sequence numbers
	uint32_t prev, next; // in the order of opening; next also links free slots
	uint8_t arrived;     // bit of each packet
	bool is_open;
};

struct conn_queued {
	uint16_t slot;
	uint8_t use, packet;
};

/* Packets to send, oldest first. */
struct conn_queue {
	struct conn_queued *entries;
	uint32_t head, n; // head: index of the oldest
};

struct connections {
	const struct stream_conf *conf;
	struct flow_set flows;
	struct frame_template templates[CONN_PACKETS];
	struct conn *slots; // n_slots and one more, the list head
	uint32_t n_slots, free, n_open;
	struct conn_queue queues[CONN__SIDES];
	uint32_t queue_max;
	uint64_t timeout_ticks;
	uint8_t trial;
	struct conn_counters counters;
	struct histogram
	    latency; // of completed connections, from SYN sent to last ACK arrived, in ticks
};

/* conf must outlive it. */
MUST_CHECK
int connections_init(
    struct connections *c, const struct stream_conf *conf, uint64_t tsc_hz, struct err *err);
void connections_fini(struct connections *c);
/* Forgets open connections and counters. */
void connections_start(struct connections *c, uint8_t trial);
/* Opens up to n. */
void connections_open(struct connections *c, unsigned int n, uint64_t now);
/* Gives up those that are open for too long. */
void connections_expire(struct connections *c, uint64_t now);
/* A frame that port received. False: it is of no open connection of this stream. */
bool connections_frame(
    struct connections *c, uint8_t port, const struct frame_view *v, uint64_t now);
/* Makes up to n packets that the side has to send, without taking them from its queue. Returns their number. */
unsigned int connections_fill(struct connections *c, enum conn_side side, uint8_t *const *buffers,
    uint16_t *sizes, unsigned int n, uint64_t now);
/* The first n_sent of the n made last are out; the others stay in the queue. */
void connections_commit(struct connections *c, enum conn_side side, const uint16_t *sizes,
    unsigned int n, unsigned int n_sent);
/* As of a source. */
uint16_t connections_copy_size(const struct connections *c);
void connections_set_copy_size(struct connections *c, uint16_t copy_size);
uint64_t connections_memory(const struct connections *c);
