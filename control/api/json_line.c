/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/json_line.h"

#include <stdlib.h>
#include <string.h>

#include "control/api/json_read.h"
#include "control/mem.h"

/*
 * What jansson allocates at most for each, beside the bytes of texts; a test compares. Hash tables and arrays double when they are
 * full.
 */
enum {
	OBJECT_COST = 264, // with eight buckets
	ARRAY_COST = 136,  // with eight entries
	ENTRY_COST = 24,   // of an array, or a value alone
	KEY_COST = 136,    // a pair, and its share of the buckets
	STRING_COST = 72,
	NUMBER_COST = 32,
};

/*
 * The pass below must be exact on valid JSON and harmless on anything else: what it accepts is decoded by jansson
 * afterwards, which refuses all that is not JSON. So it knows strings, nesting and where keys are, and nothing more.
 */
struct scan {
	const struct json_line_limits *limits;
	struct json_line *line;
	char *text;
	size_t size, pos;
	size_t n_values, n_containers, memory;
	uint32_t depth;
	bool is_object[JSON_LINE_MAX_DEPTH]; // at each depth
	bool want_key[JSON_LINE_MAX_DEPTH];  // an object before its ':'
	bool key_is_id;                      // the value that follows is a request's id
	bool is_batch;
};

static int scan_line(struct scan *s, struct err *err);
static int open_container(struct scan *s, bool is_object, struct err *err);
static int scan_string(struct scan *s, struct err *err);
static void scan_primitive(struct scan *s);
static void count_value(struct scan *s);
static bool is_request(const struct scan *s);
static bool key_spells_id(const char *text, size_t size);
static struct json_id *current_id(struct scan *s);
static void keep_id(struct scan *s, size_t start, size_t size, bool is_string);
static bool is_number(const char *text, size_t size);
static int too_large(struct err *err, const char *what, size_t limit);

int json_line_decode(struct json_line *line, char *text, size_t size,
    const struct json_line_limits *limits, struct err *err)
{
	*line = (struct json_line){0};
	line->ids = mem_alloc_array(limits->n_batch + 1, sizeof(*line->ids));
	struct scan s = {.limits = limits, .line = line, .text = text, .size = size};
	if (scan_line(&s, err) != 0)
		return err_errno(err->code);
	line->memory = s.memory + size;
	if (line->memory > limits->memory)
		return err_set(err, ERR_BUSY,
		    "the message takes up to %zu bytes of memory; %zu are left for it",
		    line->memory, limits->memory);

	json_error_t fault;
	line->root = json_read_request(text, size, &line->ops, &fault);
	if (line->root == NULL)
		return err_set(
		    err, ERR_PARSE, "not strict JSON at byte %d: %s", fault.position, fault.text);
	json_raw_keep(&line->ops);
	if (!s.is_batch)
		line->n_ids = 1;
	return 0;
}

void json_line_fini(struct json_line *line)
{
	json_decref(line->root);
	json_raw_fini(&line->ops);
	free(line->ids);
	*line = (struct json_line){0};
}

static int scan_line(struct scan *s, struct err *err)
{
	while (s->pos < s->size) {
		char c = s->text[s->pos];
		int r = 0;
		switch (c) {
		case '{':
		case '[': r = open_container(s, c == '{', err); break;
		case '}':
		case ']':
			if (s->depth > 0)
				s->depth--;
			s->pos++;
			break;
		case ',':
			if (s->depth > 0)
				s->want_key[s->depth - 1] = s->is_object[s->depth - 1];
			s->pos++;
			break;
		case ':':
			if (s->depth > 0)
				s->want_key[s->depth - 1] = false;
			s->pos++;
			break;
		case ' ':
		case '\t':
		case '\r': s->pos++; break;
		case '"': r = scan_string(s, err); break;
		default: scan_primitive(s); break;
		}
		if (r != 0)
			return r;
		if (s->n_values > s->limits->n_values)
			return too_large(err, "JSON values", s->limits->n_values);
	}
	return 0;
}

static int open_container(struct scan *s, bool is_object, struct err *err)
{
	if (s->depth >= s->limits->depth || s->depth >= JSON_LINE_MAX_DEPTH)
		return too_large(err, "levels of nesting", s->limits->depth);
	if (++s->n_containers > s->limits->n_containers)
		return too_large(err, "objects and arrays", s->limits->n_containers);
	if (s->key_is_id && is_request(s))
		current_id(s)->state = JSON_ID_INVALID;
	count_value(s);
	s->memory += is_object ? OBJECT_COST : ARRAY_COST;
	if (s->depth == 0 && !is_object)
		s->is_batch = true;
	s->is_object[s->depth] = is_object;
	s->want_key[s->depth] = is_object;
	s->depth++;
	s->pos++;
	return 0;
}

static int scan_string(struct scan *s, struct err *err)
{
	size_t start = s->pos;
	size_t end = start + 1;
	for (;;) {
		end = (size_t)(json_plain_text_end(s->text + end, s->text + s->size) - s->text);
		if (end >= s->size || s->text[end] == '"')
			break;
		end = MIN_OF(end + (s->text[end] == '\\' ? 2 : 1), s->size);
	}
	size_t size = end + 1 - start;
	if (size > s->limits->string_size + 2)
		return too_large(err, "bytes of a string", s->limits->string_size);
	if (end >= s->size) {
		s->pos = s->size; // no end: jansson refuses it
		return 0;
	}
	s->pos = end + 1;

	if (s->depth > 0 && s->want_key[s->depth - 1]) {
		s->memory += KEY_COST;
		s->key_is_id = is_request(s) && key_spells_id(s->text + start + 1, size - 2);
		return 0;
	}
	if (s->key_is_id && is_request(s))
		keep_id(s, start, size, true);
	s->memory += STRING_COST;
	count_value(s);
	return 0;
}

/* A number, a literal, or rubbish that jansson will refuse. */
static void scan_primitive(struct scan *s)
{
	size_t start = s->pos;
	while (s->pos < s->size && strchr("{}[],: \t\r\"", s->text[s->pos]) == NULL)
		s->pos++;
	/* strchr finds the terminating NUL: a NUL byte in the line ends here without progress. */
	if (s->pos == start)
		s->pos++;
	if (s->key_is_id && is_request(s))
		keep_id(s, start, s->pos - start, false);
	s->memory += NUMBER_COST;
	count_value(s);
}

static void count_value(struct scan *s)
{
	s->n_values++;
	s->memory += ENTRY_COST;
	s->key_is_id = false;
	if (s->depth == 1 && s->is_batch && s->line->n_ids <= s->limits->n_batch)
		s->line->n_ids++;
}

/* The cursor is directly in an object that is a request: the whole line, or a member of a batch. */
static bool is_request(const struct scan *s)
{
	uint32_t depth = s->is_batch ? 2 : 1;
	return s->depth == depth && s->is_object[depth - 1] && (!s->is_batch || s->line->n_ids > 0);
}

/* "id", however it is escaped: both letters are ASCII. */
static bool key_spells_id(const char *text, size_t size)
{
	const char *want = "id";
	while (size > 0 && *want != '\0') {
		size_t n = 1;
		long c = (uint8_t)*text;
		if (c == '\\') {
			n = 6;
			if (size < n || text[1] != 'u')
				return false;
			char digits[5] = {text[2], text[3], text[4], text[5]};
			c = strtol(digits, NULL, 16);
		}
		if (c != *want)
			return false;
		text += n;
		size -= n;
		want++;
	}
	return size == 0 && *want == '\0';
}

/* Of the batch's member that was counted last. One past n_batch exists: a batch too long is refused as a whole. */
static struct json_id *current_id(struct scan *s)
{
	return &s->line->ids[s->is_batch ? s->line->n_ids - 1 : 0];
}

static void keep_id(struct scan *s, size_t start, size_t size, bool is_string)
{
	struct json_id *id = current_id(s);
	char *text = s->text + start;
	bool is_null = !is_string && size == 4 && memcmp(text, "null", 4) == 0;
	bool number = !is_string && !is_null && is_number(text, size);
	size_t limit = JSON_LINE_MAX_ID + (is_string ? 2 : 0);
	id->state = JSON_ID_INVALID;
	if ((is_string || is_null || number) && size <= limit) {
		memcpy(id->text, text, size);
		id->text[size] = '\0';
		id->state = JSON_ID_VALID;
	}
	if (number) {
		memset(text, ' ', size);
		text[0] = '0';
	}
}

/* RFC 8259 section 6. */
static bool is_number(const char *text, size_t size)
{
	char copy[JSON_LINE_MAX_ID + 1];
	/* Longer ones are refused for their length: jansson judges their grammar. */
	if (size > JSON_LINE_MAX_ID)
		return false;
	memcpy(copy, text, size);
	copy[size] = '\0';
	const char *digits = "0123456789";
	const char *p = copy + (copy[0] == '-');
	size_t n = strspn(p, digits);
	if (n == 0 || (n > 1 && *p == '0'))
		return false;
	p += n;
	if (*p == '.') {
		n = strspn(++p, digits);
		if (n == 0)
			return false;
		p += n;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '+' || *p == '-';
		n = strspn(p, digits);
		if (n == 0)
			return false;
		p += n;
	}
	return p == copy + size;
}

static int too_large(struct err *err, const char *what, size_t limit)
{
	err_set(err, ERR_TOO_LARGE, "a message may have %zu %s", limit, what);
	return err_hint(err, "sys.limits lists all limits");
}
