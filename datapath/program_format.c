/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/program.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "datapath/base/compiler.h"

static const struct {
	const char *name;
	uint8_t size;
} op_info[PROG__COUNT] = {
#define OP(type, name, body)         \
	[PROG_##type] = {            \
	    name, (uint8_t)ROUND_UP( \
		      offsetof(struct prog_op, body) + sizeof(((struct prog_op *)0)->body), 8)}
    OP(OUTPUT, "output", output),
    OP(TUNNEL, "tunnel", tunnel),
    OP(PUNT, "punt", punt),
    OP(SET_ETH, "set", eth),
    OP(PUSH_VLAN, "push_vlan", vlan),
    OP(POP_VLAN, "pop_vlan", vlan),
    OP(SET_VLAN, "set", vlan),
    OP(SET_IP4, "set", ip4),
    OP(SET_IP6, "set", ip6),
    OP(SET_TOS, "set", tos),
    OP(SET_TTL, "set", ttl),
    OP(DEC_TTL, "dec_ttl", ttl),
    OP(SET_TP, "set", tp),
    OP(SET_ICMP, "set", icmp),
    OP(SET_ARP, "set", arp),
    OP(SET_ND, "set", nd),
    OP(ARP_REPLY, "arp_reply", reply),
    OP(ND_REPLY, "nd_reply", reply),
    OP(REFRESH, "refresh", refresh),
    OP(PATCH, "patch", patch),
    OP(DROP, "drop", drop),
#undef OP
};

struct text {
	char *buf;
	size_t size, used;
};

static void print(struct text *t, const char *fmt, ...) FORMAT(2, 3);
static void print_mac(struct text *t, const char *name, const struct mac_addr *mac, bool present);
static void print_ip4(struct text *t, const char *name, uint32_t addr_be, bool present);
static void print_ip6(struct text *t, const char *name, const struct ip6_addr *addr, bool present);
static void print_set(struct text *t, const struct prog_op *op);
static void print_tunnel(struct text *t, const struct prog_op *op);

uint8_t prog_op_size(enum prog_op_type type)
{
	assert(type < PROG__COUNT);
	return op_info[type].size;
}

const char *prog_op_format(const struct prog_op *op, char *buf, size_t size)
{
	struct text t = {buf, size, 0};
	const char *last = (op->flags & PROG_F_LAST) != 0 ? "" : " (copy)";
	print(&t, "%s", op_info[op->type].name);
	switch ((enum prog_op_type)op->type) {
	case PROG_OUTPUT: print(&t, " port %u%s", op->output.port, last); break;
	case PROG_TUNNEL:
		print_tunnel(&t, op);
		print(&t, "%s", last);
		break;
	case PROG_PUNT: print(&t, " reason %u%s", op->punt.reason, last); break;
	case PROG_PUSH_VLAN:
		print(&t, " tpid=0x%04x tci=0x%04x", op->vlan.tpid, op->vlan.tci);
		break;
	case PROG_DEC_TTL:
		if (op->ttl.ttl > 1)
			print(&t, " %u times", op->ttl.ttl);
		break;
	case PROG_ARP_REPLY:
	case PROG_ND_REPLY: print_mac(&t, "mac", &op->reply.mac, true); break;
	case PROG_REFRESH:
		print(&t, " source MAC on port %u, VLAN %u", op->refresh.port, op->refresh.vlan);
		break;
	case PROG_PATCH:
		print(&t, " from port %u to port %u", op->patch.tx_port, op->patch.rx_port);
		break;
	case PROG_DROP: print(&t, " (%s)", dp_drops[op->drop.reason].name); break;
	default: print_set(&t, op); break;
	}
	return buf;
}

static void print_set(struct text *t, const struct prog_op *op)
{
	bool m0 = (op->flags & 1) != 0, m1 = (op->flags & 2) != 0, m2 = (op->flags & 4) != 0;
	switch ((enum prog_op_type)op->type) {
	case PROG_SET_ETH:
		print_mac(t, "eth_dst", &op->eth.dst, m0);
		print_mac(t, "eth_src", &op->eth.src, m1);
		break;
	case PROG_SET_VLAN: print(t, " vlan_tci=0x%04x", op->vlan.tci); break;
	case PROG_SET_IP4:
		print_ip4(t, "ipv4_src", op->ip4.src, m0);
		print_ip4(t, "ipv4_dst", op->ip4.dst, m1);
		break;
	case PROG_SET_IP6:
		if (m0)
			print(t, " ipv6_label=0x%05x", __builtin_bswap32(op->ip6.label));
		print_ip6(t, "ipv6_src", &op->ip6.src, m1);
		print_ip6(t, "ipv6_dst", &op->ip6.dst, m2);
		break;
	case PROG_SET_TOS: print(t, " ip_tos=0x%02x/0x%02x", op->tos.value, op->tos.mask); break;
	case PROG_SET_TTL: print(t, " ip_ttl=%u", op->ttl.ttl); break;
	case PROG_SET_TP:
		if (m0)
			print(t, " tp_src=%u", __builtin_bswap16(op->tp.src));
		if (m1)
			print(t, " tp_dst=%u", __builtin_bswap16(op->tp.dst));
		break;
	case PROG_SET_ICMP:
		if (m0)
			print(t, " icmp_type=%u", op->icmp.type);
		if (m1)
			print(t, " icmp_code=%u", op->icmp.code);
		break;
	case PROG_SET_ARP:
		if (m0)
			print(t, " arp_op=%u", __builtin_bswap16(op->arp.op));
		print_mac(t, "arp_sha", &op->arp.sha, m1);
		print_mac(t, "arp_tha", &op->arp.tha, m2);
		print_ip4(t, "arp_spa", op->arp.spa, (op->flags & 8) != 0);
		print_ip4(t, "arp_tpa", op->arp.tpa, (op->flags & 16) != 0);
		break;
	case PROG_SET_ND:
		print_mac(t, "nd_sll", &op->nd.sll, m0);
		print_mac(t, "nd_tll", &op->nd.tll, m1);
		print_ip6(t, "nd_target", &op->nd.target, m2);
		break;
	default: break;
	}
}

static void print_tunnel(struct text *t, const struct prog_op *op)
{
	uint16_t flags = op->tunnel.tnl_flags;
	print(t, " port %u route %u vni %u", op->tunnel.port, op->tunnel.route, op->tunnel.vni);
	if (op->tunnel.local != 0)
		print(t, " local %u", op->tunnel.local - 1);
	if ((flags & PROG_TNL_TTL_INHERIT) != 0)
		print(t, " ttl inherit");
	else
		print(t, " ttl %u", op->tunnel.ttl);
	if ((flags & PROG_TNL_TOS_INHERIT) != 0)
		print(t, " tos inherit");
	else
		print(t, " tos 0x%02x", op->tunnel.tos);
	if ((flags & PROG_TNL_CSUM) != 0)
		print(t, " csum");
	if ((flags & PROG_TNL_NO_DF) != 0)
		print(t, " no_df");
}

static void print_mac(struct text *t, const char *name, const struct mac_addr *mac, bool present)
{
	char s[MAC_STR_SIZE];
	if (present)
		print(t, " %s=%s", name, mac_format(mac, s));
}

static void print_ip4(struct text *t, const char *name, uint32_t addr_be, bool present)
{
	char s[IP_STR_SIZE];
	struct ip_addr ip = ip_from_v4(addr_be);
	if (present)
		print(t, " %s=%s", name, ip_format(&ip, s));
}

static void print_ip6(struct text *t, const char *name, const struct ip6_addr *addr, bool present)
{
	char s[IP_STR_SIZE];
	struct ip_addr ip = ip_from_v6(addr);
	if (present)
		print(t, " %s=%s", name, ip_format(&ip, s));
}

static void print(struct text *t, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(t->buf + t->used, t->size - t->used, fmt, args);
	va_end(args);
	t->used = MIN_OF(t->used + (size_t)n, t->size - 1);
}
