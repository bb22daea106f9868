/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The engine's parts that need DPDK: environment, ports and their buffers, and what is loaded.
 *
 * Threads: main, pinned to the core that sends and receives. Memory: an engine owns its ports, pools and load.
 */
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <signal.h>

#include "tools/bench/engine/command.h"
#include "tools/bench/engine/connections.h"
#include "tools/bench/engine/machine.h"
#include "tools/bench/engine/options.h"
#include "tools/bench/engine/pacer.h"
#include "tools/bench/engine/sink.h"
#include "tools/bench/engine/source.h"

enum { BURST = SOURCE_BURST };

struct engine_port {
	uint16_t dev_id, n_queues;
	bool is_open;
	char driver[32];
};

/* A loaded stream and its part in the trial. */
struct stream {
	struct source source;
	struct connections *connections; // NULL: packets come from the source
	struct rte_mempool *pool;
	struct pacer pacer;
	bool is_active;
	uint64_t tx_packets, tx_bytes, tx_refused;
	uint64_t n_left;      // packets (connections) that it may still offer
	uint64_t n_completed; // connections, when sending ended
};

struct load {
	unsigned int n;
	struct stream *streams[STREAM_MAX];
	struct sink sink;
};

struct engine {
	struct engine_options options;
	struct port_table faces;
	struct engine_port ports[PORT_MAX];
	uint64_t tsc_hz;
	uint8_t trial; // number of the last one, modulo 256
	struct rte_mempool *rx_pool;
	struct rte_mempool *tx_pool;       // frame_pattern() in every buffer
	struct rte_mempool *tx_large_pool; // the same with FRAME_ROOM; NULL until a stream needs it
	struct rte_mempool *raw_pool;      // for captured frames; NULL until a stream needs it
	uint16_t copy_size;                // the first bytes of transmit buffers may be no pattern
	struct load *load;                 // NULL: nothing loaded
	const volatile sig_atomic_t *stop;
};

struct trial_result {
	uint64_t elapsed_ticks;        // of sending
	uint64_t tx_ticks, rx_ticks;   // busy in bursts that moved packets
	uint64_t n_tx, n_rx;           // packets made, sent or not; and packets taken from rings
	uint64_t n_no_buffer;          // bursts that found no buffer
	struct machine_sample machine; // difference
	double core_ghz;
};

/* engine_eal.c */
MUST_CHECK
int engine_eal_init(const struct engine_options *o, struct err *err);
void engine_eal_fini(void);

/* engine_ports.c: opens all ports, blocks until a listening virtio-user port (server=1) is connected. */
MUST_CHECK
int engine_ports_open(struct engine *e, struct err *err);
void engine_ports_close(struct engine *e);
bool engine_port_is_up(const struct engine *e, unsigned int port);
/* Makes the bytes behind the first copy_size of every transmit buffer the pattern again. */
void engine_pools_restore(struct engine *e, uint16_t copy_size);
/* Pools for streams, made when the first one needs them. NULL: no memory, err filled. */
struct rte_mempool *engine_pool_for(struct engine *e, const struct source *s, struct err *err);

/* engine_load.c: replaces what is loaded, or fails and changes nothing. */
MUST_CHECK
int engine_load(struct engine *e, const struct stream_conf *confs, unsigned int n, struct err *err);
void engine_unload(struct engine *e);
uint64_t engine_load_memory(const struct engine *e);

/* engine_trial.c */
void engine_trial(struct engine *e, const struct command *c, struct trial_result *ret);
