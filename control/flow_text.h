/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A flow, from the text that its object keeps to what the switch reads, without values of jansson between: the many rules of a
 * transaction look alike, and nearly all are right. What is out of the ordinary, and all that is wrong, is left to flow_json.h,
 * so that there is one description of faults.
 *
 * Threads: any. Memory: a flow_rule has buffers; init once, reset for each rule, fini.
 */
#include "control/api/json_plain.h"
#include "control/flow_json.h"

struct flow_rule {
	struct dp_rule_conf conf; // without the sizes
	struct flow_match match;
	struct buf_writer apply, write; // struct dp_action
	uint8_t hints[8];               // fields that the last match had, by place
};

void flow_rule_init(struct flow_rule *r);
void flow_rule_reset(struct flow_rule *r);
void flow_rule_fini(struct flow_rule *r);
/* False: not read, whatever the reason; r is to be reset then. names are asked as flow_match_from_json does. */
bool flow_rule_from_text(
    struct flow_rule *r, struct json_span text, const struct flow_names *names);
