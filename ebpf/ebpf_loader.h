/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * uplink.bpf.c on an interface: attached, with its maps in a directory of a mounted bpffs, so that both outlive who loaded them.
 *
 * uplink_xdp_open attaches, or takes over what an earlier process left, without a moment in which no program is there.
 * uplink_xdp_close leaves all as it is; uplink_xdp_remove takes the program off the interface and deletes the directory.
 *
 * The program is attached alone, not through libxdp's dispatcher: on an interface that has one already, open refuses. A process that is
 * killed between attaching and pinning leaves a program that the next takes for another's.
 *
 * Threads: one at a time; the calls make system calls. Memory: the caller owns what open returns, until close.
 */
#include "datapath/base/err.h"
#include "datapath/base/net_types.h"
#include "ebpf/ebpf_shared.h"

struct uplink_xdp;

enum uplink_xdp_mode {
	UPLINK_XDP_NATIVE,  // in the driver
	UPLINK_XDP_GENERIC, // behind it, on the kernel's own packet
};

/*
 * dir: not there yet, or what an earlier open made. 0 or -errno with err: no such interface, another program is attached, no bpffs, the
 * kernel or driver refuses.
 */
MUST_CHECK
int uplink_xdp_open(
    const char *interface, const char *dir, struct uplink_xdp **ret, struct err *err);
void uplink_xdp_close(struct uplink_xdp *x); // NULL: nothing
/* What is not there is no error; another's program stays. An interface that is gone took its program along. */
MUST_CHECK
int uplink_xdp_remove(const char *interface, const char *dir, struct err *err);

enum uplink_xdp_mode uplink_xdp_mode(const struct uplink_xdp *x);
/* The XSKMAP in which a socket is registered by its queue's number. Borrowed. */
int uplink_xdp_xsks_fd(const struct uplink_xdp *x);

/* 0 or -errno; -E2BIG: the map is full. udp_port in host order; flags: enum xdp_vtep_flags. */
MUST_CHECK
int uplink_xdp_put_vtep(
    struct uplink_xdp *x, const struct ip_addr *addr, uint16_t udp_port, uint32_t flags);
/* 0 or -errno; -ENOENT: was not there. */
int uplink_xdp_del_vtep(struct uplink_xdp *x, const struct ip_addr *addr, uint16_t udp_port);
/* peer NULL: the VNI itself. As above. */
MUST_CHECK
int uplink_xdp_put_allowed(
    struct uplink_xdp *x, const struct ip_addr *peer, uint32_t vni, enum xdp_allowed value);
int uplink_xdp_del_allowed(struct uplink_xdp *x, const struct ip_addr *peer, uint32_t vni);
MUST_CHECK
int uplink_xdp_set(struct uplink_xdp *x, const struct xdp_settings *settings);
/* Sums over CPUs since the directory was made. */
MUST_CHECK
int uplink_xdp_counters(const struct uplink_xdp *x, uint64_t ret[XDP_COUNTER__COUNT]);
