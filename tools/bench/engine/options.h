/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The engine's command line.
 *
 * Threads: main. Memory: texts point into argv.
 */
#include "tools/bench/engine/stream_conf.h"

struct port_option {
	char name[PORT_NAME_SIZE];
	const char *devargs;
	unsigned int n_queues; // from queues=, qpairs= or queue_count= of devargs, else 1
};

struct engine_options {
	unsigned int core, memory_mb, mtu;
	bool no_huge, has_core;
	char prefix[64]; // "": from the process id
	struct port_option ports[PORT_MAX];
	unsigned int n_ports;
	int log_level;
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION };

MUST_CHECK
int engine_options_parse(
    struct engine_options *o, int argc, char **argv, enum options_result *ret, struct err *err);
void engine_options_help(char *buf, size_t size);
