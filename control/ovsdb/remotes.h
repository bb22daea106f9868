/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the database is served: what the command line says, and each row of Manager; with the files of the SSL row.
 *
 * Threads: sluiced's loop. Memory: remotes_fini frees.
 */
#include "control/ovsdb/rows.h"
#include "ovsdb-lite/server.h"

struct remotes {
	const struct rows *rows;
	struct ovsdb_server *server;
	const char *const *fixed; // of the command line
	size_t n_fixed;
	char *tls_text; // names and ages of the files that were read last
};

/* The rows have changed: listens and connects where they say. */
void remotes_update(struct remotes *m);
/* The files of the SSL row, when it names others or they were replaced. The former stay in force when the new ones are no good. */
void remotes_update_tls(struct remotes *m);
/* is_connected and status of Manager rows. */
void remotes_write(const struct remotes *m, struct row_writer *w);
void remotes_fini(struct remotes *m);
