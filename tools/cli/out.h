/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Output: tables for people (libsmartcols, sized to the terminal), JSON for programs.
 *
 * Threads: one. Memory: a table owns its cells; JSON is borrowed.
 */
#include "tools/cli/command.h"

struct out_table;

/* columns: NULL-terminated headings; one that starts with '>' is right-aligned. */
struct out_table *out_table_create(const struct cli *cli, const char *const *columns);
void out_table_row(struct out_table *t, const char *const *cells); // as many as columns; copied
/* Prints (nothing when empty) and frees. */
void out_table_end(struct out_table *t);
void out_json(const struct cli *cli, const json_t *value);
/* One cell's text of any JSON value: strings bare, lists comma-separated. Returns buf. */
const char *out_value(const json_t *value, char *buf, size_t size);
/* Every member of an object on a line of its own, nested objects indented. */
void out_members(json_t *object);
/* 1234567 → "1.23M". Returns buf. */
const char *out_count(uint64_t n, char buf[16]);
