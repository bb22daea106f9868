/* SPDX-License-Identifier: Apache-2.0 */
#include "control/dp_body.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/mem.h"

enum { SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW };

static int write_all(int fd, const uint8_t *bytes, size_t size);
static int map_sealed(struct dp_body *b, const struct dp_msg *msg, int memfd);

int dp_body_init(struct dp_body *b, const void *bytes, size_t size)
{
	*b = (struct dp_body){.size = size, .memfd = -1};
	if (size <= DP_INLINE_MAX) {
		b->data = mem_alloc(size + 1);
		if (size > 0)
			memcpy(b->data, bytes, size);
		return 0;
	}
	b->memfd = memfd_create("dp-body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (b->memfd < 0)
		return -errno;
	int rc = write_all(b->memfd, bytes, size);
	if (rc == 0 && fcntl(b->memfd, F_ADD_SEALS, SEALS) != 0)
		rc = -errno;
	if (rc != 0)
		dp_body_fini(b);
	return rc;
}

int dp_body_receive(
    struct dp_body *b, const struct dp_msg *msg, const uint8_t *in, size_t in_size, int memfd)
{
	*b = (struct dp_body){.size = msg->size, .memfd = memfd};
	int rc = -EPROTO;
	if (memfd >= 0 && (msg->flags & DP_MSG_F_MEMFD) != 0 && in_size == 0)
		rc = map_sealed(b, msg, memfd);
	else if (memfd < 0 && (msg->flags & DP_MSG_F_MEMFD) == 0 && in_size == msg->size)
		rc = dp_body_init(b, in, in_size);
	if (rc != 0)
		dp_body_fini(b);
	return rc;
}

void dp_body_fini(struct dp_body *b)
{
	if (b->mapped)
		munmap(b->data, b->size);
	else
		free(b->data);
	if (b->memfd >= 0)
		close(b->memfd);
	*b = (struct dp_body){.memfd = -1};
}

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Sealed, its bytes cannot change between check and use, nor vanish under the mapping. */
static int map_sealed(struct dp_body *b, const struct dp_msg *msg, int memfd)
{
	struct stat st;
	if ((fcntl(memfd, F_GET_SEALS) & SEALS) != SEALS || fstat(memfd, &st) != 0 ||
	    st.st_size != (off_t)msg->size || msg->size == 0 || msg->size > DP_BODY_MAX)
		return -EPROTO;
	void *map = mmap(NULL, msg->size, PROT_READ, MAP_PRIVATE, memfd, 0);
	if (map == MAP_FAILED)
		return -errno;
	b->data = map;
	b->mapped = true;
	return 0;
}
