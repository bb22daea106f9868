/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Values of columns as JSON text, without jansson's values in between: what ovsdb_datum_to_json would have been.
 *
 * Threads: one. Memory: texts grow in the writer.
 */
#include "datapath/base/buf.h"
#include "ovsdb-lite/datum.h"

void ovsdb_datum_write(struct buf_writer *w, const struct ovsdb_datum *d);
/* Memory of the atoms and their texts, as if nobody shared them. */
size_t ovsdb_datum_bytes(const struct ovsdb_datum *d);
void ovsdb_uuid_write(struct buf_writer *w, const struct ovsdb_uuid *uuid); // quoted
