/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Hashes of bytes: SHA-256 ties records of a journal together, SHA-1 is in the files of ovsdb-server.
 *
 * Threads: any. Memory: none.
 */
#include <stddef.h>
#include <stdint.h>

enum { OVSDB_SHA1_SIZE = 20, OVSDB_SHA256_SIZE = 32 };

void ovsdb_sha1(const void *data, size_t size, uint8_t hash[OVSDB_SHA1_SIZE]);
void ovsdb_sha256(const void *data, size_t size, uint8_t hash[OVSDB_SHA256_SIZE]);
