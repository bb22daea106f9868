/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Answers as JSON.
 *
 * Threads: main. Memory: the caller owns what is returned (json_decref). NULL: out of memory.
 */
#include "tools/bench/engine/engine.h"

json_t *result_ready(const struct engine *e);
json_t *result_loaded(const struct engine *e);
json_t *result_trial(const struct engine *e, const struct trial_result *r);
json_t *result_links(const struct engine *e);
json_t *result_calibration(const struct engine *e);
json_t *result_error(const struct err *err);
