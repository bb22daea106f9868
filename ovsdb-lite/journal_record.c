/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/journal_record.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/base/hash.h"
#include "ovsdb-lite/digest.h"
#include "ovsdb-lite/mem.h"

enum {
	SECTOR_SIZE = 512, // what a device writes whole, or not at all
	WINDOW_SIZE = 1 << 20,
	FALSE_HEADERS_MAX = 1000, // a crash leaves none
};

/* First and last byte occur in no UTF-8 text: few payloads have them, and neither is 0. */
static const uint8_t magic[4] = {0xf5, 'O', 'V', 'J'};
static const uint8_t end_mark[4] = {'E', 'N', 'D', 0xf6};

/* Little-endian on disk. */
struct record_header {
	uint8_t magic[4];
	uint32_t payload_size;
	uint32_t type;
	uint32_t crc; // of the header, with 0 here
	uint64_t sequence;
	uint64_t salt;
	uint8_t previous[32];
};
static_assert(sizeof(struct record_header) == OVSDB_RECORD_HEADER_SIZE);

struct record_trailer {
	uint32_t crc; // of header and payload
	uint8_t mark[4];
};
static_assert(sizeof(struct record_trailer) == OVSDB_RECORD_TRAILER_SIZE);

static int read_header(
    struct ovsdb_record_reader *r, uint64_t pos, struct record_header *ret, bool *ret_good);
static enum ovsdb_record_result reject(struct ovsdb_record_reader *r, const char *fault);
static enum ovsdb_record_result judge(
    struct ovsdb_record_reader *r, uint64_t size, bool ends_early, const char *fault);
static int find_later_record(struct ovsdb_record_reader *r, const char **ret_fault);
static int is_later_record(struct ovsdb_record_reader *r, uint64_t pos, size_t *n_false, bool *ret);
static int is_whole(
    struct ovsdb_record_reader *r, uint64_t pos, const struct record_header *header, bool *ret);
static int has_unwritten_sector(struct ovsdb_record_reader *r, uint64_t size, bool *ret);
static bool is_zero(const uint8_t *data, size_t size);
static int view(struct ovsdb_record_reader *r, uint64_t pos, size_t size, const uint8_t **ret);
static int read_window(struct ovsdb_record_reader *r, uint64_t pos, size_t size);
static void mask(uint64_t sequence, uint64_t salt, uint8_t *payload, size_t size);
static uint32_t header_crc(const struct record_header *header);
static void chain_step(struct ovsdb_record_chain *chain, const void *record, size_t size);

int ovsdb_record_encode(struct buf_writer *w, struct ovsdb_record_chain *chain, uint32_t type,
    const void *payload, size_t size)
{
	if (size > OVSDB_RECORD_PAYLOAD_MAX)
		return -EMSGSIZE;
	struct record_header header = {.payload_size = htole32((uint32_t)size),
	    .type = htole32(type),
	    .sequence = htole64(chain->sequence),
	    .salt = htole64(chain->salt)};
	memcpy(header.magic, magic, sizeof(magic));
	memcpy(header.previous, chain->previous, sizeof(header.previous));
	header.crc = htole32(header_crc(&header));
	struct record_trailer trailer;
	memcpy(trailer.mark, end_mark, sizeof(end_mark));
	size_t start = w->size, covered = sizeof(header) + size;
	buf_put(w, &header, sizeof(header));
	buf_put(w, payload, size);
	if (w->bad)
		return -EMSGSIZE;
	mask(chain->sequence, chain->salt, w->data + start + sizeof(header), size);
	trailer.crc = htole32(crc32c(0, w->data + start, covered));
	buf_put(w, &trailer, sizeof(trailer));
	if (w->bad)
		return -EMSGSIZE;
	chain_step(chain, w->data + start, w->size - start);
	return 0;
}

void ovsdb_record_reader_init(struct ovsdb_record_reader *r, int fd, uint64_t pos, uint64_t size,
    const struct ovsdb_record_chain *chain)
{
	*r = (struct ovsdb_record_reader){.fd = fd, .size = size, .pos = pos, .chain = *chain};
}

void ovsdb_record_reader_fini(struct ovsdb_record_reader *r)
{
	free(r->window);
	r->window = NULL;
}

enum ovsdb_record_result ovsdb_record_next(struct ovsdb_record_reader *r, struct ovsdb_record *ret)
{
	struct record_header header;
	bool good = false;
	uint64_t left = r->size - r->pos;
	if (left == 0)
		return OVSDB_RECORD_NO_MORE;
	if (left < OVSDB_RECORD_OVERHEAD)
		return judge(r, left, true, "what is left is shorter than a record");
	if (read_header(r, r->pos, &header, &good) != 0)
		return OVSDB_RECORD_UNREADABLE;
	if (!good)
		return judge(r, left, false, "its header is no record's");
	if (r->chain.sequence == 0 && r->chain.salt == 0)
		r->chain.salt = header.salt;
	if (header.salt != r->chain.salt)
		return reject(r, "it belongs to another file");
	if (header.sequence != r->chain.sequence ||
	    memcmp(header.previous, r->chain.previous, sizeof(header.previous)) != 0)
		return reject(r, "it does not follow the record before it");
	uint64_t size = (uint64_t)header.payload_size + OVSDB_RECORD_OVERHEAD;
	if (size > left)
		return judge(r, left, true, "the file ends inside it");
	if (is_whole(r, r->pos, &header, &good) != 0)
		return OVSDB_RECORD_UNREADABLE;
	if (!good)
		return judge(r, size, false, "its checksum is wrong");

	const uint8_t *data;
	if (view(r, r->pos, (size_t)size, &data) != 0)
		return OVSDB_RECORD_UNREADABLE;
	chain_step(&r->chain, data, (size_t)size);
	/* In the window: nobody looks at it as it was again. */
	uint8_t *payload = r->window + (r->pos - r->window_pos) + OVSDB_RECORD_HEADER_SIZE;
	mask(header.sequence, header.salt, payload, header.payload_size);
	*ret = (struct ovsdb_record){.pos = r->pos,
	    .sequence = header.sequence,
	    .type = header.type,
	    .payload = payload,
	    .payload_size = header.payload_size};
	r->pos += size;
	return OVSDB_RECORD_GOOD;
}

/* In host order afterwards. */
static int read_header(
    struct ovsdb_record_reader *r, uint64_t pos, struct record_header *ret, bool *ret_good)
{
	const uint8_t *data;
	int err = view(r, pos, sizeof(*ret), &data);
	if (err != 0)
		return err;
	memcpy(ret, data, sizeof(*ret));
	uint32_t crc = le32toh(ret->crc);
	ret->crc = 0;
	*ret_good = memcmp(ret->magic, magic, sizeof(magic)) == 0 && crc == header_crc(ret);
	ret->payload_size = le32toh(ret->payload_size);
	ret->type = le32toh(ret->type);
	ret->sequence = le64toh(ret->sequence);
	ret->salt = le64toh(ret->salt);
	*ret_good = *ret_good && ret->payload_size <= OVSDB_RECORD_PAYLOAD_MAX;
	return 0;
}

static enum ovsdb_record_result reject(struct ovsdb_record_reader *r, const char *fault)
{
	r->fault = fault;
	return OVSDB_RECORD_BAD;
}

/*
 * The record at pos is not good. Its first `size` bytes are known to be its own: no later write began before they were durable, so
 * that they are unfinished only when nothing follows.
 */
static enum ovsdb_record_result judge(
    struct ovsdb_record_reader *r, uint64_t size, bool ends_early, const char *fault)
{
	const char *later = NULL;
	bool unwritten = false;
	r->fault = fault;
	if (find_later_record(r, &later) != 0)
		return OVSDB_RECORD_UNREADABLE;
	if (later != NULL)
		return reject(r, later);
	if (ends_early)
		return OVSDB_RECORD_TORN;
	if (has_unwritten_sector(r, size, &unwritten) != 0)
		return OVSDB_RECORD_UNREADABLE;
	return unwritten ? OVSDB_RECORD_TORN : OVSDB_RECORD_BAD;
}

/* Each false header may cost the checksum of all that follows it. */
static int find_later_record(struct ovsdb_record_reader *r, const char **ret_fault)
{
	size_t n_false = 0;
	bool found_one = false;
	for (uint64_t pos = r->pos + 1; !found_one && pos + OVSDB_RECORD_OVERHEAD <= r->size;) {
		const uint8_t *data;
		int err = view(r, pos, 1, &data);
		if (err != 0)
			return err;
		size_t size = r->window_size - (size_t)(pos - r->window_pos);
		const uint8_t *found = memchr(data, magic[0], size);
		pos += found == NULL ? size : (size_t)(found - data);
		if (found == NULL)
			continue;
		err = is_later_record(r, pos, &n_false, &found_one);
		if (err != 0)
			return err;
		if (n_false > FALSE_HEADERS_MAX) {
			*ret_fault = "it is damaged, and too many false records follow";
			return 0;
		}
		pos++;
	}
	if (found_one)
		*ret_fault = "it is damaged, and good records follow";
	return 0;
}

static int is_later_record(struct ovsdb_record_reader *r, uint64_t pos, size_t *n_false, bool *ret)
{
	struct record_header header;
	if (r->size - pos < OVSDB_RECORD_OVERHEAD)
		return 0;
	int err = read_header(r, pos, &header, ret);
	if (err != 0 || !*ret)
		return err;
	bool is_ours = r->pos == 0 || header.salt == r->chain.salt;
	*ret = is_ours && header.sequence > r->chain.sequence &&
	       header.payload_size <= r->size - pos - OVSDB_RECORD_OVERHEAD;
	if (!*ret)
		return 0;
	err = is_whole(r, pos, &header, ret);
	*n_false += err == 0 && !*ret;
	return err;
}

static int is_whole(
    struct ovsdb_record_reader *r, uint64_t pos, const struct record_header *header, bool *ret)
{
	struct record_trailer trailer;
	size_t covered = OVSDB_RECORD_HEADER_SIZE + (size_t)header->payload_size;
	const uint8_t *data;
	int err = view(r, pos, covered + sizeof(trailer), &data);
	if (err != 0)
		return err;
	memcpy(&trailer, data + covered, sizeof(trailer));
	*ret = memcmp(trailer.mark, end_mark, sizeof(end_mark)) == 0 &&
	       le32toh(trailer.crc) == crc32c(0, data, covered);
	return 0;
}

/* Of the record's size bytes at pos; and nothing but zeros follows them. */
static int has_unwritten_sector(struct ovsdb_record_reader *r, uint64_t size, bool *ret)
{
	uint64_t end = r->pos + size;
	bool any = false, rest = true;
	for (uint64_t pos = r->pos, next; pos < r->size; pos = next) {
		const uint8_t *data;
		next = MIN_OF(ROUND_UP(pos + 1, SECTOR_SIZE), r->size);
		int err = view(r, pos, (size_t)(next - pos), &data);
		if (err != 0)
			return err;
		bool zero = is_zero(data, (size_t)(next - pos));
		any |= zero && pos < end;
		rest &= next <= end || is_zero(data + (pos < end ? end - pos : 0),
					   (size_t)(next - MAX_OF(pos, end)));
	}
	*ret = any && rest;
	return 0;
}

static bool is_zero(const uint8_t *data, size_t size)
{
	return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

/* Borrows bytes of the file until the next call. */
static int view(struct ovsdb_record_reader *r, uint64_t pos, size_t size, const uint8_t **ret)
{
	bool inside = pos >= r->window_pos && pos + size <= r->window_pos + r->window_size;
	if (!inside && read_window(r, pos, size) != 0)
		return -errno;
	*ret = r->window + (pos - r->window_pos);
	return 0;
}

static int read_window(struct ovsdb_record_reader *r, uint64_t pos, size_t size)
{
	size_t want = (size_t)MIN_OF(r->size - pos, (uint64_t)MAX_OF(size, (size_t)WINDOW_SIZE));
	if (want > r->window_capacity) {
		free(r->window);
		r->window = ovsdb_alloc_dirty(want);
		r->window_capacity = want;
	}
	r->window_pos = pos;
	r->window_size = 0;
	while (r->window_size < want) {
		ssize_t n = pread(r->fd, r->window + r->window_size, want - r->window_size,
		    (off_t)(pos + r->window_size));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? EIO : errno; // shorter than it was
			return -1;
		}
		r->window_size += (size_t)n;
	}
	return 0;
}

/* And back. The head is as it is: it says which format the others have. */
static void mask(uint64_t sequence, uint64_t salt, uint8_t *payload, size_t size)
{
	uint64_t word, pattern = htole64(salt);
	size_t done = 0;
	if (sequence == 0)
		return;
	for (; done + sizeof(word) <= size; done += sizeof(word)) {
		memcpy(&word, payload + done, sizeof(word));
		word ^= pattern;
		memcpy(payload + done, &word, sizeof(word));
	}
	for (size_t i = 0; done + i < size; i++)
		payload[done + i] ^= (uint8_t)(salt >> 8 * i);
}

static uint32_t header_crc(const struct record_header *header)
{
	return crc32c(0, header, sizeof(*header));
}

static void chain_step(struct ovsdb_record_chain *chain, const void *record, size_t size)
{
	ovsdb_sha256(record, size, chain->previous);
	chain->sequence++;
}
