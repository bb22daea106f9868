/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OVS sends tunnels by whatever device the kernel's routes say. Here a port of kind uplink says which devices carry the underlay: it is made
 * for each device that a tunnel of the rows is routed by, and for those that Open_vSwitch.other_config:sluice-uplinks names.
 */
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/mem.h"
#include "control/ovsdb/wants.h"
#include "datapath/base/net_types.h"

static bool find_by_address(const struct sockaddr *address, char ret[UPLINK_NAME_SIZE]);
static bool same_address(const struct sockaddr *a, const struct sockaddr *b);
static void want_uplink(struct wants *w, const struct wants_source *s, const char *device,
    const struct ovsdb_uuid *row);
static bool is_somebodys(const struct store *store, const char *device);
static void keep_uplinks(
    struct wants *w, const struct wants_source *s, const struct ovsdb_uuid *row);
static void want_named(struct wants *w, const struct wants_source *s, const struct ovsdb_row *root);

bool uplink_route(const char *remote, char ret[UPLINK_NAME_SIZE])
{
	struct ip_addr ip;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(4789)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(4789)};
	struct sockaddr_storage local = {0};
	socklen_t size = sizeof(local);

	if (ip_parse(remote, &ip) != 0)
		return false;
	bool is_v4 = ip_is_v4(&ip);
	if (is_v4)
		v4.sin_addr.s_addr = ip_v4_be(&ip);
	else
		memcpy(&v6.sin6_addr, &ip.a, sizeof(ip.a));
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	/* Nothing is sent: the kernel only chooses the source address. */
	int rc = is_v4 ? connect(fd, (const struct sockaddr *)&v4, sizeof(v4))
		       : connect(fd, (const struct sockaddr *)&v6, sizeof(v6));
	if (rc == 0)
		rc = getsockname(fd, (struct sockaddr *)&local, &size);
	close(fd);
	return rc == 0 && find_by_address((struct sockaddr *)&local, ret);
}

void uplinks_want(struct wants *w, const struct wants_source *s)
{
	const struct ovsdb_row *root = rows_root(s->rows);
	char device[UPLINK_NAME_SIZE];
	bool all_found = true;
	size_t n = w->n;

	if (root == NULL)
		return;
	want_named(w, s, root);
	for (size_t i = 0; i < n && s->route != NULL; i++) {
		json_t *object = w->array[i]->object;
		const char *kind = json_string_value(json_object_get(object, "kind"));
		const char *remote = json_string_value(json_object_get(object, "remote_ip"));
		/* What is wrong with a row keeps what the store has of it: what that needs stays too. */
		all_found &= object != NULL;
		if (kind == NULL || strcmp(kind, "vxlan") != 0 || strcmp(remote, "flow") == 0)
			continue;
		bool is_found = s->route(remote, device);
		all_found &= is_found;
		if (is_found)
			want_uplink(w, s, device, &root->uuid);
	}
	if (!all_found)
		keep_uplinks(w, s, &root->uuid);
}

/* other_config:sluice-uplinks: devices, with commas or blanks between them. */
static void want_named(struct wants *w, const struct wants_source *s, const struct ovsdb_row *root)
{
	const char *text = rows_map(s->rows, root, OVS_Open_vSwitch_other_config, "sluice-uplinks");
	char device[UPLINK_NAME_SIZE];

	while (text != NULL && *(text += strspn(text, ", ")) != '\0') {
		size_t len = strcspn(text, ", ");
		snprintf(
		    device, sizeof(device), "%.*s", (int)MIN_OF(len, sizeof(device) - 1), text);
		want_uplink(w, s, device, &root->uuid);
		text += len;
	}
}

static void want_uplink(
    struct wants *w, const struct wants_source *s, const char *device, const struct ovsdb_uuid *row)
{
	char name[UPLINK_NAME_SIZE + sizeof(UPLINK_PREFIX)];

	snprintf(name, sizeof(name), UPLINK_PREFIX "%s", device);
	if (wants_find(w, API_TABLE_PORT, name) != NULL || is_somebodys(s->store, device))
		return;
	struct want *want = wants_add(w, s, API_TABLE_PORT, name, row);
	if (want->error[0] == '\0')
		want->object = json_pack("{s:s, s:s}", "kind", "uplink", "interface", device);
}

/* A route that is gone for a moment takes no device away. */
static void keep_uplinks(
    struct wants *w, const struct wants_source *s, const struct ovsdb_uuid *row)
{
	size_t n;
	const struct api_object *const *stored = store_sorted(s->store, API_TABLE_PORT, &n);

	for (size_t i = 0; i < n; i++) {
		const char *kind = json_string_value(json_object_get(stored[i]->data, "kind"));
		if (kind != NULL && strcmp(kind, "uplink") == 0 &&
		    strcmp(stored[i]->owner, OVSDB_OWNER) == 0)
			want_uplink(w, s,
			    json_string_value(json_object_get(stored[i]->data, "interface")), row);
	}
}

/* Made through the API for the same device. */
static bool is_somebodys(const struct store *store, const char *device)
{
	size_t n;
	const struct api_object *const *stored = store_sorted(store, API_TABLE_PORT, &n);

	for (size_t i = 0; i < n; i++) {
		const char *kind = json_string_value(json_object_get(stored[i]->data, "kind"));
		const char *interface =
		    json_string_value(json_object_get(stored[i]->data, "interface"));
		if (kind != NULL && interface != NULL && strcmp(kind, "uplink") == 0 &&
		    strcmp(interface, device) == 0 && strcmp(stored[i]->owner, OVSDB_OWNER) != 0)
			return true;
	}
	return false;
}

static bool find_by_address(const struct sockaddr *address, char ret[UPLINK_NAME_SIZE])
{
	struct ifaddrs *all, *a;
	bool is_found = false;

	if (getifaddrs(&all) != 0)
		return false;
	for (a = all; a != NULL && !is_found; a = a->ifa_next) {
		is_found = a->ifa_addr != NULL && (a->ifa_flags & IFF_LOOPBACK) == 0 &&
			   same_address(a->ifa_addr, address);
		if (is_found)
			snprintf(ret, UPLINK_NAME_SIZE, "%s", a->ifa_name);
	}
	freeifaddrs(all);
	return is_found;
}

static bool same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)(const void *)b)->sin_addr.s_addr;
	return a->sa_family == AF_INET6 &&
	       memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
		   &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr,
		   sizeof(struct in6_addr)) == 0;
}
