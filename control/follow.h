/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The model and the underlay follow each other: what the model has of uplinks and remotes is what the underlay watches, and
 * what that says of routes and addresses goes into the model, and to the switch.
 *
 * Threads: sluiced's loop. Memory: follow_create allocates; it keeps a copy of the underlay's last report.
 */
#include "datapath/base/err.h"

struct daemon;
struct follow;

/* Makes d->underlay. NULL with *err. */
struct follow *follow_create(struct daemon *d, struct err *err);
void follow_destroy(struct follow *f); // d->underlay too; accepts NULL
/* The model has changed. */
void follow_model(struct daemon *d);
