/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "datapath/base/flow_field.h"

enum {
	ETH_TYPE_IP4 = 0x0800,
	ETH_TYPE_ARP = 0x0806,
	ETH_TYPE_IP6 = 0x86dd,
	ETH_TYPE_MPLS = 0x8847,
	ETH_TYPE_MPLS_MULTICAST = 0x8848,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ICMP6 = 58,
	PROTO_SCTP = 132,
	ICMP6_NS = 135,
	ICMP6_NA = 136,
	CT_INVALID = 0x10,
	CT_TRACKED = 0x20,
	CT_OF_CONNECTION =
	    0xcf, // new, est, rel, rpl, snat, dnat: none is there without a connection
};

static const char *const prereq_texts[] = {
    [FP_NONE] = "nothing",
    [FP_VLAN] = "a match on vlan_tci=0x1000/0x1000",
    [FP_VLAN2] = "a match on vlan_tci2=0x1000/0x1000",
    [FP_ARP] = "an exact match on eth_type=0x0806",
    [FP_IP4] = "an exact match on eth_type=0x0800",
    [FP_IP6] = "an exact match on eth_type=0x86dd",
    [FP_IP] = "an exact match on eth_type=0x0800 or 0x86dd",
    [FP_TCP] = "an exact match on eth_type=0x0800 or 0x86dd and ip_proto=6",
    [FP_UDP] = "an exact match on eth_type=0x0800 or 0x86dd and ip_proto=17",
    [FP_SCTP] = "an exact match on eth_type=0x0800 or 0x86dd and ip_proto=132",
    [FP_TP] = "an exact match on eth_type=0x0800 or 0x86dd and ip_proto=6, 17 or 132",
    [FP_ICMP4] = "an exact match on eth_type=0x0800 and ip_proto=1",
    [FP_ICMP6] = "an exact match on eth_type=0x86dd and ip_proto=58",
    [FP_ND] = "an exact match on eth_type=0x86dd, ip_proto=58 and icmpv6_type=135 or 136",
    [FP_NS] = "an exact match on eth_type=0x86dd, ip_proto=58 and icmpv6_type=135",
    [FP_NA] = "an exact match on eth_type=0x86dd, ip_proto=58 and icmpv6_type=136",
    [FP_MPLS] = "an exact match on eth_type=0x8847 or 0x8848",
    [FP_CT] = "a match on ct_state that only tracked packets have, as ct_state=0x20/0x30",
};

static bool has_eth_type(const struct flow_match *m, uint16_t eth_type);
static bool has_ip_proto(const struct flow_match *m, uint8_t proto);
static bool has_nd_type(const struct flow_match *m, uint8_t type);
static bool has_connection(const struct flow_match *m);
static bool value_is_zero(const struct flow_value *v);
static void limit_tci(const struct flow_match *m, enum flow_field_id id, struct flow_value *mask);
static size_t format_field(const struct flow_match *m, enum flow_field_id id, bool with_prereq,
    struct flow_key *left, char *buf, size_t size, size_t len);

int flow_match_add_field(struct flow_match *m, enum flow_field_id id, const struct flow_value *v,
    const struct flow_value *mask)
{
	const struct flow_field *f = &flow_fields[id];
	struct flow_value old, old_mask, masked;

	flow_field_get(f, &m->key, &old);
	flow_field_get(f, &m->mask, &old_mask);
	for (size_t i = 0; i < sizeof(old.b); i++) {
		if (((old.b[i] ^ v->b[i]) & old_mask.b[i] & mask->b[i]) != 0)
			return -EEXIST;
		masked.b[i] = v->b[i] & mask->b[i];
		old_mask.b[i] |= mask->b[i];
	}
	flow_field_set_masked(f, &m->key, &masked, mask);
	flow_field_set(f, &m->mask, &old_mask);
	return 0;
}

bool flow_match_has_prereq(const struct flow_match *m, enum flow_field_prereq prereq)
{
	bool ip4 = has_eth_type(m, ETH_TYPE_IP4);
	bool ip6 = has_eth_type(m, ETH_TYPE_IP6);
	bool ip = ip4 || ip6;
	const uint16_t present = htobe16(FLOW_VLAN_PRESENT);

	switch (prereq) {
	case FP_NONE: return true;
	case FP_VLAN: return (m->key.vlan_tci[0] & m->mask.vlan_tci[0] & present) != 0;
	case FP_VLAN2: return (m->key.vlan_tci[1] & m->mask.vlan_tci[1] & present) != 0;
	case FP_ARP: return has_eth_type(m, ETH_TYPE_ARP);
	case FP_IP4: return ip4;
	case FP_IP6: return ip6;
	case FP_IP: return ip;
	case FP_TCP: return ip && has_ip_proto(m, PROTO_TCP);
	case FP_UDP: return ip && has_ip_proto(m, PROTO_UDP);
	case FP_SCTP: return ip && has_ip_proto(m, PROTO_SCTP);
	case FP_TP:
		return ip && (has_ip_proto(m, PROTO_TCP) || has_ip_proto(m, PROTO_UDP) ||
				 has_ip_proto(m, PROTO_SCTP));
	case FP_ICMP4: return ip4 && has_ip_proto(m, PROTO_ICMP);
	case FP_ICMP6: return ip6 && has_ip_proto(m, PROTO_ICMP6);
	case FP_ND: return ip6 && (has_nd_type(m, ICMP6_NS) || has_nd_type(m, ICMP6_NA));
	case FP_NS: return ip6 && has_nd_type(m, ICMP6_NS);
	case FP_NA: return ip6 && has_nd_type(m, ICMP6_NA);
	case FP_MPLS:
		return has_eth_type(m, ETH_TYPE_MPLS) || has_eth_type(m, ETH_TYPE_MPLS_MULTICAST);
	case FP_CT: return has_connection(m);
	}
	return false;
}

const char *flow_prereq_describe(enum flow_field_prereq prereq)
{
	return prereq_texts[prereq];
}

const char *flow_match_format(const struct flow_match *m, char *buf, size_t size)
{
	static const char cut[] = "…";
	struct flow_key left = m->mask; // what is still to be printed
	size_t len = 0;

	assert(size >= sizeof(cut));
	buf[0] = '\0';
	// First every field whose prerequisite holds, which picks the right one of aliases; then what is left.
	for (int pass = 0; pass < 2; pass++) {
		for (int id = 0; id < FIELD__COUNT; id++)
			len = format_field(
			    m, (enum flow_field_id)id, pass == 0, &left, buf, size, len);
	}
	if (len == 0)
		snprintf(buf, size, "any");
	if (len >= size)
		memcpy(buf + size - sizeof(cut), cut, sizeof(cut));
	return buf;
}

const struct flow_field *flow_match_first_difference(
    const struct flow_match *m, const struct flow_key *k)
{
	const struct flow_field *first = NULL;

	for (int id = 0; id < FIELD__COUNT; id++) {
		const struct flow_field *f = &flow_fields[id];
		struct flow_value want, mask, have;
		flow_field_get(f, &m->key, &want);
		flow_field_get(f, &m->mask, &mask);
		flow_field_get(f, k, &have);
		limit_tci(m, (enum flow_field_id)id, &mask);
		for (size_t i = 0; i < sizeof(mask.b); i++)
			mask.b[i] &= want.b[i] ^ have.b[i];
		if (value_is_zero(&mask))
			continue;
		if (flow_match_has_prereq(m, f->prereq))
			return f;
		if (first == NULL)
			first = f;
	}
	return first;
}

static bool has_eth_type(const struct flow_match *m, uint16_t eth_type)
{
	return m->mask.eth_type == UINT16_MAX && m->key.eth_type == htobe16(eth_type);
}

static bool has_ip_proto(const struct flow_match *m, uint8_t proto)
{
	return m->mask.ip_proto == UINT8_MAX && m->key.ip_proto == proto;
}

/* Tracked and not invalid, or a state that says so (ovs-fields(7), ct_state). */
static bool has_connection(const struct flow_match *m)
{
	uint32_t state = be32toh(m->key.ct_state), mask = be32toh(m->mask.ct_state);

	return (state & mask & CT_OF_CONNECTION) != 0 ||
	       ((state & CT_TRACKED) != 0 && (mask & CT_INVALID) != 0 && (state & CT_INVALID) == 0);
}

static bool has_nd_type(const struct flow_match *m, uint8_t type)
{
	return has_ip_proto(m, PROTO_ICMP6) && m->mask.icmp_type == UINT8_MAX &&
	       m->key.icmp_type == type;
}

static bool value_is_zero(const struct flow_value *v)
{
	static const struct flow_value zero;

	return memcmp(v, &zero, sizeof(zero)) == 0;
}

/* vlan_tci covers vlan_vid and vlan_pcp: where those can say it, it keeps only the presence bit. */
static void limit_tci(const struct flow_match *m, enum flow_field_id id, struct flow_value *mask)
{
	if (id != FIELD_VLAN_TCI && id != FIELD_VLAN_TCI2)
		return;
	bool outer = id == FIELD_VLAN_TCI;
	uint64_t tci = flow_value_to_u64(mask);
	uint64_t pcp = tci >> 13;
	bool pcp_has_field = outer && pcp == 7;
	if (flow_match_has_prereq(m, outer ? FP_VLAN : FP_VLAN2) && (pcp == 0 || pcp_has_field))
		*mask = flow_value_from_u64(tci & FLOW_VLAN_PRESENT);
}

/* Appends the bits of *left that the field names, and takes them off *left. Returns the new length, uncut. */
static size_t format_field(const struct flow_match *m, enum flow_field_id id, bool with_prereq,
    struct flow_key *left, char *buf, size_t size, size_t len)
{
	static const struct flow_value zero;
	const struct flow_field *f = &flow_fields[id];
	char text[FIELD_STR_SIZE];
	struct flow_value v, mask;

	flow_field_get(f, left, &mask);
	if (value_is_zero(&mask) || (with_prereq && !flow_match_has_prereq(m, f->prereq)))
		return len;
	if (with_prereq)
		limit_tci(m, id, &mask);
	flow_field_get(f, &m->key, &v);
	for (size_t i = 0; i < sizeof(v.b); i++)
		v.b[i] &= mask.b[i];
	flow_field_set_masked(f, left, &zero, &mask);
	size_t room = len < size ? size - len : 0;
	int n = snprintf(room > 0 ? buf + len : NULL, room, "%s%s=%s", len > 0 ? "," : "", f->name,
	    flow_field_format(f, &v, &mask, text));
	return len + (size_t)n;
}
