/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codec for ofp_vectors_test.py: each line of input is "VERSION KIND HEX"; the answer is an error's name, or "OK" and what is encoded
 * from what was decoded. KIND: actions, instructions (of a flow-mod), nx_match (NXM), oxm_match;
 * flow_mod, flow_stats, flow_removed, flow_request (bodies), and the same with nx_ before for Nicira's forms;
 * meter_mod, meter_config, meter_stats; monitor_request, monitor_reply.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/openflow/ofp_flow.h"
#include "control/openflow/ofp_match.h"
#include "control/openflow/ofp_meter.h"
#include "control/openflow/ofp_monitor.h"
#include "datapath/base/net_types.h"

enum { MAX_SIZE = 65536 };

static struct buf_writer scratch = {.max_size = 2 * OFP_MAX_ACTIONS_SIZE};

static enum ofp_err run_flow(const char *kind, enum ofp_flow_form form, enum ofp_version version,
    struct buf *b, struct buf_writer *out)
{
	static struct ofp_flow_mod fm;
	static struct ofp_flow_stats fs;
	static struct ofp_flow_removed fr;
	static struct ofp_flow_stats_request rq;
	enum ofp_err err = OFP_OK;

	if (strcmp(kind, "flow_mod") == 0) {
		err = ofp_flow_mod_decode(version, form, false, b, &scratch, &fm);
		if (err == OFP_OK)
			ofp_flow_mod_encode(version, form, false, &fm, out);
	} else if (strcmp(kind, "flow_removed") == 0) {
		err = ofp_flow_removed_decode(version, form, b, &fr);
		if (err == OFP_OK)
			ofp_flow_removed_encode(version, form, &fr, out);
	} else if (strcmp(kind, "flow_request") == 0) {
		err = ofp_flow_stats_request_decode(version, form, b, &rq);
		if (err == OFP_OK)
			ofp_flow_stats_request_encode(version, form, &rq, out);
	} else {
		while (err == OFP_OK && buf_left(b) > 0) {
			err = ofp_flow_stats_decode(version, form, b, &scratch, &fs);
			if (err == OFP_OK)
				ofp_flow_stats_encode(version, form, &fs, out);
		}
	}
	return err;
}

static enum ofp_err run_meter(const char *kind, struct buf *b, struct buf_writer *out)
{
	struct ofp_meter_mod mm;
	struct ofp_meter m;
	struct ofp_meter_stats ms;
	enum ofp_err err = OFP_OK;

	if (strcmp(kind, "meter_mod") == 0) {
		err = ofp_meter_mod_decode(b, &mm);
		if (err == OFP_OK)
			ofp_meter_mod_encode(&mm, out);
		return err;
	}
	while (err == OFP_OK && buf_left(b) > 0) {
		if (strcmp(kind, "meter_config") == 0) {
			err = ofp_meter_config_decode(b, &m);
			if (err == OFP_OK)
				ofp_meter_config_encode(&m, out);
		} else {
			err = ofp_meter_stats_decode(b, &ms);
			if (err == OFP_OK)
				ofp_meter_stats_encode(&ms, out);
		}
	}
	return err;
}

static enum ofp_err run_monitor(
    const char *kind, enum ofp_version version, struct buf *b, struct buf_writer *out)
{
	static struct ofp_flow_monitor m;
	static struct ofp_flow_update u;
	enum ofp_err err = OFP_OK;

	while (err == OFP_OK && buf_left(b) > 0) {
		if (strcmp(kind, "monitor_request") == 0) {
			err = ofp_flow_monitor_decode(version, b, &m);
			if (err == OFP_OK)
				ofp_flow_monitor_encode(version, &m, out);
		} else {
			err = ofp_flow_update_decode(version, b, &scratch, &u);
			if (err == OFP_OK)
				ofp_flow_update_encode(version, &u, out);
		}
	}
	return err;
}

static enum ofp_err run(
    const char *kind, enum ofp_version version, struct buf *b, struct buf_writer *out)
{
	struct ofp_instructions ins;
	struct flow_match m;
	enum ofp_err err;

	if (strcmp(kind, "nx_match") == 0 || strcmp(kind, "oxm_match") == 0) {
		err = oxm_match_decode(b, 0, &m, NULL);
		if (err == OFP_OK)
			oxm_match_encode(&m, NULL, version, out);
		return err;
	}
	if (strcmp(kind, "instructions") == 0) {
		err = version == OFP10_VERSION
			  ? ofp10_instructions_decode(b, &scratch, &ins)
			  : ofp_instructions_decode(b, version, &scratch, &ins);
		struct ofp_action_scope scope = {.n_tables = 254};
		if (err == OFP_OK)
			err = ofp_instructions_check(&ins, &scope, 0);
		if (err == OFP_OK)
			ofp_instructions_encode(&ins, version, out);
		return err;
	}
	if (strncmp(kind, "flow_", 5) == 0)
		return run_flow(kind, OFP_FLOW_STANDARD, version, b, out);
	if (strncmp(kind, "meter_", 6) == 0)
		return run_meter(kind, b, out);
	if (strncmp(kind, "monitor_", 8) == 0)
		return run_monitor(kind, version, b, out);
	if (strncmp(kind, "nx_flow_", 8) == 0)
		return run_flow(kind + 3, OFP_FLOW_NICIRA, version, b, out);
	scratch.size = 0;
	err = ofp_actions_decode(b, b->size, version, &scratch);
	struct ofp_actions list = {scratch.data, scratch.size};
	if (err == OFP_OK)
		ofp_actions_encode(&list, version, out);
	return err;
}

int main(void)
{
	static char line[2 * MAX_SIZE + 64];
	static uint8_t bytes[MAX_SIZE];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		char kind[32] = "";
		int version = 0, at = 0;
		size_t size = 0;
		if (sscanf(line, "%d %31s %n", &version, kind, &at) != 2)
			return 2;
		for (const char *hex = line + at; hex_digit(hex[0]) >= 0 && hex_digit(hex[1]) >= 0;
		     hex += 2)
			bytes[size++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
		struct buf b = buf_from(bytes, size);
		struct buf_writer out;
		buf_writer_init(&out, MAX_SIZE);
		enum ofp_err err = run(kind, (enum ofp_version)version, &b, &out);
		printf("%s ", ofp_err_name(err));
		for (size_t i = 0; i < out.size; i++)
			printf("%02x", out.data[i]);
		printf("\n");
		fflush(stdout);
		buf_writer_fini(&out);
	}
	return 0;
}
