/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The methods of method.def. Each answers, at once or at the end of the pass.
 *
 * Threads: the loop's. Memory: a call is borrowed.
 */
#include "ovsdb-lite/server_priv.h"

#define METHOD(name, function, names_db) \
	void function(struct ovsdb_session *s, const struct ovsdb_call *call);
#include "ovsdb-lite/method.def"
#undef METHOD

/* Runs a request; unknown methods and databases are answered as such. */
void ovsdb_method_run(struct ovsdb_session *s, struct ovsdb_call *call);
