/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is, written into rows: ofport, error, link, counters, status; and what the switch as a whole is. Pure: values in, writes out, none
 * where a row has the value already.
 *
 * Threads: sluiced's loop. Memory: none; values are borrowed during the call.
 */
#include "control/daemon.h"
#include "control/ovsdb/shown.h"
#include "control/ovsdb/sync.h"
#include "datapath/dp_proto.h"

/* How often the link of a port has changed, as far as was seen. */
struct link_history {
	bool is_known, was_up;
	uint32_t n_resets;
};

struct status_source {
	struct daemon *d;
	const struct rows *rows;
	const struct wants *wants;
	const struct shown *shown;
	struct link_history
	    *links; // by the switch's number of the port; kept up by status_write_ports
};

/* stats: what the switch says of its ports; with_counters: statistics too. */
void status_write_ports(const struct status_source *s, struct row_writer *w,
    const struct dp_port_stats *stats, size_t n, bool with_counters);
/* What is known without the switch's ports: bridges, controllers, errors of rows. */
void status_write_rows(const struct status_source *s, struct row_writer *w);
