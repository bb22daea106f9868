/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/pkt.h"

#include <string.h>

static bool make_tailroom(struct rte_mbuf *m, uint32_t size);

bool pkt_pull_headers(struct rte_mbuf *m)
{
	uint32_t want = MIN_OF(m->pkt_len, (uint32_t)PKT_HDR_MAX);
	if (LIKELY(m->data_len >= want))
		return true;
	if (!make_tailroom(m, want - m->data_len))
		return false;
	while (m->data_len < want) {
		struct rte_mbuf *seg = m->next;
		if (seg == NULL)
			return false;
		uint16_t n = (uint16_t)MIN_OF(want - m->data_len, (uint32_t)seg->data_len);
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len),
		    rte_pktmbuf_mtod(seg, uint8_t *), n);
		m->data_len = (uint16_t)(m->data_len + n);
		seg->data_off = (uint16_t)(seg->data_off + n);
		seg->data_len = (uint16_t)(seg->data_len - n);
		if (seg->data_len > 0)
			continue;
		m->next = seg->next;
		m->nb_segs--;
		rte_pktmbuf_free_seg(seg);
	}
	return true;
}

void pkt_trim(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *seg = m;
	uint32_t left = len;
	uint16_t n_segs = 1;
	while (left > seg->data_len && seg->next != NULL) {
		left -= seg->data_len;
		seg = seg->next;
		n_segs++;
	}
	seg->data_len = (uint16_t)MIN_OF(left, (uint32_t)seg->data_len);
	rte_pktmbuf_free(seg->next);
	seg->next = NULL;
	m->nb_segs = n_segs;
	m->pkt_len = len;
}

/* A sender may have put a short first segment at the end of its buffer: then the bytes move to the usual place. */
static bool make_tailroom(struct rte_mbuf *m, uint32_t size)
{
	if (rte_pktmbuf_tailroom(m) >= size)
		return true;
	if (m->data_off <= PKT_HEADROOM || m->buf_len < PKT_HEADROOM + m->data_len + size)
		return false;
	uint8_t *dst = (uint8_t *)m->buf_addr + PKT_HEADROOM;
	memmove(dst, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
	m->data_off = PKT_HEADROOM;
	return true;
}
