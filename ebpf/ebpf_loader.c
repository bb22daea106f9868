/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/ebpf_loader.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uplink.skel.h>

enum { PATH_SIZE = 256 };

struct uplink_xdp {
	struct uplink_bpf *bpf;
	int if_index;
	enum uplink_xdp_mode mode;
};

static int load(struct uplink_xdp *x, const char *dir, struct err *err);
static int attach(struct uplink_xdp *x, const char *interface, const char *dir, struct err *err);
static int pin_program(struct uplink_xdp *x, const char *dir, struct err *err);
static int find_attached(int if_index, uint32_t *ret_id, uint32_t *ret_flags);
static int open_pinned_program(const char *dir, uint32_t *ret_id);
static int remove_dir(const char *dir, struct err *err);
static void discard_dir(const char *dir);
static struct xdp_vtep_key vtep_key(const struct ip_addr *addr, uint16_t udp_port);
static struct xdp_allowed_key allowed_key(const struct ip_addr *peer, uint32_t vni);

int uplink_xdp_open(
    const char *interface, const char *dir, struct uplink_xdp **ret, struct err *err)
{
	int if_index = (int)if_nametoindex(interface);
	if (if_index == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no interface %s", interface);
	struct uplink_xdp *x = calloc(1, sizeof(*x));
	if (x == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	x->if_index = if_index;
	int rc = load(x, dir, err);
	if (rc == 0)
		rc = attach(x, interface, dir, err);
	if (rc < 0) {
		discard_dir(dir);
		uplink_xdp_close(x);
		return rc;
	}
	*ret = x;
	return 0;
}

void uplink_xdp_close(struct uplink_xdp *x)
{
	if (x == NULL)
		return;
	uplink_bpf__destroy(x->bpf);
	free(x);
}

int uplink_xdp_remove(const char *interface, const char *dir, struct err *err)
{
	int if_index = (int)if_nametoindex(interface);
	uint32_t ours = 0, attached = 0, flags = 0;
	int fd = open_pinned_program(dir, &ours);
	int rc = 0;

	if (fd >= 0 && if_index != 0 && find_attached(if_index, &attached, &flags) == 0 &&
	    attached == ours) {
		LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = fd);
		rc = bpf_xdp_detach(if_index, flags | XDP_FLAGS_REPLACE, &opts);
	}
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		return err_set(err, ERR_INTERNAL, "the XDP program does not leave %s: %s",
		    interface, strerror(-rc));
	return remove_dir(dir, err);
}

enum uplink_xdp_mode uplink_xdp_mode(const struct uplink_xdp *x)
{
	return x->mode;
}

int uplink_xdp_xsks_fd(const struct uplink_xdp *x)
{
	return bpf_map__fd(x->bpf->maps.xsks);
}

int uplink_xdp_put_vtep(
    struct uplink_xdp *x, const struct ip_addr *addr, uint16_t udp_port, uint32_t flags)
{
	struct xdp_vtep_key key = vtep_key(addr, udp_port);
	struct xdp_vtep value = {.flags = flags};

	return bpf_map_update_elem(bpf_map__fd(x->bpf->maps.vteps), &key, &value, BPF_ANY);
}

int uplink_xdp_del_vtep(struct uplink_xdp *x, const struct ip_addr *addr, uint16_t udp_port)
{
	struct xdp_vtep_key key = vtep_key(addr, udp_port);

	return bpf_map_delete_elem(bpf_map__fd(x->bpf->maps.vteps), &key);
}

int uplink_xdp_put_allowed(
    struct uplink_xdp *x, const struct ip_addr *peer, uint32_t vni, enum xdp_allowed value)
{
	struct xdp_allowed_key key = allowed_key(peer, vni);

	return bpf_map_update_elem(
	    bpf_map__fd(x->bpf->maps.allowed), &key, &(uint8_t){(uint8_t)value}, BPF_ANY);
}

int uplink_xdp_del_allowed(struct uplink_xdp *x, const struct ip_addr *peer, uint32_t vni)
{
	struct xdp_allowed_key key = allowed_key(peer, vni);

	return bpf_map_delete_elem(bpf_map__fd(x->bpf->maps.allowed), &key);
}

int uplink_xdp_set(struct uplink_xdp *x, const struct xdp_settings *s)
{
	return bpf_map_update_elem(bpf_map__fd(x->bpf->maps.settings), &(uint32_t){0}, s, BPF_ANY);
}

int uplink_xdp_counters(const struct uplink_xdp *x, uint64_t ret[XDP_COUNTER__COUNT])
{
	int n_cpus = libbpf_num_possible_cpus(), rc = 0;
	if (n_cpus < 0)
		return n_cpus;
	uint64_t *of_cpu = calloc((size_t)n_cpus, sizeof(*of_cpu));
	if (of_cpu == NULL)
		return -ENOMEM;
	for (uint32_t id = 0; id < XDP_COUNTER__COUNT && rc == 0; id++) {
		rc = bpf_map_lookup_elem(bpf_map__fd(x->bpf->maps.counters), &id, of_cpu);
		ret[id] = 0;
		for (int cpu = 0; cpu < n_cpus; cpu++)
			ret[id] += of_cpu[cpu];
	}
	free(of_cpu);
	return rc;
}

/* With the maps of the directory, where an earlier process left some. */
static int load(struct uplink_xdp *x, const char *dir, struct err *err)
{
	struct bpf_map *map;
	char path[PATH_SIZE];

	x->bpf = uplink_bpf__open();
	if (x->bpf == NULL)
		return err_set(
		    err, ERR_INTERNAL, "the XDP program does not open: %s", strerror(errno));
	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		err_set(err, ERR_INTERNAL, "%s: %s", dir, strerror(errno));
		return err_hint(err, "mount a bpffs: mount -t bpf bpf /sys/fs/bpf");
	}
	bpf_object__for_each_map(map, x->bpf->obj)
	{
		int n = snprintf(path, sizeof(path), "%s/%s", dir, bpf_map__name(map));
		int rc = n < PATH_SIZE ? bpf_map__set_pin_path(map, path) : -ENAMETOOLONG;
		if (rc < 0)
			return err_set(err, ERR_INTERNAL, "%s: %s", path, strerror(-rc));
	}
	int rc = uplink_bpf__load(x->bpf);
	if (rc == 0)
		return 0;
	err_set(err, ERR_INTERNAL, "the kernel does not take the XDP program: %s", strerror(-rc));
	return err_hint(err,
	    "it needs Linux 5.18, CAP_BPF and CAP_NET_ADMIN, and %s in a bpffs, from this version",
	    dir);
}

static int attach(struct uplink_xdp *x, const char *interface, const char *dir, struct err *err)
{
	static const uint32_t flags_of[] = {
	    [UPLINK_XDP_NATIVE] = XDP_FLAGS_DRV_MODE, [UPLINK_XDP_GENERIC] = XDP_FLAGS_SKB_MODE};
	uint32_t attached = 0, flags = 0, ours = 0;
	int fd = bpf_program__fd(x->bpf->progs.uplink);
	int rc = find_attached(x->if_index, &attached, &flags);
	int old_fd = open_pinned_program(dir, &ours);

	if (rc == 0 && attached != 0 && (old_fd < 0 || attached != ours)) {
		err_set(err, ERR_CONFLICT, "interface %s has another XDP program, id %u", interface,
		    attached);
		err_hint(err, "take it off: ip link set dev %s xdp off", interface);
		rc = -EBUSY;
	} else if (rc == 0 && attached != 0) {
		LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = old_fd);
		x->mode = flags == XDP_FLAGS_DRV_MODE ? UPLINK_XDP_NATIVE : UPLINK_XDP_GENERIC;
		rc = bpf_xdp_attach(x->if_index, fd, flags | XDP_FLAGS_REPLACE, &opts);
	} else if (rc == 0) {
		x->mode = UPLINK_XDP_NATIVE;
		rc = bpf_xdp_attach(
		    x->if_index, fd, flags_of[x->mode] | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
		if (rc == -EOPNOTSUPP || rc == -EINVAL) {
			x->mode = UPLINK_XDP_GENERIC;
			rc = bpf_xdp_attach(
			    x->if_index, fd, flags_of[x->mode] | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
		}
	}
	if (old_fd >= 0)
		close(old_fd);
	if (rc == -EBUSY && err->code != ERR_NONE)
		return rc;
	if (rc < 0)
		return err_set(err, ERR_INTERNAL, "interface %s takes no XDP program: %s",
		    interface, strerror(-rc));
	return pin_program(x, dir, err);
}

/* So that the next process knows which program is ours. The new one takes the place of the old. */
static int pin_program(struct uplink_xdp *x, const char *dir, struct err *err)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/uplink", dir);
	unlink(path);
	int rc = bpf_program__pin(x->bpf->progs.uplink, path);
	return rc == 0 ? 0 : err_set(err, ERR_INTERNAL, "%s: %s", path, strerror(-rc));
}

/* ret_id 0: none. ret_flags: the mode it is attached in. */
static int find_attached(int if_index, uint32_t *ret_id, uint32_t *ret_flags)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	int rc = bpf_xdp_query(if_index, 0, &q);
	if (rc < 0)
		return rc;
	bool is_native = q.drv_prog_id != 0;
	*ret_id = is_native ? q.drv_prog_id : q.skb_prog_id;
	*ret_flags = is_native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
	if (*ret_id == 0)
		*ret_id = q.prog_id; // in the hardware
	return 0;
}

static int open_pinned_program(const char *dir, uint32_t *ret_id)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/uplink", dir);
	int fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
		*ret_id = info.id;
	return fd;
}

/* Only what load and pin_program put there: dir may be anything. */
static int remove_dir(const char *dir, struct err *err)
{
	static const char *const pins[] = {"uplink", "xsks", "vteps", "allowed", "settings",
	    "sources", "counters", "sampled_ns", "samples"};
	char path[PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(pins); i++) {
		int n = snprintf(path, sizeof(path), "%s/%s", dir, pins[i]);
		if (n < PATH_SIZE)
			unlink(path);
	}
	if (rmdir(dir) == 0 || errno == ENOENT)
		return 0;
	return err_set(err, ERR_INTERNAL, "%s: %s", dir, strerror(errno));
}

/* After a failure: nothing stays that was not there before. */
static void discard_dir(const char *dir)
{
	struct err ignored;
	uint32_t id;
	int fd = open_pinned_program(dir, &id);

	if (fd < 0)
		(void)!remove_dir(dir, &ignored);
	else
		close(fd);
}

static struct xdp_vtep_key vtep_key(const struct ip_addr *addr, uint16_t udp_port)
{
	struct xdp_vtep_key key = {.udp_port = __builtin_bswap16(udp_port)};

	memcpy(key.addr, addr, sizeof(key.addr));
	return key;
}

static struct xdp_allowed_key allowed_key(const struct ip_addr *peer, uint32_t vni)
{
	struct xdp_allowed_key key = {.vni = vni};

	if (peer != NULL)
		memcpy(key.addr, peer, sizeof(key.addr));
	return key;
}
