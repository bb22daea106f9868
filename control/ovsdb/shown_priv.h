/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What shown.c (which rows there are) and shown_port.c (what stands in them) share.
 *
 * Threads: sluiced's loop. Memory: datums are the caller's.
 */
#include "control/ovsdb/shown.h"

/* The bridge that a port is shown on; NULL: it is not shown. */
const char *shown_bridge_of(const struct api_object *port);

/* The values of a row's column as the object has it. */
struct shown_cell {
	enum ovs_column column;
	struct ovsdb_datum datum;
};
enum { SHOWN_MAX_CELLS = 8 };
size_t shown_bridge_cells(const struct api_object *bridge, struct shown_cell *ret);
size_t shown_port_cells(const struct api_object *port, struct shown_cell *ret);
size_t shown_interface_cells(
    const struct api_object *port, const char *rundir, struct shown_cell *ret);
