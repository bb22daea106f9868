/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/session.h"

#include <immintrin.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "datapath/program_cache.h"
#include "datapath/worker.h"

/*
 * A bucket is one cache line: tags first, so that one 32-byte load compares them all. A key may live in two buckets: it
 * is added to the first, or when that is crowded to the emptier, so that most look-ups touch one bucket only. It is
 * never moved: an entry's address is stable while it lives. With 10/8 slots per budgeted session nearly all of the
 * budget is used before both buckets of a key are full.
 */
enum {
	BUCKET_SLOTS = 10,
	BUCKET_FILL = 8, // sessions per bucket that the bucket array is sized for
	FIRST_CHOICE_FREE =
	    3, // slots that the first bucket must have free to be taken without a look at the second
	KEY_WORDS = sizeof(struct session_key) / 8,
	HALF_WORDS = sizeof(struct session_half) / 8,
	HUGE_PAGE_SIZE = 2 << 20,
	SWEEP_ROUND_MS = 1000,
	SWEEP_MAX = 8192, // entries looked at in one go: some 50 us
};

static_assert(KEY_WORDS == 2 * HALF_WORDS && HALF_WORDS == 5, "a vector of 32 bytes and a word");

#define ALWAYS_INLINE inline __attribute__((always_inline))

#define NO_ENTRY UINT32_MAX

struct session_bucket {
	uint16_t tags[BUCKET_SLOTS]; // 0: free slot
	uint32_t pad;
	uint32_t entries[BUCKET_SLOTS];
} __attribute__((aligned(64)));
static_assert(sizeof(struct session_bucket) == 64);

struct port_budget {
	uint32_t n_sessions;
	uint32_t tokens;
	uint64_t filled_ms;
};

struct session_table {
	struct session_bucket *buckets;
	struct session *entries;
	struct session_half *tails; // [entry]: the second half of its key
	uint64_t bucket_mask;
	struct session_key secret; // see hash_halves
	uint64_t mixer[2];
	uint32_t max_sessions;
	uint32_t n_sessions;
	uint32_t first_free;
	uint32_t n_touched; // entries ever used: all that a sweep must look at
	uint32_t sweep_at;
	uint64_t swept_ms;
	struct port_budget ports[DP_MAX_PORTS];
};

/* Half a key in registers. */
struct half {
	__m256i vector;
	uint64_t word;
};

static const struct session_key no_mask = {
    .half = {[0 ... 1] = {.words = {[0 ... HALF_WORDS - 1] = UINT64_MAX}}}};

static void *alloc_huge(size_t size);
static ALWAYS_INLINE struct half half_load(const struct session_half *h);
static ALWAYS_INLINE struct half half_and(struct half a, struct half b);
static ALWAYS_INLINE bool half_equal(struct half a, struct half b);
static ALWAYS_INLINE bool half_is_zero(struct half a);
static ALWAYS_INLINE void half_store(struct half a, struct session_half *ret);
static ALWAYS_INLINE uint32_t hash_halves(
    const struct session_table *t, struct half first, struct half second, bool has_tail);
static ALWAYS_INLINE uint64_t half_nh(struct half a, struct half secret);
static ALWAYS_INLINE bool has_key(const struct session_table *t, const struct session *s,
    const struct session_key *k, bool has_tail);
static void prefetch_tail(const struct session_table *t, const struct session *s);
static struct session *guess(const struct session_table *t, uint32_t hash);
static struct session_bucket *first_bucket(const struct session_table *t, uint32_t hash);
static struct session_bucket *second_bucket(const struct session_table *t, uint32_t hash);
static uint16_t tag_of(uint32_t hash);
static uint32_t bucket_match(const struct session_bucket *b, uint16_t tag);
static struct session *bucket_find(const struct session_table *t, const struct session_bucket *b,
    const struct session_key *k, uint32_t hash);
static bool bucket_clear(struct session_bucket *b, uint16_t tag, uint32_t entry);
static bool budget_take(struct session_table *t, uint16_t port, uint64_t now_ms);

struct session_table *session_table_create(uint32_t max_sessions, const struct hash_key *secret)
{
	assert(max_sessions > 0 && max_sessions < NO_ENTRY);
	struct session_table *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	uint64_t n_buckets = 2;
	while (n_buckets * BUCKET_FILL < max_sessions)
		n_buckets *= 2;
	t->bucket_mask = n_buckets - 1;
	t->max_sessions = max_sessions;
	t->first_free = NO_ENTRY;
	t->buckets = alloc_huge(n_buckets * sizeof(*t->buckets));
	t->entries = alloc_huge((size_t)max_sessions * sizeof(*t->entries));
	t->tails = alloc_huge((size_t)max_sessions * sizeof(*t->tails));
	if (t->buckets == NULL || t->entries == NULL || t->tails == NULL) {
		session_table_destroy(t);
		return NULL;
	}
	memset(t->buckets, 0, n_buckets * sizeof(*t->buckets));
	for (uint64_t i = 0; i < KEY_WORDS; i++)
		t->secret.half[i / HALF_WORDS].words[i % HALF_WORDS] =
		    hash_bytes(secret, &i, sizeof(i));
	for (uint64_t i = 0; i < ARRAY_SIZE(t->mixer); i++) {
		uint64_t n = KEY_WORDS + i;
		t->mixer[i] = hash_bytes(secret, &n, sizeof(n)) | 1;
	}
	for (unsigned int i = 0; i < DP_MAX_PORTS; i++)
		t->ports[i].tokens = SESSION_BURST;
	return t;
}

void session_table_destroy(struct session_table *t)
{
	if (t == NULL)
		return;
	free(t->buckets);
	free(t->entries);
	free(t->tails);
	free(t);
}

uint32_t session_hash(const struct session_table *t, const struct session_key *k)
{
	struct half second = half_load(&k->half[1]);
	return hash_halves(t, half_load(&k->half[0]), second, !half_is_zero(second));
}

void session_runs_add(const struct session_table *t, const struct session_key *parsed,
    const struct session_key *const *masks, uint32_t alone, unsigned int from, unsigned int to,
    struct session_runs *runs)
{
	uint32_t apart = alone | alone << 1; // from the packet before
	unsigned int n = runs->n;
	uint32_t with_tail = n > 0 ? runs->with_tail : 0;
	for (unsigned int i = from; i < to; i++) {
		const struct session_half *parts = parsed[i].half;
		const struct session_half *mask =
		    LIKELY(masks[i] != NULL) ? masks[i]->half : no_mask.half;
		struct half first = half_and(half_load(&parts[0]), half_load(&mask[0]));
		struct half second = half_load(&parts[1]);
		bool has_tail = !half_is_zero(second);
		if (UNLIKELY(has_tail)) {
			second = half_and(second, half_load(&mask[1]));
			has_tail = !half_is_zero(second);
		}
		bool may_join = n > 0 && (apart >> i & 1) == 0;
		if (may_join && half_equal(first, half_load(&runs->key[n - 1].half[0])) &&
		    half_equal(second, half_load(&runs->key[n - 1].half[1])))
			continue;
		half_store(first, &runs->key[n].half[0]);
		half_store(second, &runs->key[n].half[1]);
		runs->hash[n] = hash_halves(t, first, second, has_tail);
		with_tail |= (uint32_t)has_tail << n;
		runs->first[n] = (uint8_t)i;
		__builtin_prefetch(first_bucket(t, runs->hash[n]));
		n++;
	}
	runs->first[n] = (uint8_t)to;
	runs->n = n;
	runs->with_tail = with_tail;
}

void session_runs_guess(
    const struct session_table *t, struct session_runs *runs, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		struct session *s = guess(t, runs->hash[i]);
		runs->session[i] = s;
		__builtin_prefetch(s);
		if (UNLIKELY((runs->with_tail >> i & 1) != 0) && s != NULL)
			prefetch_tail(t, s);
	}
}

void session_runs_find(
    struct session_table *t, struct session_runs *runs, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		struct session *s = runs->session[i];
		bool has_tail = (runs->with_tail >> i & 1) != 0;
		// Seldom: the tag is that of another key.
		if (UNLIKELY(s != NULL && !has_key(t, s, &runs->key[i], has_tail)))
			runs->session[i] = session_find(t, &runs->key[i], runs->hash[i]);
	}
}

struct session *session_find(struct session_table *t, const struct session_key *k, uint32_t hash)
{
	struct session *s = bucket_find(t, first_bucket(t, hash), k, hash);
	return LIKELY(s != NULL) ? s : bucket_find(t, second_bucket(t, hash), k, hash);
}

struct session *session_add(
    struct session_table *t, const struct session_key *k, uint32_t hash, uint64_t now_ms)
{
	uint16_t tag = tag_of(hash);
	struct session_bucket *b = first_bucket(t, hash), *b2 = second_bucket(t, hash);
	uint32_t free1 = bucket_match(b, 0), free2 = bucket_match(b2, 0);
	bool is_crowded = __builtin_popcount(free1) < 2 * FIRST_CHOICE_FREE;
	if (is_crowded && __builtin_popcount(free2) > __builtin_popcount(free1)) {
		b = b2;
		free1 = free2;
	}
	if (free1 == 0 || t->n_sessions == t->max_sessions || !budget_take(t, k->port, now_ms))
		return NULL;
	uint32_t entry = t->first_free;
	if (entry != NO_ENTRY)
		t->first_free = t->entries[entry].next_free;
	else
		entry = t->n_touched++;
	unsigned int slot = (unsigned int)__builtin_ctz(free1) / 2;
	b->tags[slot] = tag;
	b->entries[slot] = entry;
	t->n_sessions++;
	t->ports[k->port].n_sessions++;
	struct session *s = &t->entries[entry];
	*s = (struct session){.key = k->half[0], .is_used = 1, .used_ms = (uint32_t)now_ms};
	s->has_tail = !half_is_zero(half_load(&k->half[1]));
	if (s->has_tail)
		t->tails[entry] = k->half[1];
	return s;
}

void session_del(struct session_table *t, struct session *s)
{
	assert(s->is_used);
	struct session_key key;
	session_read_key(t, s, &key);
	uint32_t entry = (uint32_t)(s - t->entries), hash = session_hash(t, &key);
	uint16_t tag = tag_of(hash);
	if (!bucket_clear(first_bucket(t, hash), tag, entry))
		bucket_clear(second_bucket(t, hash), tag, entry);
	t->n_sessions--;
	t->ports[key.port].n_sessions--;
	s->is_used = 0;
	s->next_free = t->first_free;
	t->first_free = entry;
}

void session_read_key(
    const struct session_table *t, const struct session *s, struct session_key *ret)
{
	*ret = (struct session_key){.half[0] = s->key};
	if (s->has_tail)
		ret->half[1] = t->tails[s - t->entries];
}

uint32_t session_count(const struct session_table *t)
{
	return t->n_sessions;
}

uint32_t session_count_of_port(const struct session_table *t, uint16_t port)
{
	return t->ports[port].n_sessions;
}

void session_settle(struct worker *w, struct session *s)
{
	if (s->n_packets == 0)
		return;
	// used_ms is the low half of a time not more than 49 days ago.
	uint64_t used_ms = w->now_ms - (uint32_t)((uint32_t)w->now_ms - s->used_ms);
	program_count(w, session_program(w, s), s->n_packets, s->n_bytes, used_ms);
	s->n_packets = 0;
	s->n_bytes = 0;
}

void session_release(struct worker *w, struct session *s)
{
	session_settle(w, s);
	program_unref(w->programs, session_program(w, s));
	session_del(w->sessions, s);
}

bool session_sweep(struct worker *w, uint32_t n)
{
	struct session_table *t = w->sessions;
	for (uint32_t i = 0; i < n && t->sweep_at < t->n_touched; i++) {
		struct session *s = &t->entries[t->sweep_at++];
		if (!s->is_used)
			continue;
		session_settle(w, s);
		if ((uint32_t)w->now_ms - s->used_ms >= SESSION_IDLE_MS)
			session_release(w, s);
	}
	if (t->sweep_at < t->n_touched)
		return false;
	t->sweep_at = 0;
	return true;
}

uint32_t session_sweep_due(struct session_table *t, uint64_t now_ms)
{
	uint64_t elapsed_ms = now_ms - t->swept_ms;
	if (elapsed_ms == 0)
		return 0;
	t->swept_ms = now_ms;
	if (elapsed_ms >= SWEEP_ROUND_MS)
		return SWEEP_MAX;
	return (uint32_t)MIN_OF(
	    t->n_touched * elapsed_ms / SWEEP_ROUND_MS + 1, (uint64_t)SWEEP_MAX);
}

void session_mask_from_rules(const struct flow_key *mask_union, struct session_key *ret)
{
	memset(ret, 0xff, sizeof(*ret));
	if (mask_union->ip_ttl == 0)
		ret->ip_ttl = 0;
	if (mask_union->ip_tos == 0)
		ret->ip_tos = 0;
	if (mask_union->tcp_flags == 0)
		ret->tcp_flags = 0;
	if (mask_union->ip6_label == 0)
		ret->ip6_label = 0;
}

void session_mask_add_actions(
    const struct dp_action *actions, size_t size, struct flow_key *mask_union)
{
	struct flow_value ones = flow_value_ones(FIELD_VALUE_MAX_SIZE * 8);
	action_foreach (a, actions, size) {
		if (a->type == DP_ACTION_MOVE) {
			const struct flow_field *dst = &flow_fields[a->move.dst];
			flow_field_set(&flow_fields[a->move.src], mask_union, &ones);
			if (a->move.n_bits < dst->n_bits)
				flow_field_set(dst, mask_union, &ones);
		} else if (a->type == DP_ACTION_SET_FIELD) {
			const struct flow_field *f = &flow_fields[a->set_field.field];
			struct flow_value all = flow_value_ones(f->n_bits);
			if (memcmp(&a->set_field.mask, &all, sizeof(all)) != 0)
				flow_field_set(f, mask_union, &ones);
		}
	}
}

/*
 * Memory that is read at random. In 4 KiB pages most accesses to a large table miss the TLB too; the kernel gives large pages
 * where it can and may.
 */
static void *alloc_huge(size_t size)
{
	size_t align = size >= HUGE_PAGE_SIZE ? HUGE_PAGE_SIZE : 128;
	size = ROUND_UP(size, align);
	void *p = aligned_alloc(align, size);
	if (p != NULL && align == HUGE_PAGE_SIZE)
		(void)madvise(p, size, MADV_HUGEPAGE);
	return p;
}

static ALWAYS_INLINE struct half half_load(const struct session_half *h)
{
	return (struct half){
	    _mm256_loadu_si256((const __m256i_u *)(const void *)h), h->words[HALF_WORDS - 1]};
}

static ALWAYS_INLINE struct half half_and(struct half a, struct half b)
{
	return (struct half){_mm256_and_si256(a.vector, b.vector), a.word & b.word};
}

static ALWAYS_INLINE bool half_equal(struct half a, struct half b)
{
	__m256i differs = _mm256_xor_si256(a.vector, b.vector);
	return a.word == b.word && _mm256_testz_si256(differs, differs) != 0;
}

static ALWAYS_INLINE bool half_is_zero(struct half a)
{
	return a.word == 0 && _mm256_testz_si256(a.vector, a.vector) != 0;
}

static ALWAYS_INLINE void half_store(struct half a, struct session_half *ret)
{
	_mm256_storeu_si256((__m256i_u *)(void *)ret, a.vector);
	ret->words[HALF_WORDS - 1] = a.word;
}

/*
 * NH (Black et al., UMAC; RFC 4418): a sum of products of secret-masked 32-bit words; a second half of zeros is left out. For
 * unknown secrets two keys collide with probability 2^-31 whoever chooses them; the multiplications at the end spread
 * the sum over the 32 bits used.
 */
static ALWAYS_INLINE uint32_t hash_halves(
    const struct session_table *t, struct half first, struct half second, bool has_tail)
{
	uint64_t nh = half_nh(first, half_load(&t->secret.half[0]));
	if (UNLIKELY(has_tail))
		nh += half_nh(second, half_load(&t->secret.half[1]));
	unsigned __int128 mixed = (unsigned __int128)nh * t->mixer[0];
	uint64_t h = (uint64_t)mixed ^ (uint64_t)(mixed >> 64);
	return (uint32_t)(h * t->mixer[1] >> 32);
}

static ALWAYS_INLINE uint64_t half_nh(struct half a, struct half secret)
{
	__m256i v = _mm256_add_epi32(a.vector, secret.vector);
	__m256i products = _mm256_mul_epu32(v, _mm256_srli_epi64(v, 32));
	__m128i two =
	    _mm_add_epi64(_mm256_castsi256_si128(products), _mm256_extracti128_si256(products, 1));
	uint64_t low = (uint32_t)((uint32_t)a.word + (uint32_t)secret.word);
	uint64_t high = (uint32_t)((uint32_t)(a.word >> 32) + (uint32_t)(secret.word >> 32));
	return (uint64_t)_mm_extract_epi64(two, 0) + (uint64_t)_mm_extract_epi64(two, 1) +
	       low * high;
}

static ALWAYS_INLINE bool has_key(const struct session_table *t, const struct session *s,
    const struct session_key *k, bool has_tail)
{
	if (!half_equal(half_load(&s->key), half_load(&k->half[0])))
		return false;
	if (LIKELY(!s->has_tail && !has_tail))
		return true;
	return s->has_tail == has_tail &&
	       half_equal(half_load(&t->tails[s - t->entries]), half_load(&k->half[1]));
}

/* It may reach into a second line. */
static void prefetch_tail(const struct session_table *t, const struct session *s)
{
	const struct session_half *tail = &t->tails[s - t->entries];
	__builtin_prefetch(tail);
	__builtin_prefetch(&tail->words[HALF_WORDS - 1]);
}

/* The session of the key, or seldom another one, or NULL when there is none. */
static struct session *guess(const struct session_table *t, uint32_t hash)
{
	const struct session_bucket *b = first_bucket(t, hash);
	uint32_t match = bucket_match(b, tag_of(hash));
	if (UNLIKELY(match == 0)) {
		b = second_bucket(t, hash);
		match = bucket_match(b, tag_of(hash));
	}
	return match != 0 ? &t->entries[b->entries[__builtin_ctz(match) / 2]] : NULL;
}

static struct session_bucket *first_bucket(const struct session_table *t, uint32_t hash)
{
	return &t->buckets[hash & t->bucket_mask];
}

/* Depends on the tag only besides the first, as in a cuckoo table, and always differs from the first. */
static struct session_bucket *second_bucket(const struct session_table *t, uint32_t hash)
{
	uint64_t step = ((uint64_t)tag_of(hash) * 0x5bd1e995) | 1;
	return &t->buckets[(hash ^ step) & t->bucket_mask];
}

static uint16_t tag_of(uint32_t hash)
{
	uint16_t tag = (uint16_t)(hash >> 16);
	return tag != 0 ? tag : 1;
}

/* Two equal bits per slot with this tag. The load reaches into entries: those lanes are cut off. */
static uint32_t bucket_match(const struct session_bucket *b, uint16_t tag)
{
	__m256i tags = _mm256_load_si256((const __m256i *)(const void *)b);
	__m256i equal = _mm256_cmpeq_epi16(tags, _mm256_set1_epi16((short)tag));
	return (uint32_t)_mm256_movemask_epi8(equal) & ((1u << 2 * BUCKET_SLOTS) - 1);
}

static struct session *bucket_find(const struct session_table *t, const struct session_bucket *b,
    const struct session_key *k, uint32_t hash)
{
	bool has_tail = !half_is_zero(half_load(&k->half[1]));
	for (uint32_t match = bucket_match(b, tag_of(hash)); match != 0;
	     match &= match - 1, match &= match - 1) {
		struct session *s = &t->entries[b->entries[__builtin_ctz(match) / 2]];
		if (LIKELY(has_key(t, s, k, has_tail)))
			return s;
	}
	return NULL;
}

static bool bucket_clear(struct session_bucket *b, uint16_t tag, uint32_t entry)
{
	for (unsigned int i = 0; i < BUCKET_SLOTS; i++) {
		if (b->tags[i] == tag && b->entries[i] == entry) {
			b->tags[i] = 0;
			return true;
		}
	}
	return false;
}

/* A flood may fill what is idle, but not push the last quarter of the table away from the others. */
static bool budget_take(struct session_table *t, uint16_t port, uint64_t now_ms)
{
	struct port_budget *p = &t->ports[port];
	uint64_t size = t->max_sessions;
	if (t->n_sessions > size - size / 4 && p->n_sessions >= size / 2)
		return false;
	if (now_ms > p->filled_ms) {
		uint64_t more = (now_ms - p->filled_ms) * (SESSION_RATE / 1000);
		p->tokens = (uint32_t)MIN_OF(p->tokens + more, (uint64_t)SESSION_BURST);
		p->filled_ms = now_ms;
	}
	if (p->tokens == 0)
		return false;
	p->tokens--;
	return true;
}
