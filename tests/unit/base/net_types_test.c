/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "datapath/base/err.h"
#include "datapath/base/net_types.h"
#include "tests/unit/test.h"

static struct ip_addr ip_of(const char *s)
{
	struct ip_addr ip = {0};

	assert_int_equal(ip_parse(s, &ip), 0);
	return ip;
}

static void mac_text_round_trips(void **)
{
	char buf[MAC_STR_SIZE];
	struct mac_addr mac = {0};

	assert_int_equal(mac_parse("02:aB:00:ff:10:9f", &mac), 0);
	assert_string_equal(mac_format(&mac, buf), "02:ab:00:ff:10:9f");
	assert_int_equal(mac_to_u64(&mac), 0x02ab00ff109f);
	struct mac_addr again = mac_from_u64(mac_to_u64(&mac));
	assert_true(mac_equal(&mac, &again));
}

static void mac_text_must_be_exact(void **)
{
	static const char *const bad[] = {"", "02", "02:00:00:00:00",
	    "02:00:00:00:00:01:", "02:00:00:00:00:01:02", "2:0:0:0:0:1", "02-00-00-00-00-01",
	    "02:00:00:00:00:0g", " 02:00:00:00:00:01", "02:00:00:00:00:01 ", "0x:00:00:00:00:01",
	    "020000000001"};
	struct mac_addr mac = {{1, 2, 3, 4, 5, 6}};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(mac_parse(bad[i], &mac), -EINVAL);
	assert_int_equal(mac_to_u64(&mac), 0x010203040506);
}

static void mac_kinds_are_told_apart(void **)
{
	struct mac_addr zero = {0}, broadcast = mac_from_u64(UINT64_MAX),
			multicast = {{0x33, 0x33}}, host = {{2}};

	assert_true(mac_is_zero(&zero) && !mac_is_multicast(&zero));
	assert_true(mac_is_broadcast(&broadcast) && mac_is_multicast(&broadcast));
	assert_true(mac_is_multicast(&multicast) && !mac_is_broadcast(&multicast));
	assert_false(mac_is_multicast(&host) || mac_is_zero(&host));
}

static void ip_text_round_trips(void **)
{
	static const char *const texts[] = {"10.0.0.1", "0.0.0.0", "255.255.255.255",
	    "::", "fd00::1", "ff02::1", "2001:db8:1:2:3:4:5:6"};
	char buf[IP_STR_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ip_addr ip = ip_of(texts[i]);
		assert_string_equal(ip_format(&ip, buf), texts[i]);
		assert_int_equal(ip_is_v4(&ip), strchr(texts[i], '.') != NULL);
	}
	struct ip_addr v4 = ip_of("10.0.0.1");
	assert_int_equal(ip_v4_be(&v4), __builtin_bswap32(0x0a000001));
	struct ip_addr again = ip_from_v4(ip_v4_be(&v4));
	assert_true(ip_equal(&v4, &again));
}

static void ip_text_must_be_strict(void **)
{
	static const char *const bad[] = {"", "10", "10.1", "10.0.0", "010.0.0.1", "10.0.0.01",
	    "10.0.0.256", "10.0.0.1 ", " 10.0.0.1", "0x0a.0.0.1", "10.0.0.1.", "10.0.0.1/8", ":",
	    ":::", "fd00::1::2", "fd00:::1", "12345::", "fe80::1%eth0", "fd00::1/64",
	    "1:2:3:4:5:6:7:8:9"};
	struct ip_addr ip;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ip_parse(bad[i], &ip), -EINVAL);
}

static void prefix_text_round_trips(void **)
{
	static const char *const texts[] = {"10.0.0.0/8", "0.0.0.0/0", "10.1.2.3/32", "fd00::/16",
	    "::/0", "fd00::1/128", "10.0.0.128/25"};
	char buf[IP_PREFIX_STR_SIZE];
	struct ip_addr ip;
	uint8_t len;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(ip_prefix_parse(texts[i], &ip, &len), 0);
		assert_string_equal(ip_prefix_format(&ip, len, buf), texts[i]);
	}
	assert_int_equal(ip_prefix_parse("10.0.0.1", &ip, &len), 0);
	assert_int_equal(len, 32);
	assert_int_equal(ip_prefix_parse("fd00::1", &ip, &len), 0);
	assert_int_equal(len, 128);
}

static void prefix_text_must_be_strict(void **)
{
	static const char *const bad[] = {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
	    "10.0.0.0/08", "10.0.0.0/8 ", "10.0.0.0/ 8", "10.0.0.0/8/8", "fd00::1/64", "fd00::/129",
	    "/8", "", "10.0.0.0/4294967304", "::ffff:10.0.0.0/104",
	    "1111111111111111111111111111111111111111111111111111/8"};
	struct ip_addr ip;
	uint8_t len;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ip_prefix_parse(bad[i], &ip, &len), -EINVAL);
}

static void multicast_and_none_are_told_apart(void **)
{
	struct ip_addr none = {0}, v4 = ip_of("224.0.0.1"), broadcast = ip_of("255.255.255.255"),
		       v6 = ip_of("ff02::1");
	struct ip_addr host4 = ip_of("239.0.0.1"), host6 = ip_of("fe80::1");

	assert_true(ip_is_zero(&none) && !ip_is_v4(&none));
	assert_true(ip_is_multicast(&v4) && ip_is_multicast(&broadcast) && ip_is_multicast(&v6));
	assert_true(ip_is_multicast(&host4));
	assert_false(ip_is_multicast(&host6) || ip_is_zero(&host6));
}

static void ip6_addresses_are_derived_as_the_rfcs_say(void **)
{
	struct mac_addr mac = {{0x02, 0x11, 0x22, 0x33, 0x44, 0x55}};
	struct ip6_addr ll = ip6_link_local(&mac);
	struct ip_addr ip = ip_from_v6(&ll);
	char buf[IP_STR_SIZE];

	assert_string_equal(ip_format(&ip, buf), "fe80::11:22ff:fe33:4455");
	struct ip6_addr group = ip6_solicited_node(&ll);
	ip = ip_from_v6(&group);
	assert_string_equal(ip_format(&ip, buf), "ff02::1:ff33:4455");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mac_text_round_trips),
	    cmocka_unit_test(mac_text_must_be_exact),
	    cmocka_unit_test(mac_kinds_are_told_apart),
	    cmocka_unit_test(ip_text_round_trips),
	    cmocka_unit_test(ip_text_must_be_strict),
	    cmocka_unit_test(prefix_text_round_trips),
	    cmocka_unit_test(prefix_text_must_be_strict),
	    cmocka_unit_test(multicast_and_none_are_told_apart),
	    cmocka_unit_test(ip6_addresses_are_derived_as_the_rfcs_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
