/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/json_stream.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/json_read.h"
#include "ovsdb-lite/mem.h"

enum { MIN_CAPACITY = 4096, FREE_CAPACITY = 65536 };

static size_t skip_space(const char *data, size_t size);
static int scan(struct ovsdb_json_stream *s, const char *data, size_t size, size_t *used);
static bool scan_string(struct ovsdb_json_stream *s, const char *data, size_t size, size_t *at);
static int open_container(struct ovsdb_json_stream *s);
static int keep(struct ovsdb_json_stream *s, const char *data, size_t size, struct err *err);
static size_t charged(size_t capacity);
static int decode(const char *data, size_t size, json_t **ret, struct err *err);
static int refuse(struct ovsdb_json_stream *s, int code, struct err *err);
static void restart(struct ovsdb_json_stream *s);

void ovsdb_json_stream_init(struct ovsdb_json_stream *s, const struct ovsdb_json_limits *limits,
    struct ovsdb_input_budget *budget)
{
	*s = (struct ovsdb_json_stream){.limits = limits, .budget = budget};
}

void ovsdb_json_stream_fini(struct ovsdb_json_stream *s)
{
	s->budget->used -= charged(s->capacity);
	free(s->data);
	s->data = NULL;
	s->capacity = s->size = 0;
}

int ovsdb_json_stream_feed(struct ovsdb_json_stream *s, const char *data, size_t size, size_t *used,
    json_t **ret, struct err *err)
{
	size_t begin = s->depth == 0 ? skip_space(data, size) : 0;
	size_t n = 0;
	*ret = NULL;
	*used = begin;
	if (begin == size)
		return 0;
	int r = scan(s, data + begin, size - begin, &n);
	*used = begin + n;
	if (r < 0 || s->size + n > s->limits->size)
		return refuse(s, r < 0 ? r : -E2BIG, err);
	s->last_size = s->size + n;
	s->last_n_values = s->n_values;
	if (r == 1 && s->size == 0) { // all of it is in these bytes
		restart(s);
		r = decode(data + begin, n, ret, err);
		return r == 0 ? 1 : r;
	}
	int rc = keep(s, data + begin, n, err);
	if (rc != 0 || r == 0)
		return rc;
	rc = decode(s->data, s->size, ret, err);
	restart(s);
	return rc == 0 ? 1 : rc;
}

bool ovsdb_json_stream_is_partial(const struct ovsdb_json_stream *s)
{
	return s->depth > 0;
}

static size_t skip_space(const char *data, size_t size)
{
	size_t i = 0;
	while (
	    i < size && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r'))
		i++;
	return i;
}

/* 1: the message ends before *used; 0: it goes on; -EPROTO: it begins with something else; -E2BIG, -ELOOP: a limit. */
static int scan(struct ovsdb_json_stream *s, const char *data, size_t size, size_t *used)
{
	size_t i = 0;
	int r = 0;
	if (s->depth == 0 && data[0] != '{' && data[0] != '[')
		return -EPROTO;
	for (; i < size && r == 0; i++) {
		if (s->in_string && !scan_string(s, data, size, &i))
			break;
		switch (data[i]) {
		case '"': s->in_string = true; break;
		case '{':
		case '[': r = open_container(s); break;
		case '}':
		case ']': r = --s->depth == 0 ? 1 : 0; break;
		case ',': r = ++s->n_values > s->limits->n_values ? -E2BIG : 0; break;
		default: break;
		}
	}
	*used = MIN_OF(i, size);
	return r;
}

/* Goes to the first byte after the string; false when the bytes end before. */
static bool scan_string(struct ovsdb_json_stream *s, const char *data, size_t size, size_t *at)
{
	size_t i = *at;
	for (; i < size; i++) {
		if (s->escaped)
			s->escaped = false;
		else if (data[i] == '\\')
			s->escaped = true;
		else if (data[i] == '"')
			break;
	}
	s->in_string = i == size;
	*at = i + 1;
	return *at < size;
}

static int open_container(struct ovsdb_json_stream *s)
{
	if (++s->depth > s->limits->depth)
		return -ELOOP;
	return ++s->n_values > s->limits->n_values ? -E2BIG : 0;
}

static int keep(struct ovsdb_json_stream *s, const char *data, size_t size, struct err *err)
{
	if (s->size + size > s->capacity) {
		size_t capacity = MAX_OF(s->capacity * 2, (size_t)MIN_CAPACITY);
		while (capacity < s->size + size)
			capacity *= 2;
		capacity = MIN_OF(capacity, MAX_OF(s->limits->size, s->size + size));
		size_t more = charged(capacity) - charged(s->capacity);
		if (more > s->budget->limit - MIN_OF(s->budget->used, s->budget->limit))
			return refuse(s, -ENOBUFS, err);
		s->budget->used += more;
		s->data = ovsdb_resize(s->data, capacity);
		s->capacity = capacity;
	}
	memcpy(s->data + s->size, data, size);
	s->size += size;
	return 0;
}

/* The beginning is everybody's due: an ordinary request goes on while others fill the budget. */
static size_t charged(size_t capacity)
{
	return capacity > FREE_CAPACITY ? capacity - FREE_CAPACITY : 0;
}

static int decode(const char *data, size_t size, json_t **ret, struct err *err)
{
	json_error_t why;
	json_t *message = ovsdb_json_read(data, size, &why);
	if (message == NULL) {
		err_set(err, ERR_PARSE, "%s at byte %d of the message", why.text, why.position);
		return -EPROTO;
	}
	if (!json_is_object(message)) {
		json_decref(message);
		err_set(err, ERR_PARSE, "message is not a JSON object");
		return -EPROTO;
	}
	*ret = message;
	return 0;
}

static int refuse(struct ovsdb_json_stream *s, int code, struct err *err)
{
	const struct ovsdb_json_limits *l = s->limits;
	switch (code) {
	case -EPROTO: err_set(err, ERR_PARSE, "syntax error at beginning of input"); break;
	case -ELOOP:
		err_set(err, ERR_TOO_LARGE, "input exceeds maximum nesting depth %u", l->depth);
		break;
	case -ENOBUFS:
		err_set(err, ERR_TOO_LARGE,
		    "clients' unfinished messages have reached their limit of %zu bytes",
		    s->budget->limit);
		break;
	default:
		err_set(err, ERR_TOO_LARGE, "a message has at most %zu bytes and %zu values",
		    l->size, l->n_values);
	}
	return code;
}

static void restart(struct ovsdb_json_stream *s)
{
	s->size = 0;
	s->n_values = 0;
	s->in_string = s->escaped = false;
	if (s->capacity <= FREE_CAPACITY)
		return;
	s->budget->used -= charged(s->capacity);
	free(s->data);
	s->data = NULL;
	s->capacity = 0;
}
