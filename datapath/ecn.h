/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Explicit congestion notification through tunnels (RFC 6040): both directions as tables. DSCP is not touched here.
 *
 * Threads: any. Memory: none.
 */
#include <stdint.h>

enum ecn { ECN_NOT_ECT = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3, ECN_MASK = 3, ECN_DROP = 0xff };

/* Outer field at the ingress, normal mode (4.1, figure 3). */
uint8_t ecn_encap(uint8_t inner);
/* Inner field at the egress (4.2, figure 4), or ECN_DROP: congestion that the inner packet cannot be told about. */
uint8_t ecn_decap(uint8_t inner, uint8_t outer);
