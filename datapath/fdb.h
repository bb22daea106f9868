/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * MAC learning of a bridge (action NORMAL): fixed size, shared by the workers, no lock: entries are claimed by
 * compare-and-swap in small buckets. Ageing by control. A learn, move or expiry bumps the generation of the MAC's shard;
 * sessions that used NORMAL remember their destination shard's generation and re-run when it changed.
 * Limits: entries of the bridge, entries per port, learns per port and second: counted when reached.
 *
 * Threads: fdb_learn, fdb_lookup, fdb_refresh on workers; the rest on control. Memory: fdb_create allocates all.
 */
#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/net_types.h"
#include "datapath/dp_proto.h"

enum { FDB_N_SHARDS = 256, FDB_NONE = -1 };

struct fdb;

enum fdb_result { FDB_KNOWN, FDB_LEARNED, FDB_MOVED, FDB_LIMIT };

struct fdb *fdb_create(uint32_t max_macs, uint32_t age_s); // NULL when out of memory
void fdb_destroy(void *fdb);
/* Records that (vlan, mac) is behind port. *ret_idx: the entry for fdb_refresh, FDB_NONE at the limit. */
enum fdb_result fdb_learn(struct fdb *f, const struct mac_addr *mac, uint16_t vlan, uint16_t port,
    uint32_t port_max_macs, uint64_t now_ms, int32_t *ret_idx);
/* Port id behind the MAC, or -1. */
int32_t fdb_lookup(const struct fdb *f, const struct mac_addr *mac, uint16_t vlan, uint64_t now_ms);
uint32_t fdb_shard(const struct fdb *f, const struct mac_addr *mac, uint16_t vlan);
uint32_t fdb_shard_generation(const struct fdb *f, uint32_t shard);
/*
 * Session hit: keeps the entry young (one relaxed store per second at most). False when the entry is no
 * longer (mac, vlan) on port: the session is stale.
 */
bool fdb_refresh(struct fdb *f, int32_t idx, const struct mac_addr *mac, uint16_t vlan,
    uint16_t port, uint64_t now_ms);
void fdb_age(struct fdb *f, uint64_t now_ms);
void fdb_flush(struct fdb *f);
void fdb_flush_port(struct fdb *f, uint16_t port);
/* Copies up to n entries; returns how many there are. */
size_t fdb_dump(const struct fdb *f, uint64_t now_ms, struct dp_fdb_entry *entries, size_t n);
