/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ovsdb/remotes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "control/mem.h"

#define LOG_MODULE "ovsdb"
#include "datapath/base/log.h"

enum { TLS_TEXT_SIZE = 16384 };

static void put_file(struct buf_writer *w, const char *path);
static bool is_among(const struct ovsdb_remote_conf *confs, size_t n, const char *name);
static void write_manager(
    const struct remotes *m, struct row_writer *w, const struct ovsdb_row *row);

void remotes_update(struct remotes *m)
{
	const struct rows *r = m->rows;
	struct row_list managers = rows_list(r, OVS_Manager);
	struct ovsdb_remote_conf *confs =
	    mem_alloc_array(m->n_fixed + managers.n + 1, sizeof(*confs));
	size_t n = 0;

	remotes_update_tls(m);
	for (size_t i = 0; i < m->n_fixed; i++)
		confs[n++] = (struct ovsdb_remote_conf){
		    .name = m->fixed[i], .options = ovsdb_remote_default_options(m->fixed[i])};
	for (size_t i = 0; i < managers.n; i++) {
		const struct ovsdb_row *row = managers.rows[i];
		const char *target = rows_string(r, row, OVS_Manager_target);
		if (is_among(confs, n, target))
			continue;
		struct ovsdb_remote_options options = ovsdb_remote_default_options(target);
		options.probe_ms = (unsigned int)rows_integer(
		    r, row, OVS_Manager_inactivity_probe, options.probe_ms);
		options.max_backoff_ms = (unsigned int)rows_integer(
		    r, row, OVS_Manager_max_backoff, options.max_backoff_ms);
		confs[n++] = (struct ovsdb_remote_conf){.name = target, .options = options};
	}
	ovsdb_server_set_remotes(m->server, confs, n);
	free(confs);
	row_list_fini(&managers);
}

void remotes_write(const struct remotes *m, struct row_writer *w)
{
	struct row_list managers = rows_list(m->rows, OVS_Manager);

	for (size_t i = 0; i < managers.n; i++)
		write_manager(m, w, managers.rows[i]);
	row_list_fini(&managers);
}

void remotes_fini(struct remotes *m)
{
	free(m->tls_text);
	m->tls_text = NULL;
}

void remotes_update_tls(struct remotes *m)
{
	const struct rows *r = m->rows;
	struct row_list ssl = rows_list(r, OVS_SSL);
	struct ovsdb_tls_files files = {0};
	struct err err = {0};
	struct buf_writer text;

	buf_writer_init(&text, TLS_TEXT_SIZE);
	if (ssl.n > 0) {
		files.private_key = rows_string(r, ssl.rows[0], OVS_SSL_private_key);
		files.certificate = rows_string(r, ssl.rows[0], OVS_SSL_certificate);
		files.ca_cert = rows_string(r, ssl.rows[0], OVS_SSL_ca_cert);
		put_file(&text, files.private_key);
		put_file(&text, files.certificate);
		put_file(&text, files.ca_cert);
		buf_put_u8(&text, '\0');
	}
	if (text.size > 0 && !text.bad &&
	    (m->tls_text == NULL || strcmp((const char *)text.data, m->tls_text) != 0)) {
		free(m->tls_text);
		m->tls_text = mem_copy_text((const char *)text.data, text.size - 1);
		if (ovsdb_server_set_tls(m->server, &files, &err) != 0)
			log_err("the row of SSL cannot be used: %s", err.what);
		else
			log_info("the certificates of the row of SSL are in force");
		struct ovsdb_datum bootstrap = rows_get(r, ssl.rows[0], OVS_SSL_bootstrap_ca_cert);
		if (ovsdb_datum_boolean(&bootstrap, false))
			log_warn("bootstrap_ca_cert of the row of SSL is not supported: "
				 "peers need a certificate that ca_cert signed");
	}
	buf_writer_fini(&text);
	row_list_fini(&ssl);
}

/* Name and age: a file that was replaced is another. */
static void put_file(struct buf_writer *w, const char *path)
{
	struct stat st = {0};
	char age[80];

	if (stat(path, &st) != 0)
		st.st_mtim.tv_sec = -1;
	int size = snprintf(age, sizeof(age), "\n%ld.%09ld %ld\n", (long)st.st_mtim.tv_sec,
	    st.st_mtim.tv_nsec, (long)st.st_size);
	buf_put(w, path, strlen(path));
	buf_put(w, age, (size_t)size);
}

static bool is_among(const struct ovsdb_remote_conf *confs, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(confs[i].name, name) == 0)
			return true;
	return false;
}

static void write_manager(
    const struct remotes *m, struct row_writer *w, const struct ovsdb_row *row)
{
	struct ovsdb_remote_status status = {0};
	char connected[24], disconnected[24], n[24], port[8];

	if (!ovsdb_server_remote_status(
		m->server, rows_string(m->rows, row, OVS_Manager_target), &status)) {
		static const char *const none[][2] = {
		    {"last_error", "it cannot be had: see the log"}};
		writer_set_boolean(w, row, OVS_Manager_is_connected, false);
		writer_set(w, row, OVS_Manager_status, datum_of_map(none, 1));
		return;
	}
	snprintf(connected, sizeof(connected), "%" PRId64, status.connected_s);
	snprintf(disconnected, sizeof(disconnected), "%" PRId64, status.disconnected_s);
	snprintf(n, sizeof(n), "%u", status.n_connections);
	snprintf(port, sizeof(port), "%u", status.bound_port);
	const char *const pairs[][2] = {
	    {"state", status.state},
	    {"last_error", status.last_error[0] != '\0' ? status.last_error : NULL},
	    {"sec_since_connect", status.connected_s >= 0 ? connected : NULL},
	    {"sec_since_disconnect", status.disconnected_s >= 0 ? disconnected : NULL},
	    {"n_connections", status.n_connections > 1 ? n : NULL},
	    {"bound_port", status.bound_port != 0 ? port : NULL},
	    {"locks_held", status.locks_held},
	    {"locks_waiting", status.locks_waiting},
	    {"locks_lost", status.locks_lost},
	};
	writer_set_boolean(w, row, OVS_Manager_is_connected, status.is_connected);
	writer_set(w, row, OVS_Manager_status, datum_of_map(pairs, ARRAY_SIZE(pairs)));
	ovsdb_remote_status_fini(&status);
}
