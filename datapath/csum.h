/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Internet checksums (RFC 1071, incremental RFC 1624; zero rule of UDP). Threads: any. Memory: none. */
#include "datapath/pkt.h"

/* Completes a partial L4 checksum in software; clears PKT_F_CSUM_PARTIAL and offload flags. */
void csum_complete(struct rte_mbuf *m);
/* Updates *csum for a change of size bytes at an even offset, old to new. */
void csum_update(uint16_t *csum, const void *old_bytes, const void *new_bytes, size_t size);
/* True when the L4 checksum of a parsed packet is right (or partial, or absent for UDP/IPv4). */
bool csum_l4_ok(struct rte_mbuf *m);
