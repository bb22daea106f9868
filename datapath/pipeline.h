/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rule pipeline: a flow key in, a program out. Runs in the worker on a session miss, and in control for
 * flow.trace: the same code, with a listener. It touches no packet bytes.
 *
 * Order inside a rule: apply actions, clear, write actions, write-metadata, goto. The action set runs at the end, in
 * OpenFlow 1.3.5 5.10 order. Changes of fields are collected in the key and emitted as set ops just before an output, by
 * comparison with what the packet bytes hold then.
 * Bounds: 4096 table look-ups, 64 levels of resubmit/group/patch, PROG_MAX_SIZE, PROG_MAX_RULES → PIPELINE_DEPTH.
 *
 * Threads: one struct pipeline per worker, one for control. Memory: the program is in the pipeline's scratch
 * until the next run.
 */
#include "datapath/bridge.h"
#include "datapath/parse.h"
#include "datapath/program.h"
#include "datapath/worker.h"

struct pipeline;

struct pipeline_listener {
	void (*on_bridge)(
	    void *arg, unsigned int depth, const struct bridge *br, const struct flow_key *k);
	void (*on_table)(void *arg, unsigned int depth, const struct bridge *br, uint8_t table,
	    const struct table *t, const struct flow_key *k, const struct rule *winner);
	void (*on_action)(void *arg, unsigned int depth, const struct dp_action *a);
	void (*on_note)(void *arg, unsigned int depth, const char *text);
	void *arg;
};

struct pipeline *pipeline_create(void); // NULL: no memory
void pipeline_destroy(struct pipeline *p);
/*
 * Runs key, which came in by port id in_port of br. Rules are those visible at w->version. m is the packet's
 * metadata only (is a tunnel packet, PKT_F_*). Never NULL. listener NULL on workers; with a listener nothing is
 * learned.
 */
const struct program *pipeline_run(struct pipeline *p, struct worker *w, const struct bridge *br,
    uint16_t in_port, const struct flow_key *key, const struct pipeline_listener *listener);
/* Actions instead of rules, for a packet of control's. */
const struct program *pipeline_run_actions(struct pipeline *p, struct worker *w,
    const struct bridge *br, uint16_t in_port, const struct flow_key *key,
    const struct dp_action *actions, size_t size);
