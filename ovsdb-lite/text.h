/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shared strings. Equal strings are one object, so that the keys and values that thousands of rows repeat cost a pointer,
 * and equality is that of pointers. UTF-8 without NUL, as the JSON that it comes from.
 *
 * Threads: one (a process-wide table). Memory: counted; ovsdb_text_of and ovsdb_text_ref give a reference, ovsdb_text_unref takes it.
 */
#include <stddef.h>
#include <stdint.h>

struct ovsdb_text {
	uint32_t hash;
	uint32_t n_refs;
	uint32_t len;
	char s[]; // NUL-terminated
};

struct ovsdb_text *ovsdb_text_of(const char *s, size_t len);
struct ovsdb_text *ovsdb_text_of_string(const char *s);
/* The text if some value has it, borrowed; else NULL. */
struct ovsdb_text *ovsdb_text_find(const char *s);
struct ovsdb_text *ovsdb_text_ref(struct ovsdb_text *text);
void ovsdb_text_unref(struct ovsdb_text *text);
size_t ovsdb_text_count(void); // distinct texts alive
