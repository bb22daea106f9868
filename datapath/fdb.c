/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/fdb.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/hash.h"

/*
 * An entry is two words. key: MAC (48 bits), VLAN (12), state (2). val: port (16), claim number (16), time of the last
 * packet in seconds (32).
 *
 * A slot goes FREE → BUSY (claimed by compare-and-swap; nobody else touches it) → LIVE (val is valid) → BUSY (control
 * deletes) → FREE. val changes by compare-and-swap only while LIVE. The claim number grows with each claim, so that a
 * worker that was held up between reading a slot and changing it does not change the slot's next owner.
 *
 * Two workers that learn one MAC at the same moment may claim two slots. Look-ups take the first, so the second is dead
 * and ages out.
 */
enum {
	SLOTS = 8, // of a bucket
	N_BUCKETS_OF_KEY = 2,
	MIN_LEARNS_PER_S = 1000,
};

enum slot_state { SLOT_FREE, SLOT_BUSY, SLOT_LIVE };

struct slot {
	_Atomic uint64_t key, val;
};

struct fdb {
	struct hash_key secret;
	uint32_t max_macs, age_s;
	uint32_t n_buckets; // power of two
	atomic_uint n_macs;
	atomic_uint generations[FDB_N_SHARDS];
	atomic_uint n_port_macs[DP_MAX_PORTS];
	_Atomic uint64_t port_rate[DP_MAX_PORTS]; // second (32), learns in it (32)
	struct slot *slots;
};

static uint64_t make_key(const struct mac_addr *mac, uint16_t vlan);
static uint64_t make_val(uint16_t port, uint16_t claim, uint32_t time_s);
static uint16_t val_port(uint64_t val);
static bool is_old(const struct fdb *f, uint64_t val, uint32_t now_s);
static uint64_t key_hash(const struct fdb *f, uint64_t key);
static struct slot *bucket_of(const struct fdb *f, uint64_t hash, unsigned int choice);
static struct slot *slot_find(const struct fdb *f, uint64_t key, uint64_t hash, uint64_t *ret_val);
static enum fdb_result slot_move(struct fdb *f, struct slot *s, uint64_t val, uint16_t port,
    uint32_t port_max_macs, uint32_t now_s);
static struct slot *slot_claim(
    struct fdb *f, uint64_t key, uint64_t hash, uint16_t port, uint32_t now_s);
static void slot_delete(struct fdb *f, struct slot *s, uint64_t key);
static bool rate_take(struct fdb *f, uint16_t port, uint32_t port_max_macs, uint32_t now_s);
static bool count_take(atomic_uint *n, uint32_t max);
static void bump(struct fdb *f, uint64_t hash);

struct fdb *fdb_create(uint32_t max_macs, uint32_t age_s)
{
	struct fdb *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	hash_key_init(&f->secret);
	f->max_macs = max_macs;
	f->age_s = age_s;
	f->n_buckets = 2;
	while (f->n_buckets * SLOTS < max_macs + max_macs / 2)
		f->n_buckets *= 2;
	f->slots = calloc((size_t)f->n_buckets * SLOTS, sizeof(*f->slots));
	if (f->slots == NULL) {
		free(f);
		return NULL;
	}
	return f;
}

void fdb_destroy(void *fdb)
{
	struct fdb *f = fdb;
	if (f == NULL)
		return;
	free(f->slots);
	free(f);
}

enum fdb_result fdb_learn(struct fdb *f, const struct mac_addr *mac, uint16_t vlan, uint16_t port,
    uint32_t port_max_macs, uint64_t now_ms, int32_t *ret_idx)
{
	uint64_t key = make_key(mac, vlan), hash = key_hash(f, key);
	uint32_t now_s = (uint32_t)(now_ms / 1000);
	uint64_t val;
	struct slot *s = slot_find(f, key, hash, &val);
	*ret_idx = FDB_NONE;
	if (s != NULL) {
		if (val_port(val) == port) {
			*ret_idx = (int32_t)(s - f->slots);
			fdb_refresh(f, *ret_idx, mac, vlan, port, now_ms);
			return FDB_KNOWN;
		}
		enum fdb_result result = slot_move(f, s, val, port, port_max_macs, now_s);
		if (result == FDB_MOVED) {
			*ret_idx = (int32_t)(s - f->slots);
			bump(f, hash);
		}
		return result;
	}
	if (!rate_take(f, port, port_max_macs, now_s) ||
	    !count_take(&f->n_port_macs[port], port_max_macs))
		return FDB_LIMIT;
	if (!count_take(&f->n_macs, f->max_macs)) {
		atomic_fetch_sub(&f->n_port_macs[port], 1);
		return FDB_LIMIT;
	}
	s = slot_claim(f, key, hash, port, now_s);
	if (s == NULL) {
		atomic_fetch_sub(&f->n_port_macs[port], 1);
		atomic_fetch_sub(&f->n_macs, 1);
		return FDB_LIMIT;
	}
	bump(f, hash);
	*ret_idx = (int32_t)(s - f->slots);
	return FDB_LEARNED;
}

int32_t fdb_lookup(const struct fdb *f, const struct mac_addr *mac, uint16_t vlan, uint64_t now_ms)
{
	uint64_t key = make_key(mac, vlan);
	uint64_t val;
	if (slot_find(f, key, key_hash(f, key), &val) == NULL)
		return -1;
	// Control ages once in a while; between its rounds an old entry is no entry.
	// Port 0: control is deleting it.
	bool is_gone = val_port(val) == 0 || is_old(f, val, (uint32_t)(now_ms / 1000));
	return is_gone ? -1 : val_port(val);
}

uint32_t fdb_shard(const struct fdb *f, const struct mac_addr *mac, uint16_t vlan)
{
	return (uint32_t)(key_hash(f, make_key(mac, vlan)) >> 56);
}

uint32_t fdb_shard_generation(const struct fdb *f, uint32_t shard)
{
	// Pairs with bump(): who sees the generation sees what was learned before it.
	return atomic_load_explicit(&f->generations[shard], memory_order_acquire);
}

bool fdb_refresh(struct fdb *f, int32_t idx, const struct mac_addr *mac, uint16_t vlan,
    uint16_t port, uint64_t now_ms)
{
	if (idx < 0 || (uint32_t)idx >= f->n_buckets * SLOTS)
		return false;
	struct slot *s = &f->slots[idx];
	uint64_t val = atomic_load_explicit(&s->val, memory_order_acquire);
	if (atomic_load_explicit(&s->key, memory_order_acquire) != make_key(mac, vlan) ||
	    val_port(val) != port)
		return false;
	uint32_t now_s = (uint32_t)(now_ms / 1000);
	// Losing the exchange means that someone else refreshed, moved or deleted it: the next packet will see.
	if ((uint32_t)val != now_s)
		atomic_compare_exchange_strong(
		    &s->val, &val, (val & ~(uint64_t)UINT32_MAX) | now_s);
	return true;
}

void fdb_age(struct fdb *f, uint64_t now_ms)
{
	uint32_t now_s = (uint32_t)(now_ms / 1000);
	for (uint32_t i = 0; i < f->n_buckets * SLOTS; i++) {
		struct slot *s = &f->slots[i];
		uint64_t key = atomic_load(&s->key);
		if ((key & 3) == SLOT_LIVE && is_old(f, atomic_load(&s->val), now_s))
			slot_delete(f, s, key);
	}
}

void fdb_flush(struct fdb *f)
{
	for (uint32_t i = 0; i < f->n_buckets * SLOTS; i++) {
		uint64_t key = atomic_load(&f->slots[i].key);
		if ((key & 3) == SLOT_LIVE)
			slot_delete(f, &f->slots[i], key);
	}
}

void fdb_flush_port(struct fdb *f, uint16_t port)
{
	for (uint32_t i = 0; i < f->n_buckets * SLOTS; i++) {
		struct slot *s = &f->slots[i];
		uint64_t key = atomic_load(&s->key);
		if ((key & 3) == SLOT_LIVE && val_port(atomic_load(&s->val)) == port)
			slot_delete(f, s, key);
	}
}

size_t fdb_dump(const struct fdb *f, uint64_t now_ms, struct dp_fdb_entry *entries, size_t n)
{
	size_t found = 0;
	for (uint32_t i = 0; i < f->n_buckets * SLOTS; i++) {
		uint64_t key = atomic_load(&f->slots[i].key), val = atomic_load(&f->slots[i].val);
		if ((key & 3) != SLOT_LIVE)
			continue;
		if (found < n) {
			int32_t age_s = (int32_t)((uint32_t)(now_ms / 1000) - (uint32_t)val);
			entries[found] = (struct dp_fdb_entry){.mac = mac_from_u64(key >> 16),
			    .vlan = (uint16_t)(key >> 4 & 0xfff),
			    .port = val_port(val),
			    .age_ms = age_s > 0 ? (uint32_t)age_s * 1000 : 0};
		}
		found++;
	}
	return found;
}

static uint64_t make_key(const struct mac_addr *mac, uint16_t vlan)
{
	return mac_to_u64(mac) << 16 | (uint64_t)(vlan & 0xfff) << 4 | SLOT_LIVE;
}

static uint64_t make_val(uint16_t port, uint16_t claim, uint32_t time_s)
{
	return (uint64_t)port << 48 | (uint64_t)claim << 32 | time_s;
}

static uint16_t val_port(uint64_t val)
{
	return (uint16_t)(val >> 48);
}

/* Workers read the clock one after another: an entry may be from the next second. */
static bool is_old(const struct fdb *f, uint64_t val, uint32_t now_s)
{
	int32_t idle_s = (int32_t)(now_s - (uint32_t)val);
	return idle_s > 0 && (uint32_t)idle_s > f->age_s;
}

static uint64_t key_hash(const struct fdb *f, uint64_t key)
{
	return hash_bytes(&f->secret, &key, sizeof(key));
}

static struct slot *bucket_of(const struct fdb *f, uint64_t hash, unsigned int choice)
{
	uint32_t bucket = (uint32_t)(choice == 0 ? hash : hash >> 28) & (f->n_buckets - 1);
	return &f->slots[(size_t)bucket * SLOTS];
}

/* The live slot of the key and its val. */
static struct slot *slot_find(const struct fdb *f, uint64_t key, uint64_t hash, uint64_t *ret_val)
{
	for (unsigned int i = 0; i < N_BUCKETS_OF_KEY * SLOTS; i++) {
		struct slot *s = bucket_of(f, hash, i / SLOTS) + i % SLOTS;
		// Pairs with slot_claim: a live key has its val.
		if (atomic_load_explicit(&s->key, memory_order_acquire) != key)
			continue;
		*ret_val = atomic_load_explicit(&s->val, memory_order_acquire);
		// It may have another owner since. With the key still there val is of this claim or an earlier one of it.
		if (LIKELY(atomic_load_explicit(&s->key, memory_order_relaxed) == key))
			return s;
	}
	return NULL;
}

static enum fdb_result slot_move(struct fdb *f, struct slot *s, uint64_t val, uint16_t port,
    uint32_t port_max_macs, uint32_t now_s)
{
	uint16_t from = val_port(val);
	if (from == 0 || !rate_take(f, port, port_max_macs, now_s) ||
	    !count_take(&f->n_port_macs[port], port_max_macs))
		return FDB_LIMIT;
	if (!atomic_compare_exchange_strong(
		&s->val, &val, make_val(port, (uint16_t)(val >> 32), now_s))) {
		atomic_fetch_sub(&f->n_port_macs[port], 1);
		return FDB_LIMIT;
	}
	atomic_fetch_sub(&f->n_port_macs[from], 1);
	return FDB_MOVED;
}

static struct slot *slot_claim(
    struct fdb *f, uint64_t key, uint64_t hash, uint16_t port, uint32_t now_s)
{
	for (unsigned int i = 0; i < N_BUCKETS_OF_KEY * SLOTS; i++) {
		struct slot *s = bucket_of(f, hash, i / SLOTS) + i % SLOTS;
		uint64_t free_key = SLOT_FREE;
		if (!atomic_compare_exchange_strong(&s->key, &free_key, SLOT_BUSY))
			continue;
		uint16_t claim = (uint16_t)((atomic_load(&s->val) >> 32) + 1);
		atomic_store(&s->val, make_val(port, claim, now_s));
		atomic_store_explicit(&s->key, key, memory_order_release);
		return s;
	}
	return NULL;
}

/* Control only, so that nobody else takes a slot out of LIVE. */
static void slot_delete(struct fdb *f, struct slot *s, uint64_t key)
{
	atomic_store(&s->key, SLOT_BUSY);
	// Port 0 makes a late slot_move fail; the claim number stays for the next owner.
	uint64_t val = atomic_load(&s->val);
	while (!atomic_compare_exchange_weak(&s->val, &val, make_val(0, (uint16_t)(val >> 32), 0)))
		;
	atomic_store_explicit(&s->key, SLOT_FREE, memory_order_release);
	atomic_fetch_sub(&f->n_port_macs[val_port(val)], 1);
	atomic_fetch_sub(&f->n_macs, 1);
	bump(f, key_hash(f, key));
}

static bool rate_take(struct fdb *f, uint16_t port, uint32_t port_max_macs, uint32_t now_s)
{
	uint32_t max = MAX_OF(port_max_macs, (uint32_t)MIN_LEARNS_PER_S);
	uint64_t old = atomic_load(&f->port_rate[port]), new;
	do {
		uint32_t n = (uint32_t)(old >> 32) == now_s ? (uint32_t)old : 0;
		if (n >= max)
			return false;
		new = (uint64_t)now_s << 32 | (n + 1);
	} while (!atomic_compare_exchange_weak(&f->port_rate[port], &old, new));
	return true;
}

static bool count_take(atomic_uint *n, uint32_t max)
{
	if (atomic_fetch_add(n, 1) < max)
		return true;
	atomic_fetch_sub(n, 1);
	return false;
}

static void bump(struct fdb *f, uint64_t hash)
{
	atomic_fetch_add_explicit(&f->generations[hash >> 56], 1, memory_order_acq_rel);
}
