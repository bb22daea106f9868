/* SPDX-License-Identifier: Apache-2.0 */
/* What a bridge is, and its ports: features, descriptions, counters. */
#include <openflow/openflow-1.1.h>
#include <openflow/openflow-1.4.h>
#include <stdio.h>
#include <string.h>

#include "control/api/store.h"
#include "control/datapath_id.h"
#include "control/openflow/of_priv.h"
#include "control/openflow/ofp_port.h"
#include "control/openflow/ofp_wire.h"

/* Asked of the data plane for all of a request's ports. */
struct port_walk {
	struct of_session *s;
	const struct dp_port_stats *stats;
	size_t n_stats;
	uint32_t only; // DP_OFPORT_ANY: all
	struct ofp_reply *reply;
	void (*visit)(
	    struct port_walk *walk, const struct ofp_port *port, const struct dp_port_stats *stats);
};

static void walk_ports(struct port_walk *walk, const void *body, size_t size,
    void (*visit)(struct port_walk *, const struct ofp_port *, const struct dp_port_stats *));
static bool visit_port(const struct api_object *o, void *arg);
static bool describe(const struct api_object *o, struct ofp_port *ret);
static void tell_port(struct of_bridge *b, uint8_t reason, const struct ofp_port *port);
static const struct dp_port_stats *find_stats(const struct port_walk *walk, uint32_t id);
static void query_ports(struct of_session *s, struct ofp_msg *msg,
    void (*done)(struct of_query *q, const void *body, size_t size));
static void send_features(struct of_query *q, const void *body, size_t size);
static uint32_t capabilities(uint8_t version);
static uint32_t actions10(void);
static void send_port_desc(struct of_query *q, const void *body, size_t size);
static void send_port_stats(struct of_query *q, const void *body, size_t size);
static void put_port(
    struct port_walk *walk, const struct ofp_port *port, const struct dp_port_stats *stats);
static void put_stats(
    struct port_walk *walk, const struct ofp_port *port, const struct dp_port_stats *stats);
static void put_text(struct buf_writer *w, size_t room, const char *text);

enum ofp_err of_handle_features(struct of_session *s, struct ofp_msg *msg)
{
	query_ports(s, msg, send_features);
	return OFP_OK;
}

enum ofp_err of_handle_port_desc(struct of_session *s, struct ofp_msg *msg)
{
	query_ports(s, msg, send_port_desc);
	return OFP_OK;
}

enum ofp_err of_handle_port_stats(struct of_session *s, struct ofp_msg *msg)
{
	query_ports(s, msg, send_port_stats);
	return OFP_OK;
}

enum ofp_err of_handle_desc(struct of_session *s, struct ofp_msg *msg)
{
	struct buf_writer w;

	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark = ofp_begin(&w, OFPRAW_OFPST_DESC_REPLY, s->version, msg->xid);
	put_text(&w, DESC_STR_LEN, "Sluice");
	put_text(&w, DESC_STR_LEN, "sluice-switch");
	put_text(&w, DESC_STR_LEN, SLUICE_VERSION);
	put_text(&w, SERIAL_NUM_LEN, "None");
	put_text(&w, DESC_STR_LEN, s->bridge->name);
	ofp_end(&w, mark);
	of_session_send(s, &w);
	return OFP_OK;
}

static void put_text(struct buf_writer *w, size_t room, const char *text)
{
	size_t len = MIN_OF(strlen(text), room - 1);

	buf_put(w, text, len);
	buf_put_zeros(w, room - len);
}

/* A port that is up or down. */
void of_switch_on_port(struct of_switch *s, const struct dp_port_event *ev)
{
	const char *name = s != NULL ? model_port_name(s->d->model, ev->id) : NULL;
	const struct api_object *o =
	    name != NULL ? store_find(s->d->store, API_TABLE_PORT, name) : NULL;
	const char *bridge =
	    o != NULL ? json_string_value(json_object_get(o->data, "bridge")) : NULL;

	if (bridge == NULL)
		return;
	list_foreach (b, &s->bridges, struct of_bridge, node) {
		struct ofp_port port;
		if (strcmp(b->name, bridge) != 0 || !describe(o, &port))
			continue;
		port.state = ev->link_up ? OFPPS11_LIVE : OFPPS_LINK_DOWN;
		tell_port(b, OFPPR_MODIFY, &port);
	}
}

static void tell_port(struct of_bridge *b, uint8_t reason, const struct ofp_port *port)
{
	static const enum ofp_raw raws[] = {
	    OFPRAW_OFPT10_PORT_STATUS, OFPRAW_OFPT11_PORT_STATUS, OFPRAW_OFPT14_PORT_STATUS};

	list_foreach (s, &b->sessions, struct of_session, node) {
		struct buf_writer w;
		if (!of_session_wants(s, OFP_ASYNC_PORT_STATUS, reason))
			continue;
		buf_writer_init(&w, UINT16_MAX);
		struct ofp_mark mark = ofp_begin(
		    &w, ofp_raw_of_version(raws, ARRAY_SIZE(raws), s->version), s->version, 0);
		buf_put_u8(&w, reason);
		buf_put_zeros(&w, 7);
		ofp_port_encode((enum ofp_version)s->version, port, &w);
		ofp_end(&w, mark);
		of_session_send(s, &w);
	}
}

static void query_ports(struct of_session *s, struct ofp_msg *msg,
    void (*done)(struct of_query *q, const void *body, size_t size))
{
	const struct dp_stats_req req = {.kind = DP_STATS_PORTS};

	of_session_query(s, msg, DP_MSG_STATS, &req, sizeof(req), done);
}

static void walk_ports(struct port_walk *walk, const void *body, size_t size,
    void (*visit)(struct port_walk *, const struct ofp_port *, const struct dp_port_stats *))
{
	walk->stats = body;
	walk->n_stats = size / sizeof(*walk->stats);
	walk->visit = visit;
	store_foreach(walk->s->bridge->sw->d->store, API_TABLE_PORT, visit_port, walk);
}

static bool visit_port(const struct api_object *o, void *arg)
{
	struct port_walk *walk = arg;
	const char *bridge = json_string_value(json_object_get(o->data, "bridge"));
	struct ofp_port port;

	if (bridge == NULL || strcmp(bridge, walk->s->bridge->name) != 0 || !describe(o, &port))
		return true;
	if (walk->only != DP_OFPORT_ANY && walk->only != port.port_no)
		return true;
	const struct dp_port_stats *stats =
	    find_stats(walk, (uint32_t)json_integer_value(json_object_get(o->data, "_id")));
	bool is_up = stats != NULL && stats->link_up;
	port.state = is_up ? OFPPS11_LIVE : OFPPS_LINK_DOWN;
	walk->visit(walk, &port, stats);
	return true;
}

/* All but its state. False: it has no number. */
static bool describe(const struct api_object *o, struct ofp_port *ret)
{
	const char *mac = json_string_value(json_object_get(o->data, "mac"));

	*ret = (struct ofp_port){
	    .port_no = (uint32_t)json_integer_value(json_object_get(o->data, "ofport"))};
	if (ret->port_no == 65534)
		ret->port_no = DP_OFPORT_LOCAL;
	if (mac != NULL && mac_parse(mac, &ret->hw_addr) != 0)
		memset(&ret->hw_addr, 0, sizeof(ret->hw_addr));
	snprintf(ret->name, sizeof(ret->name), "%s", o->name);
	return ret->port_no != 0;
}

static const struct dp_port_stats *find_stats(const struct port_walk *walk, uint32_t id)
{
	for (size_t i = 0; i < walk->n_stats; i++)
		if (walk->stats[i].id == id)
			return &walk->stats[i];
	return NULL;
}

static void send_features(struct of_query *q, const void *body, size_t size)
{
	struct of_session *s = q->session;
	const struct store *store = s->bridge->sw->d->store;
	const struct api_object *bridge = store_find(store, API_TABLE_BRIDGE, s->bridge->name);
	const enum ofp_raw raws[] = {OFPRAW_OFPT10_FEATURES_REPLY, OFPRAW_OFPT11_FEATURES_REPLY,
	    OFPRAW_OFPT13_FEATURES_REPLY};
	struct buf_writer w;
	struct ofp_reply reply = {.w = &w,
	    .version = s->version,
	    .raw = ofp_raw_of_version(raws, ARRAY_SIZE(raws), s->version)};
	struct port_walk walk = {.s = s, .only = DP_OFPORT_ANY, .reply = &reply};

	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark = ofp_begin(&w, reply.raw, s->version, q->msg.xid);
	wire_put_be64(&w, bridge != NULL ? datapath_id(store, bridge) : 0);
	wire_put_be32(&w, 0); // packets are not buffered
	buf_put_u8(&w, DP_N_TABLES);
	buf_put_u8(&w, 0); // auxiliary id
	wire_put_be16(&w, 0);
	wire_put_be32(&w, capabilities(s->version));
	wire_put_be32(&w, s->version == OFP10_VERSION ? actions10() : 0);
	if (s->version < OFP13_VERSION)
		walk_ports(&walk, body, size, put_port);
	ofp_end(&w, mark);
	of_session_send(s, &w);
}

static uint32_t capabilities(uint8_t version)
{
	uint32_t all = OFPC_FLOW_STATS | OFPC_TABLE_STATS | OFPC_PORT_STATS;

	return version == OFP10_VERSION ? all | OFPC_ARP_MATCH_IP : all;
}

/* enum ofp10_action_type: output, set_vlan_vid to set_tp_dst. */
static uint32_t actions10(void)
{
	return (1U << 11) - 1;
}

static void put_port(
    struct port_walk *walk, const struct ofp_port *port, const struct dp_port_stats *)
{
	struct ofp_reply *r = walk->reply;
	bool is_multipart = ofp_raw_is_stats(r->raw);

	// A features reply is one message: what it has no room for is left out, as OVS does.
	if (!is_multipart && r->w->size > UINT16_MAX - sizeof(struct ofp11_port))
		return;
	ofp_port_encode((enum ofp_version)r->version, port, r->w);
	if (is_multipart)
		ofp_reply_entry(r);
}

static void put_stats(
    struct port_walk *walk, const struct ofp_port *port, const struct dp_port_stats *stats)
{
	struct ofp_port_stats ps = {.port_no = port->port_no};

	if (stats != NULL) {
		ps.rx_packets = stats->rx_packets;
		ps.tx_packets = stats->tx_packets;
		ps.rx_bytes = stats->rx_bytes;
		ps.tx_bytes = stats->tx_bytes;
		ps.tx_dropped = stats->tx_drops;
		ps.duration_s = (uint32_t)(stats->state_since_ms / 1000);
		ps.duration_ns = (uint32_t)(stats->state_since_ms % 1000) * 1000000;
		for (size_t i = 0; i < DP_DROP__COUNT; i++)
			ps.rx_dropped += stats->drops[i];
	}
	ofp_port_stats_encode((enum ofp_version)walk->reply->version, &ps, walk->reply->w);
	ofp_reply_entry(walk->reply);
}

static void send_port_desc(struct of_query *q, const void *body, size_t size)
{
	static const enum ofp_raw raws[] = {OFPRAW_OFPST10_PORT_DESC_REPLY,
	    OFPRAW_OFPST11_PORT_DESC_REPLY, OFPRAW_OFPST14_PORT_DESC_REPLY};
	struct of_session *s = q->session;
	struct buf_writer w;
	struct ofp_reply reply;
	struct port_walk walk = {.s = s, .only = DP_OFPORT_ANY, .reply = &reply};

	if (s->version == OFP15_VERSION &&
	    ofp_port_request_decode(OFP15_VERSION, &q->msg.body, &walk.only) != OFP_OK)
		walk.only = DP_OFPORT_ANY; // not reached: the size was checked
	buf_writer_init(&w, OF_REPLY_MAX);
	ofp_reply_begin(
	    &reply, &w, ofp_raw_of_version(raws, ARRAY_SIZE(raws), s->version), &q->msg);
	walk_ports(&walk, body, size, put_port);
	ofp_reply_end(&reply);
	of_session_send(s, &w);
}

static void send_port_stats(struct of_query *q, const void *body, size_t size)
{
	static const enum ofp_raw raws[] = {OFPRAW_OFPST10_PORT_REPLY, OFPRAW_OFPST11_PORT_REPLY,
	    OFPRAW_OFPST13_PORT_REPLY, OFPRAW_OFPST14_PORT_REPLY};
	struct of_session *s = q->session;
	struct buf_writer w;
	struct ofp_reply reply;
	struct port_walk walk = {.s = s, .only = DP_OFPORT_ANY, .reply = &reply};
	enum ofp_err err =
	    ofp_port_request_decode((enum ofp_version)s->version, &q->msg.body, &walk.only);

	if (err != OFP_OK) {
		of_session_error(s, &q->msg, err);
		return;
	}
	buf_writer_init(&w, OF_REPLY_MAX);
	ofp_reply_begin(
	    &reply, &w, ofp_raw_of_version(raws, ARRAY_SIZE(raws), s->version), &q->msg);
	walk_ports(&walk, body, size, put_stats);
	ofp_reply_end(&reply);
	of_session_send(s, &w);
}
