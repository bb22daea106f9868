/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/buf.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/no_memory.h"

enum { MIN_CAPACITY = 256 };

static uint8_t *reserve(struct buf_writer *w, size_t size);

struct buf buf_from(const void *data, size_t size)
{
	return (struct buf){.data = data, .size = size};
}

size_t buf_left(const struct buf *b)
{
	return b->size - b->pos;
}

uint8_t buf_u8(struct buf *b)
{
	uint8_t v;

	buf_bytes(b, &v, sizeof(v));
	return v;
}

uint16_t buf_u16(struct buf *b)
{
	uint16_t v;

	buf_bytes(b, &v, sizeof(v));
	return v;
}

uint32_t buf_u32(struct buf *b)
{
	uint32_t v;

	buf_bytes(b, &v, sizeof(v));
	return v;
}

uint64_t buf_u64(struct buf *b)
{
	uint64_t v;

	buf_bytes(b, &v, sizeof(v));
	return v;
}

uint16_t buf_be16(struct buf *b)
{
	return be16toh(buf_u16(b));
}

uint32_t buf_be32(struct buf *b)
{
	return be32toh(buf_u32(b));
}

uint64_t buf_be64(struct buf *b)
{
	return be64toh(buf_u64(b));
}

void buf_bytes(struct buf *b, void *dst, size_t size)
{
	const uint8_t *src = buf_take(b, size);

	if (src == NULL)
		memset(dst, 0, size);
	else if (size > 0)
		memcpy(dst, src, size);
}

const uint8_t *buf_take(struct buf *b, size_t size)
{
	static const uint8_t nothing[1];

	if (b->bad || size > buf_left(b)) {
		b->bad = true;
		return NULL;
	}
	const uint8_t *p = b->data == NULL ? nothing : b->data + b->pos;
	b->pos += size;
	return p;
}

void buf_skip(struct buf *b, size_t size)
{
	(void)buf_take(b, size);
}

void buf_writer_init(struct buf_writer *w, size_t max_size)
{
	*w = (struct buf_writer){.max_size = max_size};
}

void buf_writer_fini(struct buf_writer *w)
{
	free(w->data);
	buf_writer_init(w, w->max_size);
}

bool buf_reserve(struct buf_writer *w, size_t size)
{
	if (reserve(w, size) == NULL)
		return false;
	w->size -= size;
	return true;
}

void buf_put(struct buf_writer *w, const void *data, size_t size)
{
	uint8_t *dst = reserve(w, size);

	if (dst != NULL && size > 0)
		memcpy(dst, data, size);
}

void buf_put_u8(struct buf_writer *w, uint8_t v)
{
	buf_put(w, &v, sizeof(v));
}

void buf_put_u16(struct buf_writer *w, uint16_t v)
{
	buf_put(w, &v, sizeof(v));
}

void buf_put_u32(struct buf_writer *w, uint32_t v)
{
	buf_put(w, &v, sizeof(v));
}

void buf_put_u64(struct buf_writer *w, uint64_t v)
{
	buf_put(w, &v, sizeof(v));
}

void buf_put_zeros(struct buf_writer *w, size_t size)
{
	uint8_t *dst = reserve(w, size);

	if (dst != NULL)
		memset(dst, 0, size);
}

void buf_put_align(struct buf_writer *w, size_t align)
{
	buf_put_zeros(w, ROUND_UP(w->size, align) - w->size);
}

/* Room for size bytes at the end, now part of the content. NULL sets bad; the writer stays bad. */
static uint8_t *reserve(struct buf_writer *w, size_t size)
{
	if (w->bad || size > w->max_size - w->size) {
		w->bad = true;
		return NULL;
	}
	size_t needed = w->size + size;
	if (needed > w->capacity || w->data == NULL) {
		size_t capacity = MAX_OF(MAX_OF(w->capacity * 2, needed), (size_t)MIN_CAPACITY);
		uint8_t *data = realloc(w->data, capacity);
		if (data == NULL) {
			no_memory(capacity);
			w->bad = true;
			return NULL;
		}
		w->data = data;
		w->capacity = capacity;
	}
	uint8_t *dst = w->data + w->size;
	w->size = needed;
	return dst;
}
