/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What each request of dp_proto.h does: body in, reply body out. Knows nothing of sockets.
 *
 * Threads: control. Memory: the reply is the writer's.
 */
#include "datapath/base/buf.h"
#include "datapath/dp.h"

struct tracer;

/*
 * Carries out a request of any type and any body (8-byte aligned, not changing). 0 with the reply appended to ret; or
 * -errno with *error filled: nothing was changed.
 */
MUST_CHECK
int dp_request_run(struct dp *dp, struct tracer *tracer, uint32_t type, const void *body,
    size_t size, struct buf_writer *ret, struct dp_error *error);

/* Replies that read the counters: dp_request_stats.c. */
void dp_stats_write(const struct dp *dp, const struct dp_stats_req *req, struct buf_writer *ret);
void dp_samples_write(const struct dp *dp, struct buf_writer *ret);
