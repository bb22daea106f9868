/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "control/openflow/ofp_ct_flush.h"
#include "control/openflow/ofp_group.h"
#include "control/openflow/ofp_packet.h"
#include "control/openflow/ofp_port_mod.h"
#include "control/openflow/ofp_queue.h"
#include "control/openflow/ofp_raw.h"
#include "control/openflow/ofp_table.h"
#include "tests/fuzz/fuzz.h"

/*
 * A whole message of any version that changes or asks for something other than flows and meters: groups, ports, tables, queues, tracked
 * connections, packets that wait. (ofp_flow_fuzz.c and ofp_msg_fuzz.c have the others.) Nothing is taken that was read past its end, a
 * resumed packet reads back as written, and an error can be said in every version.
 */

static struct buf_writer actions, buckets;

static enum ofp_err decode_group(const struct ofp_msg *msg, struct buf *b)
{
	struct ofp_group_mod gm;
	bool is_15_form = msg->raw != OFPRAW_OFPT11_GROUP_MOD;
	enum ofp_err err = ofp_group_mod_decode(
	    (enum ofp_version)msg->version, is_15_form, b, &actions, &buckets, &gm);

	for (size_t i = 0; err == OFP_OK && i < gm.n_buckets; i++)
		FUZZ_ASSERT(gm.buckets[i].actions.size <= actions.size);
	return err;
}

static enum ofp_err decode_table(enum ofp_version version, struct buf *b)
{
	struct ofp_table_conf t;
	enum ofp_err err = ofp_table_mod_decode(version, b, &t);

	if (err == OFP_OK)
		FUZZ_ASSERT(t.vacancy_down <= t.vacancy_up && t.vacancy_up <= 100);
	return err;
}

/* What a controller is sent with it is what it sends back. */
static enum ofp_err decode_resume(enum ofp_version version, struct buf *b)
{
	enum { HEADER_SIZE = 16 };
	struct ofp_packet_in pin, again;
	struct buf_writer w;
	enum ofp_err err = ofp_resume_decode(b, &pin);

	if (err != OFP_OK)
		return err;
	FUZZ_ASSERT(pin.data_size > 0 && pin.data_size <= pin.total_size);
	buf_writer_init(&w, 1 << 20);
	ofp_packet_in_encode(version, OFP_PACKET_IN_NXT2, &pin, &w);
	if (!w.bad) {
		struct buf copy = buf_from(w.data + HEADER_SIZE, w.size - HEADER_SIZE);
		FUZZ_ASSERT(ofp_resume_decode(&copy, &again) == OFP_OK);
		FUZZ_ASSERT(again.data_size == pin.data_size);
		FUZZ_ASSERT(again.total_size == pin.total_size);
		FUZZ_ASSERT(again.userdata_size == pin.userdata_size);
		FUZZ_ASSERT(again.continuation_size == pin.continuation_size);
		// Ports of 32 bits have no name in the older ones.
		FUZZ_ASSERT(version < OFP12_VERSION ||
			    memcmp(&again.metadata, &pin.metadata, sizeof(pin.metadata)) == 0);
	}
	buf_writer_fini(&w);
	return OFP_OK;
}

static enum ofp_err decode_queue(const struct ofp_msg *msg, struct buf *b)
{
	struct ofp_queue_request r;
	enum ofp_version version = (enum ofp_version)msg->version;

	if (msg->raw == OFPRAW_OFPST10_QUEUE_REQUEST || msg->raw == OFPRAW_OFPST11_QUEUE_REQUEST)
		return ofp_queue_request_decode(version, b, &r);
	return ofp_queue_config_request_decode(version, b, &r);
}

static enum ofp_err decode_extension(const struct ofp_msg *msg, struct buf *b)
{
	struct ofp_ct_flush flush;

	switch (msg->raw) {
	case OFPRAW_NXT_CT_FLUSH: return ofp_ct_flush_decode(b, &flush);
	case OFPRAW_NXT_CT_FLUSH_ZONE: return ofp_ct_flush_zone_decode(b, &flush);
	case OFPRAW_NXT_RESUME: return decode_resume((enum ofp_version)msg->version, b);
	default: return OFP_OK;
	}
}

static enum ofp_err decode_body(const struct ofp_msg *msg, struct buf *b)
{
	enum ofp_version version = (enum ofp_version)msg->version;
	struct ofp_port_mod pm;

	switch (msg->raw) {
	case OFPRAW_OFPT10_PORT_MOD:
	case OFPRAW_OFPT11_PORT_MOD:
	case OFPRAW_OFPT14_PORT_MOD: return ofp_port_mod_decode(version, b, &pm);
	case OFPRAW_OFPT11_TABLE_MOD:
	case OFPRAW_OFPT14_TABLE_MOD: return decode_table(version, b);
	case OFPRAW_NXT_GROUP_MOD:
	case OFPRAW_OFPT11_GROUP_MOD:
	case OFPRAW_OFPT15_GROUP_MOD: return decode_group(msg, b);
	case OFPRAW_OFPST10_QUEUE_REQUEST:
	case OFPRAW_OFPST11_QUEUE_REQUEST:
	case OFPRAW_OFPT10_QUEUE_GET_CONFIG_REQUEST:
	case OFPRAW_OFPT11_QUEUE_GET_CONFIG_REQUEST:
	case OFPRAW_OFPST14_QUEUE_DESC_REQUEST: return decode_queue(msg, b);
	default: return decode_extension(msg, b);
	}
}

static void check_error(enum ofp_err err, const uint8_t *data, size_t size)
{
	struct buf_writer w;
	struct ofp_error got;

	buf_writer_init(&w, UINT16_MAX);
	for (enum ofp_version v = OFP10_VERSION; v <= OFP15_VERSION; v++) {
		w.size = 0;
		ofp_error_encode(v, err, data, size, &w);
		FUZZ_ASSERT(!w.bad);
		FUZZ_ASSERT(ofp_error_decode(v, w.data, w.size, &got) == OFP_OK);
	}
	buf_writer_fini(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ofp_msg msg;

	if (size < sizeof(struct ofp_header) || size > UINT16_MAX)
		return 0;
	buf_writer_init(&actions, OFP_MAX_ACTIONS_SIZE);
	buf_writer_init(&buckets, 1 << 20);
	enum ofp_err err = ofp_msg_decode(data, size, &msg);
	if (err == OFP_OK) {
		struct buf body = msg.body;
		err = decode_body(&msg, &body);
		FUZZ_ASSERT(err != OFP_OK || !body.bad);
	}
	FUZZ_ASSERT(err < OFPERR__COUNT);
	if (err != OFP_OK)
		check_error(err, data, size);
	buf_writer_fini(&actions);
	buf_writer_fini(&buckets);
	return 0;
}
