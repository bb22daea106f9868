/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What flows and groups share: names of ports and groups of their bridge. Threads, Memory: see model_priv.h. */
#include "control/flow_json.h"
#include "control/model_priv.h"

struct resolver {
	struct model *m;
	struct entity *entity; // needs what is named
	const char *bridge;
	uint32_t bridge_id; // 0: there is no such bridge
	struct flow_names names;
	struct entity *ports[8]; // that were named; those beyond are needs already
	size_t n_ports;
};

void resolver_init(
    struct resolver *r, struct model *m, struct entity *e); // r must not move afterwards
/* The ports that were named become needs of the entity. */
void resolver_need_ports(struct resolver *r);
void resolver_need_groups(
    const struct resolver *r, const struct buf_writer *actions, const char *path);
void body_compile(struct entity *e, struct unit *u, enum dp_kind kind);
