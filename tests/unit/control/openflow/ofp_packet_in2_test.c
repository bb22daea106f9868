/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/openflow/ofp_packet.h"
#include "tests/unit/control/openflow/message.h"

enum { HEADER_SIZE = 16, ROUNDS = 2000 }; // ofp_header, vendor and subtype

static struct buf_writer w;

static int start(void **)
{
	buf_writer_init(&w, 65536);
	return 0;
}

static int end(void **)
{
	buf_writer_fini(&w);
	return 0;
}

static void packet_in_has_userdata_and_a_continuation(void **)
{
	static const uint8_t token[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	const struct ofp_packet_in pin = {.reason = OFPR_ACTION,
	    .table_id = 7,
	    .data = token,
	    .data_size = 2,
	    .total_size = 2,
	    .userdata = token,
	    .userdata_size = 5,
	    .continuation = token,
	    .continuation_size = 8};

	ofp_packet_in_encode(OFP15_VERSION, OFP_PACKET_IN_NXT2, &pin, &w);
	check_written(&w, "06 04 0060 00000000 00002320 0000001e 0000 0006 0102 0000"
			  "0003 0005 07 000000 0004 0010 00000000 0000000000000000"
			  "0005 0005 01 000000 0006 0004 00000000"
			  "0007 0009 0102030405 00000000000000"
			  "0008 0010 00000000 0102030405060708");
}

static void random_packet_in(struct ofp_packet_in *ret, uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)random();
	*ret = (struct ofp_packet_in){.reason = (uint8_t)(random() % 6),
	    .table_id = (uint8_t)random(),
	    .cookie_be = (uint64_t)random() << 32 | (uint64_t)random(),
	    .data = bytes,
	    .data_size = (uint16_t)(1 + (size_t)random() % size),
	    .userdata = bytes,
	    .userdata_size = (size_t)random() % size,
	    .continuation = bytes,
	    .continuation_size = (size_t)random() % (size / 8) * 8};
	ret->total_size = (uint16_t)(ret->data_size + random() % 100);
	ret->in_port = (uint32_t)random();
	ret->metadata.key.in_port = htobe32(ret->in_port);
	ret->metadata.mask.in_port = UINT32_MAX;
	ret->metadata.key.reg[3] = (uint32_t)random();
	ret->metadata.mask.reg[3] = UINT32_MAX;
}

/* What is sent back as it came is what was sent. */
static void resume_reads_what_packet_in_wrote(void **)
{
	struct ofp_packet_in pin, got;
	unsigned int seed = (unsigned int)getpid();
	uint8_t bytes[200];

	print_message("seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < ROUNDS; i++) {
		w.size = 0;
		random_packet_in(&pin, bytes, sizeof(bytes));
		ofp_packet_in_encode(OFP13_VERSION, OFP_PACKET_IN_NXT2, &pin, &w);
		assert_false(w.bad);
		struct buf b = buf_from(w.data + HEADER_SIZE, w.size - HEADER_SIZE);
		assert_int_equal(ofp_resume_decode(&b, &got), OFP_OK);
		assert_int_equal(got.in_port, pin.in_port);
		assert_int_equal(got.cookie_be, pin.cookie_be);
		assert_int_equal(got.reason, pin.reason);
		assert_int_equal(got.table_id, pin.table_id);
		assert_int_equal(got.data_size, pin.data_size);
		assert_int_equal(got.total_size, pin.total_size);
		assert_int_equal(got.userdata_size, pin.userdata_size);
		assert_int_equal(got.continuation_size, pin.continuation_size);
		assert_memory_equal(got.data, bytes, got.data_size);
		assert_memory_equal(&got.metadata, &pin.metadata, sizeof(pin.metadata));
		if (got.userdata_size > 0)
			assert_memory_equal(got.userdata, bytes, got.userdata_size);
		if (got.continuation_size > 0)
			assert_memory_equal(got.continuation, bytes, got.continuation_size);
	}
}

static void resume_refuses(void **)
{
#define PACKET "0000 0006 0102 0000"
	static const struct {
		const char *hex;
		enum ofp_err err;
	} rows[] = {
	    {"", OFPERR_OFPBRC_BAD_LEN},
	    {"0003 0005 07 000000", OFPERR_OFPBRC_BAD_LEN},              // no packet
	    {PACKET "0001 0008 00000001", OFPERR_OFPBRC_BAD_LEN},        // shorter than its part
	    {PACKET "0001 0008 00010000", OFPERR_OFPBPC_BAD_VALUE},      // longer than any
	    {PACKET "0002 0008 00000007", OFPERR_OFPBRC_BUFFER_UNKNOWN}, // none are kept
	    {PACKET "0004 0008 00000000", OFPERR_OFPBPC_BAD_LEN},
	    {PACKET "0008 0006 00000000", OFPERR_OFPBPC_BAD_LEN},
	    {PACKET "0009 0008 00000000", OFPERR_OFPBPC_BAD_TYPE},
	    {PACKET "ffff 000c 00002320 00000001 00000000", OFPERR_OFPBPC_BAD_EXPERIMENTER},
	    {PACKET "0006 0006 0000 0000", OFPERR_OFPBMC_BAD_LEN},
	    {PACKET "0006 000c 80007004 00000000 00000000", OFPERR_OFPBMC_BAD_FIELD},
	};
#undef PACKET
	struct ofp_packet_in pin;
	uint8_t bytes[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buf b = buf_from(bytes, bytes_of(rows[i].hex, bytes));
		assert_string_equal(
		    ofp_err_name(ofp_resume_decode(&b, &pin)), ofp_err_name(rows[i].err));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(packet_in_has_userdata_and_a_continuation, start, end),
	    cmocka_unit_test_setup_teardown(resume_reads_what_packet_in_wrote, start, end),
	    cmocka_unit_test(resume_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
