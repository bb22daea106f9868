/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Named UUIDs of one transaction (RFC 7047 5.1 <named-uuid>): a name gets its UUID when it is first met, before or in its insert.
 *
 * Threads: one. Memory: ovsdb_names_fini.
 */
#include "datapath/base/hmap.h"
#include "ovsdb-lite/uuid.h"

struct ovsdb_name {
	struct hmap_node node;
	struct ovsdb_uuid uuid;
	bool is_created; // an insert has this uuid-name
	bool is_strong;  // something refers to it strongly
	char s[];
};

struct ovsdb_names {
	struct hmap map;
};

void ovsdb_names_init(struct ovsdb_names *names);
void ovsdb_names_fini(struct ovsdb_names *names);
/* Makes it when it is not there yet; NULL: there are as many as a transaction may have. */
struct ovsdb_name *ovsdb_names_get(struct ovsdb_names *names, const char *s);
struct ovsdb_name *ovsdb_names_find(const struct ovsdb_names *names, const char *s);
