/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getrandom in place of the C library's: every hash secret is the same in every run, so that instruction counts are.
 * Of this program only: the switch never links it.
 */
#include <stdint.h>
#include <sys/random.h>

ssize_t getrandom(void *buf, size_t size, unsigned int)
{
	static uint64_t state = 0x9e3779b97f4a7c15;
	uint8_t *p = buf;

	for (size_t i = 0; i < size; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		p[i] = (uint8_t)(state >> 32);
	}
	return (ssize_t)size;
}
