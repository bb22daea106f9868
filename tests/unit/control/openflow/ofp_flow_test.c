/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include <endian.h>
#include <string.h>

#include "control/openflow/ofp_flow.h"
#include "tests/unit/control/openflow/hex.h"
#include "tests/unit/control/openflow/random_flow.h"

/* Of a structure, up to its last member, without what pads it. */
#define SIZE_TO(type, member) (offsetof(type, member) + sizeof(((type *)NULL)->member))

static struct buf_writer scratch[2];

static int start(void **)
{
	buf_writer_init(&scratch[0], 2 * OFP_MAX_ACTIONS_SIZE);
	buf_writer_init(&scratch[1], 2 * OFP_MAX_ACTIONS_SIZE);
	return 0;
}

static int end(void **)
{
	buf_writer_fini(&scratch[0]);
	buf_writer_fini(&scratch[1]);
	return 0;
}

/* A form of 1.0's; the others in turn. */
static enum ofp_flow_form form_of(unsigned int i)
{
	return i / 6 % 2 == 0 ? OFP_FLOW_STANDARD : OFP_FLOW_NICIRA;
}

/* In the standard form of 1.0 and 1.1, what that can say. */
static struct flow_match match_for(
    struct random_flow *r, enum ofp_version version, enum ofp_flow_form form)
{
	struct flow_match m = random_match(r);
	struct buf_writer w;

	if (form == OFP_FLOW_NICIRA || version >= OFP12_VERSION)
		return m;
	buf_writer_init(&w, 1024);
	if (version == OFP10_VERSION)
		ofp10_match_encode(&m, &w);
	else
		ofp11_match_encode(&m, version, &w);
	struct buf b = buf_from(w.data, w.size);
	assert_int_equal(version == OFP10_VERSION ? ofp10_match_decode(&b, &m)
						  : ofp11_match_decode(&b, version, 0, &m),
	    OFP_OK);
	buf_writer_fini(&w);
	return m;
}

static struct ofp_instructions instructions_for(struct random_flow *r, enum ofp_version version)
{
	struct ofp_instructions ins = {0};

	scratch[0].size = 0;
	random_actions(r, version, &scratch[0]);
	size_t apply = scratch[0].size;
	if (version >= OFP11_VERSION && random_below(r, 2) == 0)
		random_actions(r, version, &scratch[0]);
	ins.apply = (struct ofp_actions){scratch[0].data, apply};
	if (scratch[0].size > apply)
		ins.write = (struct ofp_actions){scratch[0].data + apply, scratch[0].size - apply};
	if (version == OFP10_VERSION)
		return ins;
	ins.clear = random_below(r, 2) == 0;
	ins.has_goto = random_below(r, 2) == 0;
	ins.goto_table = ins.has_goto ? (uint8_t)random_below(r, 254) : 0;
	ins.has_write_metadata = random_below(r, 2) == 0;
	if (ins.has_write_metadata) {
		ins.metadata_mask_be = random_below(r, 1 << 20);
		ins.metadata_be = random_below(r, 1 << 20) & ins.metadata_mask_be;
	}
	if (version >= OFP13_VERSION)
		ins.meter_id = random_below(r, 3);
	return ins;
}

static void check_instructions(
    const struct ofp_instructions *got, const struct ofp_instructions *want)
{
	assert_int_equal(got->apply.size, want->apply.size);
	assert_int_equal(got->write.size, want->write.size);
	if (got->apply.size > 0)
		assert_memory_equal(got->apply.data, want->apply.data, got->apply.size);
	if (got->write.size > 0)
		assert_memory_equal(got->write.data, want->write.data, got->write.size);
	assert_int_equal(got->clear, want->clear);
	assert_int_equal(got->has_goto, want->has_goto);
	assert_int_equal(got->goto_table, want->goto_table);
	assert_int_equal(got->has_write_metadata, want->has_write_metadata);
	assert_int_equal(got->metadata_be, want->metadata_be);
	assert_int_equal(got->metadata_mask_be, want->metadata_mask_be);
	assert_int_equal(got->meter_id, want->meter_id);
}

static void check_flow_mod(const struct ofp_flow_mod *got, const struct ofp_flow_mod *want)
{
	assert_memory_equal(&got->match, &want->match, sizeof(got->match));
	assert_int_equal(got->command, want->command);
	assert_int_equal(got->priority, want->priority);
	assert_int_equal(got->flags, want->flags);
	assert_int_equal(got->table_id, want->table_id);
	assert_int_equal(got->cookie_be, want->cookie_be);
	assert_int_equal(got->cookie_mask_be, want->cookie_mask_be);
	assert_int_equal(got->new_cookie_be, want->new_cookie_be);
	assert_int_equal(got->modify_cookie, want->modify_cookie);
	assert_int_equal(got->out_port, want->out_port);
	assert_int_equal(got->out_group, want->out_group);
	assert_int_equal(got->idle_timeout_s, want->idle_timeout_s);
	assert_int_equal(got->hard_timeout_s, want->hard_timeout_s);
	assert_int_equal(got->importance, want->importance);
	assert_int_equal(got->buffer_id, want->buffer_id);
}

static void flow_mods_read_back_in_every_form(void **)
{
	struct random_flow r = random_flow_start();

	for (unsigned int i = 0; i < test_size(3000, 100000); i++) {
		enum ofp_version v = OFP10_VERSION + i % 6;
		enum ofp_flow_form form = form_of(i);
		bool old = form == OFP_FLOW_NICIRA || v == OFP10_VERSION;
		struct ofp_flow_mod fm = {
		    .match = match_for(&r, v, form),
		    .ins = instructions_for(&r, v),
		    .command = (uint8_t)random_below(&r, 5),
		    .priority = (uint16_t)random_below(&r, 65536),
		    .idle_timeout_s = (uint16_t)random_below(&r, 65536),
		    .hard_timeout_s = (uint16_t)random_below(&r, 65536),
		    .buffer_id = OFP_NO_BUFFER,
		    .out_port = DP_OFPORT_ANY,
		    .out_group = OFP_ANY_GROUP,
		    .table_id = (uint8_t)random_below(&r, 254),
		    .new_cookie_be = random_below(&r, 1 << 20),
		};
		bool add = fm.command == OFPFC_ADD, delete = fm.command >= OFPFC_DELETE;
		struct ofp_flow_mod got;
		if (v >= OFP14_VERSION && add && !old)
			fm.importance = (uint16_t)random_below(&r, 65536);
		fm.flags = (uint16_t)random_below(&r, v >= OFP13_VERSION   ? 32
						      : v >= OFP12_VERSION ? 8
									   : 4);
		if (v < OFP12_VERSION && add)
			fm.flags |= OFPFF12_RESET_COUNTS;
		if (delete)
			fm.out_port = random_below(&r, 2) == 0 ? 3 : DP_OFPORT_LOCAL;
		if (delete &&!old)
			fm.out_group = 5;
		fm.modify_cookie = old;
		if (!old && !add) { // a cookie to be asked for
			fm.new_cookie_be = UINT64_MAX;
			fm.cookie_mask_be = 0xff;
			fm.cookie_be = 0x12;
		}
		struct buf_writer w;
		buf_writer_init(&w, 65536);
		ofp_flow_mod_encode(v, form, old, &fm, &w);
		struct buf b = buf_from(w.data, w.size);
		enum ofp_err err = ofp_flow_mod_decode(v, form, old, &b, &scratch[1], &got);
		if (err != OFP_OK)
			fail_msg("version %d form %d: %s", v, form, ofp_err_name(err));
		check_instructions(&got.ins, &fm.ins);
		got.ins = fm.ins;
		if (v == OFP10_VERSION && got.priority == UINT16_MAX)
			fm.priority = UINT16_MAX; // a match on everything
		check_flow_mod(&got, &fm);
		// Cut anywhere, it is refused or means less, and nothing is read behind it.
		struct buf cut = buf_from(w.data, random_below(&r, (unsigned int)w.size));
		(void)!ofp_flow_mod_decode(v, form, old, &cut, &scratch[1], &got);
		buf_writer_fini(&w);
	}
}

static void statistics_read_back_in_every_form(void **)
{
	struct random_flow r = random_flow_start();

	for (unsigned int i = 0; i < test_size(3000, 100000); i++) {
		enum ofp_version v = OFP10_VERSION + i % 6;
		enum ofp_flow_form form = form_of(i);
		struct ofp_flow_stats fs = {
		    .match = match_for(&r, v, form),
		    .ins = instructions_for(&r, v),
		    .cookie_be = random_below(&r, 1 << 20),
		    .n_packets = random_below(&r, 1 << 30),
		    .n_bytes = UINT64_MAX,
		    .duration_s = random_below(&r, 1 << 30),
		    .duration_ns = random_below(&r, 1000000000),
		    .idle_age_s = -1,
		    .hard_age_s = -1,
		    .priority = (uint16_t)random_below(&r, 65536),
		    .idle_timeout_s = (uint16_t)random_below(&r, 65536),
		    .hard_timeout_s = (uint16_t)random_below(&r, 65536),
		    .table_id = (uint8_t)random_below(&r, 254),
		};
		struct ofp_flow_stats got;
		struct buf_writer w;
		if (form == OFP_FLOW_NICIRA)
			fs.hard_age_s = (int32_t)random_below(&r, 65000);
		if (form == OFP_FLOW_NICIRA || v >= OFP15_VERSION)
			fs.idle_age_s = (int32_t)random_below(&r, 65000);
		if (form == OFP_FLOW_STANDARD && v >= OFP13_VERSION)
			fs.flags = (uint16_t)random_below(&r, 32);
		if (form == OFP_FLOW_STANDARD && v >= OFP14_VERSION)
			fs.importance = (uint16_t)random_below(&r, 65536);
		buf_writer_init(&w, 200000);
		ofp_flow_stats_encode(v, form, &fs, &w);
		ofp_flow_stats_encode(v, form, &fs, &w);
		struct buf b = buf_from(w.data, w.size);
		for (int n = 0; n < 2; n++) {
			enum ofp_err err = ofp_flow_stats_decode(v, form, &b, &scratch[1], &got);
			if (err != OFP_OK)
				fail_msg("version %d form %d: %s", v, form, ofp_err_name(err));
			check_instructions(&got.ins, &fs.ins);
			got.ins = fs.ins;
			assert_memory_equal(&got, &fs, SIZE_TO(struct ofp_flow_stats, table_id));
		}
		assert_int_equal(buf_left(&b), 0);
		buf_writer_fini(&w);
	}
}

static void requests_and_removals_read_back_in_every_form(void **)
{
	struct random_flow r = random_flow_start();

	for (unsigned int i = 0; i < test_size(3000, 100000); i++) {
		enum ofp_version v = OFP10_VERSION + i % 6;
		enum ofp_flow_form form = form_of(i);
		bool std = form == OFP_FLOW_STANDARD;
		struct ofp_flow_stats_request
		    rq =
			{
			    .match = match_for(&r, v, form),
			    .cookie_mask_be = std && v == OFP10_VERSION ? 0 : 0xff00,
			    .cookie_be = std && v == OFP10_VERSION ? 0 : 0x1200,
			    .out_port = random_below(&r, 2) == 0 ? DP_OFPORT_ANY : 4,
			    .out_group = std && v > OFP10_VERSION ? 4 : OFP_ANY_GROUP,
			    .table_id = (uint8_t)random_below(&r, 256),
			},
		    rq_got;
		struct ofp_flow_removed fr =
					    {
						.match = rq.match,
						.cookie_be = 5,
						.n_packets = random_below(&r, 1 << 30),
						.n_bytes = random_below(&r, 1 << 30),
						.duration_s = 7,
						.duration_ns = 8,
						.priority = (uint16_t)random_below(&r, 65536),
						.idle_timeout_s = 9,
						.hard_timeout_s =
						    std && v >= OFP12_VERSION ? 10 : 0,
						.reason = (uint8_t)random_below(&r, 4),
						.table_id = std && v == OFP10_VERSION ? 255 : 3,
					    },
					fr_got;
		struct buf_writer w;
		buf_writer_init(&w, 65536);
		ofp_flow_stats_request_encode(v, form, &rq, &w);
		struct buf b = buf_from(w.data, w.size);
		assert_int_equal(ofp_flow_stats_request_decode(v, form, &b, &rq_got), OFP_OK);
		assert_memory_equal(&rq_got, &rq, SIZE_TO(struct ofp_flow_stats_request, table_id));
		w.size = 0;
		ofp_flow_removed_encode(v, form, &fr, &w);
		b = buf_from(w.data, w.size);
		assert_int_equal(ofp_flow_removed_decode(v, form, &b, &fr_got), OFP_OK);
		assert_memory_equal(&fr_got, &fr, SIZE_TO(struct ofp_flow_removed, table_id));
		w.size = 0;
		struct ofp_aggregate_stats as = {1, 2, 3}, as_got;
		ofp_aggregate_stats_encode(v, &as, &w);
		b = buf_from(w.data, w.size);
		assert_int_equal(ofp_aggregate_stats_decode(v, &b, &as_got), OFP_OK);
		assert_memory_equal(&as_got, &as, SIZE_TO(struct ofp_aggregate_stats, n_flows));
		buf_writer_fini(&w);
	}
}

static void wrong_instructions_have_their_errors(void **)
{
	static const struct {
		const char *hex;
		enum ofp_version version;
		enum ofp_err err;
	} rows[] = {
	    {"0001 0008 05 000000", OFP13_VERSION, OFP_OK},
	    {"0001 0008 05 000000 0001 0008 06 000000", OFP13_VERSION, OFPERR_OFPBIC_DUP_INST},
	    {"0001 0010 05 000000 0000000000000000", OFP13_VERSION, OFPERR_OFPBIC_BAD_LEN},
	    {"0001 0000 05 000000", OFP13_VERSION, OFPERR_OFPBIC_BAD_LEN},
	    {"0001 0008 05 0000", OFP13_VERSION, OFPERR_OFPBIC_BAD_LEN},
	    {"0002 0008 00000000", OFP13_VERSION, OFPERR_OFPBIC_BAD_LEN},
	    {"0006 0008 00000001", OFP13_VERSION, OFP_OK},
	    {"0006 0008 00000000", OFP13_VERSION, OFPERR_OFPMMFC_INVALID_METER},
	    {"0006 0008 00000001", OFP12_VERSION, OFPERR_OFPBIC_UNKNOWN_INST},
	    {"0006 0008 00000001", OFP15_VERSION, OFPERR_OFPBIC_UNKNOWN_INST},
	    {"0007 0008 00000001", OFP15_VERSION, OFPERR_OFPBIC_UNKNOWN_INST}, // stat-trigger
	    {"ffff 0008 00000001", OFP15_VERSION, OFPERR_OFPBIC_BAD_EXPERIMENTER},
	    {"0004 0010 00000000 0063 0008 00000000", OFP13_VERSION, OFPERR_OFPBAC_BAD_TYPE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t bytes[128];
		struct ofp_instructions ins;
		struct buf b = buf_from(bytes, bytes_of(rows[i].hex, bytes));
		enum ofp_err err = ofp_instructions_decode(&b, rows[i].version, &scratch[1], &ins);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].hex, ofp_err_name(err));
	}
}

/* Each list of a rule has the switch's limit, whatever room the caller gives both. */
static void each_list_has_the_switchs_limit(void **)
{
	static uint8_t wire[65536];

	for (size_t n = OFP_MAX_ACTIONS_SIZE / 8; n <= OFP_MAX_ACTIONS_SIZE / 8 + 1; n++) {
		struct ofp_instructions ins;
		size_t size = 8 + 8 * n;
		for (unsigned int type = 3; type <= 4; type++) {
			memset(wire, 0, sizeof(wire));
			wire[1] = (uint8_t)type;
			wire[2] = (uint8_t)(size >> 8);
			wire[3] = (uint8_t)size;
			for (size_t i = 0; i < n; i++) // dec_nw_ttl
				memcpy(wire + 8 + 8 * i, "\x00\x18\x00\x08", 4);
			struct buf b = buf_from(wire, size);
			assert_int_equal(
			    ofp_instructions_decode(&b, OFP13_VERSION, &scratch[1], &ins),
			    n > OFP_MAX_ACTIONS_SIZE / 8 ? OFPERR_OFPBAC_TOO_MANY : OFP_OK);
		}
	}
}

static void wrong_flow_mods_have_their_errors(void **)
{
	static const struct {
		enum ofp_version version;
		uint8_t command, table;
		uint16_t flags;
		enum ofp_err err;
	} rows[] = {
	    {OFP13_VERSION, 0, 0, 0x1f, OFP_OK},
	    {OFP13_VERSION, 0, 0, 0x20, OFPERR_OFPFMFC_BAD_FLAGS},
	    {OFP12_VERSION, 0, 0, 0x08, OFPERR_OFPFMFC_BAD_FLAGS},
	    {OFP13_VERSION, 5, 0, 0, OFPERR_OFPFMFC_BAD_COMMAND},
	    {OFP13_VERSION, 0, 255, 0, OFPERR_OFPFMFC_BAD_TABLE_ID},
	    {OFP13_VERSION, 3, 255, 0, OFP_OK},
	    {OFP11_VERSION, 3, 255, 0, OFPERR_OFPFMFC_BAD_TABLE_ID},
	    {OFP10_VERSION, 0, 0, 4, OFPERR_OFPFMFC_TABLE_FULL},
	    {OFP10_VERSION, 9, 0, 0, OFPERR_OFPFMFC_BAD_COMMAND},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ofp_flow_mod fm = {.command = rows[i].command,
		    .table_id = rows[i].table,
		    .out_port = DP_OFPORT_ANY,
		    .out_group = OFP_ANY_GROUP,
		    .buffer_id = OFP_NO_BUFFER};
		bool old = rows[i].version == OFP10_VERSION;
		struct buf_writer w;
		buf_writer_init(&w, 4096);
		ofp_flow_mod_encode(rows[i].version, OFP_FLOW_STANDARD, false, &fm, &w);
		w.data[(old ? 62 : 36)] = (uint8_t)(rows[i].flags >> 8);
		w.data[(old ? 63 : 37)] = (uint8_t)rows[i].flags;
		struct buf b = buf_from(w.data, w.size);
		assert_int_equal(ofp_flow_mod_decode(rows[i].version, OFP_FLOW_STANDARD, false, &b,
				     &scratch[1], &fm),
		    rows[i].err);
		buf_writer_fini(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(flow_mods_read_back_in_every_form, start, end),
	    cmocka_unit_test_setup_teardown(statistics_read_back_in_every_form, start, end),
	    cmocka_unit_test_setup_teardown(
		requests_and_removals_read_back_in_every_form, start, end),
	    cmocka_unit_test_setup_teardown(wrong_instructions_have_their_errors, start, end),
	    cmocka_unit_test_setup_teardown(each_list_has_the_switchs_limit, start, end),
	    cmocka_unit_test_setup_teardown(wrong_flow_mods_have_their_errors, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
