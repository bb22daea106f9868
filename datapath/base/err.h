/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A failure that a user will read: built once where it is known, printed verbatim by the API, CLI and log.
 *
 * Threads: any; a plain value. Memory: none, texts are inside and cut when too long.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>

#include "datapath/base/compiler.h"

enum err_code {
	ERR_NONE = 0,
#define ERROR(id, code, name, errno_value, retryable, help) ERR_##id = (code),
#include "datapath/base/err.def"
#undef ERROR
};

struct err {
	enum err_code code;
	char path[128];  // JSON pointer to the offending member, "" when none
	char object[96]; // "port/vm1", "" when none
	char what[320];  // one sentence, no full stop
	char hint[240];  // what to do next, "" when nothing helps
};

/* Fills code and what; clears hint, keeps path and object. Returns the code's negative errno. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) FORMAT(3, 4);
/* Adds the hint to a filled err. Returns the code's negative errno. */
int err_hint(struct err *err, const char *fmt, ...) FORMAT(2, 3);
void err_path(struct err *err, const char *fmt, ...) FORMAT(2, 3);
void err_object(struct err *err, const char *fmt, ...) FORMAT(2, 3);
const char *err_name(enum err_code code); // "not_found"
const char *err_help(enum err_code code); // the .def row's sentence
int err_errno(enum err_code code);        // negative errno
bool err_retryable(enum err_code code);
/* The candidate nearest to word by edit distance (at most 1/3 of its length, 3 at most), or NULL. */
const char *nearest_word(const char *word, const char *const *candidates, size_t n);
