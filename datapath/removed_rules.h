/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rules that timed out, kept until control has said that it knows: events may be lost, with the control daemon that was to
 * read them.
 *
 * Threads: control. Memory: at most REMOVED_RULES_MAX events; removed_rules_create allocates.
 */
#include <stddef.h>

#include "datapath/base/buf.h"
#include "datapath/dp_proto.h"

enum { REMOVED_RULES_MAX = 262144 };

struct removed_rules;

struct removed_rules *removed_rules_create(void);    // NULL: out of memory
void removed_rules_destroy(struct removed_rules *r); // accepts NULL
/* Replaces what it knew of the rule. Beyond the limit, or the memory, it is only counted. */
void removed_rules_add(struct removed_rules *r, const struct dp_removed_event *ev);
void removed_rules_del(struct removed_rules *r, uint64_t rule);
size_t removed_rules_count(const struct removed_rules *r);
uint64_t removed_rules_n_lost(const struct removed_rules *r);
/* Appends all, in no order. */
void removed_rules_encode(const struct removed_rules *r, struct buf_writer *w);
