/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Network order into buf_writer: what the OpenFlow encoders share. datapath/base/buf.h writes host order.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include <endian.h>

#include "datapath/base/buf.h"

static inline void wire_put_be16(struct buf_writer *w, uint16_t v)
{
	buf_put_u16(w, htobe16(v));
}

static inline void wire_put_be32(struct buf_writer *w, uint32_t v)
{
	buf_put_u32(w, htobe32(v));
}

static inline void wire_put_be64(struct buf_writer *w, uint64_t v)
{
	buf_put_u64(w, htobe64(v));
}

/* Writes v over two bytes that were put at ofs: a length that is known behind its contents. */
static inline void wire_set_be16(struct buf_writer *w, size_t ofs, uint16_t v)
{
	if (w->bad || ofs + 2 > w->size)
		return;
	w->data[ofs] = (uint8_t)(v >> 8);
	w->data[ofs + 1] = (uint8_t)v;
}

/* 8-byte padding relative to start. */
static inline void wire_put_align8(struct buf_writer *w, size_t start)
{
	buf_put_zeros(w, (8 - (w->size - start) % 8) % 8);
}
