/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the rows ask for, in the API's words: a Bridge is an object of table bridge, an Interface one of table port. Pure: rows and store in,
 * objects out; a row that cannot be had has the reason instead.
 *
 * Rows that only show what another owner has in the store (rows_shown.h) ask for nothing.
 *
 * Threads: sluiced's loop. Memory: wants_fini frees all.
 */
#include "control/api/store.h"
#include "control/api/txn.h"
#include "control/ovsdb/rows.h"
#include "datapath/base/hash.h"

#define OVSDB_OWNER      TXN_OVSDB_OWNER
#define OVSDB_OWNER_KEY  "sluice-owner" // in external_ids of rows that show what another owner has
#define OVSDB_NET_BRIDGE "sluice-net"   // the networks' bridge: shown, never asked for

enum { WANT_ERROR_SIZE = 320, LOCAL_OFPORT = 65534 };

struct want {
	struct hmap_node node; // by table and name; of failed ones by row
	enum api_table table;
	char name[65];
	json_t *object; // NULL: it cannot be had
	struct ovsdb_uuid row;
	char error[WANT_ERROR_SIZE];
	char warning[WANT_ERROR_SIZE]; // what of the row nothing acts on; "" none
};

struct wants {
	struct hmap by_name;
	struct hash_key key;
	struct want **array; // bridges first
	size_t n, capacity;
	struct want **failed; // whose name is another's, or none, or is past the limit
	struct hmap failed_rows;
	size_t n_failed, failed_capacity;
	size_t room[API_TABLE__COUNT]; // for objects that the store does not have yet
	int64_t next_cfg;              // of the root row
};

/* The device that the kernel would send a tunnel by; false: none. */
enum { UPLINK_NAME_SIZE = 16 }; // of a device, as the kernel has it
typedef bool uplink_find(const char *remote, char ret[UPLINK_NAME_SIZE]);

struct wants_source {
	const struct rows *rows;
	const struct store *store;
	const char *rundir;
	const char *seed;   // what makes MAC addresses differ from host to host
	uplink_find *route; // NULL: tunnels have no devices
};

void wants_collect(struct wants *w, const struct wants_source *source);
void wants_fini(struct wants *w);
struct want *wants_find(const struct wants *w, enum api_table table, const char *name);
/* Of a Bridge or Interface row; NULL: it asks for nothing. */
struct want *wants_of_row(
    const struct wants *w, enum api_table table, const char *name, const struct ovsdb_uuid *row);

/* A want without object; with an error already when the name cannot be the API's, or is somebody else's. */
struct want *wants_add(struct wants *w, const struct wants_source *s, enum api_table table,
    const char *name, const struct ovsdb_uuid *row);

/* One interface as it is being read. */
struct port_rows {
	const struct wants_source *source;
	const struct ovsdb_row *bridge, *port, *interface;
	const char *name, *bridge_name;
};

/* port_want.c: the object of a port, or NULL with the error of *want. */
json_t *port_want(const struct port_rows *p, struct want *want);
/* uplink_want.c: devices that carry the tunnels among wants. */
#define UPLINK_PREFIX "uplink-" // of the names of their ports
void uplinks_want(struct wants *w, const struct wants_source *s);
uplink_find uplink_route; // asks the kernel
/* unsupported.c: names of columns that the row uses and nothing acts on; "" when none. */
void unsupported_columns(const struct ovsdb_row *row, char *ret, size_t size);
