/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/digest.h"

#include <openssl/evp.h>

#include <stdlib.h>

/* Fails only when the library cannot allocate; a wrong hash must not be written. */
static void digest(const EVP_MD *type, const void *data, size_t size, uint8_t *hash)
{
	if (EVP_Digest(data, size, hash, NULL, type, NULL) != 1)
		abort();
}

void ovsdb_sha1(const void *data, size_t size, uint8_t hash[OVSDB_SHA1_SIZE])
{
	digest(EVP_sha1(), data, size, hash);
}

void ovsdb_sha256(const void *data, size_t size, uint8_t hash[OVSDB_SHA256_SIZE])
{
	digest(EVP_sha256(), data, size, hash);
}
