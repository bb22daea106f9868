/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/journal_record.h"

#include <endian.h>
#include <string.h>

#include "datapath/base/hash.h"

/* The first byte occurs in no UTF-8 text, so that a search for the magic never stops inside a payload. */
static const uint8_t magic[4] = {0xf5, 'S', 'L', 'J'};

/* Little-endian on disk. */
struct record_header {
	uint8_t magic[4];
	uint32_t payload_size;
	uint64_t generation;
	uint32_t type;
	uint32_t reserved; // 0
	struct chain previous;
};
static_assert(sizeof(struct record_header) == RECORD_HEADER_SIZE);

static bool decode(const uint8_t *data, size_t size, struct record_header *header);

int record_encode(struct buf_writer *w, struct chain *chain, uint64_t generation,
    enum journal_type type, const void *payload, size_t payload_size)
{
	size_t start = w->size;
	if (payload_size > RECORD_PAYLOAD_MAX)
		return -EMSGSIZE;
	struct record_header header = {.payload_size = htole32((uint32_t)payload_size),
	    .generation = htole64(generation),
	    .type = htole32(type),
	    .previous = *chain};
	memcpy(header.magic, magic, sizeof(magic));
	buf_put(w, &header, sizeof(header));
	buf_put(w, payload, payload_size);
	if (w->bad)
		return -EMSGSIZE;
	uint32_t crc = htole32(crc32c(0, w->data + start, w->size - start));
	buf_put(w, &crc, sizeof(crc));
	if (w->bad)
		return -EMSGSIZE;
	chain_step(chain, w->data + start, w->size - start);
	return 0;
}

enum record_result record_next(struct record_walk *walk, struct record *ret)
{
	struct record_header header;
	const uint8_t *data = walk->data + walk->pos;
	if (walk->pos == walk->size)
		return RECORD_NO_MORE;
	if (!decode(data, walk->size - walk->pos, &header))
		return RECORD_BAD;
	if (memcmp(&header.previous, &walk->chain, CHAIN_SIZE) != 0)
		return RECORD_BAD;
	*ret = (struct record){.generation = header.generation,
	    .type = header.type,
	    .payload = (const char *)data + RECORD_HEADER_SIZE,
	    .payload_size = header.payload_size};
	size_t size = RECORD_HEADER_SIZE + header.payload_size + RECORD_TRAILER_SIZE;
	chain_step(&walk->chain, data, size);
	walk->pos += size;
	return RECORD_OK;
}

bool record_follows(const struct record_walk *walk)
{
	struct record_header header;
	for (size_t pos = walk->pos + 1; pos < walk->size; pos++) {
		const uint8_t *found = memchr(walk->data + pos, magic[0], walk->size - pos);
		if (found == NULL)
			return false;
		pos = (size_t)(found - walk->data);
		if (decode(found, walk->size - pos, &header))
			return true;
	}
	return false;
}

/* Header fields in host order afterwards. */
static bool decode(const uint8_t *data, size_t size, struct record_header *header)
{
	if (size < RECORD_HEADER_SIZE + RECORD_TRAILER_SIZE)
		return false;
	memcpy(header, data, sizeof(*header));
	header->payload_size = le32toh(header->payload_size);
	header->generation = le64toh(header->generation);
	header->type = le32toh(header->type);
	if (memcmp(header->magic, magic, sizeof(magic)) != 0 || header->reserved != 0)
		return false;
	if (header->payload_size > size - RECORD_HEADER_SIZE - RECORD_TRAILER_SIZE)
		return false;
	size_t covered = RECORD_HEADER_SIZE + header->payload_size;
	uint32_t crc;
	memcpy(&crc, data + covered, sizeof(crc));
	return le32toh(crc) == crc32c(0, data, covered);
}
