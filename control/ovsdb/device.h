/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the kernel says of a network device: for ports that are one.
 *
 * Threads: any. Memory: a plain value.
 */
#include <stdint.h>

#include "datapath/base/net_types.h"

struct device {
	int index;
	bool is_up; // administratively
	unsigned int mtu;
	struct mac_addr mac;
	int64_t speed_bps; // 0: not known
	bool is_full_duplex;
};

/* False: there is none of that name in the daemon's network namespace. */
bool device_read(const char *name, struct device *ret);
