/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/flow_field.h"

#include <endian.h>
#include <string.h>

/* A field's bits, or a value's, as a number: the widest field has 128 bits. */
typedef unsigned __int128 u128;

const struct flow_field flow_fields[FIELD__COUNT] = {
#define FIELD(id, word, member, low_bit, width, text, needs, can, about) \
	[FIELD_##id] = {                                                 \
	    .name = (word),                                              \
	    .help = (about),                                             \
	    .offset = offsetof(struct flow_key, member),                 \
	    .size = sizeof(((struct flow_key *)NULL)->member),           \
	    .shift = (low_bit),                                          \
	    .n_bits = (width),                                           \
	    .format = (text),                                            \
	    .prereq = (needs),                                           \
	    .flags = (can),                                              \
	},
#include "datapath/base/flow_field.def"
#undef FIELD
};

static u128 ones(unsigned int n_bits);
static u128 load(const uint8_t *bytes, size_t size);
static void store(uint8_t *bytes, size_t size, u128 v);
static u128 read_field(const struct flow_field *f, const struct flow_key *k);
static void write_field(const struct flow_field *f, struct flow_key *k, u128 v, u128 mask);

const struct flow_field *flow_field_find(const char *name)
{
	return flow_field_find_n(name, strlen(name));
}

const struct flow_field *flow_field_find_n(const char *name, size_t len)
{
	/* Every member of every rule comes by here: most fields are told apart by their length. */
	static const uint8_t lens[FIELD__COUNT] = {
#define FIELD(id, word, ...) sizeof(word) - 1,
#include "datapath/base/flow_field.def"
#undef FIELD
	};

	for (size_t i = 0; i < FIELD__COUNT; i++) {
		if (lens[i] == len && memcmp(flow_fields[i].name, name, len) == 0)
			return &flow_fields[i];
	}
	return NULL;
}

enum flow_field_id flow_field_id(const struct flow_field *f)
{
	return (enum flow_field_id)(f - flow_fields);
}

const char *flow_field_nearest(const char *name)
{
	static const char *const names[] = {
#define FIELD(id, word, ...) word,
#include "datapath/base/flow_field.def"
#undef FIELD
	};

	return nearest_word(name, names, ARRAY_SIZE(names));
}

void flow_field_get(const struct flow_field *f, const struct flow_key *k, struct flow_value *ret)
{
	store(ret->b, sizeof(ret->b), read_field(f, k));
}

void flow_field_set(const struct flow_field *f, struct flow_key *k, const struct flow_value *v)
{
	write_field(f, k, load(v->b, sizeof(v->b)), ones(f->n_bits));
}

void flow_field_set_masked(const struct flow_field *f, struct flow_key *k,
    const struct flow_value *v, const struct flow_value *mask)
{
	write_field(
	    f, k, load(v->b, sizeof(v->b)), load(mask->b, sizeof(mask->b)) & ones(f->n_bits));
}

void flow_field_move(const struct flow_field *src, unsigned int src_ofs,
    const struct flow_key *from, const struct flow_field *dst, unsigned int dst_ofs,
    struct flow_key *to, unsigned int n_bits)
{
	assert(n_bits > 0 && src_ofs + n_bits <= src->n_bits && dst_ofs + n_bits <= dst->n_bits);
	u128 bits = read_field(src, from) >> src_ofs & ones(n_bits);
	write_field(dst, to, bits << dst_ofs, ones(n_bits) << dst_ofs);
}

struct flow_value flow_value_from_u64(uint64_t v)
{
	struct flow_value ret;

	store(ret.b, sizeof(ret.b), v);
	return ret;
}

uint64_t flow_value_to_u64(const struct flow_value *v)
{
	return (uint64_t)load(v->b, sizeof(v->b));
}

struct flow_value flow_value_ones(unsigned int n_bits)
{
	struct flow_value ret;

	store(ret.b, sizeof(ret.b), ones(n_bits));
	return ret;
}

static u128 ones(unsigned int n_bits)
{
	return n_bits == 0 ? 0 : ~(u128)0 >> (128 - n_bits);
}

static u128 load(const uint8_t *bytes, size_t size)
{
	uint64_t words[2] = {0};

	memcpy((uint8_t *)words + sizeof(words) - size, bytes, size);
	return (u128)be64toh(words[0]) << 64 | be64toh(words[1]);
}

static void store(uint8_t *bytes, size_t size, u128 v)
{
	uint64_t words[2] = {htobe64((uint64_t)(v >> 64)), htobe64((uint64_t)v)};

	memcpy(bytes, (uint8_t *)words + sizeof(words) - size, size);
}

static u128 read_field(const struct flow_field *f, const struct flow_key *k)
{
	return load((const uint8_t *)k + f->offset, f->size) >> f->shift & ones(f->n_bits);
}

static void write_field(const struct flow_field *f, struct flow_key *k, u128 v, u128 mask)
{
	uint8_t *storage = (uint8_t *)k + f->offset;
	u128 old = load(storage, f->size);

	store(storage, f->size, (old & ~(mask << f->shift)) | (v & mask) << f->shift);
}
