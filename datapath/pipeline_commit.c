/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/pipeline_priv.h"

#include <netinet/in.h>
#include <string.h>

static void commit_eth(struct pipeline *p);
static void commit_vlan(struct pipeline *p);
static void pop_tag(struct pipeline *p);
static void push_tag(struct pipeline *p, uint16_t tpid, uint16_t tci);
static unsigned int n_tags(const struct flow_key *k);
static void commit_ip4(struct pipeline *p);
static void commit_ip6(struct pipeline *p);
static void commit_ttl(struct pipeline *p);
static void commit_tos(struct pipeline *p);
static void commit_l4(struct pipeline *p);
static void commit_arp(struct pipeline *p);
static void commit_nd(struct pipeline *p);

/* Emits op when any member differs. changed: bit i for the i-th member. */
static void emit(
    struct pipeline *p, struct prog_op *op, enum prog_op_type type, unsigned int changed)
{
	if (changed == 0)
		return;
	op->type = (uint8_t)type;
	op->flags = (uint8_t)changed;
	program_append(&p->builder, op);
}

/* VLAN tags first: act's offsets move with them. Types and ports before what depends on them is not needed: the L3 and
 * L4 protocol of a packet never change. */
void pipeline_commit(struct pipeline *p)
{
	commit_eth(p);
	commit_vlan(p);
	if (p->now.key.eth_type == htons(0x0806)) {
		commit_arp(p);
	} else if (p->now.key.eth_type == htons(0x0800) || p->now.key.eth_type == htons(0x86dd)) {
		commit_ip4(p);
		commit_ip6(p);
		commit_tos(p);
		commit_ttl(p);
		commit_nd(p);
		commit_l4(p);
	}
	// Registers and the like have no bytes; what has is equal now.
	p->bytes = p->now;
}

void pipeline_commit_ttl(struct pipeline *p)
{
	if (p->now.ttl_set || p->now.ttl_decs == 0)
		return;
	commit_ttl(p);
}

/* 1 << bit when the member of now and bytes differ, for emit. */
#define CHANGED(member, bit)                                                              \
	(memcmp(&p->now.key.member, &p->bytes.key.member, sizeof(p->now.key.member)) != 0 \
		? 1u << (bit)                                                             \
		: 0)

static void commit_eth(struct pipeline *p)
{
	struct prog_op op = {.eth = {p->now.key.eth_dst, p->now.key.eth_src}};
	emit(p, &op, PROG_SET_ETH, CHANGED(eth_dst, 0) | CHANGED(eth_src, 1));
}

/*
 * Tags are a stack whose top is the outer one: pops what is too much, rewrites the outermost tag that differs when
 * only its TCI does, pushes the rest.
 */
static void commit_vlan(struct pipeline *p)
{
	const struct flow_key *want = &p->now.key;
	struct flow_key *have = &p->bytes.key;
	unsigned int n_want = n_tags(want), n_have, n_same = 0;
	while (n_tags(have) > n_want)
		pop_tag(p);
	n_have = n_tags(have);
	for (; n_same < n_have; n_same++) {
		unsigned int w = n_want - 1 - n_same, h = n_have - 1 - n_same; // from the inside
		if (want->vlan_tci[w] != have->vlan_tci[h] ||
		    want->vlan_tpid[w] != have->vlan_tpid[h])
			break;
	}
	while (n_tags(have) > n_same + 1)
		pop_tag(p);
	if (n_tags(have) == n_same + 1) {
		unsigned int w = n_want - 1 - n_same;
		if (want->vlan_tpid[w] == have->vlan_tpid[0]) {
			struct prog_op op = {.vlan.tci = ntohs(want->vlan_tci[w]) & VLAN_TCI_BITS};
			emit(p, &op, PROG_SET_VLAN, 1);
			have->vlan_tci[0] = want->vlan_tci[w];
			n_same++;
		} else {
			pop_tag(p);
		}
	}
	for (; n_same < n_want; n_same++)
		push_tag(
		    p, want->vlan_tpid[n_want - 1 - n_same], want->vlan_tci[n_want - 1 - n_same]);
}

static void pop_tag(struct pipeline *p)
{
	struct flow_key *have = &p->bytes.key;
	program_append(&p->builder, &(struct prog_op){.type = PROG_POP_VLAN});
	have->vlan_tci[0] = have->vlan_tci[1];
	have->vlan_tpid[0] = have->vlan_tpid[1];
	have->vlan_tci[1] = have->vlan_tpid[1] = 0;
}

static void push_tag(struct pipeline *p, uint16_t tpid, uint16_t tci)
{
	struct flow_key *have = &p->bytes.key;
	struct prog_op op = {
	    .type = PROG_PUSH_VLAN, .vlan = {ntohs(tpid), ntohs(tci) & VLAN_TCI_BITS}};
	program_append(&p->builder, &op);
	have->vlan_tci[1] = have->vlan_tci[0];
	have->vlan_tpid[1] = have->vlan_tpid[0];
	have->vlan_tci[0] = tci;
	have->vlan_tpid[0] = tpid;
}

static unsigned int n_tags(const struct flow_key *k)
{
	return (k->vlan_tci[0] != 0) + (k->vlan_tci[1] != 0);
}

static void commit_ip4(struct pipeline *p)
{
	struct prog_op op = {.ip4 = {p->now.key.ip4_src, p->now.key.ip4_dst}};
	emit(p, &op, PROG_SET_IP4, CHANGED(ip4_src, 0) | CHANGED(ip4_dst, 1));
}

static void commit_ip6(struct pipeline *p)
{
	const struct view *want = &p->now, *have = &p->bytes;
	struct prog_op op = {.ip6 = {want->key.ip6_label, want->key.ip6_src, want->key.ip6_dst}};
	unsigned int label =
	    want->label_written && (!have->label_written || CHANGED(ip6_label, 0) != 0);
	if (!want->label_written && have->label_written) {
		// Back to the packet's own label (another bucket wrote it): true for this packet only.
		label = 1;
		p->builder.prog->cacheable = 0;
	}
	emit(p, &op, PROG_SET_IP6, label | CHANGED(ip6_src, 1) | CHANGED(ip6_dst, 2));
}

/*
 * Emits the decrements or the value that bytes lacks, and brings bytes up to date. Another bucket or bridge may have
 * decremented more: then what it wrote is taken back, and packets whose TTL ran out there, but not here, must not
 * meet its decrement in a session.
 */
static void commit_ttl(struct pipeline *p)
{
	const struct view *want = &p->now;
	struct view *have = &p->bytes;
	bool is_taken_back = want->ttl_decs < have->ttl_decs || (have->ttl_set && !want->ttl_set);
	struct prog_op op = {.type = PROG_DEC_TTL};
	if (is_taken_back)
		p->builder.prog->cacheable = 0;
	if (want->ttl_set || is_taken_back) {
		op.ttl.ttl = want->key.ip_ttl;
		emit(p, &op, PROG_SET_TTL, !have->ttl_set || have->key.ip_ttl != want->key.ip_ttl);
	} else if (want->ttl_decs > have->ttl_decs) {
		op.ttl.ttl = want->ttl_decs - have->ttl_decs;
		program_append(&p->builder, &op);
	}
	have->ttl_set = want->ttl_set;
	have->ttl_decs = want->ttl_decs;
	have->key.ip_ttl = want->key.ip_ttl;
}

static void commit_tos(struct pipeline *p)
{
	const struct view *want = &p->now, *have = &p->bytes;
	uint8_t same = have->tos_written & (uint8_t) ~(want->key.ip_tos ^ have->key.ip_tos);
	uint8_t back = have->tos_written & (uint8_t)~want->tos_written;
	struct prog_op op = {
	    .tos = {want->key.ip_tos, (want->tos_written & (uint8_t)~same) | back}};
	if (back != 0)
		p->builder.prog->cacheable = 0;
	op.tos.value &= op.tos.mask;
	emit(p, &op, PROG_SET_TOS, op.tos.mask != 0);
}

static void commit_l4(struct pipeline *p)
{
	const struct flow_key *k = &p->now.key;
	struct prog_op tp = {.tp = {k->tp_src, k->tp_dst}};
	emit(p, &tp, PROG_SET_TP, CHANGED(tp_src, 0) | CHANGED(tp_dst, 1));
	struct prog_op icmp = {.icmp = {k->icmp_type, k->icmp_code}};
	emit(p, &icmp, PROG_SET_ICMP, CHANGED(icmp_type, 0) | CHANGED(icmp_code, 1));
}

static void commit_arp(struct pipeline *p)
{
	const struct flow_key *k = &p->now.key;
	struct prog_op op = {.arp = {k->arp_op, k->arp_sha, k->arp_tha, k->arp_spa, k->arp_tpa}};
	emit(p, &op, PROG_SET_ARP,
	    CHANGED(arp_op, 0) | CHANGED(arp_sha, 1) | CHANGED(arp_tha, 2) | CHANGED(arp_spa, 3) |
		CHANGED(arp_tpa, 4));
}

static void commit_nd(struct pipeline *p)
{
	const struct flow_key *k = &p->now.key;
	struct prog_op op = {.nd = {k->nd_sll, k->nd_tll, k->nd_target}};
	emit(p, &op, PROG_SET_ND, CHANGED(nd_sll, 0) | CHANGED(nd_tll, 1) | CHANGED(nd_target, 2));
}
