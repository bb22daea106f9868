/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Checked cursors. A reader never leaves its bytes: a read past the end sets bad, returns zeros and goes on
 * doing so, so that a decoder reads its fields straight down and asks once. A writer grows up to its limit.
 *
 * Threads: caller excludes. Memory: a reader borrows its bytes; a writer owns data until buf_writer_fini.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/base/compiler.h"

struct buf {
	const uint8_t *data;
	size_t size;
	size_t pos;
	bool bad; // a read went past the end
};

struct buf buf_from(const void *data, size_t size);
size_t buf_left(const struct buf *b);
uint8_t buf_u8(struct buf *b);
uint16_t buf_u16(struct buf *b); // host order, as are the next two
uint32_t buf_u32(struct buf *b);
uint64_t buf_u64(struct buf *b);
uint16_t buf_be16(struct buf *b); // network order in, host order out, as are the next two
uint32_t buf_be32(struct buf *b);
uint64_t buf_be64(struct buf *b);
/* Copies size bytes to dst; zeros when short. */
void buf_bytes(struct buf *b, void *dst, size_t size);
/* Borrows size bytes in place; NULL when short. */
const uint8_t *buf_take(struct buf *b, size_t size);
void buf_skip(struct buf *b, size_t size);

struct buf_writer {
	uint8_t *data;
	size_t size; // bytes written
	size_t capacity;
	size_t max_size; // a write past it sets bad
	bool bad;
};

void buf_writer_init(struct buf_writer *w, size_t max_size);
void buf_writer_fini(struct buf_writer *w);
/* Whether size more bytes fit, which are then allocated: they may be written at data + size. */
bool buf_reserve(struct buf_writer *w, size_t size);
void buf_put(struct buf_writer *w, const void *data, size_t size);
void buf_put_u8(struct buf_writer *w, uint8_t v);
void buf_put_u16(struct buf_writer *w, uint16_t v);
void buf_put_u32(struct buf_writer *w, uint32_t v);
void buf_put_u64(struct buf_writer *w, uint64_t v);
void buf_put_zeros(struct buf_writer *w, size_t size);
/* Pads with zeros to a multiple of align. */
void buf_put_align(struct buf_writer *w, size_t align);
