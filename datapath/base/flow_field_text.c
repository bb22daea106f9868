/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/flow_field.h"

/*
 * One field's value as text. Every format writes what it reads. Words that stand for a value and a mask together
 * (ip_frag=later, tcp_flags=+syn-ack) come first; then VALUE or VALUE/MASK, where an address takes a prefix length too.
 */

static const struct {
	const char *word;
	uint8_t value, mask;
} frag_words[] = {
    {"no", 0, FLOW_FRAG_ANY | FLOW_FRAG_LATER},
    {"first", FLOW_FRAG_ANY, FLOW_FRAG_ANY | FLOW_FRAG_LATER},
    {"later", FLOW_FRAG_ANY | FLOW_FRAG_LATER, FLOW_FRAG_ANY | FLOW_FRAG_LATER},
    {"yes", FLOW_FRAG_ANY, FLOW_FRAG_ANY},
    {"not_later", 0, FLOW_FRAG_LATER},
};

static const char *const tcp_flag_words[] = {
    "fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns"};

static const char *const format_help[] = {
    [FF_DEC] = "a number",
    [FF_HEX] = "a number",
    [FF_MAC] = "a MAC address such as 02:00:00:00:00:01",
    [FF_IP4] = "an IPv4 address such as 10.0.0.1",
    [FF_IP6] = "an IPv6 address such as fd00::1",
    [FF_FRAG] = "no, first, later, yes or not_later",
    [FF_TCP_FLAGS] = "flags such as +syn-ack, or a number",
    [FF_PORT] = "a port number",
};

static bool parse_words(
    const struct flow_field *f, const char *s, struct flow_value *v, struct flow_value *mask);
static bool parse_tcp_flags(const char *s, struct flow_value *v, struct flow_value *mask);
static bool parse_plain(const struct flow_field *f, const char *s, struct flow_value *ret);
static bool parse_mask(const struct flow_field *f, const char *s, struct flow_value *ret);
static bool parse_number(const char *s, struct flow_value *ret);
static bool parse_hex(const char *digits, size_t len, struct flow_value *ret);
static bool parse_prefix_len(const char *s, unsigned int n_bits, struct flow_value *ret);
static int check_value(const struct flow_field *f, const char *s, const struct flow_value *v,
    const struct flow_value *mask, struct err *err);
static bool format_words(
    const struct flow_field *f, uint64_t v, uint64_t mask, char buf[FIELD_STR_SIZE]);
static void format_tcp_flags(uint64_t v, uint64_t mask, char buf[FIELD_STR_SIZE]);
static int format_plain(
    const struct flow_field *f, const struct flow_value *v, bool hex, char *buf, size_t size);
static int format_hex(const struct flow_value *v, char *buf, size_t size);
static int prefix_len(const struct flow_field *f, const struct flow_value *mask);
static bool value_is_within(const struct flow_value *v, const struct flow_value *limit);

int flow_field_parse(const struct flow_field *f, const char *s, struct flow_value *ret,
    struct flow_value *ret_mask, struct err *err)
{
	char value[FIELD_STR_SIZE];
	struct flow_value v, mask = flow_value_ones(f->n_bits);
	size_t value_len = strcspn(s, "/");

	if ((f->flags & FW_ABSENT) != 0)
		return err_set(err, ERR_PARAMS, "packets are not parsed as far as %s yet", f->name);
	if (value_len < sizeof(value) && !parse_words(f, s, &v, &mask)) {
		memcpy(value, s, value_len);
		value[value_len] = '\0';
		if (!parse_plain(f, value, &v))
			return err_set(err, ERR_PARAMS, "\"%s\" is not %s, which %s takes", s,
			    format_help[f->format], f->name);
		if (s[value_len] == '/' && !parse_mask(f, s + value_len + 1, &mask))
			return err_set(
			    err, ERR_PARAMS, "the mask in \"%s\" is not one for %s", s, f->name);
	} else if (value_len >= sizeof(value)) {
		return err_set(err, ERR_PARAMS, "the value of %s is too long", f->name);
	}
	int rc = check_value(f, s, &v, &mask, err);
	if (rc < 0)
		return rc;
	*ret = v;
	*ret_mask = mask;
	return 0;
}

const char *flow_field_format(const struct flow_field *f, const struct flow_value *v,
    const struct flow_value *mask, char buf[FIELD_STR_SIZE])
{
	struct flow_value ones = flow_value_ones(f->n_bits);
	bool whole = mask == NULL || memcmp(mask, &ones, sizeof(ones)) == 0;
	bool hex = !whole && f->format != FF_MAC && f->format != FF_IP4 && f->format != FF_IP6;
	uint64_t low_mask = flow_value_to_u64(whole ? &ones : mask);

	if (format_words(f, flow_value_to_u64(v), low_mask, buf))
		return buf;
	int len = format_plain(f, v, hex, buf, FIELD_STR_SIZE);
	if (whole)
		return buf;
	int prefix = f->format == FF_IP4 || f->format == FF_IP6 ? prefix_len(f, mask) : -1;
	buf[len++] = '/';
	if (prefix >= 0)
		snprintf(buf + len, FIELD_STR_SIZE - (size_t)len, "%d", prefix);
	else
		format_plain(f, mask, hex, buf + len, FIELD_STR_SIZE - (size_t)len);
	return buf;
}

static bool parse_words(
    const struct flow_field *f, const char *s, struct flow_value *v, struct flow_value *mask)
{
	if (f->format == FF_TCP_FLAGS)
		return parse_tcp_flags(s, v, mask);
	if (f->format != FF_FRAG)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(frag_words); i++) {
		if (strcmp(s, frag_words[i].word) == 0) {
			*v = flow_value_from_u64(frag_words[i].value);
			*mask = flow_value_from_u64(frag_words[i].mask);
			return true;
		}
	}
	return false;
}

/* "+syn-ack": these set, those clear, the others as they like. */
static bool parse_tcp_flags(const char *s, struct flow_value *v, struct flow_value *mask)
{
	uint64_t set = 0, seen = 0;

	if (*s != '+' && *s != '-')
		return false;
	while (*s != '\0') {
		bool on = *s == '+';
		size_t len = strcspn(s + 1, "+-");
		size_t bit = 0;
		while (bit < ARRAY_SIZE(tcp_flag_words) &&
		       (strlen(tcp_flag_words[bit]) != len ||
			   memcmp(s + 1, tcp_flag_words[bit], len) != 0))
			bit++;
		if (bit == ARRAY_SIZE(tcp_flag_words) || (seen & UINT64_C(1) << bit) != 0)
			return false;
		seen |= UINT64_C(1) << bit;
		set |= (uint64_t)on << bit;
		s += len + 1;
	}
	*v = flow_value_from_u64(set);
	*mask = flow_value_from_u64(seen);
	return true;
}

static bool parse_plain(const struct flow_field *f, const char *s, struct flow_value *ret)
{
	struct mac_addr mac;

	switch (f->format) {
	case FF_MAC:
		if (mac_parse(s, &mac) < 0)
			return false;
		*ret = flow_value_from_u64(mac_to_u64(&mac));
		return true;
	case FF_IP4:
		*ret = flow_value_from_u64(0);
		return inet_pton(AF_INET, s, ret->b + sizeof(ret->b) - 4) == 1;
	case FF_IP6: return inet_pton(AF_INET6, s, ret->b) == 1;
	default: return parse_number(s, ret);
	}
}

static bool parse_mask(const struct flow_field *f, const char *s, struct flow_value *ret)
{
	bool prefix =
	    (f->format == FF_IP4 || f->format == FF_IP6) && parse_prefix_len(s, f->n_bits, ret);

	return prefix || parse_plain(f, s, ret);
}

/* Decimal without leading zeros, 64 bits, or 0x and hexadecimal, 128. */
static bool parse_number(const char *s, struct flow_value *ret)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	const char *digits = hex ? s + 2 : s;
	const char *allowed = hex ? "0123456789abcdefABCDEF" : "0123456789";
	size_t len = strspn(digits, allowed);

	if (len == 0 || digits[len] != '\0' || (!hex && len > 1 && digits[0] == '0'))
		return false;
	if (hex)
		return parse_hex(digits, len, ret);
	errno = 0;
	uint64_t v = strtoull(digits, NULL, 10);
	if (errno != 0)
		return false;
	*ret = flow_value_from_u64(v);
	return true;
}

static bool parse_hex(const char *digits, size_t len, struct flow_value *ret)
{
	struct flow_value v = {{0}};

	while (len > 1 && digits[0] == '0') {
		digits++;
		len--;
	}
	if (len > 2 * sizeof(v.b))
		return false;
	for (size_t i = 0; i < len; i++)
		v.b[sizeof(v.b) - 1 - i / 2] |=
		    (uint8_t)(hex_digit(digits[len - 1 - i]) << (i % 2 * 4));
	*ret = v;
	return true;
}

static bool parse_prefix_len(const char *s, unsigned int n_bits, struct flow_value *ret)
{
	struct flow_value number;

	if (!isdigit((unsigned char)*s) || strlen(s) > 3 || !parse_number(s, &number))
		return false;
	uint64_t len = flow_value_to_u64(&number);
	if (len > n_bits)
		return false;
	*ret = flow_value_ones(n_bits);
	for (unsigned int bit = 0; bit < n_bits - len; bit++)
		ret->b[FIELD_VALUE_MAX_SIZE - 1 - bit / 8] &= (uint8_t) ~(1U << bit % 8);
	return true;
}

static int check_value(const struct flow_field *f, const char *s, const struct flow_value *v,
    const struct flow_value *mask, struct err *err)
{
	struct flow_value ones = flow_value_ones(f->n_bits);

	if (!value_is_within(v, &ones) || !value_is_within(mask, &ones))
		return err_set(err, ERR_PARAMS, "\"%s\" is wider than the %u bits of %s", s,
		    f->n_bits, f->name);
	if ((f->flags & FW_MASK) == 0 && memcmp(mask, &ones, sizeof(ones)) != 0)
		return err_set(err, ERR_PARAMS, "%s takes no mask", f->name);
	if (!value_is_within(v, mask)) {
		char text[FIELD_STR_SIZE];
		struct flow_value inside = *v;
		for (size_t i = 0; i < sizeof(inside.b); i++)
			inside.b[i] &= mask->b[i];
		err_set(err, ERR_PARAMS, "\"%s\" has bits outside its mask", s);
		return err_hint(err, "did you mean %s?", flow_field_format(f, &inside, mask, text));
	}
	return 0;
}

static bool format_words(
    const struct flow_field *f, uint64_t v, uint64_t mask, char buf[FIELD_STR_SIZE])
{
	if (f->format == FF_TCP_FLAGS && mask != 0 && mask >> ARRAY_SIZE(tcp_flag_words) == 0) {
		format_tcp_flags(v, mask, buf);
		return true;
	}
	for (size_t i = 0; f->format == FF_FRAG && i < ARRAY_SIZE(frag_words); i++) {
		if (frag_words[i].value == v && frag_words[i].mask == mask) {
			snprintf(buf, FIELD_STR_SIZE, "%s", frag_words[i].word);
			return true;
		}
	}
	return false;
}

static void format_tcp_flags(uint64_t v, uint64_t mask, char buf[FIELD_STR_SIZE])
{
	size_t len = 0;

	for (size_t bit = 0; bit < ARRAY_SIZE(tcp_flag_words); bit++) {
		if ((mask >> bit & 1) == 0)
			continue;
		char sign = (v >> bit & 1) != 0 ? '+' : '-';
		len += (size_t)snprintf(
		    buf + len, FIELD_STR_SIZE - len, "%c%s", sign, tcp_flag_words[bit]);
	}
}

/* Returns the length written. */
static int format_plain(
    const struct flow_field *f, const struct flow_value *v, bool hex, char *buf, size_t size)
{
	uint64_t number = flow_value_to_u64(v);
	struct mac_addr mac = mac_from_u64(number);

	switch (f->format) {
	case FF_MAC:
		assert(size >= MAC_STR_SIZE);
		mac_format(&mac, buf);
		return MAC_STR_SIZE - 1;
	case FF_IP4:
		inet_ntop(AF_INET, v->b + sizeof(v->b) - 4, buf, (socklen_t)size);
		return (int)strlen(buf);
	case FF_IP6: inet_ntop(AF_INET6, v->b, buf, (socklen_t)size); return (int)strlen(buf);
	case FF_HEX: return format_hex(v, buf, size);
	case FF_FRAG:
	case FF_TCP_FLAGS: return snprintf(buf, size, "0x%" PRIx64, number);
	default: return snprintf(buf, size, hex ? "0x%" PRIx64 : "%" PRIu64, number);
	}
}

/* Length of the prefix that mask is, or -1. */
static int format_hex(const struct flow_value *v, char *buf, size_t size)
{
	struct flow_value shifted = {{0}};
	uint64_t low = flow_value_to_u64(v);

	memcpy(shifted.b + 8, v->b, 8);
	uint64_t high = flow_value_to_u64(&shifted);
	if (high == 0)
		return snprintf(buf, size, "0x%" PRIx64, low);
	return snprintf(buf, size, "0x%" PRIx64 "%016" PRIx64, high, low);
}

static int prefix_len(const struct flow_field *f, const struct flow_value *mask)
{
	int len = 0;
	bool ended = false;

	for (unsigned int bit = f->n_bits; bit-- > 0;) {
		bool one = (mask->b[FIELD_VALUE_MAX_SIZE - 1 - bit / 8] >> bit % 8 & 1) != 0;
		if (one && ended)
			return -1;
		ended = ended || !one;
		len += one;
	}
	return len;
}

static bool value_is_within(const struct flow_value *v, const struct flow_value *limit)
{
	for (size_t i = 0; i < sizeof(v->b); i++) {
		if ((v->b[i] & ~limit->b[i]) != 0)
			return false;
	}
	return true;
}
