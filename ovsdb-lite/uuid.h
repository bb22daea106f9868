/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * UUIDs (RFC 4122) of rows, transactions, servers. Ordered as their text is.
 *
 * Threads: one (ovsdb_uuid_random keeps a pool of random bytes). Memory: plain values.
 */
#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/compiler.h"

enum { OVSDB_UUID_LEN = 36 };

struct ovsdb_uuid {
	uint64_t hi, lo; // as numbers: hi's top byte is the first two hex digits
};

struct ovsdb_uuid ovsdb_uuid_random(void); // version 4
/* Exactly 8-4-4-4-12 hex digits. */
MUST_CHECK
bool ovsdb_uuid_parse(const char *text, struct ovsdb_uuid *ret);
/* Lower case; returns text. */
char *ovsdb_uuid_format(const struct ovsdb_uuid *uuid, char text[OVSDB_UUID_LEN + 1]);
int ovsdb_uuid_compare(const struct ovsdb_uuid *a, const struct ovsdb_uuid *b); // <0, 0, >0
/* Keyed: clients choose UUIDs. */
uint64_t ovsdb_uuid_hash(const struct ovsdb_uuid *uuid);
/* By a random key of the process; basis chains. */
uint64_t ovsdb_hash(const void *data, size_t size, uint64_t basis);

static inline bool ovsdb_uuid_equals(struct ovsdb_uuid a, struct ovsdb_uuid b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

static inline bool ovsdb_uuid_is_zero(struct ovsdb_uuid uuid)
{
	return (uuid.hi | uuid.lo) == 0;
}
