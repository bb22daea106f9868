/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside a plan: plan.c what is done and undone, plan_numbers.c what is chosen, plan_check.c what is refused. Threads, Memory: see model_priv.h. */
#include "control/flow_text.h"
#include "control/model_priv.h"

struct swap {
	struct entity *old_e, *new_e; // NULL: created, deleted
	uint32_t op;
};

/* What the transaction touches; once by table and name. */
struct dirty {
	struct hmap_node node;
	int table;
	char name[65];
	size_t swap; // number of its swap, or NO_SWAP: only to be compiled again
};

enum { NO_SWAP = -1 };

struct model_plan {
	struct model *m;
	uint64_t base_version;
	struct swap *swaps;
	size_t n_swaps, swaps_capacity;
	struct hmap dirty;
	struct unit **old_units, **new_units;
	size_t n_units;
	struct err_list *errs;
	struct flow_rule flow_rule;
	struct buf_writer ops;
	uint32_t n_ops;
};

extern const struct table_ops *const plan_table_ops[API_TABLE__COUNT];

/* After all swaps, so that no number is taken that an object of the same transaction asks for by itself. */
void plan_choose_numbers(struct model_plan *p);
/* Resolves flows and groups, and looks at every change on the state as it would be. Faults go to p->errs. */
void plan_check(struct model_plan *p);
