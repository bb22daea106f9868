/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages as hexadecimal text in tests of the codecs: read through the envelope, as connections do.
 *
 * Threads: any. Memory: the message lives until the next one is read.
 */
#include "control/openflow/ofp_raw.h"
#include "tests/unit/control/openflow/hex.h"

/* The version of the header; the body is that of msg. */
static inline enum ofp_version read_message(const char *hex, enum ofp_raw raw, struct ofp_msg *msg)
{
	static uint8_t bytes[1024];
	size_t size = bytes_of(hex, bytes);

	assert_int_equal(bytes[2] << 8 | bytes[3], size);
	assert_int_equal(ofp_msg_decode(bytes, size, msg), OFP_OK);
	assert_string_equal(ofp_raw_name(msg->raw), ofp_raw_name(raw));
	return (enum ofp_version)msg->version;
}

/* What was written is the text, to the byte. */
static inline void check_written(const struct buf_writer *w, const char *hex)
{
	uint8_t bytes[1024];
	size_t size = bytes_of(hex, bytes);

	assert_false(w->bad);
	assert_int_equal(w->size, size);
	assert_memory_equal(w->data, bytes, size);
}
