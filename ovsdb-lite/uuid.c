/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/uuid.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "datapath/base/hash.h"
#include "datapath/base/net_types.h"

#define VERSION_MASK 0xf000ULL
#define VERSION_4    0x4000ULL
#define VARIANT_MASK (3ULL << 62)
#define VARIANT_RFC  (2ULL << 62)

static const struct hash_key *process_key(void);

struct ovsdb_uuid ovsdb_uuid_random(void)
{
	static struct ovsdb_uuid pool[64];
	static size_t left;

	if (left == 0) {
		if (getrandom(pool, sizeof(pool), 0) != (ssize_t)sizeof(pool))
			abort();
		left = ARRAY_SIZE(pool);
	}
	struct ovsdb_uuid uuid = pool[--left];
	uuid.hi = (uuid.hi & ~VERSION_MASK) | VERSION_4;
	uuid.lo = (uuid.lo & ~VARIANT_MASK) | VARIANT_RFC;
	return uuid;
}

bool ovsdb_uuid_parse(const char *text, struct ovsdb_uuid *ret)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	uint64_t half[2] = {0};
	size_t n = 0;

	for (size_t i = 0; i < OVSDB_UUID_LEN; i++) {
		int digit = hex_digit(text[i]);
		if (shape[i] == '-' ? text[i] != '-' : digit < 0)
			return false;
		if (shape[i] == '-')
			continue;
		half[n / 16] = half[n / 16] << 4 | (uint64_t)digit;
		n++;
	}
	if (text[OVSDB_UUID_LEN] != '\0')
		return false;
	*ret = (struct ovsdb_uuid){.hi = half[0], .lo = half[1]};
	return true;
}

char *ovsdb_uuid_format(const struct ovsdb_uuid *uuid, char text[OVSDB_UUID_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	char *out = text;

	for (int i = 0; i < 32; i++) {
		uint64_t half = i < 16 ? uuid->hi : uuid->lo;
		if (i == 8 || i == 12 || i == 16 || i == 20)
			*out++ = '-';
		*out++ = digits[half >> (60 - 4 * (i % 16)) & 15];
	}
	*out = '\0';
	return text;
}

int ovsdb_uuid_compare(const struct ovsdb_uuid *a, const struct ovsdb_uuid *b)
{
	if (a->hi != b->hi)
		return a->hi < b->hi ? -1 : 1;
	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

/* Clients choose UUIDs: which ones collide depends on a key that they do not see. */
uint64_t ovsdb_uuid_hash(const struct ovsdb_uuid *uuid)
{
	const struct hash_key *key = process_key();
	unsigned __int128 product =
	    (unsigned __int128)(uuid->hi ^ key->k[0]) * (uuid->lo ^ key->k[1]);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t ovsdb_hash(const void *data, size_t size, uint64_t basis)
{
	return hash_bytes(process_key(), data, size) + basis * 0x9e3779b97f4a7c15ULL;
}

static const struct hash_key *process_key(void)
{
	static struct hash_key key;
	static bool is_made;

	if (!is_made)
		hash_key_init(&key);
	is_made = true;
	return &key;
}
