/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A journal's records: encode one, and read a file of them from its start.
 *
 *     magic, payload size, type, CRC of these 64 bytes, sequence, salt, SHA-256 of the record before | payload | CRC32C, mark
 *
 * Every record but the first was appended to a file that was durable up to there, alone. So a write that a crash cut short leaves
 * a file that ends early, or sectors that were never written: zeros. Anything else is damage, also in the last record. The header's own
 * CRC tells a wrong size from a file that ends early; the mark keeps a record's last sector from being zeros. The salt, the
 * same in a whole file, keeps what a client wrote into a payload from looking like a record of this file, or like sectors that were never
 * written: but for the first record's, payloads are in the file xor the salt's 8 bytes, again and again from the payload's start. None of
 * these is 0, and clients do not know them. The checksums are of what is in the file.
 *
 * Threads: caller excludes. Memory: a reader holds a window of the file; a record borrows it until the next.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "datapath/base/buf.h"
#include "datapath/base/compiler.h"

enum {
	OVSDB_RECORD_HEADER_SIZE = 64,
	OVSDB_RECORD_TRAILER_SIZE = 8,
	OVSDB_RECORD_OVERHEAD = OVSDB_RECORD_HEADER_SIZE + OVSDB_RECORD_TRAILER_SIZE,
	OVSDB_RECORD_PAYLOAD_MAX = 1 << 30,
};

/* What the next record of a file has to say. */
struct ovsdb_record_chain {
	uint64_t salt;
	uint64_t sequence;
	uint8_t previous[32]; // zeros at the start of a file
};

struct ovsdb_record {
	uint64_t pos; // of its first byte in the file
	uint64_t sequence;
	uint32_t type;
	const uint8_t *payload; // as it was given to encode
	size_t payload_size;
};

struct ovsdb_record_reader {
	int fd; // borrowed
	uint64_t size, pos;
	struct ovsdb_record_chain chain; // up to pos
	const char *fault;               // why the last one was not good
	uint8_t *window;
	uint64_t window_pos;
	size_t window_size, window_capacity;
};

enum ovsdb_record_result {
	OVSDB_RECORD_GOOD,
	OVSDB_RECORD_NO_MORE,
	OVSDB_RECORD_TORN, // the rest of the file is what an unfinished write leaves
	OVSDB_RECORD_BAD,
	OVSDB_RECORD_UNREADABLE, // errno
};

/* Appends the record to w and moves the chain on. -EMSGSIZE when it is too large. */
MUST_CHECK
int ovsdb_record_encode(struct buf_writer *w, struct ovsdb_record_chain *chain, uint32_t type,
    const void *payload, size_t size);

/* Reads [pos, size) of the file. A chain of zeros takes the salt from the first record. */
void ovsdb_record_reader_init(struct ovsdb_record_reader *r, int fd, uint64_t pos, uint64_t size,
    const struct ovsdb_record_chain *chain);
void ovsdb_record_reader_fini(struct ovsdb_record_reader *r);
/* The record at pos, and steps over it when it is good. */
enum ovsdb_record_result ovsdb_record_next(struct ovsdb_record_reader *r, struct ovsdb_record *ret);
