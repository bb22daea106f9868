/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/hash.h"

#include <errno.h>
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* SipHash's state (Aumasson and Bernstein, 2012), with one compression and three final rounds. */
struct sip {
	uint64_t v[4];
};

static uint64_t rotl(uint64_t x, unsigned int n);
static void sip_round(struct sip *s);
static void sip_word(struct sip *s, uint64_t word);

void hash_key_init(struct hash_key *key)
{
	ssize_t n;

	do {
		n = getrandom(key, sizeof(*key), 0);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(*key))
		abort();
}

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t size)
{
	struct sip s = {{key->k[0] ^ 0x736f6d6570736575, key->k[1] ^ 0x646f72616e646f6d,
	    key->k[0] ^ 0x6c7967656e657261, key->k[1] ^ 0x7465646279746573}};
	const uint8_t *p = data;
	uint64_t last = (uint64_t)size << 56;
	size_t left = size;

	for (; left >= 8; left -= 8, p += 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		sip_word(&s, word);
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	sip_word(&s, last);

	s.v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}

uint64_t hash_string(const struct hash_key *key, const char *s)
{
	return hash_bytes(key, s, strlen(s));
}

uint64_t hash_stable(const void *data, size_t size)
{
	static const struct hash_key zeros;

	return hash_bytes(&zeros, data, size);
}

__attribute__((target("sse4.2"))) uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t state = ~crc;

	for (; size >= 8; size -= 8, p += 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		state = _mm_crc32_u64(state, word);
	}
	for (; size > 0; size--, p++)
		state = _mm_crc32_u8((uint32_t)state, *p);
	return ~(uint32_t)state;
}

static uint64_t rotl(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

static void sip_round(struct sip *s)
{
	uint64_t *v = s->v;

	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
	s->v[3] ^= word;
	sip_round(s);
	s->v[0] ^= word;
}
