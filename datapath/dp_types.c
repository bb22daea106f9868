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

size_t dp_action_size(enum dp_action_type type)
{
	static const uint8_t sizes[DP_ACTION__COUNT] = {
#define ACTION(id, name, body, help) [DP_ACTION_##id] = DP_ACTION_HDR_SIZE + SIZE_##body,
#include "datapath/dp_action.def"
#undef ACTION
	};

	return (unsigned int)type < DP_ACTION__COUNT ? sizes[type] : 0;
}
