/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Between the files of the packet codec.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include "control/openflow/ofp_packet.h"

void ofp_packet_in2_encode(
    enum ofp_version version, const struct ofp_packet_in *pin, struct buf_writer *w);
