/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A bridge's number as OpenFlow controllers and OVSDB know it.
 *
 * Threads: sluiced's loop. Memory: none.
 */
#include "control/api/store.h"

/* What the object says; else, as OVS has it, the MAC address of the bridge's own port; else its number in the switch. */
uint64_t datapath_id(const struct store *s, const struct api_object *bridge);
