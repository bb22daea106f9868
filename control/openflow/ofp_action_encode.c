/* SPDX-License-Identifier: Apache-2.0 */
/* The switch's actions on the wire: one encoder each. */
#include <string.h>

#include "control/openflow/ofp_action_priv.h"

enum {
	SET_VLAN_VID_10 = 1,
	SET_VLAN_PCP_10 = 2,
	STRIP_VLAN_10 = 3,
	PUSH_VLAN = 17,
	POP_VLAN = 18,
	GROUP = 22,
	DEC_TTL = 24,
	EXPERIMENTER = 0xffff,
	NX_RESUBMIT = 1,
	NX_NOTE = 8,
	NX_RESUBMIT_TABLE = 14,
	NX_DEC_TTL = 18,
	NX_CONTROLLER = 20,
	NX_GROUP = 40,
	TABLE_CURRENT = 255,
	ETH_VLAN = 0x8100,
};

static action_encode_fn *const encoders[DP_ACTION__COUNT];
static void put_output(struct action_writer *w, uint32_t port, uint16_t max_len);

void ofp_actions_encode(
    const struct ofp_actions *list, enum ofp_version version, struct buf_writer *out)
{
	struct action_writer w = {.w = out, .version = version};

	if (list->size == 0)
		return;
	action_foreach (a, list->data, list->size)
		encoders[a->type](a, &w);
}

void actions_encode_nested(const void *list, size_t size, struct action_writer *w)
{
	action_foreach (a, list, size)
		encoders[a->type](a, w);
}

size_t action_start(struct action_writer *w, uint16_t type)
{
	size_t start = w->w->size;

	wire_put_be16(w->w, type);
	wire_put_be16(w->w, 0);
	return start;
}

size_t action_start_nicira(struct action_writer *w, uint16_t subtype)
{
	size_t start = action_start(w, EXPERIMENTER);

	wire_put_be32(w->w, NX_VENDOR_ID);
	wire_put_be16(w->w, subtype);
	return start;
}

void action_finish(struct action_writer *w, size_t start)
{
	wire_put_align8(w->w, start);
	wire_set_be16(w->w, start + 2, (uint16_t)(w->w->size - start));
}

static void encode_output(const struct dp_action *a, struct action_writer *w)
{
	put_output(w, a->output.port, 0);
}

static void put_output(struct action_writer *w, uint32_t port, uint16_t max_len)
{
	size_t start = action_start(w, 0);

	if (w->version == OFP10_VERSION) {
		wire_put_be16(w->w, ofp_port_to_u16(port));
		wire_put_be16(w->w, max_len);
	} else {
		wire_put_be32(w->w, port);
		wire_put_be16(w->w, max_len);
	}
	action_finish(w, start);
}

static void encode_controller(const struct dp_action *a, struct action_writer *w)
{
	if (a->controller.reason == OFPR_ACTION) {
		put_output(w, DP_OFPORT_CONTROLLER, a->controller.max_len);
		return;
	}
	size_t start = action_start_nicira(w, NX_CONTROLLER);
	wire_put_be16(w->w, a->controller.max_len);
	wire_put_be16(w->w, 0);
	buf_put_u8(w->w, (uint8_t)a->controller.reason);
	action_finish(w, start);
}

static void encode_group(const struct dp_action *a, struct action_writer *w)
{
	bool nicira = w->version == OFP10_VERSION;
	size_t start = nicira ? action_start_nicira(w, NX_GROUP) : action_start(w, GROUP);

	if (nicira)
		wire_put_be16(w->w, 0);
	wire_put_be32(w->w, a->group.id);
	action_finish(w, start);
}

static void encode_push_vlan(const struct dp_action *a, struct action_writer *w)
{
	size_t start = action_start(w, PUSH_VLAN);

	wire_put_be16(w->w, a->push_vlan.tpid);
	action_finish(w, start);
}

static void encode_pop_vlan(const struct dp_action *, struct action_writer *w)
{
	action_finish(w, action_start(w, w->version == OFP10_VERSION ? STRIP_VLAN_10 : POP_VLAN));
}

static void encode_dec_ttl(const struct dp_action *, struct action_writer *w)
{
	if (w->version == OFP10_VERSION)
		action_finish(w, action_start_nicira(w, NX_DEC_TTL));
	else
		action_finish(w, action_start(w, DEC_TTL));
}

static void encode_resubmit(const struct dp_action *a, struct action_writer *w)
{
	bool table = a->resubmit.table != TABLE_CURRENT;
	size_t start = action_start_nicira(w, table ? NX_RESUBMIT_TABLE : NX_RESUBMIT);

	wire_put_be16(w->w, ofp_port_to_u16(a->resubmit.in_port));
	if (table)
		buf_put_u8(w->w, a->resubmit.table);
	action_finish(w, start);
}

/* Later versions push without a condition: as OVS writes it for them. */
static void encode_set_vlan(const struct dp_action *a, struct action_writer *w)
{
	struct dp_action set = action_of(DP_ACTION_SET_FIELD);
	bool vid = (a->set_vlan.mask & 0x0fff) != 0, pcp = (a->set_vlan.mask & 0xe000) != 0;

	if (vid && pcp) { // the whole tag, which NXM can say in every version
		action_put_tci(w, a->set_vlan.value | FLOW_VLAN_PRESENT);
		return;
	}
	if (w->version == OFP10_VERSION) {
		size_t start = action_start(w, vid ? SET_VLAN_VID_10 : SET_VLAN_PCP_10);
		if (vid)
			wire_put_be16(w->w, a->set_vlan.value);
		else
			buf_put_u8(w->w, (uint8_t)(a->set_vlan.value >> 13));
		action_finish(w, start);
		return;
	}
	size_t start = action_start(w, PUSH_VLAN);
	wire_put_be16(w->w, ETH_VLAN);
	action_finish(w, start);
	set.set_field.field = FIELD_VLAN_VID;
	set.set_field.value = flow_value_from_u64(a->set_vlan.value & 0x0fff);
	set.set_field.mask = flow_value_ones(12);
	if (vid)
		action_encode_set_field(&set, w);
	set.set_field.field = FIELD_VLAN_PCP;
	set.set_field.value = flow_value_from_u64(a->set_vlan.value >> 13);
	set.set_field.mask = flow_value_ones(3);
	if (pcp)
		action_encode_set_field(&set, w);
}

/* What OpenFlow has no word for, on bridges that other owners program: a note in the language of the API. */
static void encode_foreign(const struct dp_action *a, struct action_writer *w)
{
	const char *name = dp_action_names[a->type];
	size_t start = action_start_nicira(w, NX_NOTE);

	buf_put(w->w, name, strlen(name));
	action_finish(w, start);
}

/* No output is OpenFlow's drop. */
static void encode_nothing(const struct dp_action *, struct action_writer *)
{
}

static action_encode_fn *const encoders[DP_ACTION__COUNT] = {
    [DP_ACTION_OUTPUT] = encode_output,
    [DP_ACTION_GROUP] = encode_group,
    [DP_ACTION_SET_FIELD] = action_encode_set_field,
    [DP_ACTION_MOVE] = action_encode_move,
    [DP_ACTION_PUSH_VLAN] = encode_push_vlan,
    [DP_ACTION_POP_VLAN] = encode_pop_vlan,
    [DP_ACTION_DEC_TTL] = encode_dec_ttl,
    [DP_ACTION_RESUBMIT] = encode_resubmit,
    [DP_ACTION_CONTROLLER] = encode_controller,
    [DP_ACTION_ARP_REPLY] = encode_foreign,
    [DP_ACTION_ND_REPLY] = encode_foreign,
    [DP_ACTION_DROP] = encode_nothing,
    [DP_ACTION_SET_VLAN] = encode_set_vlan,
    [DP_ACTION_NOTE] = action_encode_note,
    [DP_ACTION_CLONE] = action_encode_clone,
    [DP_ACTION_EXIT] = action_encode_bare,
    [DP_ACTION_STACK_PUSH] = action_encode_stack,
    [DP_ACTION_STACK_POP] = action_encode_stack,
    [DP_ACTION_OUTPUT_REG] = action_encode_output_reg,
    [DP_ACTION_OUTPUT_TRUNC] = action_encode_output_trunc,
    [DP_ACTION_ENQUEUE] = action_encode_enqueue,
    [DP_ACTION_SET_QUEUE] = action_encode_set_queue,
    [DP_ACTION_POP_QUEUE] = action_encode_bare,
    [DP_ACTION_DEC_TTL_CNT] = action_encode_dec_ttl_cnt,
    [DP_ACTION_DELETE_FIELD] = action_encode_delete_field,
    [DP_ACTION_CT_CLEAR] = action_encode_bare,
    [DP_ACTION_CONTROLLER_EXT] = action_encode_controller_ext,
    [DP_ACTION_METER] = action_encode_meter,
    [DP_ACTION_CHECK_PKT_LARGER] = action_encode_check_pkt_larger,
    [DP_ACTION_CONJUNCTION] = action_encode_conjunction,
    [DP_ACTION_LEARN] = action_encode_learn,
    [DP_ACTION_CT] = action_encode_ct,
    [DP_ACTION_NAT] = action_encode_nat,
    [DP_ACTION_MULTIPATH] = action_encode_multipath,
    [DP_ACTION_BUNDLE] = action_encode_bundle,
    [DP_ACTION_SAMPLE] = action_encode_sample,
    [DP_ACTION_FIN_TIMEOUT] = action_encode_fin_timeout,
    [DP_ACTION_PUSH_MPLS] = action_encode_mpls,
    [DP_ACTION_POP_MPLS] = action_encode_mpls,
    [DP_ACTION_DEC_MPLS_TTL] = action_encode_bare,
    [DP_ACTION_COPY_TTL_OUT] = action_encode_bare,
    [DP_ACTION_COPY_TTL_IN] = action_encode_bare,
};
