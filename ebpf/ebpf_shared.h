/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Layouts of the maps of uplink.bpf.c: the words that the program in the kernel and user space have in common.
 *
 * Addresses are 16 bytes in network order, IPv4 as ::ffff:a.b.c.d, as in struct ip_addr. Padding is zero: keys are compared whole.
 *
 * Threads: any; plain values. Memory: none.
 */
#include <linux/types.h>

enum {
	XDP_MAX_QUEUES = 64,
	XDP_MAX_VTEPS = 64,        // (address, UDP port)
	XDP_MAX_ALLOWED = 1 << 18, // (peer, VNI)
	XDP_MAX_SOURCES = 1 << 14, // token buckets; the least recently used go first
	XDP_SAMPLES_SIZE = 1 << 18,
	XDP_SAMPLE_DATA_SIZE = 128,
};

/* Index into the map counters. */
enum xdp_counter {
#define COUNTER(id, ...) XDP_##id,
#include "ebpf/uplink_counter.def"
#undef COUNTER
	XDP_COUNTER__COUNT
};

/* Where tunnels end: map vteps. */
struct xdp_vtep_key {
	__u8 addr[16];
	__be16 udp_port;
	__u8 pad[2];
};

enum xdp_vtep_flags {
	XDP_VTEP_F_ANY_PEER = 1 << 0, // whoever sends: the data plane decides
};

struct xdp_vtep {
	__u32 flags; // enum xdp_vtep_flags
};

/* Who may send what: map allowed. The zero address stands for the VNI itself. */
struct xdp_allowed_key {
	__u8 addr[16];
	__u32 vni;
};

enum xdp_allowed {
	XDP_ALLOWED = 1, // this peer; with the zero address, every peer
	XDP_KNOWN_VNI =
	    2, // zero address only: the VNI exists, so that whoever is not listed is an unknown peer
};

/* The only row of map settings. */
struct xdp_settings {
	__u32 source_pps;         // packets a second that a source may send to a CPU; 0: no limit
	__u32 source_burst;       // packets at once
	__u64 sample_interval_ns; // at most one sample of a drop per CPU in this time; 0: none
};

/* A token bucket: map sources, by address, per CPU. */
struct xdp_bucket {
	__u64 filled_ns; // monotonic
	__u64 tokens;    // in 1/2^20 packets
};

/* A dropped packet: ring buffer samples. */
struct xdp_sample {
	__u64 at_ns; // monotonic
	__u32 if_index;
	__u32 queue;
	__u32 counter;   // enum xdp_counter
	__u32 size;      // of the packet
	__u32 data_size; // bytes of data that hold its start
	__u32 pad;
	__u8 data[XDP_SAMPLE_DATA_SIZE];
};
