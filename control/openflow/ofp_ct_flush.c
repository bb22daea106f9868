/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_ct_flush.h"

#include <netinet/in.h>
#include <openflow/nicira-ext.h>
#include <string.h>

#include "control/openflow/ofp_prop.h"

static bool take_zeros(struct buf *b, size_t size);
static enum ofp_err decode_prop(struct ofp_prop *p, struct ofp_ct_flush *ret, int *family);
static enum ofp_err decode_tuple(struct ofp_prop *p, struct ofp_ct_tuple *ret, int *family);
static enum ofp_err decode_member(struct ofp_prop *p, struct ofp_ct_tuple *ret, int *family);
static enum ofp_err decode_address(struct ofp_prop *p, struct ip6_addr *ret, int *family);
static int family_of(const struct ip6_addr *a);

enum ofp_err ofp_ct_flush_zone_decode(struct buf *b, struct ofp_ct_flush *ret)
{
	bool is_zero = take_zeros(b, 6);

	*ret = (struct ofp_ct_flush){.has_zone = true, .zone = buf_be16(b)};
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	return is_zero ? OFP_OK : OFPERR_NXBRC_MUST_BE_ZERO;
}

enum ofp_err ofp_ct_flush_decode(struct buf *b, struct ofp_ct_flush *ret)
{
	int family = AF_UNSPEC;

	*ret = (struct ofp_ct_flush){.ip_proto = buf_u8(b)};
	bool is_zero = take_zeros(b, 7);
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	enum ofp_err err = is_zero ? OFP_OK : OFPERR_NXBRC_MUST_BE_ZERO;
	while (err == OFP_OK && buf_left(b) > 0) {
		struct ofp_prop prop;
		err = ofp_prop_decode(b, &prop);
		if (err == OFP_OK)
			err = decode_prop(&prop, ret, &family);
	}
	return err;
}

static bool take_zeros(struct buf *b, size_t size)
{
	uint8_t any = 0;

	for (size_t i = 0; i < size; i++)
		any |= buf_u8(b);
	return any == 0;
}

static enum ofp_err decode_prop(struct ofp_prop *p, struct ofp_ct_flush *ret, int *family)
{
	switch (p->type) {
	case NXT_CT_ORIG_TUPLE: return decode_tuple(p, &ret->orig, family);
	case NXT_CT_REPLY_TUPLE: return decode_tuple(p, &ret->reply, family);
	case NXT_CT_ZONE_ID: ret->has_zone = true; return ofp_prop_u16(p, &ret->zone);
	default: return ofp_prop_refuse(p);
	}
}

static enum ofp_err decode_tuple(struct ofp_prop *p, struct ofp_ct_tuple *ret, int *family)
{
	struct buf members;
	enum ofp_err err = ofp_prop_nested(p, &members);

	while (err == OFP_OK && buf_left(&members) > 0) {
		struct ofp_prop member;
		err = ofp_prop_decode(&members, &member);
		if (err == OFP_OK)
			err = decode_member(&member, ret, family);
	}
	return err;
}

static enum ofp_err decode_member(struct ofp_prop *p, struct ofp_ct_tuple *ret, int *family)
{
	switch (p->type) {
	case NXT_CT_TUPLE_SRC: return decode_address(p, &ret->src, family);
	case NXT_CT_TUPLE_DST: return decode_address(p, &ret->dst, family);
	case NXT_CT_TUPLE_SRC_PORT: return ofp_prop_u16(p, &ret->src_port);
	case NXT_CT_TUPLE_DST_PORT: return ofp_prop_u16(p, &ret->dst_port);
	case NXT_CT_TUPLE_ICMP_ID: return ofp_prop_u16(p, &ret->icmp_id);
	case NXT_CT_TUPLE_ICMP_TYPE: return ofp_prop_u8(p, &ret->icmp_type);
	case NXT_CT_TUPLE_ICMP_CODE: return ofp_prop_u8(p, &ret->icmp_code);
	default: return ofp_prop_refuse(p);
	}
}

static enum ofp_err decode_address(struct ofp_prop *p, struct ip6_addr *ret, int *family)
{
	if (buf_left(&p->body) != sizeof(*ret))
		return OFPERR_OFPBPC_BAD_LEN;
	buf_bytes(&p->body, ret, sizeof(*ret));
	int mine = family_of(ret);
	if (mine != AF_UNSPEC && *family != AF_UNSPEC && mine != *family)
		return OFPERR_OFPBPC_BAD_VALUE;
	if (mine != AF_UNSPEC)
		*family = mine;
	return OFP_OK;
}

static int family_of(const struct ip6_addr *a)
{
	struct in6_addr in6;

	memcpy(&in6, a, sizeof(in6));
	if (IN6_IS_ADDR_UNSPECIFIED(&in6))
		return AF_UNSPEC;
	return IN6_IS_ADDR_V4MAPPED(&in6) ? AF_INET : AF_INET6;
}
