/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/pcap_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/bench/engine/stream_conf.h"

enum {
	FILE_HEADER_SIZE = 24,
	RECORD_HEADER_SIZE = 16,
	LINKTYPE_OFS = 20,
	LINKTYPE_ETHERNET = 1,
	INCL_LEN_OFS = 8,
	FRAME_MIN = 14,
};

struct reader {
	const uint8_t *bytes;
	size_t size, at;
	bool swapped;
};

static int open_file(struct reader *r, struct err *err);
static uint32_t get32(const struct reader *r, size_t at);
static int count(struct reader *r, uint32_t *ret_n, size_t *ret_size, struct err *err);

int pcap_file_load(struct pcap_file *p, const char *path, struct err *err)
{
	struct stat st;
	*p = (struct pcap_file){0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		err_set(err, ERR_NOT_FOUND, "%.200s is no file that can be read", path);
		if (fd >= 0)
			close(fd);
		return -ENOENT;
	}
	if (st.st_size > PCAP_BYTES_MAX || st.st_size < FILE_HEADER_SIZE) {
		close(fd);
		return err_set(err, ERR_PARAMS, "the file has %lld bytes, not %d..%d",
		    (long long)st.st_size, FILE_HEADER_SIZE, PCAP_BYTES_MAX);
	}
	size_t size = (size_t)st.st_size;
	uint8_t *bytes = malloc(size);
	ssize_t n = bytes != NULL ? pread(fd, bytes, size, 0) : -1;
	close(fd);
	int rc = n == (ssize_t)size ? pcap_file_decode(p, bytes, size, err)
				    : err_set(err, ERR_STORAGE, "the file was not read whole");
	free(bytes);
	return rc;
}

int pcap_file_decode(struct pcap_file *p, const uint8_t *bytes, size_t size, struct err *err)
{
	struct reader r = {.bytes = bytes, .size = size};
	size_t n_bytes = 0;
	*p = (struct pcap_file){0};
	int rc = open_file(&r, err);
	if (rc == 0)
		rc = count(&r, &p->n, &n_bytes, err);
	if (rc < 0)
		return rc;
	p->frames = calloc(p->n, sizeof(p->frames[0]));
	p->bytes = malloc(n_bytes);
	if (p->frames == NULL || p->bytes == NULL) {
		pcap_file_fini(p);
		return err_set(err, ERR_INTERNAL, "no memory for the frames");
	}
	p->memory = n_bytes + p->n * sizeof(p->frames[0]);
	size_t at = FILE_HEADER_SIZE;
	uint32_t ofs = 0;
	for (uint32_t i = 0; i < p->n; i++) {
		uint16_t len = (uint16_t)get32(&r, at + INCL_LEN_OFS);
		p->frames[i] = (struct pcap_frame){.ofs = ofs, .size = len};
		memcpy(p->bytes + ofs, bytes + at + RECORD_HEADER_SIZE, len);
		p->max_size = MAX_OF(p->max_size, len);
		ofs += len;
		at += RECORD_HEADER_SIZE + len;
	}
	return 0;
}

void pcap_file_fini(struct pcap_file *p)
{
	free(p->frames);
	free(p->bytes);
	*p = (struct pcap_file){0};
}

static int open_file(struct reader *r, struct err *err)
{
	static const uint32_t magics[] = {0xa1b2c3d4, 0xa1b23c4d}; // micro- and nanoseconds
	if (r->size < FILE_HEADER_SIZE)
		return err_set(err, ERR_PARAMS, "not a pcap file");
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(magics); i++) {
		r->swapped = i % 2 != 0;
		if (get32(r, 0) != magics[i / 2])
			continue;
		if (get32(r, LINKTYPE_OFS) != LINKTYPE_ETHERNET)
			return err_set(err, ERR_PARAMS, "the capture is not of Ethernet");
		return 0;
	}
	err_set(err, ERR_PARAMS, "not a pcap file");
	return err_hint(err, "convert pcapng with: tshark -F pcap -r IN -w OUT");
}

static uint32_t get32(const struct reader *r, size_t at)
{
	uint32_t v;
	memcpy(&v, r->bytes + at, sizeof(v));
	return r->swapped ? __builtin_bswap32(v) : v;
}

/* Validates every record. */
static int count(struct reader *r, uint32_t *ret_n, size_t *ret_size, struct err *err)
{
	*ret_n = 0;
	*ret_size = 0;
	for (size_t at = FILE_HEADER_SIZE; at < r->size;) {
		if (r->size - at < RECORD_HEADER_SIZE)
			return err_set(err, ERR_PARAMS, "packet %u is cut off", *ret_n + 1);
		uint32_t len = get32(r, at + INCL_LEN_OFS);
		if (len < FRAME_MIN || len > FRAME_SIZE_MAX - FRAME_FCS_SIZE)
			return err_set(err, ERR_PARAMS, "packet %u has %u bytes, not %d..%d",
			    *ret_n + 1, len, FRAME_MIN, FRAME_SIZE_MAX - FRAME_FCS_SIZE);
		if (r->size - at - RECORD_HEADER_SIZE < len)
			return err_set(err, ERR_PARAMS, "packet %u is cut off", *ret_n + 1);
		if (++*ret_n > PCAP_FRAMES_MAX)
			return err_set(err, ERR_PARAMS, "more than %d packets", PCAP_FRAMES_MAX);
		*ret_size += len;
		at += RECORD_HEADER_SIZE + len;
	}
	return *ret_n > 0 ? 0 : err_set(err, ERR_PARAMS, "no packets in the file");
}
