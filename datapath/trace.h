/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * flow.trace: what the rules would do with a packet, by the code that forwards, with every step recorded.
 * Nothing is sent, learned or counted.
 *
 * Threads: control. Memory: tracer_create allocates; the answer is the writer's.
 */
#include "datapath/base/buf.h"
#include "datapath/dp_proto.h"

struct dp;
struct tracer;

enum { TRACE_MAX_WHYNOT = 3 };

struct tracer *tracer_create(struct dp *dp); // NULL: no memory
void tracer_destroy(struct tracer *t);
/*
 * Appends dp_trace_rec records. packet has req->len bytes. 0; -ENOENT: no such port, or it is on no bridge; -EINVAL: the
 * packet is too long; -EMSGSIZE: the writer is full.
 */
MUST_CHECK
int trace_packet(
    struct tracer *t, const struct dp_trace_req *req, const void *packet, struct buf_writer *ret);
