/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Methods that only tests call: test.echo answers its params, test.write counts calls and is mutating, test.later answers
 * when the test says so, test.big answers a text of the given size, test.admin needs that role.
 *
 * Threads: one. Memory: static.
 */
#include "control/api/rpc.h"

extern size_t test_n_writes;
extern struct rpc_request *test_waiting; // of test.later
