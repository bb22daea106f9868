/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A packet that a rule sent to the controller, as clients see it: names for numbers, the bytes in hex.
 *
 * Threads: sluiced's loop. Memory: a new reference.
 */
#include <jansson.h>

#include "control/daemon.h"
#include "datapath/dp_proto.h"

json_t *punt_to_json(
    const struct daemon *d, const struct dp_punt_event *ev, const uint8_t *data); // ev->snap bytes
