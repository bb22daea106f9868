/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the command line of sluiced says.
 *
 * Threads: main. Memory: texts are argv's.
 */
#include "control/api/role.h"
#include "control/api/tls.h"
#include "control/ovsdb/vswitch.h"
#include "datapath/base/log.h"

struct options {
	const char *rundir, *state;
	enum log_level log_level;
	struct role_rules roles;
	const char *listen_tls; // NULL: local clients only
	struct tls_files tls;
	size_t client_memory_mib; // 0: the default
	bool no_ovsdb;
	struct vswitch_options ovsdb;
};

/* The exit code when there is nothing to run, else -1. Says on stderr what is wrong. */
MUST_CHECK
int options_parse(struct options *o, int argc, char **argv);
