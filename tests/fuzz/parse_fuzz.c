/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/csum.h"
#include "datapath/parse.h"
#include "tests/fuzz/packet_fuzz.h"

enum { PREFIX = 5 }; // flags, csum_start, csum_offset

static void check_offsets(struct rte_mbuf *m);
static void check_key(struct rte_mbuf *m, const struct session_key *key);

/* A guest's packet with a checksum request of its choice: both parsers, then the checksum code. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session_key key;
	struct flow_key flow;
	struct bare b;

	if (size < PREFIX || size > BARE_MAX)
		return 0;
	bare_init(&b, data + PREFIX, size - PREFIX);
	pkt_of(&b.m)->flags = data[0] & PKT_F_CSUM_PARTIAL;
	memcpy(&pkt_of(&b.m)->csum_start, data + 1, 2);
	memcpy(&pkt_of(&b.m)->csum_offset, data + 3, 2);
	if (parse_packet(&b.m, &key) == DP_DROP__COUNT) {
		check_offsets(&b.m);
		check_key(&b.m, &key);
		parse_flow_key(&b.m, &key, 1, NULL, &flow);
		(void)csum_l4_ok(&b.m);
		csum_complete(&b.m);
	}
	bare_fini(&b);
	return 0;
}

static void check_offsets(struct rte_mbuf *m)
{
	const struct pkt *pkt = pkt_of(m);

	FUZZ_ASSERT(pkt->l3_ofs <= m->pkt_len && pkt->l4_ofs <= m->pkt_len);
	FUZZ_ASSERT(pkt->l4_payload_ofs <= m->pkt_len);
	FUZZ_ASSERT(pkt->l4_ofs == 0 || pkt->l4_ofs > pkt->l3_ofs);
	FUZZ_ASSERT(pkt->n_vlans <= PKT_MAX_VLANS);
	FUZZ_ASSERT((pkt->flags & PKT_F_CSUM_PARTIAL) == 0 || pkt->csum_start == pkt->l4_ofs);
}

/* What was parsed is what is there, whatever the sender asked to be written. */
static void check_key(struct rte_mbuf *m, const struct session_key *key)
{
	struct session_key again;
	struct pkt kept = *pkt_of(m);

	FUZZ_ASSERT(parse_packet(m, &again) == DP_DROP__COUNT);
	FUZZ_ASSERT(memcmp(&again, key, sizeof(again)) == 0);
	*pkt_of(m) = kept;
}
