/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actions of OpenFlow's extensions. Those that this version only stores drop the packet with a reason of their own: what a controller
 * asks for is never left out silently.
 */
#include "datapath/pipeline_priv.h"

#include <netinet/in.h>
#include <string.h>

static void run_clone(struct pipeline *p, const struct dp_action *a);
static void stack_push(struct pipeline *p, const struct dp_action *a);
static void stack_pop(struct pipeline *p, const struct dp_action *a);
static void output_reg(struct pipeline *p, const struct dp_action *a);
static uint64_t bits_of(const struct flow_key *k, unsigned int field, unsigned int ofs,
    unsigned int n_bits, struct flow_value *ret);

void pipeline_extension(struct pipeline *p, const struct dp_action *a)
{
	struct flow_key *k = &p->now.key;
	struct flow_value zero = {{0}};

	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_NOTE: break;
	case DP_ACTION_SET_QUEUE: // no port has queues: all of them are the default one
	case DP_ACTION_POP_QUEUE: break;
	case DP_ACTION_EXIT: p->stopped = true; break;
	case DP_ACTION_ENQUEUE: pipeline_output(p, a->enqueue.port); break;
	case DP_ACTION_CLONE: run_clone(p, a); break;
	case DP_ACTION_STACK_PUSH: stack_push(p, a); break;
	case DP_ACTION_STACK_POP: stack_pop(p, a); break;
	case DP_ACTION_OUTPUT_REG: output_reg(p, a); break;
	case DP_ACTION_DELETE_FIELD:
		flow_field_set(&flow_fields[a->subfield.field], k, &zero);
		break;
	case DP_ACTION_CT_CLEAR:
		k->ct_state = k->ct_mark = 0;
		k->ct_zone = 0;
		memset(&k->ct_label, 0, sizeof(k->ct_label));
		break;
	case DP_ACTION_CT:
	case DP_ACTION_NAT: pipeline_stop(p, DP_DROP_UNSUPPORTED_CT); break;
	default:
		assert(!dp_action_is_carried_out((enum dp_action_type)a->type));
		pipeline_note(p, "%s is not carried out", dp_action_names[a->type]);
		pipeline_stop(p, DP_DROP_UNSUPPORTED_ACTION);
		break;
	}
}

/* The list runs on a copy; what it does to the packet and its registers ends with it. */
static void run_clone(struct pipeline *p, const struct dp_action *a)
{
	struct pipeline_copy copy;
	size_t fixed = dp_action_size(DP_ACTION_CLONE);
	unsigned int n_stack = p->n_stack;

	if (!pipeline_copy_begin(p, &copy))
		return;
	pipeline_actions(p, (const struct dp_action *)((const uint8_t *)a + fixed), a->len - fixed);
	p->n_stack = n_stack;
	pipeline_copy_end(p, &copy);
}

static void stack_push(struct pipeline *p, const struct dp_action *a)
{
	if (p->n_stack == PIPELINE_MAX_STACK) {
		p->exceeded = true;
		return;
	}
	bits_of(&p->now.key, a->subfield.field, a->subfield.ofs, a->subfield.n_bits,
	    &p->stack[p->n_stack++]);
}

/* An empty stack gives nothing, as with OVS. */
static void stack_pop(struct pipeline *p, const struct dp_action *a)
{
	if (p->n_stack == 0) {
		pipeline_note(p, "pop from an empty stack");
		return;
	}
	struct dp_action set = {.type = DP_ACTION_SET_FIELD};
	struct flow_value *from = &p->stack[--p->n_stack];
	unsigned int at = a->subfield.ofs;
	set.set_field.field = a->subfield.field;
	for (unsigned int i = 0; i < a->subfield.n_bits; i++, at++) {
		uint8_t bit = (uint8_t)(1U << at % 8);
		set.set_field.mask.b[15 - at / 8] |= bit;
		if ((from->b[15 - i / 8] >> i % 8 & 1) != 0)
			set.set_field.value.b[15 - at / 8] |= bit;
	}
	pipeline_set_field(p, &set);
}

static void output_reg(struct pipeline *p, const struct dp_action *a)
{
	struct flow_value v;
	uint64_t port =
	    bits_of(&p->now.key, a->output_reg.field, a->output_reg.ofs, a->output_reg.n_bits, &v);

	// Up to 16 bits are a port of OpenFlow 1.0.
	if (a->output_reg.n_bits <= 16 && port >= 0xff00)
		port |= 0xffff0000;
	if (port > UINT32_MAX || port == 0)
		pipeline_fail(p, DP_DROP_BAD_OUTPUT_PORT);
	else if (port == DP_OFPORT_CONTROLLER)
		pipeline_punt(p, a->output_reg.max_len, 1);
	else
		pipeline_output(p, (uint32_t)port);
}

/* The bits, right-aligned; returns the low 64. */
static uint64_t bits_of(const struct flow_key *k, unsigned int field, unsigned int ofs,
    unsigned int n_bits, struct flow_value *ret)
{
	struct flow_value all;

	flow_field_get(&flow_fields[field], k, &all);
	memset(ret, 0, sizeof(*ret));
	for (unsigned int i = 0; i < n_bits; i++) {
		unsigned int at = ofs + i;
		if ((all.b[15 - at / 8] >> at % 8 & 1) != 0)
			ret->b[15 - i / 8] |= (uint8_t)(1U << i % 8);
	}
	return flow_value_to_u64(ret);
}
