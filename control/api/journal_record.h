/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Records of the journal's files: encode one, and walk over a file of them.
 *
 * Threads: any. Memory: a walk borrows the file's bytes; record_encode appends to the caller's writer.
 */
#include "control/api/chain.h"
#include "control/api/journal.h"
#include "datapath/base/buf.h"

enum {
	RECORD_HEADER_SIZE = 56,
	RECORD_TRAILER_SIZE = 4,
	RECORD_PAYLOAD_MAX = 1 << 30,
};

struct record {
	uint64_t generation;
	enum journal_type type;
	const char *payload;
	size_t payload_size;
};

struct record_walk {
	const uint8_t *data;
	size_t size, pos;
	struct chain chain; // up to pos
};

enum record_result { RECORD_OK, RECORD_NO_MORE, RECORD_BAD };

/* Appends the record and moves the chain on. -EMSGSIZE when the payload is too large. */
MUST_CHECK
int record_encode(struct buf_writer *w, struct chain *chain, uint64_t generation,
    enum journal_type type, const void *payload, size_t payload_size);
/* The record at pos, and steps over it when it is good. */
enum record_result record_next(struct record_walk *walk, struct record *ret);
/* Whether any whole record is found after pos: then a bad one at pos is no torn tail. */
bool record_follows(const struct record_walk *walk);
