/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/fdb.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { AGE_S = 300, NO_CAP = 1 << 20 };

static struct mac_addr mac_of(uint32_t n)
{
	return mac_from_u64(0x020000000000 | n);
}

static enum fdb_result learn(
    struct fdb *f, uint32_t n, uint16_t vlan, uint16_t port, uint64_t now_ms, int32_t *idx)
{
	struct mac_addr mac = mac_of(n);
	return fdb_learn(f, &mac, vlan, port, NO_CAP, now_ms, idx);
}

static int32_t lookup(const struct fdb *f, uint32_t n, uint16_t vlan, uint64_t now_ms)
{
	struct mac_addr mac = mac_of(n);
	return fdb_lookup(f, &mac, vlan, now_ms);
}

static uint32_t generation(const struct fdb *f, uint32_t n, uint16_t vlan)
{
	struct mac_addr mac = mac_of(n);
	return fdb_shard_generation(f, fdb_shard(f, &mac, vlan));
}

static void learns_per_vlan(void **state)
{
	(void)state;
	struct fdb *f = fdb_create(100, AGE_S);
	int32_t idx;
	assert_int_equal(lookup(f, 1, 0, 0), -1);
	assert_int_equal(learn(f, 1, 0, 5, 0, &idx), FDB_LEARNED);
	assert_int_equal(learn(f, 1, 7, 6, 0, &idx), FDB_LEARNED);
	assert_int_equal(learn(f, 1, 0, 5, 0, &idx), FDB_KNOWN);
	assert_int_equal(lookup(f, 1, 0, 0), 5);
	assert_int_equal(lookup(f, 1, 7, 0), 6);
	assert_int_equal(lookup(f, 1, 8, 0), -1);
	fdb_destroy(f);
}

static void learn_move_and_expiry_change_the_generation_but_use_does_not(void **state)
{
	(void)state;
	struct fdb *f = fdb_create(100, AGE_S);
	int32_t idx;
	uint32_t g = generation(f, 1, 0);
	assert_int_equal(learn(f, 1, 0, 5, 1000, &idx), FDB_LEARNED);
	assert_int_equal(generation(f, 1, 0), g + 1);
	assert_int_equal(learn(f, 1, 0, 5, 90000, &idx), FDB_KNOWN);
	assert_int_equal(generation(f, 1, 0), g + 1);
	assert_int_equal(learn(f, 1, 0, 6, 90000, &idx), FDB_MOVED);
	assert_int_equal(generation(f, 1, 0), g + 2);
	assert_int_equal(lookup(f, 1, 0, 90000), 6);
	fdb_age(f, 90000 + AGE_S * 1000);
	assert_int_equal(lookup(f, 1, 0, 90000 + AGE_S * 1000), 6);
	fdb_age(f, 92000 + AGE_S * 1000);
	assert_int_equal(generation(f, 1, 0), g + 3);
	assert_int_equal(lookup(f, 1, 0, 90000), -1);
	fdb_destroy(f);
}

static void refresh_keeps_young_and_notices_moves(void **state)
{
	(void)state;
	struct fdb *f = fdb_create(100, AGE_S);
	struct mac_addr mac = mac_of(1), other = mac_of(2);
	int32_t idx;
	learn(f, 1, 0, 5, 0, &idx);
	for (uint64_t now_ms = 0; now_ms < 2000000; now_ms += 100000) {
		assert_true(fdb_refresh(f, idx, &mac, 0, 5, now_ms));
		fdb_age(f, now_ms);
	}
	assert_false(fdb_refresh(f, idx, &mac, 0, 6, 2000000));
	assert_false(fdb_refresh(f, idx, &mac, 1, 5, 2000000));
	assert_false(fdb_refresh(f, idx, &other, 0, 5, 2000000));
	assert_false(fdb_refresh(f, FDB_NONE, &mac, 0, 5, 2000000));
	assert_false(fdb_refresh(f, INT32_MAX, &mac, 0, 5, 2000000));
	learn(f, 1, 0, 6, 2000000, &idx);
	assert_false(fdb_refresh(f, idx, &mac, 0, 5, 2000000));
	fdb_flush(f);
	assert_false(fdb_refresh(f, idx, &mac, 0, 6, 2000000));
	fdb_destroy(f);
}

static void bridge_limit_holds_and_comes_back_with_ageing(void **state)
{
	(void)state;
	struct fdb *f = fdb_create(64, AGE_S);
	int32_t idx;
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(learn(f, i, 0, (uint16_t)(1 + i % 4), 0, &idx), FDB_LEARNED);
	assert_int_equal(learn(f, 64, 0, 1, 0, &idx), FDB_LIMIT);
	assert_int_equal(idx, FDB_NONE);
	assert_int_equal(learn(f, 3, 0, 4, 0, &idx), FDB_KNOWN);
	fdb_flush_port(f, 1);
	assert_int_equal(lookup(f, 0, 0, 0), -1);
	assert_int_equal(lookup(f, 1, 0, 0), 2);
	assert_int_equal(learn(f, 64, 0, 1, 0, &idx), FDB_LEARNED);
	fdb_destroy(f);
}

static void port_limit_counts_moves_too(void **state)
{
	(void)state;
	struct fdb *f = fdb_create(100, AGE_S);
	struct mac_addr mac[3] = {mac_of(1), mac_of(2), mac_of(3)};
	int32_t idx;
	assert_int_equal(fdb_learn(f, &mac[0], 0, 1, 2, 0, &idx), FDB_LEARNED);
	assert_int_equal(fdb_learn(f, &mac[1], 0, 1, 2, 0, &idx), FDB_LEARNED);
	assert_int_equal(fdb_learn(f, &mac[2], 0, 1, 2, 0, &idx), FDB_LIMIT);
	assert_int_equal(fdb_learn(f, &mac[2], 0, 2, 2, 0, &idx), FDB_LEARNED);
	assert_int_equal(fdb_learn(f, &mac[2], 0, 1, 2, 0, &idx), FDB_LIMIT); // stays on port 2
	assert_int_equal(lookup(f, 3, 0, 0), 2);
	assert_int_equal(fdb_learn(f, &mac[1], 0, 2, 2, 0, &idx), FDB_MOVED);
	assert_int_equal(fdb_learn(f, &mac[2], 0, 1, 2, 0, &idx), FDB_MOVED);
	fdb_destroy(f);
}

static void flapping_is_slowed_down_per_port_and_second(void **state)
{
	(void)state;
	struct fdb *f = fdb_create(100, AGE_S);
	struct mac_addr mac = mac_of(1);
	int32_t idx;
	unsigned int n = 0;
	for (unsigned int i = 0; i < 10000; i++)
		n += fdb_learn(f, &mac, 0, (uint16_t)(1 + i % 2), 10, 5000, &idx) == FDB_MOVED;
	assert_in_range(n, 1000, 2000);
	n = 0;
	for (unsigned int i = 0; i < 10; i++)
		n += fdb_learn(f, &mac, 0, (uint16_t)(3 + i % 2), 10, 6000, &idx) == FDB_MOVED;
	assert_int_equal(n, 10);
	fdb_destroy(f);
}

static void dump_tells_all_and_fits_the_buffer(void **state)
{
	(void)state;
	struct fdb *f = fdb_create(100, AGE_S);
	struct dp_fdb_entry e[4];
	int32_t idx;
	for (uint32_t i = 0; i < 10; i++)
		learn(f, i, 42, 3, 1000, &idx);
	assert_int_equal(fdb_dump(f, 6000, e, 4), 10);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(e[i].vlan, 42);
		assert_int_equal(e[i].port, 3);
		assert_int_equal(e[i].age_ms, 5000);
		assert_in_range(mac_to_u64(&e[i].mac), 0x020000000000, 0x020000000009);
	}
	fdb_flush(f);
	assert_int_equal(fdb_dump(f, 6000, e, 4), 0);
	fdb_destroy(f);
}

struct racer {
	struct fdb *f;
	uint16_t port;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	uint32_t x = r->port;
	for (unsigned int i = 0; i < 200000; i++) {
		x = x * 1664525 + 1013904223;
		struct mac_addr mac = mac_of(x >> 20 & 63);
		int32_t idx;
		fdb_learn(r->f, &mac, 0, r->port, NO_CAP, i / 200, &idx);
		int32_t port = fdb_lookup(r->f, &mac, 0, i / 200);
		if (port != -1 && port != 1 && port != 2)
			abort();
	}
	return NULL;
}

static void workers_and_control_race_without_losing_count(void **state)
{
	(void)state;
	struct fdb *f = fdb_create(48, AGE_S);
	struct racer r[2] = {{f, 1}, {f, 2}};
	pthread_t t[2];
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, race, &r[i]), 0);
	for (int i = 0; i < 2000; i++)
		fdb_flush_port(f, (uint16_t)(1 + i % 2));
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	fdb_flush(f);
	int32_t idx;
	for (uint32_t i = 0; i < 48;
	     i++) // all counters are back at zero: the limit is exactly there again
		assert_int_equal(learn(f, 1000 + i, 0, 3, 900000, &idx), FDB_LEARNED);
	assert_int_equal(learn(f, 2000, 0, 3, 900000, &idx), FDB_LIMIT);
	fdb_destroy(f);
}

static void *learn_own_address(void *arg)
{
	const struct racer *r = arg;
	for (unsigned int i = 0; i < 400000; i++) {
		int32_t idx;
		learn(r->f, r->port, 0, r->port, i, &idx);
		int32_t port = lookup(r->f, r->port, 0, i);
		if (port != -1 && port != r->port)
			abort();
	}
	return NULL;
}

/* Two addresses take turns in a few slots: neither is ever seen, or moved, to the other's port. */
static void a_slot_that_changes_hands_takes_nobody_along(void **state)
{
	(void)state;
	struct fdb *f = fdb_create(2, AGE_S);
	struct racer r[2] = {{f, 1}, {f, 2}};
	pthread_t t[2];
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, learn_own_address, &r[i]), 0);
	for (int i = 0; i < 200000; i++)
		fdb_flush(f);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	fdb_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(learns_per_vlan),
	    cmocka_unit_test(learn_move_and_expiry_change_the_generation_but_use_does_not),
	    cmocka_unit_test(refresh_keeps_young_and_notices_moves),
	    cmocka_unit_test(bridge_limit_holds_and_comes_back_with_ageing),
	    cmocka_unit_test(port_limit_counts_moves_too),
	    cmocka_unit_test(flapping_is_slowed_down_per_port_and_second),
	    cmocka_unit_test(dump_tells_all_and_fits_the_buffer),
	    cmocka_unit_test(workers_and_control_race_without_losing_count),
	    cmocka_unit_test(a_slot_that_changes_hands_takes_nobody_along),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
