/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include <string.h>

#include "control/openflow/ofp_raw.h"
#include "tests/unit/control/openflow/hex.h"

/* Of the body, what a row has at least, and in which steps it grows. */
static const struct {
	uint16_t min, unit;
} bodies[OFPRAW__COUNT] = {
#define OFPMSG(name, first, last, class, number, min, unit) [OFPRAW_##name] = {min, unit},
#include <ofp_msgs.def>
#undef OFPMSG
};

static struct buf_writer w;

static int start(void **)
{
	buf_writer_init(&w, 1 << 20);
	return 0;
}

static int end(void **)
{
	buf_writer_fini(&w);
	return 0;
}

static size_t write_message(enum ofp_raw raw, uint8_t version, size_t body)
{
	w.size = 0;
	struct ofp_mark mark = ofp_begin(&w, raw, version, 0x01020304);
	size_t header = w.size;
	buf_put_zeros(&w, body);
	ofp_end(&w, mark);
	assert_false(w.bad);
	return header;
}

static void every_message_reads_back_in_each_of_its_versions(void **)
{
	unsigned int n = 0;

	for (enum ofp_raw raw = 0; raw < OFPRAW__COUNT; raw++) {
		for (unsigned int v = OFP10_VERSION; v <= OFP15_VERSION; v++) {
			uint8_t version = (uint8_t)v;
			struct ofp_msg m;
			if (!ofp_raw_has_version(raw, version))
				continue;
			size_t header = write_message(raw, version, bodies[raw].min);
			enum ofp_err err = ofp_msg_decode(w.data, w.size, &m);
			if (err != OFP_OK || m.raw != raw)
				fail_msg("%s in version %u: %s, %s", ofp_raw_name(raw), version,
				    ofp_err_name(err), ofp_raw_name(m.raw));
			assert_int_equal(m.version, version);
			assert_int_equal(m.xid, 0x01020304);
			assert_int_equal(m.mp_flags, 0);
			assert_int_equal(buf_left(&m.body), bodies[raw].min);
			assert_ptr_equal(m.body.data + m.body.pos, w.data + header);
			assert_int_equal(w.data[2] << 8 | w.data[3], w.size);
			n++;
		}
	}
	assert_true(n > 300);
}

static void bodies_of_a_wrong_size_are_refused(void **)
{
	for (enum ofp_raw raw = 0; raw < OFPRAW__COUNT; raw++) {
		uint8_t version = OFP10_VERSION;
		struct ofp_msg m;
		while (!ofp_raw_has_version(raw, version))
			version++;
		if (bodies[raw].min > 0) {
			write_message(raw, version, bodies[raw].min - 1U);
			assert_int_equal(ofp_msg_decode(w.data, w.size, &m), OFPERR_OFPBRC_BAD_LEN);
		}
		write_message(raw, version, bodies[raw].min + 1U);
		assert_int_equal(ofp_msg_decode(w.data, w.size, &m),
		    bodies[raw].unit == 1 ? OFP_OK : OFPERR_OFPBRC_BAD_LEN);
		if (bodies[raw].unit > 1) {
			write_message(raw, version, bodies[raw].min + 3U * bodies[raw].unit);
			assert_int_equal(ofp_msg_decode(w.data, w.size, &m), OFP_OK);
		}
	}
}

static void what_is_not_known_has_its_error(void **)
{
	static const struct {
		const char *hex;
		enum ofp_err err;
	} rows[] = {
	    {"01 63 0008 00000001", OFPERR_OFPBRC_BAD_TYPE},
	    {"04 63 0008 00000001", OFPERR_OFPBRC_BAD_TYPE},
	    {"01 10 000c 00000001 1234 0000", OFPERR_OFPBRC_BAD_STAT},
	    {"04 12 0010 00000001 1234 0000 00000000", OFPERR_OFPBRC_BAD_STAT},
	    {"04 12 000c 00000001 0001 0000", OFPERR_OFPBRC_BAD_LEN},
	    {"01 10 000a 00000001 0001", OFPERR_OFPBRC_BAD_LEN},
	    {"01 04 0010 00000001 00001234 00000001", OFPERR_OFPBRC_BAD_VENDOR},
	    {"01 04 0010 00000001 00002320 00001234", OFPERR_OFPBRC_BAD_SUBTYPE},
	    {"01 04 000a 00000001 0000", OFPERR_OFPBRC_BAD_LEN},
	    {"01 04 000c 00000001 00002320", OFPERR_OFPBRC_BAD_LEN},
	    {"01 10 0014 00000001 ffff 0000 00001234 00000000", OFPERR_OFPBRC_BAD_VENDOR},
	    {"01 10 0014 00000001 ffff 0000 00002320 00001234", OFPERR_OFPBRC_BAD_LEN},
	    {"01 10 0018 00000001 ffff 0000 00002320 00001234 00000000", OFPERR_OFPBRC_BAD_SUBTYPE},
	    {"09 00 0008 00000001", OFP_OK}, // a hello of a version to come
	    {"09 0e 0008 00000001", OFPERR_OFPBRC_BAD_TYPE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t bytes[64];
		size_t size = bytes_of(rows[i].hex, bytes);
		struct ofp_msg m;
		enum ofp_err err = ofp_msg_decode(bytes, size, &m);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].hex, ofp_err_name(err));
		assert_int_equal(m.version, bytes[0]); // for the error's own envelope
		assert_memory_equal(&m.xid, bytes + 4, 4);
		assert_ptr_equal(m.data, bytes);
		assert_int_equal(m.size, size);
	}
}

static void flags_of_a_multipart_message_are_told(void **)
{
	uint8_t bytes[64];
	size_t size = bytes_of("04 12 0010 00000001 0003 0001 00000000", bytes);
	struct ofp_msg m;

	assert_int_equal(ofp_msg_decode(bytes, size, &m), OFP_OK);
	assert_int_equal(m.raw, OFPRAW_OFPST_TABLE_REQUEST);
	assert_int_equal(m.mp_flags, 1);
	assert_true(ofp_raw_is_stats(m.raw));
	assert_false(ofp_raw_is_stats(OFPRAW_OFPT_HELLO));
}

static void the_form_of_a_version_is_found(void **)
{
	static const enum ofp_raw mods[] = {OFPRAW_OFPT10_FLOW_MOD, OFPRAW_OFPT11_FLOW_MOD};

	assert_int_equal(ofp_raw_of_version(mods, 2, OFP10_VERSION), OFPRAW_OFPT10_FLOW_MOD);
	assert_int_equal(ofp_raw_of_version(mods, 2, OFP13_VERSION), OFPRAW_OFPT11_FLOW_MOD);
	assert_int_equal(ofp_raw_of_version(mods, 1, OFP13_VERSION), OFPRAW__COUNT);
	assert_string_equal(ofp_raw_name(OFPRAW_OFPT10_FLOW_MOD), "OFPT10_FLOW_MOD");
	assert_string_equal(ofp_raw_name(OFPRAW__COUNT), "unknown");
}

/* 100 entries of 3,000 bytes: six messages, each entry whole and once, all but the last say that more follow. */
static void long_replies_are_cut_between_entries(void **)
{
	struct ofp_msg request = {.version = OFP13_VERSION, .xid = 7}, m;
	struct ofp_reply r;
	unsigned int n_messages = 0, n_entries = 0;

	ofp_reply_begin(&r, &w, OFPRAW_OFPST13_FLOW_REPLY, &request);
	for (unsigned int i = 0; i < 100; i++) {
		for (unsigned int k = 0; k < 3000; k++)
			buf_put_u8(&w, (uint8_t)i);
		ofp_reply_entry(&r);
	}
	ofp_reply_end(&r);
	assert_false(w.bad);
	for (size_t at = 0; at < w.size; n_messages++) {
		size_t size = (size_t)w.data[at + 2] << 8 | w.data[at + 3];
		assert_int_equal(ofp_msg_decode(w.data + at, size, &m), OFP_OK);
		assert_int_equal(m.raw, OFPRAW_OFPST13_FLOW_REPLY);
		assert_int_equal(m.xid, 7);
		assert_int_equal(buf_left(&m.body) % 3000, 0);
		assert_int_equal(m.mp_flags, at + size < w.size);
		while (buf_left(&m.body) > 0) {
			const uint8_t *entry = buf_take(&m.body, 3000);
			assert_int_equal(entry[0], n_entries);
			assert_int_equal(entry[2999], n_entries);
			n_entries++;
		}
		at += size;
	}
	assert_int_equal(n_entries, 100);
	assert_int_equal(n_messages, 6);
}

static void an_empty_reply_is_one_message(void **)
{
	struct ofp_msg request = {.version = OFP10_VERSION, .xid = 7}, m;
	struct ofp_reply r;

	ofp_reply_begin(&r, &w, OFPRAW_OFPST10_FLOW_REPLY, &request);
	ofp_reply_end(&r);
	assert_int_equal(w.size, 12);
	assert_int_equal(ofp_msg_decode(w.data, w.size, &m), OFP_OK);
	assert_int_equal(buf_left(&m.body), 0);
}

static void a_message_over_its_limit_is_bad(void **)
{
	struct ofp_mark mark = ofp_begin(&w, OFPRAW_OFPT_ECHO_REQUEST, OFP13_VERSION, 1);

	buf_put_zeros(&w, 65528);
	ofp_end(&w, mark);
	assert_true(w.bad);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
	    TEST(every_message_reads_back_in_each_of_its_versions),
	    TEST(bodies_of_a_wrong_size_are_refused),
	    TEST(what_is_not_known_has_its_error),
	    TEST(flags_of_a_multipart_message_are_told),
	    TEST(the_form_of_a_version_is_found),
	    TEST(long_replies_are_cut_between_entries),
	    TEST(an_empty_reply_is_one_message),
	    TEST(a_message_over_its_limit_is_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
