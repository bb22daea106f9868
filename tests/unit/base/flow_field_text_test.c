/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "datapath/base/flow_field.h"
#include "tests/unit/test.h"

struct text_case {
	enum flow_field_id id;
	const char *in;
	const char *out; // NULL: refused
};

static const struct text_case good[] = {
    {FIELD_IN_PORT, "5", "5"},
    {FIELD_METADATA, "0xff", "0xff"},
    {FIELD_METADATA, "255/0xfff", "0xff/0xfff"},
    {FIELD_METADATA, "0xffffffffffffffff", "0xffffffffffffffff"},
    {FIELD_TUN_ID, "0", "0"},
    {FIELD_TUN_ID, "16/0xf0", "0x10/0xf0"},
    {FIELD_CT_LABEL, "0x00123456789abcdef0123456789abcdef", "0x123456789abcdef0123456789abcdef"},
    {FIELD_XXREG1, "0x10000000000000000/0x30000000000000000",
	"0x10000000000000000/0x30000000000000000"},
    {FIELD_ETH_TYPE, "0x0800", "0x800"},
    {FIELD_ETH_TYPE, "0x0800/0xffff", "0x800"},
    {FIELD_ETH_DST, "01:00:00:00:00:00/01:00:00:00:00:00", "01:00:00:00:00:00/01:00:00:00:00:00"},
    {FIELD_ETH_DST, "02:00:00:00:00:01/ff:ff:ff:ff:ff:ff", "02:00:00:00:00:01"},
    {FIELD_IPV4_DST, "10.0.0.0/8", "10.0.0.0/8"},
    {FIELD_IPV4_DST, "10.0.0.0/255.0.0.0", "10.0.0.0/8"},
    {FIELD_IPV4_DST, "10.0.0.1/255.0.0.255", "10.0.0.1/255.0.0.255"},
    {FIELD_IPV4_DST, "10.0.0.1/32", "10.0.0.1"},
    {FIELD_IPV4_DST, "0.0.0.0/0", "0.0.0.0/0"},
    {FIELD_IPV6_SRC, "fd00::/16", "fd00::/16"},
    {FIELD_IPV6_SRC, "::1", "::1"},
    {FIELD_IPV6_SRC, "::/0", "::/0"},
    {FIELD_IPV6_SRC, "fd00::1/ffff::ffff", "fd00::1/ffff::ffff"},
    {FIELD_VLAN_VID, "4095", "4095"},
    {FIELD_IP_FRAG, "no", "no"},
    {FIELD_IP_FRAG, "first", "first"},
    {FIELD_IP_FRAG, "later", "later"},
    {FIELD_IP_FRAG, "yes", "yes"},
    {FIELD_IP_FRAG, "not_later", "not_later"},
    {FIELD_IP_FRAG, "2", "0x2"},
    {FIELD_TCP_FLAGS, "+syn-ack", "+syn-ack"},
    {FIELD_TCP_FLAGS, "-ack+syn", "+syn-ack"},
    {FIELD_TCP_FLAGS, "0x12", "0x12"},
    {FIELD_TCP_FLAGS, "+fin+syn+rst+psh+ack+urg+ece+cwr+ns", "+fin+syn+rst+psh+ack+urg+ece+cwr+ns"},
    {FIELD_TCP_FLAGS, "0x800/0x800", "0x800/0x800"},
    {FIELD_TCP_DST, "80", "80"},
    {FIELD_TCP_DST, "0x0/0xfff0", "0x0/0xfff0"},
};

static const struct text_case bad[] = {
    {FIELD_IN_PORT, "5/0xff", NULL}, // takes no mask
    {FIELD_IN_PORT, "4294967296", NULL},
    {FIELD_METADATA, "18446744073709551616", NULL},
    {FIELD_METADATA, "-1", NULL},
    {FIELD_METADATA, "+1", NULL},
    {FIELD_METADATA, "", NULL},
    {FIELD_METADATA, "0x", NULL},
    {FIELD_METADATA, "010", NULL},
    {FIELD_METADATA, " 1", NULL},
    {FIELD_METADATA, "1 ", NULL},
    {FIELD_METADATA, "1/", NULL},
    {FIELD_METADATA, "/1", NULL},
    {FIELD_METADATA, "1/1/1", NULL},
    {FIELD_METADATA, "0xff/0x0f", NULL}, // value outside the mask
    {FIELD_CT_LABEL, "0x123456789abcdef0123456789abcdef01", NULL},
    {FIELD_ETH_TYPE, "0x10000", NULL},
    {FIELD_ETH_DST, "02:00:00:00:00", NULL},
    {FIELD_ETH_DST, "02:00:00:00:00:01/48", NULL},
    {FIELD_IPV4_DST, "10.0.0.1/8", NULL},
    {FIELD_IPV4_DST, "10.0.0.0/33", NULL},
    {FIELD_IPV4_DST, "10.0.0.0/08", NULL},
    {FIELD_IPV4_DST, "fd00::1", NULL},
    {FIELD_IPV4_DST, "167772161", NULL},
    {FIELD_IPV6_SRC, "10.0.0.1", NULL},
    {FIELD_IPV6_SRC, "fd00::/129", NULL},
    {FIELD_VLAN_VID, "4096", NULL},
    {FIELD_VLAN_PCP, "3/0x3", NULL},
    {FIELD_IP_FRAG, "maybe", NULL},
    {FIELD_IP_FRAG, "4", NULL},
    {FIELD_TCP_FLAGS, "+syn+syn", NULL},
    {FIELD_TCP_FLAGS, "+syn-syn", NULL},
    {FIELD_TCP_FLAGS, "+", NULL},
    {FIELD_TCP_FLAGS, "syn", NULL},
    {FIELD_TCP_FLAGS, "0x1000", NULL},
};

static void text_is_read_and_written_canonically(void **)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const struct flow_field *f = &flow_fields[good[i].id];
		struct flow_value v, mask;
		struct err err = {0};
		char buf[FIELD_STR_SIZE];
		if (flow_field_parse(f, good[i].in, &v, &mask, &err) != 0)
			fail_msg("%s=%s: %s", f->name, good[i].in, err.what);
		assert_string_equal(flow_field_format(f, &v, &mask, buf), good[i].out);
	}
}

static void bad_text_is_refused_with_a_reason_and_changes_nothing(void **)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct flow_field *f = &flow_fields[bad[i].id];
		struct flow_value v = flow_value_from_u64(42), mask = v;
		struct err err = {0};
		if (flow_field_parse(f, bad[i].in, &v, &mask, &err) != -EINVAL)
			fail_msg("%s=%s was taken", f->name, bad[i].in);
		assert_true(strlen(err.what) > 10);
		assert_int_equal(flow_value_to_u64(&v), 42);
		assert_int_equal(flow_value_to_u64(&mask), 42);
	}
}

static void value_outside_its_mask_gets_a_suggestion(void **)
{
	struct flow_value v, mask;
	struct err err = {0};

	assert_int_equal(
	    flow_field_parse(&flow_fields[FIELD_IPV4_DST], "10.1.2.3/8", &v, &mask, &err), -EINVAL);
	assert_string_equal(err.hint, "did you mean 10.0.0.0/8?");
}

static void endless_text_is_refused(void **)
{
	struct flow_value v, mask;
	struct err err = {0};
	char text[4096];

	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int id = 0; id < FIELD__COUNT; id++) {
		assert_int_equal(
		    flow_field_parse(&flow_fields[id], text, &v, &mask, &err), -EINVAL);
		text[50] = '/';
		assert_int_equal(
		    flow_field_parse(&flow_fields[id], text, &v, &mask, &err), -EINVAL);
		text[50] = '1';
	}
}

static void every_field_formats_its_widest_value(void **)
{
	char buf[FIELD_STR_SIZE];

	for (int id = 0; id < FIELD__COUNT; id++) {
		const struct flow_field *f = &flow_fields[id];
		struct flow_value ones = flow_value_ones(f->n_bits), v, mask, odd = ones;
		struct err err = {0};
		odd.b[15] &= 0xfe;
		if ((f->flags & FW_ABSENT) != 0) {
			flow_field_format(f, &ones, NULL, buf);
			assert_int_equal(flow_field_parse(f, buf, &v, &mask, &err), -EINVAL);
			assert_non_null(strstr(err.what, "not parsed as far as"));
			continue;
		}
		assert_true(strlen(flow_field_format(f, &ones, NULL, buf)) > 0);
		assert_int_equal(flow_field_parse(f, buf, &v, &mask, &err), 0);
		assert_memory_equal(&v, &ones, sizeof(v));
		assert_true(strlen(flow_field_format(f, &odd, &odd, buf)) < FIELD_STR_SIZE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_is_read_and_written_canonically),
	    cmocka_unit_test(bad_text_is_refused_with_a_reason_and_changes_nothing),
	    cmocka_unit_test(value_outside_its_mask_gets_a_suggestion),
	    cmocka_unit_test(endless_text_is_refused),
	    cmocka_unit_test(every_field_formats_its_widest_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
