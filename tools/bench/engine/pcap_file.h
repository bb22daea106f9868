/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Frames of a capture file (classic pcap, either byte order, micro- or nanoseconds, Ethernet), in memory for replay.
 *
 * Threads: main. Memory: owns its frames.
 */
#include "datapath/base/err.h"

#include <stdint.h>

enum {
	PCAP_FRAMES_MAX = 1000000,
	PCAP_BYTES_MAX = 256 << 20,
};

struct pcap_frame {
	uint32_t ofs;
	uint16_t size;
};

struct pcap_file {
	struct pcap_frame *frames;
	uint8_t *bytes;
	uint32_t n, next;
	uint16_t max_size;
	uint64_t memory;
};

MUST_CHECK
int pcap_file_load(struct pcap_file *p, const char *path, struct err *err);
/* The same from memory. */
MUST_CHECK
int pcap_file_decode(struct pcap_file *p, const uint8_t *bytes, size_t size, struct err *err);
void pcap_file_fini(struct pcap_file *p);
