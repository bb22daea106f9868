/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A model and a switch that do nothing but remember: the API is tested without what it programs.
 *
 * Threads: one. Memory: static.
 */
#include "control/dp_client.h"
#include "control/model.h"

struct fake {
	/* What the tests decide. */
	const char *refuse_name; // model_plan refuses changes of this object
	int switch_error;        // what the switch answers; 0: applied
	bool is_connected;
	enum { HOLD_NOTHING, HOLD_PREPARE, HOLD_COMMIT } hold; // it waits for fake_answer
	size_t n_refusals;                                     // of dp_client_status: 0 or 1
	/* What happened. */
	size_t n_commits, n_discards, n_aborts;
	uint64_t prepared; // generation; 0: none
	uint64_t last_generation;
	dp_reply_cb *held_cb;
	void *held_arg;
};

extern struct fake fake;

void fake_reset(void);
/* The switch answers what it holds. */
void fake_answer(void);
