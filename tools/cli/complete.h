/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Bash completion: "complete -C 'sluice --bash-complete' sluice". Threads: one. Memory: none. */
#include "tools/cli/command.h"

/* Prints the words that may stand at the cursor of $COMP_LINE, live names asked from sluiced. Returns an exit code. */
int complete_bash(struct cli *cli);
