/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a stream is, as the load command says it: decoded, completed with defaults and validated. No DPDK.
 *
 * Threads: any; plain values. Memory: none.
 */
#include <jansson.h>

#include "datapath/base/err.h"
#include "datapath/base/net_types.h"

enum {
	STREAM_MAX = 64,       // streams at a time
	STREAM_ID_MAX = 255,   // a byte of the stamp
	STREAM_SIZES_MAX = 16, // frame sizes in a mix
	STREAM_WEIGHT_SUM_MAX = 4096,
	STREAM_FLOWS_MAX = 1000000,
	STREAM_FLOWS_SUM_MAX = 4000000, // over all streams: 16 to 24 bytes of memory each
	STREAM_OPEN_MAX = 65536,        // connections that are open at a time
	FRAME_FCS_SIZE = 4,
	FRAME_SIZE_MAX = 9216, // with FCS, without encapsulation
	PORT_MAX = 32,
	PORT_NAME_SIZE = 32,
	PORT_NONE = 255,
	VLAN_NONE = -1,
	VXLAN_PORT = 4789,
};

enum stream_kind {
	STREAM_UDP,
	STREAM_TCP,
	STREAM_TCP_CONNECTIONS,
	STREAM_RANDOM_TUPLES,
	STREAM_EXPLOSION,
	STREAM_PCAP,
};

enum stream_vary { VARY_SRC = 1, VARY_DST = 2, VARY_SPORT = 4, VARY_DPORT = 8 };

enum stream_distribution { CHOOSE_SEQUENTIAL, CHOOSE_UNIFORM, CHOOSE_ZIPF };

enum stream_verify { VERIFY_FRAME, VERIFY_STAMP };

/* What the decoder must know of a port. */
struct port_face {
	char name[PORT_NAME_SIZE];
	struct mac_addr mac;
	uint16_t n_queues;
	uint16_t frame_size_max; // with FCS and encapsulation
};

struct port_table {
	struct port_face ports[PORT_MAX];
	unsigned int n;
};

struct frame_size {
	uint16_t size; // with FCS
	uint16_t weight;
};

struct vxlan_conf {
	struct mac_addr eth_src, eth_dst;
	struct ip_addr src, dst;
	uint32_t vni;
};

struct stream_conf {
	uint8_t id, tx_port, rx_port; // rx_port: PORT_NONE when nobody receives
	uint8_t kind, distribution, verify, vary;
	uint16_t queue; // of tx_port
	uint16_t n_sizes;
	struct frame_size sizes[STREAM_SIZES_MAX];
	struct mac_addr eth_src, eth_dst;
	int32_t vlan;
	struct ip_addr src, dst;
	uint16_t sport, dport;
	uint32_t n_flows;
	double zipf_s;
	uint64_t seed;
	bool has_vxlan, expect_vxlan, udp_checksum;
	struct vxlan_conf vxlan;
	uint32_t n_open;     // connections at a time
	uint32_t timeout_ms; // of a connection
	char file[256];
};

/* Decodes obj ({"id":1,"tx":"a",…}). err->path is set by the caller to obj's place. 0 or -errno with err. */
MUST_CHECK
int stream_conf_decode(
    const json_t *obj, const struct port_table *ports, struct stream_conf *ret, struct err *err);
/* Headers and stamp of a frame, FCS included: the smallest frame size, encapsulation not counted. */
unsigned int stream_conf_min_size(const struct stream_conf *conf);
/* Bytes that the encapsulation adds; 0 without. */
unsigned int stream_conf_overhead(const struct stream_conf *conf);
bool stream_conf_is_v6(const struct stream_conf *conf);
