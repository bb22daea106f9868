/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast path against ref_switch: random rules, groups and packets; same ports, same bytes, same verdict, whether a
 * session was there or not, fresh or stale, in bursts of any size.
 *
 * SEED=n repeats a run; PACKETS=n sets its length.
 */
#include "datapath/forward.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "datapath/trace.h"
#include "tests/unit/datapath/fake_exits.h"
#include "tests/unit/datapath/ref_switch.h"

enum {
	DEFAULT_PACKETS = 20000,
	PACKETS_PER_SET = 1000,
	MAX_BURST = 4,
	N_FLOWS = 40, // of a rule set
	N_TABLES = 4,
	MAX_RULES = 40,
	MAC_POOL = 6,
};

static uint64_t rng_state;
static bool reads_volatile; // rules look at TTL, DSCP, flags: sessions are per value
static struct env *e;
static struct ref_fdb ref_fdb;
static struct {
	uint64_t n_out, n_drops, n_hits, n_misses, n_stale;
} seen;

struct packet {
	uint16_t port, len;
	uint8_t data[256];
};

static uint32_t rnd(uint32_t n)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)(rng_state >> 32) % n;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Small pools, so that rules and packets meet. */
static const char *random_value(enum flow_field_id id)
{
	static char s[64];
	uint32_t v = rnd(4);
	static const char *macs[] = {
	    "02:00:00:00:00:00", "02:00:00:00:00:01", "02:00:00:00:00:02", "ff:ff:ff:ff:ff:ff"};
	switch (id) {
	case FIELD_IN_PORT: snprintf(s, sizeof(s), "%u", 10 * (1 + rnd(4))); break;
	case FIELD_ETH_DST:
		snprintf(s, sizeof(s), "%s",
		    rnd(5) == 0 ? "01:00:00:00:00:00/01:00:00:00:00:00" : macs[v]);
		break;
	case FIELD_ETH_SRC: snprintf(s, sizeof(s), "%s", macs[v % 3]); break;
	case FIELD_VLAN_TCI:
		snprintf(s, sizeof(s), "%s", rnd(2) == 0 ? "0" : "0x1000/0x1000");
		break;
	case FIELD_VLAN_VID: snprintf(s, sizeof(s), "%u", v + 1); break;
	case FIELD_VLAN_PCP: snprintf(s, sizeof(s), "%u", v); break;
	case FIELD_IP_DSCP: snprintf(s, sizeof(s), "%u", v * 8); break;
	case FIELD_IP_ECN: snprintf(s, sizeof(s), "%u", v); break;
	case FIELD_IP_TTL: snprintf(s, sizeof(s), "%u", v); break;
	case FIELD_IP_FRAG:
		snprintf(s, sizeof(s), "%s", (const char *[]){"no", "first", "later", "yes"}[v]);
		break;
	case FIELD_IPV4_SRC:
	case FIELD_IPV4_DST:
	case FIELD_ARP_SPA:
	case FIELD_ARP_TPA:
		snprintf(s, sizeof(s), "10.0.0.%u%s", v & 2, rnd(3) == 0 ? "/31" : "");
		break;
	case FIELD_IPV6_SRC:
	case FIELD_IPV6_DST:
		snprintf(s, sizeof(s), "2001:db8::%u%s", v & 2, rnd(3) == 0 ? "/127" : "");
		break;
	case FIELD_TCP_FLAGS:
		snprintf(s, sizeof(s), "%s", rnd(2) == 0 ? "+syn" : "+ack-syn");
		break;
	default: snprintf(s, sizeof(s), "%u", v); break;
	}
	return s;
}

static enum flow_field_id pick(const enum flow_field_id *list, size_t n)
{
	return list[rnd((uint32_t)n)];
}

enum { MATCH_TEXT_SIZE = 512 };

static void add_text(char s[MATCH_TEXT_SIZE], const char *fmt, ...) FORMAT(2, 3);

static void add_text(char s[MATCH_TEXT_SIZE], const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(s + strlen(s), MATCH_TEXT_SIZE - strlen(s), fmt, args);
	va_end(args);
}

static void add_field(char s[MATCH_TEXT_SIZE], enum flow_field_id id)
{
	add_text(s, ",%s=%s", flow_fields[id].name, random_value(id));
}

/* With the prerequisites that OpenFlow asks for. */
static void random_match(struct flow_match *m)
{
	static const enum flow_field_id any[] = {FIELD_IN_PORT, FIELD_ETH_DST, FIELD_ETH_SRC,
	    FIELD_VLAN_TCI, FIELD_REG0, FIELD_REG1, FIELD_METADATA};
	static const enum flow_field_id ip[] = {
	    FIELD_IP_DSCP, FIELD_IP_ECN, FIELD_IP_TTL, FIELD_IP_FRAG};
	static const enum flow_field_id ports[] = {FIELD_TCP_SRC, FIELD_TCP_DST, FIELD_TCP_FLAGS};
	static const char *types[] = {"eth_type=0x0800", "eth_type=0x86dd", "eth_type=0x0806"};
	char s[MATCH_TEXT_SIZE];
	uint32_t type = rnd(5);
	s[0] = '\0';
	if (type < 3)
		add_text(s, ",%s", types[type]);
	for (uint32_t n = rnd(3), i = 0; i < n; i++) {
		enum flow_field_id id = pick(any, ARRAY_SIZE(any));
		if (strstr(s, flow_fields[id].name) == NULL)
			add_field(s, id);
	}
	if (rnd(6) == 0 && strstr(s, "vlan") == NULL)
		add_text(s, ",vlan_tci=0x100%u/0x1fff", 1 + rnd(3));
	if (type < 2 && reads_volatile && rnd(3) == 0)
		add_field(s, pick(ip, ARRAY_SIZE(ip)));
	if (type == 0 && rnd(3) == 0)
		add_field(s, rnd(2) == 0 ? FIELD_IPV4_SRC : FIELD_IPV4_DST);
	if (type == 1 && rnd(3) == 0)
		add_field(s, rnd(2) == 0 ? FIELD_IPV6_SRC : FIELD_IPV6_DST);
	if (type == 2 && rnd(2) == 0)
		add_field(s, rnd(2) == 0 ? FIELD_ARP_OP : FIELD_ARP_TPA);
	if (type < 2 && reads_volatile && rnd(4) == 0) {
		add_text(s, ",ip_proto=6");
		add_field(s, pick(ports, ARRAY_SIZE(ports)));
	}
	*m = env_match(s[0] == ',' ? s + 1 : s);
}

static void random_set(struct actions *l)
{
	static const enum flow_field_id fields[] = {FIELD_REG0, FIELD_REG1, FIELD_METADATA,
	    FIELD_ETH_DST, FIELD_ETH_SRC, FIELD_VLAN_VID, FIELD_VLAN_PCP, FIELD_IP_DSCP,
	    FIELD_IP_ECN, FIELD_IP_TTL, FIELD_IPV4_SRC, FIELD_IPV4_DST, FIELD_IPV6_SRC,
	    FIELD_IPV6_DST, FIELD_IPV6_LABEL, FIELD_ARP_OP, FIELD_ARP_SPA, FIELD_ARP_THA,
	    FIELD_TCP_SRC, FIELD_TCP_DST, FIELD_UDP_SRC, FIELD_UDP_DST, FIELD_ICMP_TYPE,
	    FIELD_ICMP_CODE, FIELD_ICMPV6_CODE};
	enum flow_field_id id = pick(fields, ARRAY_SIZE(fields));
	if (id == FIELD_ICMP_TYPE)
		add_set(l, id, rnd(2) == 0 ? "0" : "8");
	else if (id == FIELD_ARP_THA)
		add_set(l, id, "02:00:00:00:00:07");
	else
		add_set(l, id, random_value(id));
}

static void random_move(struct actions *l)
{
	static const struct {
		enum flow_field_id src, dst;
		unsigned int n_bits;
	} moves[] = {{FIELD_IP_TTL, FIELD_REG0, 8}, {FIELD_IPV4_SRC, FIELD_IPV4_DST, 32},
	    {FIELD_REG0, FIELD_IP_TTL, 8}, {FIELD_ETH_SRC, FIELD_ETH_DST, 48},
	    {FIELD_IP_DSCP, FIELD_REG1, 6}, {FIELD_TCP_FLAGS, FIELD_REG1, 2},
	    {FIELD_REG1, FIELD_IP_DSCP, 3}, {FIELD_IN_PORT, FIELD_REG1, 32},
	    {FIELD_UDP_SRC, FIELD_UDP_DST, 16}, {FIELD_IPV6_LABEL, FIELD_IPV6_LABEL, 4}};
	uint32_t i = rnd(ARRAY_SIZE(moves));
	add_move(l, moves[i].src, moves[i].dst, moves[i].n_bits);
}

static void random_output(struct actions *l)
{
	static const uint32_t special[] = {
	    DP_OFPORT_IN_PORT, DP_OFPORT_FLOOD, DP_OFPORT_ALL, DP_OFPORT_NORMAL, 77};
	add_output(l, rnd(5) == 0 ? special[rnd(ARRAY_SIZE(special))] : 10 * (1 + rnd(6)));
}

/* Resubmits lead to later tables and groups to later groups, so that no bound is reached. */
static void random_actions(struct actions *l, uint8_t table, uint32_t first_group, bool is_set)
{
	l->size = 0;
	for (uint32_t n = rnd(6), i = 0; i < n; i++) {
		switch (rnd(14)) {
		case 0:
			add_action(l, DP_ACTION_PUSH_VLAN)->push_vlan.tpid =
			    rnd(2) == 0 ? 0x8100 : 0x88a8;
			break;
		case 1: add_action(l, DP_ACTION_POP_VLAN); break;
		case 2: add_action(l, DP_ACTION_DEC_TTL); break;
		case 3:
			if (reads_volatile)
				random_move(l);
			break;
		case 4:
			if (first_group <= 4)
				add_group(l, first_group + rnd(6 - first_group));
			break;
		case 5:
		case 11:
			if (table + 1 < N_TABLES && !is_set)
				add_resubmit(l,
				    rnd(2) == 0 ? (uint32_t)DP_OFPORT_IN_PORT : 10 * (1 + rnd(4)),
				    (uint8_t)(table + 1 + rnd(N_TABLES - table - 1u)));
			break;
		case 6:
			if (rnd(6) == 0)
				add_drop(l, DP_DROP_SPOOF_MAC);
			break;
		case 7:
		case 8:
		case 9:
		case 10: random_output(l); break;
		default: random_set(l); break;
		}
	}
}

static void add_random_rule(void)
{
	struct dp_rule_conf c = {.bridge = rnd(5) == 0 ? 2 : 1,
	    .priority = (uint16_t)rnd(6),
	    .table = (uint8_t)rnd(N_TABLES)};
	struct actions apply, write;
	struct flow_match m;
	c.table = rnd(2) == 0 ? 0 : c.table;
	random_match(&m);
	random_actions(&apply, c.table, 1, false);
	random_actions(&write, c.table, 1, true);
	if (rnd(3) != 0)
		write.size = 0;
	if (c.table + 1 < N_TABLES && rnd(3) == 0) {
		c.flags |= DP_RULE_F_GOTO;
		c.goto_table = (uint8_t)(c.table + 1 + rnd(N_TABLES - c.table - 1u));
	}
	if (rnd(5) == 0)
		c.flags |= DP_RULE_F_CLEAR;
	if (rnd(5) == 0) {
		c.flags |= DP_RULE_F_WRITE_METADATA;
		c.metadata_be = htobe64(rnd(4));
		c.metadata_mask_be = htobe64(3);
	}
	env_rule_match(e, &c, &m, &apply, &write);
}

/* Each port does something of its own with VLANs 0 to 3. */
static void random_vlans(void)
{
	static const uint16_t lists[][4] = {{1, 2, ENV_LIST_END}, {0, 3, ENV_LIST_END},
	    {1, 2, 3, ENV_LIST_END}, {0, 2, ENV_LIST_END}};
	for (uint16_t id = 1; id <= 9; id++) {
		enum dp_vlan_mode mode = (enum dp_vlan_mode)rnd(DP_VLAN__COUNT);
		bool has_list = mode != DP_VLAN_ACCESS && rnd(2) == 0;
		env_vlan(e, id, mode, (uint16_t)(mode == DP_VLAN_TRUNK ? 0 : rnd(3)),
		    has_list ? lists[rnd(ARRAY_SIZE(lists))] : NULL,
		    (enum dp_priority_tags)rnd(DP_PRIORITY_TAGS__COUNT));
	}
}

static void make_switch(void)
{
	e = env_create();
	reads_volatile = rnd(3) == 0;
	ref_fdb.n = 0;
	for (uint16_t id = 1; id <= 5; id++)
		env_port(e, id, 1, id * 10u);
	struct port *here = env_port(e, 6, 1, 60), *there = env_port(e, 7, 2, 10);
	here->kind = there->kind = DP_PORT_PATCH;
	here->conf.peer = 7;
	there->conf.peer = 6;
	env_port(e, 8, 2, 20);
	env_port(e, 9, 2, 30);
	((struct bridge_ports *)(uintptr_t)e->bridges[1].ports)->p[3].flood = 0;
	for (uint32_t id = 1; id <= 5; id++) {
		struct actions b[3];
		for (unsigned int i = 0; i < 3; i++)
			random_actions(&b[i], N_TABLES, id + 1, true);
		static const uint32_t types[] = {
		    DP_GROUP_ALL, DP_GROUP_INDIRECT, DP_GROUP_FAST_FAILOVER};
		uint32_t type = types[rnd(3)];
		struct group *g = env_group(e, rnd(5) == 0 ? 2 : 1, id, type, b,
		    type == DP_GROUP_INDIRECT ? 1 : 1 + rnd(3));
		for (uint32_t i = 0; i < g->n_buckets; i++)
			g->buckets[i].watch_port =
			    rnd(2) == 0 ? (uint32_t)DP_OFPORT_ANY : 10 * (1 + rnd(4));
	}
	for (uint32_t n = 1 + rnd(MAX_RULES), i = 0; i < n; i++)
		add_random_rule();
	for (unsigned int table = 0; table < N_TABLES; table++) {
		struct dp_rule_conf c = {.bridge = rnd(3) == 0 ? 2 : 1, .table = (uint8_t)table};
		struct flow_match any = {0};
		struct actions apply;
		random_actions(&apply, table, 1, false);
		random_output(&apply);
		env_rule_match(e, &c, &any, &apply, NULL);
	}
	for (uint16_t id = 1; id <= 5; id++)
		e->ports[id].link_up = rnd(3) != 0;
	if (rnd(2) == 0)
		random_vlans();
	env_commit(e);
}

static unsigned int random_l4(uint8_t *p, uint8_t proto)
{
	p[proto == 6 ? 20 : 8] = 0xab; // all zeros have two checksums (RFC 1624)
	put16(p, rnd(4));
	put16(p + 2, rnd(4));
	if (proto == 17) {
		put16(p + 4, 20);
		put16(p + 6, rnd(4)); // sometimes none, which stays on IPv4
		return 20;
	}
	if (proto == 6) {
		p[12] = 0x50;
		p[13] = (uint8_t)rnd(0x20);
		return 26;
	}
	p[0] = proto == 1 ? (rnd(2) == 0 ? 8 : 0) : 128;
	p[1] = (uint8_t)rnd(2);
	return 16;
}

static unsigned int random_ip4(uint8_t *p)
{
	static const uint8_t protos[] = {6, 17, 1, 132 + 1};
	uint8_t proto = protos[rnd(4)];
	unsigned int hlen = rnd(8) == 0 ? 24 : 20, frag = rnd(10);
	memset(p + 20, 1, 4); // options: no operation
	memset(p + hlen, 0, 40);
	p[0] = (uint8_t)(0x40 | hlen / 4);
	p[1] = (uint8_t)(rnd(4) * 32 + rnd(4));
	put16(p + 6, frag == 0 ? 0x2000 : frag == 1 ? 0x0010 : 0x4000);
	p[8] = (uint8_t)(rnd(2) == 0 ? 64 : rnd(4));
	p[9] = proto;
	memcpy(p + 12, (uint8_t[]){10, 0, 0, (uint8_t)rnd(4), 10, 0, 0, (uint8_t)rnd(4)}, 8);
	unsigned int len = hlen + random_l4(p + hlen, proto);
	put16(p + 2, len);
	return len;
}

static unsigned int random_ip6(uint8_t *p)
{
	static const uint8_t protos[] = {6, 17, 58};
	uint8_t proto = protos[rnd(3)];
	unsigned int at = 40, frag = rnd(12);
	memset(p, 0, 120);
	put16(p, 0x6000 | rnd(4) << 9 | rnd(4) << 4);
	put16(p + 2, rnd(16));
	p[6] = proto;
	p[7] = (uint8_t)(rnd(2) == 0 ? 64 : rnd(4));
	memcpy(p + 8, (uint8_t[]){0x20, 1, 0x0d, 0xb8}, 4);
	p[23] = (uint8_t)rnd(4);
	memcpy(p + 24, p + 8, 4);
	p[39] = (uint8_t)rnd(4);
	if (frag < 2) {
		p[6] = 44;
		p[40] = proto;
		put16(p + 42, frag == 0 ? 1 : 16 << 3);
		at = 48;
	} else if (frag == 2) {
		p[6] = 60; // destination options: padding
		p[40] = proto;
		memcpy(p + 42, (uint8_t[]){1, 4, 0, 0, 0, 0}, 6);
		at = 48;
	}
	unsigned int len = at + random_l4(p + at, proto);
	put16(p + 4, len - 40);
	return len;
}

static unsigned int random_arp(uint8_t *p)
{
	memcpy(p,
	    (uint8_t[]){0, 1, 8, 0, 6, 4, 0, (uint8_t)(1 + rnd(2)), 2, 0, 0, 0, 0, (uint8_t)rnd(4),
		10, 0, 0, (uint8_t)rnd(4), 2, 0, 0, 0, 0, (uint8_t)rnd(4), 10, 0, 0,
		(uint8_t)rnd(4)},
	    28);
	return 28;
}

static void random_packet(struct packet *ret)
{
	uint8_t *p = ret->data;
	memcpy(p,
	    (uint8_t[]){
		2, 0, 0, 0, 0, (uint8_t)rnd(MAC_POOL), 2, 0, 0, 0, 0, (uint8_t)rnd(MAC_POOL)},
	    12);
	if (rnd(6) == 0)
		memset(p, 0xff, 6);
	unsigned int at = 12;
	for (uint32_t n = rnd(3) == 0 ? 1 + rnd(2) : 0; n > 0; n--, at += 4) {
		put16(p + at, rnd(2) == 0 ? 0x8100 : 0x88a8);
		put16(p + at + 2, rnd(3) << 13 | rnd(4));
	}
	uint32_t type = rnd(10);
	put16(p + at, type < 5 ? 0x0800 : type < 8 ? 0x86dd : type < 9 ? 0x0806 : 0x88b5);
	unsigned int l3 = at + 2;
	at = l3 + (type < 5      ? random_ip4(p + l3)
		      : type < 8 ? random_ip6(p + l3)
		      : type < 9 ? random_arp(p + l3)
				 : 40);
	if (type == 9)
		memset(p + l3, (int)rnd(256), 40);
	uint32_t n_pad = rnd(3) == 0 ? rnd(20) : 0;
	memset(p + at, 0, n_pad);
	ret->len = (uint16_t)(at + n_pad);
	ret->port = (uint16_t)(rnd(6) == 0 ? 8 + rnd(2) : 1 + rnd(4));
	ref_complete(p, ret->len);
}

/* The same flow with other volatile fields. */
static void vary(struct packet *p)
{
	unsigned int at = 12;
	while ((p->data[at] == 0x81 || p->data[at] == 0x88) &&
	       (p->data[at + 1] == 0 || p->data[at + 1] == 0xa8))
		at += 4;
	uint8_t *l3 = p->data + at + 2;
	uint16_t type = (uint16_t)(p->data[at] << 8 | p->data[at + 1]);
	if (type == 0x0800) {
		l3[1] = (uint8_t)rnd(256);
		l3[8] = (uint8_t)rnd(6);
		if (l3[9] == 6 && (l3[6] & 0x1f) == 0 && l3[7] == 0)
			l3[(l3[0] & 15) * 4 + 13] = (uint8_t)rnd(0x20);
	} else if (type == 0x86dd) {
		l3[0] = (uint8_t)(0x60 | rnd(16));
		l3[1] = (uint8_t)rnd(256);
		l3[3] = (uint8_t)rnd(256);
		l3[7] = (uint8_t)rnd(6);
	} else {
		return;
	}
	ref_complete(p->data, p->len);
}

static void dump(const char *what, const uint8_t *data, unsigned int len)
{
	fprintf(stderr, "%s (%u):", what, len);
	for (unsigned int i = 0; i < len; i++)
		fprintf(stderr, "%s%02x", i % 16 == 0 ? "\n  " : " ", data[i]);
	fprintf(stderr, "\n");
}

/* What the pipeline makes of the packet now: the texts of its trace. */
static void explain(const struct packet *p)
{
	struct dp_trace_req req = {.port = p->port, .len = p->len};
	struct tracer *t = tracer_create(e->dp);
	struct buf_writer out;
	buf_writer_init(&out, 1 << 20);
	if (t == NULL || trace_packet(t, &req, p->data, &out) != 0)
		return;
	for (size_t at = 0; at < out.size;) {
		const struct dp_trace_rec *rec = (const void *)(out.data + at);
		const struct dp_action *a = (const void *)(rec + 1);
		const struct dp_trace_table *table = (const void *)(rec + 1);
		if (rec->type == DP_TRACE_NOTE || rec->type == DP_TRACE_PROGRAM)
			fprintf(stderr, "%*s%s\n", rec->depth * 2, "", (const char *)(rec + 1));
		if (rec->type == DP_TRACE_ACTION)
			fprintf(stderr, "%*s%s\n", rec->depth * 2, "", dp_action_names[a->type]);
		if (rec->type == DP_TRACE_TABLE)
			fprintf(stderr, "%*stable %u rule %llu\n", rec->depth * 2, "", table->table,
			    (unsigned long long)table->rule);
		at += rec->size;
	}
	buf_writer_fini(&out);
	tracer_destroy(t);
}

static void differ(const struct packet *p, const struct ref_result *want, unsigned int first_out,
    unsigned int n_out)
{
	dump("packet", p->data, p->len);
	fprintf(stderr, "port %u; reference: %u outputs, drop %s\n", p->port, want->n_out,
	    dp_drops[want->drop].name);
	for (unsigned int i = 0; i < want->n_out; i++) {
		fprintf(stderr, "to port %u ", want->out[i].port);
		dump("reference", want->out[i].data, want->out[i].len);
	}
	for (unsigned int i = first_out; i < n_out; i++) {
		fprintf(stderr, "to port %u ", exits.out[i].port);
		dump("switch", exits.out[i].data, exits.out[i].len);
	}
	explain(p);
	fail_msg("the fast path and the reference differ");
}

static bool same_outputs(const struct ref_result *want, unsigned int first)
{
	if (first + want->n_out > exits.n_out)
		return false;
	for (unsigned int i = 0; i < want->n_out; i++) {
		if (want->out[i].port != exits.out[first + i].port ||
		    want->out[i].len != exits.out[first + i].len ||
		    memcmp(want->out[i].data, exits.out[first + i].data, want->out[i].len) != 0)
			return false;
	}
	return true;
}

/* False when the rules reach the bounds of a program: not what is tested here. */
static bool check_burst(const struct packet *packets, unsigned int n)
{
	static struct ref_result want[MAX_BURST];
	struct rte_mbuf *m[MAX_BURST];
	unsigned int n_out = 0, n_dropped = 0, n_expired = 0;
	e->w->now_ms += 20 * n; // the MAC table limits learning per second
	for (unsigned int i = 0; i < n; i++) {
		ref_run(e, &ref_fdb, packets[i].port, packets[i].data, packets[i].len, &want[i]);
		if (want[i].too_many)
			return false;
		n_dropped += want[i].n_out == 0;
		n_expired += want[i].expired;
	}
	for (unsigned int i = 0; i < n; i++)
		m[i] = fake_packet(packets[i].data, packets[i].len, packets[i].port);
	exits_reset();
	forward_burst(e->w, packets[0].port, m, n);
	for (unsigned int i = 0; i < n; i++) {
		if (!same_outputs(&want[i], n_out))
			differ(&packets[i], &want[i], n_out, exits.n_out);
		n_out += want[i].n_out;
	}
	if (n_out != exits.n_out)
		differ(&packets[n - 1], &want[n - 1], n_out, exits.n_out);
	// A packet that ran out of TTL after it was output is dropped besides.
	if (exits.n_drops < n_dropped || exits.n_drops > n_dropped + n_expired)
		differ(&packets[0], &want[0], 0, exits.n_out);
	if (n == 1 && n_dropped == 1 && n_expired == 0 && exits.reason != want[0].drop) {
		fprintf(stderr, "switch says %s\n", dp_drops[exits.reason].name);
		differ(&packets[0], &want[0], 0, 0);
	}
	assert_int_equal(exits.n_alive, 0);
	seen.n_out += exits.n_out;
	seen.n_drops += exits.n_drops;
	return true;
}

/* Returns how many packets were compared. */
static unsigned int run_rule_set(unsigned int n_packets)
{
	unsigned int sent = 0;
	static struct packet flows[N_FLOWS];
	make_switch();
	for (unsigned int i = 0; i < N_FLOWS; i++)
		random_packet(&flows[i]);
	while (sent < n_packets) {
		struct packet burst[MAX_BURST];
		unsigned int n = 1 + rnd(MAX_BURST);
		for (unsigned int i = 0; i < n; i++) {
			if (rnd(60) == 0)
				random_packet(&flows[rnd(N_FLOWS)]);
			burst[i] = flows[rnd(N_FLOWS)];
			if (rnd(3) == 0)
				vary(&burst[i]);
			burst[i].port = i > 0 && rnd(2) == 0 ? burst[0].port : burst[i].port;
		}
		if (!check_burst(burst, n))
			break; // the two have learned different things by now
		sent += n;
		if (rnd(100) == 0 && e->n_rules + 4 < ENV_MAX_RULES) {
			if (rnd(2) == 0)
				env_rule_del(e, e->rules[rnd(e->n_rules)]);
			e->dp->version++;
			for (uint32_t k = rnd(4); k > 0; k--)
				add_random_rule();
			env_commit(e);
		}
	}
	seen.n_hits += e->w->stats.session_hits;
	seen.n_misses += e->w->stats.session_misses;
	seen.n_stale += e->w->stats.session_stale;
	env_destroy(e);
	return sent;
}

static void fast_path_equals_reference(void **state)
{
	(void)state;
	const char *seed = getenv("SEED"), *packets = getenv("PACKETS");
	uint64_t n_left = packets != NULL ? strtoull(packets, NULL, 0) : DEFAULT_PACKETS;
	uint64_t set_seed = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	uint64_t n_packets = n_left;
	memset(&seen, 0, sizeof(seen));
	printf(
	    "SEED=%llu PACKETS=%llu\n", (unsigned long long)set_seed, (unsigned long long)n_left);
	for (unsigned int set = 0; n_left > 0; set++) {
		uint64_t n = MIN_OF(n_left, (uint64_t)PACKETS_PER_SET);
		rng_state = (set_seed * 1000003 + set + 1) * 0x9e3779b97f4a7c15;
		unsigned int n_sent = run_rule_set((unsigned int)n);
		n_left -= MIN_OF(n_left, (uint64_t)n_sent);
	}
	printf("%llu outputs, %llu drops; sessions: %llu hits, %llu misses, %llu stale\n",
	    (unsigned long long)seen.n_out, (unsigned long long)seen.n_drops,
	    (unsigned long long)seen.n_hits, (unsigned long long)seen.n_misses,
	    (unsigned long long)seen.n_stale);
	// A generator that makes only drops, or only misses, tests nothing.
	assert_true(seen.n_out > n_packets / 8 && seen.n_hits > n_packets / 8 &&
		    seen.n_stale > n_packets / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(fast_path_equals_reference)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
