/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The handlers of method.def.
 *
 * Threads: sluiced's loop. Memory: see rpc.h.
 */
#include "control/api/rpc.h"

#define METHOD(name, handler, ...) rpc_handler handler;
#include "control/api/method.def"
#undef METHOD
