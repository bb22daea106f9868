/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/dp_types.h"

#define BODY_SIZE(member) sizeof(((struct dp_action *)NULL)->member)

/* Sizes by the .def's word for the body, which is "none" or a member of struct dp_action. */
enum {
	SIZE_none = 0,
	SIZE_output = BODY_SIZE(output),
	SIZE_group = BODY_SIZE(group),
	SIZE_set_field = BODY_SIZE(set_field),
	SIZE_move = BODY_SIZE(move),
	SIZE_push_vlan = BODY_SIZE(push_vlan),
	SIZE_resubmit = BODY_SIZE(resubmit),
	SIZE_controller = BODY_SIZE(controller),
	SIZE_reply = BODY_SIZE(reply),
	SIZE_drop = BODY_SIZE(drop),
	SIZE_set_vlan = BODY_SIZE(set_vlan),
	SIZE_note = BODY_SIZE(note),
	SIZE_subfield = BODY_SIZE(subfield),
	SIZE_output_reg = BODY_SIZE(output_reg),
	SIZE_output_trunc = BODY_SIZE(output_trunc),
	SIZE_enqueue = BODY_SIZE(enqueue),
	SIZE_queue = BODY_SIZE(queue),
	SIZE_dec_ttl_cnt = BODY_SIZE(dec_ttl_cnt),
	SIZE_controller_ext = BODY_SIZE(controller_ext),
	SIZE_meter = BODY_SIZE(meter),
	SIZE_check_pkt_larger = BODY_SIZE(check_pkt_larger),
	SIZE_conjunction = BODY_SIZE(conjunction),
	SIZE_learn = BODY_SIZE(learn),
	SIZE_ct = BODY_SIZE(ct),
	SIZE_nat = BODY_SIZE(nat),
	SIZE_multipath = BODY_SIZE(multipath),
	SIZE_bundle = BODY_SIZE(bundle),
	SIZE_sample = BODY_SIZE(sample),
	SIZE_fin_timeout = BODY_SIZE(fin_timeout),
	SIZE_mpls = BODY_SIZE(mpls),
};

static_assert(offsetof(struct dp_action, output) == DP_ACTION_HDR_SIZE);
#define ACTION(id, name, body, help) \
	static_assert(SIZE_##body % 8 == 0, "lists pack without padding");
#include "datapath/dp_action.def"
#undef ACTION
static_assert(sizeof(struct dp_port_conf) % 8 == 0);
static_assert(sizeof(struct dp_bridge_conf) % 8 == 0);
static_assert(sizeof(struct dp_rule_conf) % 8 == 0);
static_assert(sizeof(struct dp_group_conf) % 8 == 0);
static_assert(sizeof(struct dp_bucket_conf) % 8 == 0);
static_assert(sizeof(struct dp_route_conf) % 8 == 0);
static_assert(sizeof(struct dp_local_conf) % 8 == 0);
static_assert(sizeof(struct dp_peer_conf) % 8 == 0);

const char *const dp_action_names[DP_ACTION__COUNT] = {
#define ACTION(id, name, ...) [DP_ACTION_##id] = (name),
#include "datapath/dp_action.def"
#undef ACTION
};

static_assert(sizeof(struct dp_learn_spec) % 8 == 0);

bool dp_action_is_variable(enum dp_action_type type)
{
	switch (type) {
	case DP_ACTION_NOTE:
	case DP_ACTION_CLONE:
	case DP_ACTION_DEC_TTL_CNT:
	case DP_ACTION_CONTROLLER_EXT:
	case DP_ACTION_LEARN:
	case DP_ACTION_CT:
	case DP_ACTION_BUNDLE: return true;
	default: return false;
	}
}

size_t dp_action_size(enum dp_action_type type)
{
	static const uint8_t sizes[DP_ACTION__COUNT] = {
#define ACTION(id, name, body, help) [DP_ACTION_##id] = DP_ACTION_HDR_SIZE + SIZE_##body,
#include "datapath/dp_action.def"
#undef ACTION
	};

	return (unsigned int)type < DP_ACTION__COUNT ? sizes[type] : 0;
}

bool dp_action_is_carried_out(enum dp_action_type type)
{
	switch (type) {
	case DP_ACTION_NOTE:
	case DP_ACTION_SET_QUEUE:
	case DP_ACTION_POP_QUEUE:
	case DP_ACTION_EXIT:
	case DP_ACTION_ENQUEUE:
	case DP_ACTION_CLONE:
	case DP_ACTION_STACK_PUSH:
	case DP_ACTION_STACK_POP:
	case DP_ACTION_OUTPUT_REG:
	case DP_ACTION_DELETE_FIELD:
	case DP_ACTION_CT_CLEAR: return true;
	default: return type < DP_ACTION_NOTE;
	}
}
