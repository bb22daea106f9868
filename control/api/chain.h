/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The hash that ties a journal record to the one before it.
 *
 * Threads: any. Memory: none.
 */
#include <stddef.h>
#include <stdint.h>

enum {
	CHAIN_SIZE = 32, // SHA-256
	CHAIN_TEXT_SIZE = 2 * CHAIN_SIZE + 1,
};

struct chain {
	uint8_t hash[CHAIN_SIZE]; // of the record before; zeros at the start of a file
};

void chain_step(struct chain *chain, const void *record, size_t size);
void chain_format(const struct chain *chain, char text[CHAIN_TEXT_SIZE]);
