/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Streams for the engine's unit tests: two ports "a" and "b", streams decoded from JSON as a client would write them, and
 * frames in buffers that hold the pattern.
 *
 * Threads: main. Memory: buffers are static.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"
#include "tools/bench/engine/source.h"

static const struct port_table two_ports = {
    .n = 2,
    .ports = {{.name = "a", .mac = {{2, 0, 0, 0, 0, 1}}, .n_queues = 2, .frame_size_max = 9300},
	{.name = "b", .mac = {{2, 0, 0, 0, 0, 2}}, .n_queues = 1, .frame_size_max = 9300}},
};

/* members: "'kind': 'udp', 'flows': 5", quotes for readability; id 1, from a to b. */
static inline int try_stream(const char *members, struct stream_conf *ret, struct err *err)
{
	char text[2048];
	json_error_t at;
	snprintf(text, sizeof(text), "{'id': 1, 'tx': 'a', 'rx': 'b', %s}", members);
	for (char *p = text; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	json_t *obj = json_loads(text, 0, &at);
	if (obj == NULL)
		fail_msg("%s: %s", at.text, text);
	*err = (struct err){0};
	int rc = stream_conf_decode(obj, &two_ports, ret, err);
	json_decref(obj);
	return rc;
}

static inline struct stream_conf make_stream(const char *members)
{
	struct stream_conf conf;
	struct err err;
	if (try_stream(members, &conf, &err) < 0)
		fail_msg("%s: %s (%s)", members, err.what, err.path);
	return conf;
}

/* Aligned as its templates want. Caller: source_delete(). */
static inline struct source *source_new(const char *members)
{
	struct stream_conf conf = make_stream(members);
	struct err err = {0};
	struct source *s =
	    aligned_alloc(FRAME_COPY_UNIT, ROUND_UP(sizeof(struct source), FRAME_COPY_UNIT));
	assert_non_null(s);
	if (source_init(s, &conf, &err) < 0)
		fail_msg("%s: %s", members, err.what);
	source_start(s, 1);
	return s;
}

static inline void source_delete(struct source *s)
{
	source_fini(s);
	free(s);
}

static inline uint8_t *pattern_buffer(void)
{
	static uint8_t buffer[FRAME_ROOM];
	for (unsigned int i = 0; i < FRAME_ROOM; i++)
		buffer[i] = frame_pattern(i);
	return buffer;
}

/* The next packet of the stream, sent at time now. */
static inline uint16_t make_packet(struct source *s, uint8_t *buffer, uint64_t now)
{
	uint16_t size;
	source_fill(s, &buffer, &size, 1, now);
	source_commit(s, 1, 1);
	return size;
}
