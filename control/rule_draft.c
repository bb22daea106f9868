/* SPDX-License-Identifier: Apache-2.0 */
/* Writing rules: see rule_draft.h. */
#include "control/rule_draft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

uint64_t rule_id(
    uint32_t bridge, uint8_t table, uint16_t priority, const void *match, size_t match_size)
{
	struct {
		uint32_t bridge;
		uint16_t priority;
		uint8_t table, pad;
		uint8_t match[FLOW_MATCH_MAX_SIZE];
	} words;

	assert(match_size <= sizeof(words.match));
	words.bridge = bridge;
	words.priority = priority;
	words.table = table;
	words.pad = 0;
	memcpy(words.match, match, match_size);
	uint64_t id = hash_stable(&words, 8 + match_size) & ~OPENFLOW_RULE;
	return id != 0 ? id : 1; // 0 means no rule
}

void rule_init(struct rule_draft *r, struct unit *u)
{
	memset(r, 0, sizeof(*r));
	buf_writer_init(&r->actions, DP_MAX_ACTIONS_SIZE);
	r->unit = u;
}

void rule_fini(struct rule_draft *r)
{
	buf_writer_fini(&r->actions);
}

void rule_start(struct rule_draft *r, uint32_t bridge, uint8_t table, uint16_t priority)
{
	r->conf = (struct dp_rule_conf){.bridge = bridge, .table = table, .priority = priority};
	memset(&r->match, 0, sizeof(r->match));
	r->actions.size = 0;
}

static void match_masked(struct rule_draft *r, enum flow_field_id id, const struct flow_value *v,
    const struct flow_value *mask)
{
	int error = flow_match_add_field(&r->match, id, v, mask);

	assert(error == 0); // compilers do not contradict themselves
	(void)error;
}

void rule_match(struct rule_draft *r, enum flow_field_id id, uint64_t value)
{
	struct flow_value v = flow_value_from_u64(value),
			  mask = flow_value_ones(flow_fields[id].n_bits);

	match_masked(r, id, &v, &mask);
}

void rule_match_mac(struct rule_draft *r, enum flow_field_id id, const struct mac_addr *mac)
{
	rule_match(r, id, mac_to_u64(mac));
}

void rule_match_multicast(struct rule_draft *r)
{
	struct flow_value bit = flow_value_from_u64(1ULL << 40);

	match_masked(r, FIELD_ETH_DST, &bit, &bit);
}

/* The upper len of n_bits. */
static struct flow_value prefix_mask(unsigned int len, unsigned int n_bits)
{
	struct flow_value mask = flow_value_ones(n_bits);

	for (unsigned int bit = 0; bit < n_bits - len; bit++)
		mask.b[FIELD_VALUE_MAX_SIZE - 1 - bit / 8] &= (uint8_t) ~(1U << bit % 8);
	return mask;
}

void rule_match_ip6(
    struct rule_draft *r, enum flow_field_id id, const struct ip6_addr *addr, unsigned int len)
{
	struct flow_value v, mask = prefix_mask(len, 128);

	memcpy(v.b, addr->b, sizeof(v.b));
	if (len > 0)
		match_masked(r, id, &v, &mask);
}

void rule_match_ip(struct rule_draft *r, enum flow_field_id v4, enum flow_field_id v6,
    const struct ip_addr *addr, unsigned int len)
{
	if (!ip_is_v4(addr)) {
		rule_match_ip6(r, v6, &addr->a, len);
		return;
	}
	struct flow_value v = flow_value_from_u64(ntohl(ip_v4_be(addr))),
			  mask = prefix_mask(len, 32);
	if (len > 0)
		match_masked(r, v4, &v, &mask);
}

void rule_put(struct rule_draft *r, struct dp_action a)
{
	a.len = (uint16_t)dp_action_size((enum dp_action_type)a.type);
	buf_put(&r->actions, &a, a.len);
}

void rule_output(struct rule_draft *r, uint32_t ofport)
{
	rule_put(r, (struct dp_action){.type = DP_ACTION_OUTPUT, .output.port = ofport});
}

void rule_group(struct rule_draft *r, uint32_t group_id)
{
	rule_put(r, (struct dp_action){.type = DP_ACTION_GROUP, .group.id = group_id});
}

static void set_value(struct rule_draft *r, enum flow_field_id id, const struct flow_value *v)
{
	struct dp_action a = {.type = DP_ACTION_SET_FIELD};

	a.set_field.field = (uint16_t)id;
	a.set_field.value = *v;
	a.set_field.mask = flow_value_ones(flow_fields[id].n_bits);
	rule_put(r, a);
}

void rule_set(struct rule_draft *r, enum flow_field_id id, uint64_t value)
{
	struct flow_value v = flow_value_from_u64(value);

	set_value(r, id, &v);
}

void rule_set_tun_dst(struct rule_draft *r, const struct ip_addr *remote)
{
	struct flow_value v;

	if (ip_is_v4(remote)) {
		rule_set(r, FIELD_TUN_DST, ntohl(ip_v4_be(remote)));
		return;
	}
	memcpy(v.b, remote->a.b, sizeof(v.b));
	set_value(r, FIELD_TUN_IPV6_DST, &v);
}

void rule_reply(struct rule_draft *r, enum dp_action_type type, const struct mac_addr *mac)
{
	rule_put(r, (struct dp_action){.type = (uint16_t)type, .reply.mac = *mac});
}

void rule_drop(struct rule_draft *r, enum dp_drop reason)
{
	rule_put(r, (struct dp_action){.type = DP_ACTION_DROP, .drop.reason = reason});
}

void rule_goto(struct rule_draft *r, uint8_t table)
{
	r->conf.flags |= DP_RULE_F_GOTO;
	r->conf.goto_table = table;
}

void rule_metadata(struct rule_draft *r, uint64_t value)
{
	r->conf.flags |= DP_RULE_F_WRITE_METADATA;
	r->conf.metadata_be = htobe64(value);
	r->conf.metadata_mask_be = UINT64_MAX;
}

void rule_emit(struct rule_draft *r)
{
	uint8_t body[sizeof(struct dp_rule_conf) + FLOW_MATCH_MAX_SIZE + DP_MAX_ACTIONS_SIZE];
	uint8_t *match = body + sizeof(struct dp_rule_conf);
	size_t match_size = flow_match_encode(&r->match, match);
	uint64_t id = rule_id(r->conf.bridge, r->conf.table, r->conf.priority, match, match_size);

	assert(!r->actions.bad);
	r->conf.match_size = (uint32_t)ROUND_UP(match_size, 8);
	memset(match + match_size, 0, r->conf.match_size - match_size);
	r->conf.apply_size = (uint32_t)r->actions.size;
	memcpy(body, &r->conf, sizeof(r->conf));
	if (r->actions.size > 0)
		memcpy(match + r->conf.match_size, r->actions.data, r->actions.size);
	unit_emit(r->unit, DP_KIND_RULE, id, body,
	    sizeof(r->conf) + r->conf.match_size + r->actions.size);
}
