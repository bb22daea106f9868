/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Writing rules and groups for the switch, for compilers: start, add matches, add actions, emit.
 * The ids of rules are made here: a stable hash of what the rule is on and matches, so that the same rule has the same id
 * after any restart and the switch keeps its counters.
 *
 * Threads: sluiced's loop. Memory: a draft owns its actions from rule_init to rule_fini; emitting leaves it for the next.
 */
#include "control/model_priv.h"

struct rule_draft {
	struct dp_rule_conf conf;
	struct flow_match match;
	struct buf_writer actions;
	struct unit *unit;
};

uint64_t rule_id(
    uint32_t bridge, uint8_t table, uint16_t priority, const void *match, size_t match_size);

void rule_init(struct rule_draft *r, struct unit *u);
void rule_fini(struct rule_draft *r);
/* Forgets match and actions. */
void rule_start(struct rule_draft *r, uint32_t bridge, uint8_t table, uint16_t priority);
void rule_match(struct rule_draft *r, enum flow_field_id id, uint64_t value); // all bits
void rule_match_mac(struct rule_draft *r, enum flow_field_id id, const struct mac_addr *mac);
void rule_match_multicast(struct rule_draft *r); // group bit of eth_dst
/* The field of the address's family: v4 or v6. */
void rule_match_ip(struct rule_draft *r, enum flow_field_id v4, enum flow_field_id v6,
    const struct ip_addr *addr, unsigned int len);
void rule_match_ip6(
    struct rule_draft *r, enum flow_field_id id, const struct ip6_addr *addr, unsigned int len);
/* Adds a draft's action: the caller fills the body of what is returned by hand in put. */
void rule_put(struct rule_draft *r, struct dp_action a);
void rule_output(struct rule_draft *r, uint32_t ofport);
void rule_group(struct rule_draft *r, uint32_t group_id);
void rule_set(struct rule_draft *r, enum flow_field_id id, uint64_t value);
void rule_set_tun_dst(struct rule_draft *r, const struct ip_addr *remote);
void rule_reply(struct rule_draft *r, enum dp_action_type type, const struct mac_addr *mac);
void rule_drop(struct rule_draft *r, enum dp_drop reason);
void rule_goto(struct rule_draft *r, uint8_t table);
void rule_metadata(struct rule_draft *r, uint64_t value);
void rule_emit(struct rule_draft *r);
