/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bridges and ports that other owners have in the API's store, as rows: made, changed and deleted with them. Their rows carry
 * external_ids:sluice-owner. Such a row is not a way to change them: what a client writes into one is put back, and its error (of an
 * Interface) or status:error (of a Bridge) says so until the client writes something that fits. Keys of external_ids and other_config are
 * the clients' own.
 *
 * Ports of networks are shown on the bridge "sluice-net".
 *
 * Threads: sluiced's loop. Memory: shown_create allocates; shown_destroy frees.
 */
#include "control/ovsdb/wants.h"

struct shown;

struct shown *shown_create(const struct wants_source *source);
void shown_destroy(struct shown *s);
/* Clients have changed rows. */
void shown_touch(struct shown *s, const struct ovsdb_changes *changes);
/* Writes the difference. */
void shown_write(struct shown *s, struct row_writer *w);
/* Why what a client wrote into the row was put back; NULL: it was not. */
const char *shown_complaint(const struct shown *s, const struct ovsdb_uuid *row);
/* The owner of a row that is shown; NULL: it is a client's. */
const char *shown_owner(const struct rows *r, const struct ovsdb_row *row, enum ovs_column ids);
