/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The body of a message on the dp socket: inline up to DP_INLINE_MAX, else in a sealed memfd.
 *
 * Threads: any. Memory: a body owns its bytes or its mapping until dp_body_fini.
 */
#include "datapath/dp_proto.h"

struct dp_body {
	uint8_t *data; // aligned for any structure of dp_proto.h
	size_t size;
	int memfd; // -1: inline
	bool mapped;
};

/* Copies bytes for sending. 0 or -errno. */
MUST_CHECK
int dp_body_init(struct dp_body *b, const void *bytes, size_t size);
/*
 * What was received with msg: in_size bytes after the header and perhaps a descriptor (-1: none), which is taken. 0, or
 * -EPROTO when the sizes disagree or the memfd is not sealed.
 */
MUST_CHECK
int dp_body_receive(
    struct dp_body *b, const struct dp_msg *msg, const uint8_t *in, size_t in_size, int memfd);
void dp_body_fini(struct dp_body *b);
