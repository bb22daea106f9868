/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a controller sets of a table, and is told: table-mod (1.1, 1.4), table description and table status (1.4).
 *
 * Threads: any; pure functions. Memory: none.
 */
#include "control/openflow/ofp.h"
#include "control/openflow/ofp_error.h"

enum { OFP_ALL_TABLES = 0xff };

struct ofp_table_conf {
	uint8_t table_id; // OFP_ALL_TABLES: in table-mod only
	uint8_t miss;     // OFPTC11_TABLE_MISS_*, of 1.1 and 1.2; later versions have rules for it
	bool evicts;      // OFPTC14_EVICTION, as is the next of 1.4 and later
	bool tells_vacancy;               // OFPTC14_VACANCY_EVENTS
	bool has_eviction_flags;          // table-mod: it says which
	uint32_t eviction_flags;          // OFPTMPEF14_*
	bool has_vacancy;                 // table-mod: it says the next two
	uint8_t vacancy_down, vacancy_up; // percent of the table that is free; down is not above up
	uint8_t vacancy;                  // now
};

/* OFPTMFC_BAD_CONFIG for bits that the version has not, OFPBPC_* for properties. */
MUST_CHECK
enum ofp_err ofp_table_mod_decode(
    enum ofp_version version, struct buf *b, struct ofp_table_conf *ret);
/* One entry of a table description. */
void ofp_table_desc_encode(const struct ofp_table_conf *t, struct buf_writer *w);
/* Body of OFPT14_TABLE_STATUS; reason is one of enum ofp14_table_reason. */
void ofp_table_status_encode(uint8_t reason, const struct ofp_table_conf *t, struct buf_writer *w);
