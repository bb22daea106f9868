/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "datapath/base/log.h"
#include "datapath/dp_request.h"
#include "datapath/trace.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/datapath/state_fixture.h"

static struct fixture *fixture;
static struct tracer *tracer;

static void run_request(uint32_t type, const uint8_t *body, size_t size);
static void add_up(const struct dp_dump_entry *e, void *arg);
static void forget_all(void);

/*
 * Requests, one behind the other: type and size (uint32_t each), then the body. Whatever came, the digest is that of the
 * objects, a refusal has a reason, and a reset leaves nothing.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf in = buf_from(data, size);

	if (fixture == NULL) {
		fixture = fixture_create();
		tracer = tracer_create(&fixture->dp);
	}
	log_set_level(LOG_LVL_ERR);
	while (buf_left(&in) >= 8) {
		uint32_t type = buf_u32(&in);
		size_t body_size = buf_u32(&in);
		body_size = MIN_OF(body_size, buf_left(&in));
		run_request(type, buf_take(&in, body_size), body_size);
	}
	forget_all();
	return 0;
}

/* The body in an allocation of its own, for ASan to guard. */
static void run_request(uint32_t type, const uint8_t *body, size_t size)
{
	uint8_t *copy = aligned_alloc(8, MAX_OF(ROUND_UP(size, 8), (size_t)8));
	struct buf_writer reply;
	struct dp_error error;
	uint64_t digest = 0;

	FUZZ_ASSERT(copy != NULL);
	if (size > 0)
		memcpy(copy, body, size);
	buf_writer_init(&reply, DP_BODY_MAX);
	uint64_t before = dp_state_digest(fixture->dp.state);
	int r = dp_request_run(&fixture->dp, tracer, type, copy, size, &reply, &error);
	FUZZ_ASSERT((r < 0) == (error.errno_value != 0));
	FUZZ_ASSERT(r == 0 || error.what[0] != '\0');
	FUZZ_ASSERT(r == 0 || dp_state_digest(fixture->dp.state) == before);
	dp_state_foreach(fixture->dp.state, add_up, &digest);
	FUZZ_ASSERT(digest == dp_state_digest(fixture->dp.state));
	buf_writer_fini(&reply);
	free(copy);
}

static void add_up(const struct dp_dump_entry *e, void *arg)
{
	*(uint64_t *)arg ^= e->digest;
}

static void forget_all(void)
{
	FUZZ_ASSERT(commit_at(fixture, 0, DP_TXN_F_RESET) == 0);
	FUZZ_ASSERT(dp_state_n_objects(fixture->dp.state) == 0);
	FUZZ_ASSERT(dp_state_digest(fixture->dp.state) == 0);
	FUZZ_ASSERT(fake_ports.n_created == fake_ports.n_destroyed);
}
