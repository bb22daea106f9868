/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The command line of sluice-switch: one table makes the parser and --help.
 *
 * Threads: main. Memory: none.
 */
#include "datapath/base/err.h"
#include "datapath/dp.h"

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION };

void options_init(struct dp_options *o); // defaults
/* Parses argv over the defaults. 0 or -EINVAL with err. *ret: what to do. */
MUST_CHECK
int options_parse(
    struct dp_options *o, int argc, char **argv, enum options_result *ret, struct err *err);
/* Writes the help text. */
void options_help(char *buf, size_t size);
/* "0-1,3" into options->cores. 0 or -EINVAL with err. */
MUST_CHECK
int options_parse_cores(struct dp_options *o, const char *s, struct err *err);
