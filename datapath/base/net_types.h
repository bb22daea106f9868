/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Addresses and byte order: the value types that packets, rules and the API share.
 *
 * A name that ends in _be, and every field of struct flow_key, is in network byte order.
 *
 * Threads: any; pure values. Memory: none.
 */
#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/compiler.h"

struct mac_addr {
	uint8_t b[6];
};

struct ip6_addr {
	uint8_t b[16];
} __attribute__((aligned(4)));

/* An IPv4 or IPv6 address; IPv4 is kept v4-mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2). All zero: none. */
struct ip_addr {
	struct ip6_addr a;
};

enum {
	MAC_STR_SIZE = 18,       // "aa:bb:cc:dd:ee:ff" and NUL
	IP_STR_SIZE = 46,        // INET6_ADDRSTRLEN
	IP_PREFIX_STR_SIZE = 50, // address, '/', 3 digits
};

/* -1: it is none. */
int hex_digit(char c);
bool mac_is_zero(const struct mac_addr *mac);
bool mac_is_multicast(const struct mac_addr *mac); // broadcast included
bool mac_is_broadcast(const struct mac_addr *mac);
bool mac_equal(const struct mac_addr *a, const struct mac_addr *b);
uint64_t mac_to_u64(const struct mac_addr *mac); // host order, 48 bits
struct mac_addr mac_from_u64(uint64_t v);
/* Colon form, six two-digit groups. 0 or -EINVAL; *ret untouched on failure. */
MUST_CHECK
int mac_parse(const char *s, struct mac_addr *ret);
/* Writes MAC_STR_SIZE bytes at most; returns buf. */
const char *mac_format(const struct mac_addr *mac, char buf[MAC_STR_SIZE]);

bool ip_is_zero(const struct ip_addr *ip);
bool ip_is_v4(const struct ip_addr *ip);
bool ip_equal(const struct ip_addr *a, const struct ip_addr *b);
bool ip_is_multicast(const struct ip_addr *ip); // v4 limited broadcast included
struct ip_addr ip_from_v4(uint32_t addr_be);
struct ip_addr ip_from_v6(const struct ip6_addr *a);
uint32_t ip_v4_be(const struct ip_addr *ip); // precondition: ip_is_v4()
/* Strict dotted quad (no octal, no short forms) or RFC 4291 text. 0 or -EINVAL. */
MUST_CHECK
int ip_parse(const char *s, struct ip_addr *ret);
/* "ADDR/LEN" or "ADDR" (full length). Bits below the prefix must be zero. 0 or -EINVAL. */
MUST_CHECK
int ip_prefix_parse(const char *s, struct ip_addr *ret, uint8_t *ret_len);
const char *ip_format(const struct ip_addr *ip, char buf[IP_STR_SIZE]);
const char *ip_prefix_format(const struct ip_addr *ip, uint8_t len, char buf[IP_PREFIX_STR_SIZE]);
/* EUI-64 link-local address that a guest with this MAC derives (RFC 4291 appendix A). */
struct ip6_addr ip6_link_local(const struct mac_addr *mac);
/* ff02::1:ffXX:XXXX for a target (RFC 4291 2.7.1). */
struct ip6_addr ip6_solicited_node(const struct ip6_addr *target);
