/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/chain.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>

void chain_step(struct chain *chain, const void *record, size_t size)
{
	/* Fails only when the library cannot allocate; a journal with a wrong hash must not be written. */
	if (EVP_Digest(record, size, chain->hash, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

void chain_format(const struct chain *chain, char text[CHAIN_TEXT_SIZE])
{
	for (size_t i = 0; i < CHAIN_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", chain->hash[i]);
}
