/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SipHash-1-3 (keyed, for anything a guest, peer or client can choose) and CRC32C (journal records).
 *
 * Threads: any. Memory: none.
 */
#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k[2];
};

/* From getrandom(2); aborts when the kernel has none. */
void hash_key_init(struct hash_key *key);
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t size);
uint64_t hash_string(const struct hash_key *key, const char *s);
/* Unkeyed but stable across runs and machines (key of zeros): object ids and digests, never hash tables. */
uint64_t hash_stable(const void *data, size_t size);
uint32_t crc32c(uint32_t crc, const void *data, size_t size);
