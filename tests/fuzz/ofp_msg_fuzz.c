/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "control/openflow/ofp_async.h"
#include "control/openflow/ofp_meter.h"
#include "control/openflow/ofp_monitor.h"
#include "control/openflow/ofp_packet.h"
#include "control/openflow/ofp_raw.h"
#include "control/openflow/ofp_tlv_map.h"
#include "tests/fuzz/fuzz.h"

/*
 * Whole messages: the envelope, and the bodies that have codecs (those of flows are ofp_flow_fuzz.c's). What is taken of a body is written,
 * read again, and written as the same bytes.
 */

typedef enum ofp_err body_fn(enum ofp_version version, struct buf *b, struct buf_writer *out);

static struct buf_writer scratch = {.max_size = 2 * OFP_MAX_ACTIONS_SIZE};

static enum ofp_err meter_mod(enum ofp_version, struct buf *b, struct buf_writer *out)
{
	struct ofp_meter_mod mm;
	enum ofp_err err = ofp_meter_mod_decode(b, &mm);

	if (err == OFP_OK)
		ofp_meter_mod_encode(&mm, out);
	return err;
}

static enum ofp_err meter_config(enum ofp_version, struct buf *b, struct buf_writer *out)
{
	struct ofp_meter m;
	enum ofp_err err = OFP_OK;

	while (err == OFP_OK && buf_left(b) > 0) {
		err = ofp_meter_config_decode(b, &m);
		if (err == OFP_OK)
			ofp_meter_config_encode(&m, out);
	}
	return err;
}

static enum ofp_err meter_stats(enum ofp_version, struct buf *b, struct buf_writer *out)
{
	struct ofp_meter_stats s;
	enum ofp_err err = OFP_OK;

	while (err == OFP_OK && buf_left(b) > 0) {
		err = ofp_meter_stats_decode(b, &s);
		if (err == OFP_OK)
			ofp_meter_stats_encode(&s, out);
	}
	return err;
}

static enum ofp_err monitor(enum ofp_version version, struct buf *b, struct buf_writer *out)
{
	static struct ofp_flow_monitor m;
	enum ofp_err err = OFP_OK;

	while (err == OFP_OK && buf_left(b) > 0) {
		err = ofp_flow_monitor_decode(version, b, &m);
		if (err == OFP_OK)
			ofp_flow_monitor_encode(version, &m, out);
	}
	return err;
}

static enum ofp_err update(enum ofp_version version, struct buf *b, struct buf_writer *out)
{
	static struct ofp_flow_update u;
	enum ofp_err err = OFP_OK;

	while (err == OFP_OK && buf_left(b) > 0) {
		err = ofp_flow_update_decode(version, b, &scratch, &u);
		if (err == OFP_OK)
			ofp_flow_update_encode(version, &u, out);
	}
	return err;
}

static enum ofp_err async_masks(enum ofp_version version, struct buf *b, struct buf_writer *out)
{
	struct ofp_async_config c;
	enum ofp_err err = ofp_async_masks_decode(version, b, &c);

	if (err == OFP_OK)
		ofp_async_masks_encode(&c, out);
	return err;
}

static enum ofp_err async_properties(
    enum ofp_version version, struct buf *b, struct buf_writer *out)
{
	struct ofp_async_config c = ofp_async_default(version);
	enum ofp_err err = ofp_async_properties_decode(version, b, &c);

	if (err == OFP_OK)
		ofp_async_properties_encode(version, &c, out);
	return err;
}

static enum ofp_err tlv_mod(enum ofp_version, struct buf *b, struct buf_writer *out)
{
	struct ofp_tlv_table table = {0};
	struct ofp_tlv_mod m;
	enum ofp_err err = ofp_tlv_mod_decode(b, &m);

	if (err != OFP_OK)
		return err;
	(void)!ofp_tlv_table_apply(&table, &m);
	(void)!ofp_tlv_table_apply(&table, &m);
	FUZZ_ASSERT(table.n <= FLOW_N_TUN_METADATA);
	ofp_tlv_mod_encode(&m, out);
	return OFP_OK;
}

static enum ofp_err packet_out(enum ofp_version version, struct buf *b, struct buf_writer *)
{
	struct ofp_packet_out po;
	enum ofp_err err = ofp_packet_out_decode(version, b, &scratch, &po);

	FUZZ_ASSERT(err != OFP_OK || po.data_size == 0 || po.data != NULL);
	return err;
}

static body_fn *body_of(enum ofp_raw raw)
{
	switch (raw) {
	case OFPRAW_OFPT13_METER_MOD: return meter_mod;
	case OFPRAW_OFPST13_METER_CONFIG_REPLY: return meter_config;
	case OFPRAW_OFPST13_METER_REPLY: return meter_stats;
	case OFPRAW_NXST_FLOW_MONITOR_REQUEST:
	case OFPRAW_ONFST13_FLOW_MONITOR_REQUEST:
	case OFPRAW_OFPST14_FLOW_MONITOR_REQUEST: return monitor;
	case OFPRAW_NXST_FLOW_MONITOR_REPLY:
	case OFPRAW_ONFST13_FLOW_MONITOR_REPLY:
	case OFPRAW_OFPST14_FLOW_MONITOR_REPLY: return update;
	case OFPRAW_OFPT13_SET_ASYNC:
	case OFPRAW_NXT_SET_ASYNC_CONFIG: return async_masks;
	case OFPRAW_OFPT14_SET_ASYNC:
	case OFPRAW_NXT_SET_ASYNC_CONFIG2: return async_properties;
	case OFPRAW_NXT_TLV_TABLE_MOD: return tlv_mod;
	case OFPRAW_OFPT10_PACKET_OUT:
	case OFPRAW_OFPT11_PACKET_OUT:
	case OFPRAW_OFPT15_PACKET_OUT: return packet_out;
	default: return NULL;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf_writer once, twice;
	struct ofp_msg m;

	if (size < 8 || ofp_msg_decode(data, size, &m) != OFP_OK)
		return 0;
	FUZZ_ASSERT(buf_left(&m.body) <= size - 8);
	body_fn *fn = body_of(m.raw);
	if (fn == NULL)
		return 0;
	buf_writer_init(&once, 1 << 20);
	buf_writer_init(&twice, 1 << 20);
	if (fn(m.version, &m.body, &once) == OFP_OK && once.size > 0) {
		struct buf again = buf_from(once.data, once.size);
		FUZZ_ASSERT(fn(m.version, &again, &twice) == OFP_OK);
		FUZZ_ASSERT(twice.size == once.size);
		FUZZ_ASSERT(memcmp(twice.data, once.data, once.size) == 0);
	}
	buf_writer_fini(&once);
	buf_writer_fini(&twice);
	return 0;
}
