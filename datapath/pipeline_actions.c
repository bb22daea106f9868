/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/pipeline_priv.h"

#include <netinet/in.h>
#include <string.h>

static void run_action(struct pipeline *p, const struct dp_action *a);
static void move_field(struct pipeline *p, const struct dp_action *a);
static bool may_write(struct pipeline *p, const struct flow_field *f);
static void mark_written(struct pipeline *p, const struct flow_field *f);
static bool key_has(const struct flow_key *k, enum flow_field_prereq prereq);
static void push_vlan(struct pipeline *p, uint16_t tpid);
static void pop_vlan(struct pipeline *p);
static void set_vlan(struct pipeline *p, const struct dp_action *a);
static void dec_ttl(struct pipeline *p);

void pipeline_actions(struct pipeline *p, const struct dp_action *actions, size_t size)
{
	action_foreach (a, actions, size) {
		run_action(p, a);
		if (!pipeline_goes_on(p))
			return;
	}
}

void action_set_write(
    struct action_set *set, struct pipeline *p, const struct dp_action *actions, size_t size)
{
	action_foreach (a, actions, size) {
		switch ((enum dp_action_type)a->type) {
		case DP_ACTION_POP_VLAN: set->pop_vlan = a; break;
		case DP_ACTION_PUSH_VLAN: set->push_vlan = a; break;
		case DP_ACTION_DEC_TTL: set->dec_ttl = a; break;
		case DP_ACTION_GROUP: set->group = a; break;
		case DP_ACTION_SET_FIELD:
		case DP_ACTION_SET_VLAN:
		case DP_ACTION_SET_QUEUE:
		case DP_ACTION_POP_QUEUE:
		case DP_ACTION_NOTE:
		case DP_ACTION_METER:
		case DP_ACTION_STACK_PUSH:
		case DP_ACTION_STACK_POP:
		case DP_ACTION_DELETE_FIELD:
		case DP_ACTION_MOVE:
			if (set->n_fields == MAX_SET_FIELDS)
				p->exceeded = true;
			else
				set->fields[set->n_fields++] = a;
			break;
		default: set->output = a; break; // whatever else decides where the packet goes
		}
	}
}

void action_set_run(struct action_set *set, struct pipeline *p)
{
	const struct dp_action *head[] = {set->pop_vlan, set->push_vlan, set->dec_ttl};
	for (unsigned int i = 0; i < ARRAY_SIZE(head) && pipeline_goes_on(p); i++) {
		if (head[i] != NULL)
			run_action(p, head[i]);
	}
	for (unsigned int i = 0; i < set->n_fields && pipeline_goes_on(p); i++)
		run_action(p, set->fields[i]);
	const struct dp_action *last = set->group != NULL ? set->group : set->output;
	if (last != NULL && pipeline_goes_on(p))
		run_action(p, last);
}

static void run_action(struct pipeline *p, const struct dp_action *a)
{
	if (++p->n_actions > MAX_ACTIONS) {
		p->exceeded = true;
		return;
	}
	if (UNLIKELY(p->listener != NULL))
		p->listener->on_action(p->listener->arg, p->depth, a);
	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_OUTPUT: pipeline_output(p, a->output.port); break;
	case DP_ACTION_GROUP: pipeline_group(p, a->group.id); break;
	case DP_ACTION_SET_FIELD: pipeline_set_field(p, a); break;
	case DP_ACTION_MOVE: move_field(p, a); break;
	case DP_ACTION_PUSH_VLAN: push_vlan(p, a->push_vlan.tpid); break;
	case DP_ACTION_POP_VLAN: pop_vlan(p); break;
	case DP_ACTION_DEC_TTL: dec_ttl(p); break;
	case DP_ACTION_RESUBMIT:
		pipeline_resubmit(p, a->resubmit.table, a->resubmit.in_port);
		break;
	case DP_ACTION_CONTROLLER:
		pipeline_punt(p, a->controller.max_len, a->controller.reason);
		break;
	case DP_ACTION_ARP_REPLY: pipeline_reply(p, PROG_ARP_REPLY, a); break;
	case DP_ACTION_ND_REPLY: pipeline_reply(p, PROG_ND_REPLY, a); break;
	case DP_ACTION_DROP: pipeline_stop(p, (enum dp_drop)a->drop.reason); break;
	case DP_ACTION_SET_VLAN: set_vlan(p, a); break;
	default: pipeline_extension(p, a); break;
	}
}

void pipeline_set_field(struct pipeline *p, const struct dp_action *a)
{
	const struct flow_field *f = &flow_fields[a->set_field.field];
	if (!may_write(p, f))
		return;
	if (a->set_field.field == FIELD_IP_TTL)
		pipeline_commit_ttl(p);
	flow_field_set_masked(f, &p->now.key, &a->set_field.value, &a->set_field.mask);
	mark_written(p, f);
}

static void move_field(struct pipeline *p, const struct dp_action *a)
{
	const struct flow_field *src = &flow_fields[a->move.src], *dst = &flow_fields[a->move.dst];
	if (!key_has(&p->now.key, src->prereq) || !may_write(p, dst))
		return;
	if (a->move.dst == FIELD_IP_TTL)
		pipeline_commit_ttl(p);
	struct flow_key from = p->now.key;
	flow_field_move(
	    src, a->move.src_ofs, &from, dst, a->move.dst_ofs, &p->now.key, a->move.n_bits);
	mark_written(p, dst);
}

/* A field that the packet does not have is left alone: control validated the rule, guests choose the packet. */
static bool may_write(struct pipeline *p, const struct flow_field *f)
{
	const struct flow_key *k = &p->now.key;
	bool may = key_has(k, f->prereq);
	// A neighbour message without the option has no place for the address (RFC 4861 4.3, 4.4).
	if (flow_field_id(f) == FIELD_ND_SLL)
		may = may && !mac_is_zero(&k->nd_sll);
	if (flow_field_id(f) == FIELD_ND_TLL)
		may = may && !mac_is_zero(&k->nd_tll);
	if (!may)
		pipeline_note(p, "the packet has no %s", f->name);
	return may;
}

static void mark_written(struct pipeline *p, const struct flow_field *f)
{
	switch (flow_field_id(f)) {
	case FIELD_IP_DSCP: p->now.tos_written |= 0xfc; break;
	case FIELD_IP_ECN: p->now.tos_written |= 0x03; break;
	case FIELD_IPV6_LABEL: p->now.label_written = true; break;
	case FIELD_IP_TTL: p->now.ttl_set = true; break;
	default: break;
	}
}

static bool key_has(const struct flow_key *k, enum flow_field_prereq prereq)
{
	bool ip4 = k->eth_type == htons(0x0800), ip6 = k->eth_type == htons(0x86dd);
	bool l4 = (ip4 || ip6) && (k->ip_frag & FLOW_FRAG_LATER) == 0;
	bool whole = l4 && k->ip_frag == 0;
	bool icmp6 = l4 && ip6 && k->ip_proto == IPPROTO_ICMPV6;
	switch (prereq) {
	case FP_NONE: return true;
	case FP_VLAN: return k->vlan_tci[0] != 0;
	case FP_VLAN2: return k->vlan_tci[1] != 0;
	case FP_ARP: return k->eth_type == htons(0x0806);
	case FP_IP4: return ip4;
	case FP_IP6: return ip6;
	case FP_IP: return ip4 || ip6;
	case FP_TCP: return l4 && k->ip_proto == IPPROTO_TCP;
	case FP_UDP: return l4 && k->ip_proto == IPPROTO_UDP;
	case FP_SCTP: return l4 && k->ip_proto == IPPROTO_SCTP;
	case FP_TP:
		return l4 && (k->ip_proto == IPPROTO_TCP || k->ip_proto == IPPROTO_UDP ||
				 k->ip_proto == IPPROTO_SCTP);
	case FP_ICMP4: return l4 && ip4 && k->ip_proto == IPPROTO_ICMP;
	case FP_ICMP6: return icmp6;
	case FP_ND:
		return whole && icmp6 && (k->icmp_type == 135 || k->icmp_type == 136) &&
		       k->icmp_code == 0;
	case FP_NS: return whole && icmp6 && k->icmp_type == 135 && k->icmp_code == 0;
	case FP_NA: return whole && icmp6 && k->icmp_type == 136 && k->icmp_code == 0;
	case FP_MPLS: return k->eth_type == htons(0x8847) || k->eth_type == htons(0x8848);
	case FP_CT: return k->ct_state != 0;
	}
	return false;
}

/* The new tag takes VID and PCP of the outer one (OpenFlow 1.3.5 5.11). */
static void push_vlan(struct pipeline *p, uint16_t tpid)
{
	struct flow_key *k = &p->now.key;
	if (k->vlan_tci[1] != 0) {
		pipeline_stop(p, DP_DROP_BAD_VLAN);
		return;
	}
	k->vlan_tci[1] = k->vlan_tci[0];
	k->vlan_tpid[1] = k->vlan_tpid[0];
	k->vlan_tci[0] |= htons(FLOW_VLAN_PRESENT);
	k->vlan_tpid[0] = htons(tpid);
}

/* OpenFlow 1.0's: a packet without a tag gets one, priority and id zero where they are not given. */
static void set_vlan(struct pipeline *p, const struct dp_action *a)
{
	struct flow_key *k = &p->now.key;

	if (k->vlan_tci[0] == 0)
		push_vlan(p, 0x8100);
	k->vlan_tci[0] =
	    (k->vlan_tci[0] & htons((uint16_t)~a->set_vlan.mask)) | htons(a->set_vlan.value);
}

static void pop_vlan(struct pipeline *p)
{
	struct flow_key *k = &p->now.key;
	k->vlan_tci[0] = k->vlan_tci[1];
	k->vlan_tpid[0] = k->vlan_tpid[1];
	k->vlan_tci[1] = k->vlan_tpid[1] = 0;
}

/*
 * A packet whose TTL runs out stops here, and keeps nothing: others of its session have more. For those the decrement is
 * symbolic, and act sees packet by packet whether it can be done. The key's value follows for rules that match on
 * it (then it is in the session key), and for a TTL that a rule set.
 */
static void dec_ttl(struct pipeline *p)
{
	struct view *v = &p->now;
	if (!key_has(&v->key, FP_IP))
		return;
	if (v->key.ip_ttl <= 1) {
		if (!v->ttl_set)
			p->builder.prog->cacheable = 0;
		pipeline_stop(p, DP_DROP_TTL_EXPIRED);
		return;
	}
	v->key.ip_ttl--;
	if (!v->ttl_set)
		v->ttl_decs++;
}
