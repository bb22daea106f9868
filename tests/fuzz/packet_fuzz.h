/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An mbuf over an allocation of the packet's exact size, so that a read past the end is seen. No EAL, no pool: targets
 * that take it must not free, copy or prepend.
 *
 * Threads: one. Memory: bare_fini frees.
 */
#include <string.h>

#include "datapath/pkt.h"
#include "tests/fuzz/fuzz.h"

enum { BARE_MAX = 9000 };

struct bare {
	struct rte_mbuf m;
	uint8_t priv[PKT_PRIV_SIZE];
	uint8_t *bytes;
};

static inline void bare_init(struct bare *b, const uint8_t *data, size_t size)
{
	memset(b, 0, sizeof(*b));
	b->bytes = malloc(size + (size == 0));
	FUZZ_ASSERT(b->bytes != NULL);
	memcpy(b->bytes, data, size);
	b->m.buf_addr = b->bytes;
	b->m.buf_len = b->m.data_len = (uint16_t)size;
	b->m.pkt_len = (uint32_t)size;
	b->m.nb_segs = b->m.refcnt = 1;
	b->m.priv_size = PKT_PRIV_SIZE;
	pkt_reset(&b->m);
}

static inline void bare_fini(struct bare *b)
{
	free(b->bytes);
}
