/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Packets for people: a frame from a few fields (flow.trace), one line of text from a frame (drop.samples).
 *
 * Threads: any. Memory: callers' buffers.
 */
#include "datapath/base/err.h"
#include "datapath/base/flow_key.h"

enum { PACKET_BUILD_MAX = 512, PACKET_TEXT_SIZE = 256 };

/*
 * A well-formed frame that has the fields of key; what is not given gets an ordinary value (TTL 64, 64 bytes of
 * payload). Returns its length, or a negative errno with err filled when the fields contradict each other.
 */
MUST_CHECK
int packet_build(const struct flow_key *key, uint8_t buf[PACKET_BUILD_MAX], struct err *err);
/* "02:… > 02:… IPv4 10.0.0.1 > 10.0.0.2 TCP 1234 > 80", as far as the bytes go. Returns text. */
const char *packet_format(const uint8_t *data, size_t size, char text[PACKET_TEXT_SIZE]);
