/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What an object of the API's table bridge says of OpenFlow: controllers, protocols, what the bridge does without a controller.
 *
 * Threads: sluiced's loop. Memory: none; plain values.
 */
#include <jansson.h>
#include <stdint.h>

#include "control/openflow/of_remote.h"

enum {
	OF_MAX_CONTROLLERS = 16,
	OF_DEFAULT_PROBE_MS = 5000,
	OF_ALL_VERSIONS = 0x7e, // bit n: version n of the header; 1.0 to 1.5
};

struct of_controller_conf {
	char target[OF_TARGET_SIZE];
	unsigned int max_backoff_ms;
	unsigned int probe_ms; // 0: never
};

struct of_bridge_conf {
	bool is_standalone;
	uint32_t versions; // as OF_ALL_VERSIONS
	struct of_controller_conf controllers[OF_MAX_CONTROLLERS];
	size_t n_controllers;
};

/* -EINVAL with *err, whose path names the member. */
MUST_CHECK
int of_bridge_conf_read(json_t *bridge, struct of_bridge_conf *ret, struct err *err);
