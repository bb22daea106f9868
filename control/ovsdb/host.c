/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ovsdb/host.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The release whose schema and client behaviour the database has; clients compare it with what they need. The part behind the plus says
 * who it really is.
 */
#define OVS_VERSION "3.1.0+sluice." SLUICE_VERSION

static const char *const iface_types[] = {"afxdp", "dpdk", "dpdkvhostuser", "dpdkvhostuserclient",
    "internal", "patch", "system", "tap", "vxlan"};
static const char *const datapath_types[] = {"netdev", "system"};

static int read_system_id(struct host *h, const char *path);
static int make_system_id(struct host *h, const char *path, struct err *err);
static void read_os_release(struct host *h);
static void copy_value(const char *line, const char *key, char *ret, size_t size);
static struct ovsdb_datum set_of(const char *const *texts, size_t n);
static void make_root(const struct host *h, struct row_writer *w);
static void write_ids(const struct host *h, struct row_writer *w, const struct ovsdb_row *root);

int host_init(struct host *h, const char *state_dir, struct err *err)
{
	char path[512];

	*h = (struct host){0};
	snprintf(path, sizeof(path), "%s/system-id", state_dir);
	if (gethostname(h->name, sizeof(h->name) - 1) != 0)
		snprintf(h->name, sizeof(h->name), "localhost");
	read_os_release(h);
	return read_system_id(h, path) == 0 ? 0 : make_system_id(h, path, err);
}

void host_write(const struct host *h, struct row_writer *w, const char *dpdk)
{
	const struct rows *r = w->rows;
	const struct ovsdb_row *root = rows_root(r);

	if (root == NULL) {
		make_root(h, w);
		return;
	}
	writer_set_text(w, root, OVS_Open_vSwitch_ovs_version, OVS_VERSION);
	writer_set_text(w, root, OVS_Open_vSwitch_db_version, r->db->schema->version);
	writer_set_text(w, root, OVS_Open_vSwitch_system_type, h->type);
	writer_set_text(w, root, OVS_Open_vSwitch_system_version, h->version);
	writer_set(
	    w, root, OVS_Open_vSwitch_iface_types, set_of(iface_types, ARRAY_SIZE(iface_types)));
	writer_set(w, root, OVS_Open_vSwitch_datapath_types,
	    set_of(datapath_types, ARRAY_SIZE(datapath_types)));
	writer_set_boolean(w, root, OVS_Open_vSwitch_dpdk_initialized, dpdk != NULL);
	writer_set_text(w, root, OVS_Open_vSwitch_dpdk_version, dpdk);
	write_ids(h, w, root);
}

/* What an operator has written there stays. */
static void write_ids(const struct host *h, struct row_writer *w, const struct ovsdb_row *root)
{
	const struct rows *r = w->rows;
	struct ovsdb_datum d = rows_get(r, root, OVS_Open_vSwitch_external_ids);
	struct ovsdb_datum_builder b;

	ovsdb_datum_builder_init(&b, OVSDB_STRING, OVSDB_STRING);
	for (uint32_t i = 0; i < d.n; i++)
		ovsdb_datum_builder_add_strings(
		    &b, ovsdb_datum_key(&d, i).string->s, ovsdb_datum_value(&d, i).string->s);
	ovsdb_datum_builder_add_strings(&b, "system-id", h->system_id); // the first added stays
	ovsdb_datum_builder_add_strings(&b, "hostname", h->name);
	writer_set(w, root, OVS_Open_vSwitch_external_ids, ovsdb_datum_builder_finish(&b));
}

static void make_root(const struct host *h, struct row_writer *w)
{
	const char *const ids[][2] = {{"system-id", h->system_id}, {"hostname", h->name}};
	struct ovsdb_uuid uuid = ovsdb_uuid_random();

	writer_insert(w, OVS_Open_vSwitch_external_ids, &uuid, datum_of_map(ids, ARRAY_SIZE(ids)));
}

static int read_system_id(struct host *h, const char *path)
{
	FILE *f = fopen(path, "re");
	struct ovsdb_uuid uuid;

	if (f == NULL)
		return -errno;
	bool is_read = fgets(h->system_id, sizeof(h->system_id), f) != NULL;
	fclose(f);
	return is_read && ovsdb_uuid_parse(h->system_id, &uuid) ? 0 : -EINVAL;
}

static int make_system_id(struct host *h, const char *path, struct err *err)
{
	struct ovsdb_uuid uuid = ovsdb_uuid_random();
	char new_path[520];

	ovsdb_uuid_format(&uuid, h->system_id);
	snprintf(new_path, sizeof(new_path), "%s.new", path);
	int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "%s\n", h->system_id) != HOST_ID_SIZE || fsync(fd) != 0 ||
	    rename(new_path, path) != 0)
		err_set(err, ERR_INTERNAL, "cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err->code != ERR_NONE ? -EIO : 0;
}

static void read_os_release(struct host *h)
{
	FILE *f = fopen("/etc/os-release", "re");
	char line[256];

	snprintf(h->type, sizeof(h->type), "unknown");
	snprintf(h->version, sizeof(h->version), "unknown");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		copy_value(line, "ID=", h->type, sizeof(h->type));
		copy_value(line, "VERSION_ID=", h->version, sizeof(h->version));
	}
	if (f != NULL)
		fclose(f);
}

static void copy_value(const char *line, const char *key, char *ret, size_t size)
{
	size_t len = strlen(key);

	if (strncmp(line, key, len) != 0)
		return;
	line += len + (line[len] == '"');
	snprintf(ret, size, "%.*s", (int)strcspn(line, "\"\n"), line);
}

static struct ovsdb_datum set_of(const char *const *texts, size_t n)
{
	struct ovsdb_datum_builder b;

	ovsdb_datum_builder_init(&b, OVSDB_STRING, OVSDB_VOID);
	for (size_t i = 0; i < n; i++)
		ovsdb_datum_builder_add_strings(&b, texts[i], NULL);
	return ovsdb_datum_builder_finish(&b);
}
