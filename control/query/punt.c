/* SPDX-License-Identifier: Apache-2.0 */
#include "control/query/punt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/mem.h"
#include "control/query/packet.h"
#include "control/query/query.h"

static const char *reason_word(uint32_t reason);

json_t *punt_to_json(const struct daemon *d, const struct dp_punt_event *ev, const uint8_t *data)
{
	char port[80], rule[80], cookie[24], summary[PACKET_TEXT_SIZE];
	const char *bridge = model_bridge_name(d->model, ev->bridge);
	char *hex = mem_alloc(2 * (size_t)ev->snap + 1);

	if (hex == NULL)
		abort();
	for (size_t i = 0; i < ev->snap; i++)
		snprintf(hex + 2 * i, 3, "%02x", data[i]);
	snprintf(cookie, sizeof(cookie), "0x%" PRIx64, ev->cookie);
	json_t *object = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:I, s:i, s:s, s:s}", "port",
	    query_port_name(d, ev->port, port), "bridge", bridge != NULL ? bridge : "", "table",
	    (int)ev->table, "rule", query_rule_name(d, ev->rule, rule), "cookie", cookie, "reason",
	    reason_word(ev->reason), "tun_id", (json_int_t)ev->tun_id, "length", (int)ev->len,
	    "summary", packet_format(data, ev->snap, summary), "packet", hex);
	free(hex);
	return object;
}

/* Of OpenFlow 1.3.5 7.4.1 (enum ofp_packet_in_reason). */
static const char *reason_word(uint32_t reason)
{
	static const char *const words[] = {"no_match", "action", "invalid_ttl"};

	return reason < ARRAY_SIZE(words) ? words[reason] : "unknown";
}
