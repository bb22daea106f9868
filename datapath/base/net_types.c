/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/net_types.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool bits_are_zero_below(const struct ip6_addr *a, unsigned int len);

bool mac_is_zero(const struct mac_addr *mac)
{
	return mac_to_u64(mac) == 0;
}

bool mac_is_multicast(const struct mac_addr *mac)
{
	return (mac->b[0] & 1) != 0;
}

bool mac_is_broadcast(const struct mac_addr *mac)
{
	return mac_to_u64(mac) == 0xffffffffffff;
}

bool mac_equal(const struct mac_addr *a, const struct mac_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

uint64_t mac_to_u64(const struct mac_addr *mac)
{
	uint64_t v = 0;

	for (size_t i = 0; i < sizeof(mac->b); i++)
		v = v << 8 | mac->b[i];
	return v;
}

struct mac_addr mac_from_u64(uint64_t v)
{
	struct mac_addr mac;

	for (size_t i = sizeof(mac.b); i-- > 0; v >>= 8)
		mac.b[i] = (uint8_t)v;
	return mac;
}

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int mac_parse(const char *s, struct mac_addr *ret)
{
	struct mac_addr mac;

	for (size_t i = 0; i < sizeof(mac.b); i++, s += 3) {
		int high = hex_digit(s[0]);
		int low = high < 0 ? -1 : hex_digit(s[1]);
		char end = i + 1 < sizeof(mac.b) ? ':' : '\0';
		if (low < 0 || s[2] != end)
			return -EINVAL;
		mac.b[i] = (uint8_t)(high << 4 | low);
	}
	*ret = mac;
	return 0;
}

const char *mac_format(const struct mac_addr *mac, char buf[MAC_STR_SIZE])
{
	const uint8_t *b = mac->b;

	snprintf(
	    buf, MAC_STR_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
	return buf;
}

bool ip_is_zero(const struct ip_addr *ip)
{
	static const struct ip_addr zero;

	return ip_equal(ip, &zero);
}

bool ip_is_v4(const struct ip_addr *ip)
{
	return memcmp(ip->a.b, v4_mapped, sizeof(v4_mapped)) == 0;
}

bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool ip_is_multicast(const struct ip_addr *ip)
{
	if (!ip_is_v4(ip))
		return ip->a.b[0] == 0xff;
	return (ip->a.b[12] & 0xf0) == 0xe0 || ip_v4_be(ip) == UINT32_MAX;
}

struct ip_addr ip_from_v4(uint32_t addr_be)
{
	struct ip_addr ip;

	memcpy(ip.a.b, v4_mapped, sizeof(v4_mapped));
	memcpy(ip.a.b + sizeof(v4_mapped), &addr_be, sizeof(addr_be));
	return ip;
}

struct ip_addr ip_from_v6(const struct ip6_addr *a)
{
	return (struct ip_addr){.a = *a};
}

uint32_t ip_v4_be(const struct ip_addr *ip)
{
	uint32_t addr_be;

	assert(ip_is_v4(ip));
	memcpy(&addr_be, ip->a.b + sizeof(v4_mapped), sizeof(addr_be));
	return addr_be;
}

int ip_parse(const char *s, struct ip_addr *ret)
{
	struct in_addr v4;
	struct in6_addr v6;

	// inet_pton takes only four decimal parts without leading zeros; inet_aton would take octal and short forms.
	if (inet_pton(AF_INET, s, &v4) == 1) {
		*ret = ip_from_v4(v4.s_addr);
		return 0;
	}
	if (inet_pton(AF_INET6, s, &v6) == 1) {
		memcpy(ret->a.b, v6.s6_addr, sizeof(ret->a.b));
		return 0;
	}
	return -EINVAL;
}

int ip_prefix_parse(const char *s, struct ip_addr *ret, uint8_t *ret_len)
{
	char addr[IP_STR_SIZE];
	struct ip_addr ip;
	size_t addr_len = strcspn(s, "/");

	if (addr_len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, s, addr_len);
	addr[addr_len] = '\0';
	if (ip_parse(addr, &ip) < 0)
		return -EINVAL;
	unsigned int max = ip_is_v4(&ip) ? 32 : 128;
	unsigned int len = max;
	if (s[addr_len] == '/') {
		const char *digits = s + addr_len + 1;
		size_t n = strspn(digits, "0123456789");
		if (n == 0 || n > 3 || digits[n] != '\0' || (n > 1 && digits[0] == '0'))
			return -EINVAL;
		len = (unsigned int)strtoul(digits, NULL, 10);
	}
	if (len > max || !bits_are_zero_below(&ip.a, 128 - max + len))
		return -EINVAL;
	*ret = ip;
	*ret_len = (uint8_t)len;
	return 0;
}

const char *ip_format(const struct ip_addr *ip, char buf[IP_STR_SIZE])
{
	bool v4 = ip_is_v4(ip);

	return inet_ntop(
	    v4 ? AF_INET : AF_INET6, ip->a.b + (v4 ? sizeof(v4_mapped) : 0), buf, IP_STR_SIZE);
}

const char *ip_prefix_format(const struct ip_addr *ip, uint8_t len, char buf[IP_PREFIX_STR_SIZE])
{
	char addr[IP_STR_SIZE];

	snprintf(buf, IP_PREFIX_STR_SIZE, "%s/%u", ip_format(ip, addr), len);
	return buf;
}

struct ip6_addr ip6_link_local(const struct mac_addr *mac)
{
	const uint8_t *m = mac->b;

	return (struct ip6_addr){
	    {0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}};
}

struct ip6_addr ip6_solicited_node(const struct ip6_addr *target)
{
	const uint8_t *t = target->b;

	return (struct ip6_addr){
	    {0xff, 2, [11] = 1, [12] = 0xff, [13] = t[13], [14] = t[14], [15] = t[15]}};
}

static bool bits_are_zero_below(const struct ip6_addr *a, unsigned int len)
{
	for (unsigned int bit = len; bit < 128; bit++) {
		if ((a->b[bit / 8] & 0x80 >> bit % 8) != 0)
			return false;
	}
	return true;
}
