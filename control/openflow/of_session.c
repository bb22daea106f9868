/* SPDX-License-Identifier: Apache-2.0 */
/* A connection with a controller or a tool: greeting, echo, and who handles which message. */
#include <openflow/openflow-1.2.h>
#include <openflow/openflow-common.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/openflow/of_priv.h"
#include "control/openflow/ofp_wire.h"
#include "datapath/base/clock.h"

#define LOG_MODULE "openflow"
#include "datapath/base/log.h"

enum {
	HELLO_VERSIONS = 1, // OFPHET_VERSIONBITMAP
	MAX_MISS_SEND_LEN = 0xffff,
};

static void on_open(void *owner);
static bool on_message(void *owner, const uint8_t *data, size_t size);
static void on_pause(void *owner);
static void on_end(void *owner, const char *why);
static bool greet(struct of_session *s, struct ofp_msg *msg);
static uint32_t versions_of(const struct ofp_msg *hello);
static void send_empty(struct of_session *s, enum ofp_raw raw, uint32_t xid);
static void on_reply(int error, const void *body, size_t size, const char *what, void *arg);
static of_handler on_echo, on_get_config, on_set_config, on_table_id, on_nothing;

static const struct of_conn_ops conn_ops = {
    .on_open = on_open, .on_message = on_message, .on_pause = on_pause, .on_end = on_end};

/* changes: the model, so that it must be free. writes: not of a secondary controller. waits: all that came before is in the switch, and answered. */
static const struct handler {
	of_handler *run;
	bool changes, writes, waits;
} handlers[OFPRAW__COUNT] = {
    [OFPRAW_OFPT_HELLO] = {on_nothing},
    [OFPRAW_OFPT_ERROR] = {on_nothing},
    [OFPRAW_OFPT_ECHO_REQUEST] = {on_echo},
    [OFPRAW_OFPT_ECHO_REPLY] = {on_nothing}, // that something came is what counts
    [OFPRAW_OFPT_FEATURES_REQUEST] = {of_handle_features},
    [OFPRAW_OFPT_GET_CONFIG_REQUEST] = {on_get_config},
    [OFPRAW_OFPT_SET_CONFIG] = {on_set_config},
    [OFPRAW_OFPT10_BARRIER_REQUEST] = {of_handle_barrier, .waits = true},
    [OFPRAW_OFPT11_BARRIER_REQUEST] = {of_handle_barrier, .waits = true},
    [OFPRAW_OFPST_DESC_REQUEST] = {of_handle_desc},
    [OFPRAW_OFPST10_PORT_DESC_REQUEST] = {of_handle_port_desc},
    [OFPRAW_OFPST15_PORT_DESC_REQUEST] = {of_handle_port_desc},
    [OFPRAW_OFPST10_PORT_REQUEST] = {of_handle_port_stats},
    [OFPRAW_OFPST11_PORT_REQUEST] = {of_handle_port_stats},
    [OFPRAW_NXT_FLOW_MOD_TABLE_ID] = {on_table_id},
    [OFPRAW_NXT_SET_FLOW_FORMAT] = {on_nothing}, // replies have the form of their requests
    [OFPRAW_OFPT10_FLOW_MOD] = {of_handle_flow_mod, .changes = true, .writes = true},
    [OFPRAW_OFPT11_FLOW_MOD] = {of_handle_flow_mod, .changes = true, .writes = true},
    [OFPRAW_NXT_FLOW_MOD] = {of_handle_flow_mod, .changes = true, .writes = true},
    [OFPRAW_OFPST10_FLOW_REQUEST] = {of_handle_flow_stats},
    [OFPRAW_OFPST11_FLOW_REQUEST] = {of_handle_flow_stats},
    [OFPRAW_NXST_FLOW_REQUEST] = {of_handle_flow_stats},
    [OFPRAW_OFPST10_AGGREGATE_REQUEST] = {of_handle_aggregate},
    [OFPRAW_OFPST11_AGGREGATE_REQUEST] = {of_handle_aggregate},
    [OFPRAW_OFPST15_AGGREGATE_REQUEST] = {of_handle_aggregate},
    [OFPRAW_NXST_AGGREGATE_REQUEST] = {of_handle_aggregate},
    [OFPRAW_OFPST_TABLE_REQUEST] = {of_handle_table_stats},
    [OFPRAW_NXT_GROUP_MOD] = {of_handle_group_mod, .changes = true, .writes = true},
    [OFPRAW_OFPT11_GROUP_MOD] = {of_handle_group_mod, .changes = true, .writes = true},
    [OFPRAW_OFPT15_GROUP_MOD] = {of_handle_group_mod, .changes = true, .writes = true},
    [OFPRAW_NXST_GROUP_REQUEST] = {of_handle_group_stats},
    [OFPRAW_OFPST11_GROUP_REQUEST] = {of_handle_group_stats},
    [OFPRAW_NXST_GROUP_DESC_REQUEST] = {of_handle_group_desc},
    [OFPRAW_OFPST11_GROUP_DESC_REQUEST] = {of_handle_group_desc},
    [OFPRAW_OFPST15_GROUP_DESC_REQUEST] = {of_handle_group_desc},
    [OFPRAW_NXST_GROUP_FEATURES_REQUEST] = {of_handle_group_features},
    [OFPRAW_OFPST12_GROUP_FEATURES_REQUEST] = {of_handle_group_features},
    [OFPRAW_ONFT13_BUNDLE_CONTROL] = {of_handle_bundle_control, .writes = true},
    [OFPRAW_OFPT14_BUNDLE_CONTROL] = {of_handle_bundle_control, .writes = true},
    [OFPRAW_ONFT13_BUNDLE_ADD_MESSAGE] = {of_handle_bundle_add, .writes = true},
    [OFPRAW_OFPT14_BUNDLE_ADD_MESSAGE] = {of_handle_bundle_add, .writes = true},
    [OFPRAW_OFPT10_QUEUE_GET_CONFIG_REQUEST] = {of_handle_queue_config},
    [OFPRAW_OFPT11_QUEUE_GET_CONFIG_REQUEST] = {of_handle_queue_config},
    [OFPRAW_OFPST14_QUEUE_DESC_REQUEST] = {of_handle_queue_config},
    [OFPRAW_OFPST10_QUEUE_REQUEST] = {of_handle_queue_stats},
    [OFPRAW_OFPST11_QUEUE_REQUEST] = {of_handle_queue_stats},
    [OFPRAW_NXT_TLV_TABLE_MOD] = {of_handle_tlv_mod, .writes = true},
    [OFPRAW_NXT_TLV_TABLE_REQUEST] = {of_handle_tlv_request},
    [OFPRAW_OFPT13_METER_MOD] = {of_handle_meter_mod, .writes = true},
    [OFPRAW_OFPST13_METER_REQUEST] = {of_handle_meter_stats},
    [OFPRAW_OFPST13_METER_CONFIG_REQUEST] = {of_handle_meter_config},
    [OFPRAW_OFPST13_METER_FEATURES_REQUEST] = {of_handle_meter_features},
    [OFPRAW_NXT_CT_FLUSH_ZONE] = {of_handle_ct_flush, .writes = true},
    [OFPRAW_NXT_CT_FLUSH] = {of_handle_ct_flush, .writes = true},
    [OFPRAW_OFPST14_TABLE_DESC_REQUEST] = {of_handle_table_desc},
    [OFPRAW_OFPST13_TABLE_FEATURES_REQUEST] = {of_handle_table_features},
    [OFPRAW_OFPT10_PACKET_OUT] = {of_handle_packet_out, .writes = true},
    [OFPRAW_OFPT11_PACKET_OUT] = {of_handle_packet_out, .writes = true},
    [OFPRAW_OFPT15_PACKET_OUT] = {of_handle_packet_out, .writes = true},
    [OFPRAW_NXT_SET_PACKET_IN_FORMAT] = {of_handle_packet_in_format},
    [OFPRAW_NXT_SET_CONTROLLER_ID] = {on_nothing}, // no action of ours names a controller
    [OFPRAW_OFPT12_ROLE_REQUEST] = {of_handle_role},
    [OFPRAW_NXT_ROLE_REQUEST] = {of_handle_role},
    [OFPRAW_OFPT13_SET_ASYNC] = {of_handle_set_async},
    [OFPRAW_NXT_SET_ASYNC_CONFIG] = {of_handle_set_async},
    [OFPRAW_OFPT14_SET_ASYNC] = {of_handle_set_async},
    [OFPRAW_NXT_SET_ASYNC_CONFIG2] = {of_handle_set_async},
    [OFPRAW_OFPT13_GET_ASYNC_REQUEST] = {of_handle_get_async},
    [OFPRAW_OFPT14_GET_ASYNC_REQUEST] = {of_handle_get_async},
};

void of_session_create(struct of_bridge *b, struct ovsdb_link link, bool is_connecting,
    struct of_controller *controller, const char *name)
{
	struct of_session *s = mem_alloc(sizeof(*s));

	// A tool is told of nothing until it asks.
	*s = (struct of_session){.bridge = b,
	    .controller = controller,
	    .miss_send_len = controller != NULL ? OFP_DEFAULT_MISS_SEND_LEN : 0};
	s->role = OFPCR12_ROLE_EQUAL;
	snprintf(s->name, sizeof(s->name), "%s<->%s", b->name, name);
	list_init(&s->block_node);
	list_init(&s->queries);
	list_init(&s->bundles);
	list_add(&b->sessions, &s->node);
	b->n_sessions++;
	s->conn = of_conn_create(b->sw->d->base, link, is_connecting, &conn_ops, s);
}

void of_session_destroy(struct of_session *s)
{
	list_foreach_safe (q, &s->queries, struct of_query, node) {
		list_del(&q->node);
		q->session = NULL;
	}
	of_bundles_destroy(s);
	list_del(&s->block_node);
	list_del(&s->node);
	s->bridge->n_sessions--;
	of_conn_destroy(s->conn);
	free(s);
}

/* A controller that is silent is asked for a sign of life; of tools nothing is expected. */
void of_session_tick(struct of_session *s, uint64_t now_ms)
{
	unsigned int probe_ms = s->controller != NULL ? s->controller->probe_ms : 0;

	of_conn_tick(s->conn, now_ms);
	if (probe_ms == 0 || s->version == 0 || s->is_over)
		return;
	if (of_conn_received_ms(s->conn) > s->echo_sent_ms)
		s->echo_sent_ms = 0;
	if (s->echo_sent_ms != 0 && now_ms - s->echo_sent_ms >= probe_ms) {
		of_conn_end(s->conn, "no response to inactivity probe");
	} else if (s->echo_sent_ms == 0 && now_ms - of_conn_received_ms(s->conn) >= probe_ms) {
		s->echo_sent_ms = now_ms;
		send_empty(s, OFPRAW_OFPT_ECHO_REQUEST, 0);
	}
}

void of_session_send(struct of_session *s, struct buf_writer *w)
{
	if (w->bad)
		log_err("%s: an answer is too large", s->name);
	else if (w->size > 0)
		of_conn_send(s->conn, w->data, w->size);
	buf_writer_fini(w);
}

void of_session_error(struct of_session *s, const struct ofp_msg *msg, enum ofp_err err)
{
	struct buf_writer w;
	uint8_t version = s->version != 0 ? s->version : msg->version;

	log_debug("%s: %s: %s", s->name, ofp_raw_name(msg->raw), ofp_err_name(err));
	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark = ofp_begin(&w, OFPRAW_OFPT_ERROR, version, msg->xid);
	ofp_error_encode((enum ofp_version)version, err, msg->data, msg->size, &w);
	ofp_end(&w, mark);
	of_session_send(s, &w);
}

void of_session_query(struct of_session *s, const struct ofp_msg *msg, enum dp_msg_type type,
    const void *body, size_t size, void (*done)(struct of_query *q, const void *body, size_t size))
{
	struct of_query *q = mem_alloc(sizeof(*q));

	*q = (struct of_query){.session = s, .msg = *msg, .done = done};
	q->data = mem_alloc(msg->size);
	memcpy(q->data, msg->data, msg->size);
	q->msg.data = q->data;
	q->msg.body.data = q->data + (msg->body.data - msg->data);
	q->msg.body.pos = 0;
	list_add(&s->queries, &q->node);
	s->n_queries++;
	dp_client_request(s->bridge->sw->d->dp, type, body, size, on_reply, q);
}

/* Without an answer of the switch there are no numbers: the request is answered with zeros. */
static void on_reply(int error, const void *body, size_t size, const char *, void *arg)
{
	struct of_query *q = arg;
	struct of_session *s = q->session;

	if (s != NULL) {
		list_del(&q->node);
		s->n_queries--;
		q->done(q, error == 0 ? body : NULL, error == 0 ? size : 0);
		of_switch_answered(s->bridge->sw, s);
	}
	free(q->data);
	free(q);
}

static void on_open(void *owner)
{
	struct of_session *s = owner;
	struct buf_writer w;

	buf_writer_init(&w, UINT16_MAX);
	uint8_t highest = (uint8_t)(31 - __builtin_clz(s->bridge->versions));
	struct ofp_mark mark = ofp_begin(&w, OFPRAW_OFPT_HELLO, highest, htobe32(1));
	wire_put_be16(&w, HELLO_VERSIONS);
	wire_put_be16(&w, 8);
	wire_put_be32(&w, s->bridge->versions);
	ofp_end(&w, mark);
	of_session_send(s, &w);
	s->is_open = true;
	if (s->controller != NULL)
		of_controller_on_open(s->controller);
}

static bool on_message(void *owner, const uint8_t *data, size_t size)
{
	struct of_session *s = owner;
	struct of_switch *sw = s->bridge->sw;
	struct ofp_msg msg;
	enum ofp_err err = ofp_msg_decode(data, size, &msg);

	if (s->version == 0)
		return greet(s, &msg);
	if (msg.version != s->version && msg.raw != OFPRAW_OFPT_HELLO)
		err = OFPERR_OFPBRC_BAD_VERSION;
	const struct handler *h = err == OFP_OK ? &handlers[msg.raw] : NULL;
	if (h != NULL && h->run == NULL)
		err = ofp_raw_is_stats(msg.raw) ? OFPERR_OFPBRC_BAD_STAT : OFPERR_OFPBRC_BAD_TYPE;
	if (err == OFP_OK && h->writes && !of_session_may_change(s))
		err = OFPERR_OFPBRC_IS_SECONDARY;
	if (err == OFP_OK && h->changes && !of_switch_may_change(sw, s))
		return false;
	if (err == OFP_OK && h->waits && !of_switch_is_applied(sw, s))
		return false;
	if (err == OFP_OK && !h->waits && !of_switch_may_ask(sw, s))
		return false;
	if (err == OFP_OK)
		err = h->run(s, &msg);
	if (err != OFP_OK && err != OF_AGAIN)
		of_session_error(s, &msg, err);
	return err != OF_AGAIN;
}

bool of_session_may_bundle(enum ofp_raw raw)
{
	return handlers[raw].changes;
}

enum ofp_err of_session_run(struct of_session *s, struct ofp_msg *msg)
{
	return handlers[msg->raw].run(s, msg);
}

static void on_pause(void *owner)
{
	struct of_session *s = owner;

	of_switch_flush(s->bridge->sw);
}

static void on_end(void *owner, const char *why)
{
	struct of_session *s = owner;

	if (s->controller != NULL)
		of_controller_on_end(s->controller, s->is_open, why);
	else if (why != NULL)
		log_info("%s: connection dropped (%s)", s->name, why);
	s->is_over = true;
	of_switch_flush(s->bridge->sw);
	event_active(s->bridge->sw->reap, EV_TIMEOUT, 0);
}

/* The highest version that both have (OpenFlow 1.3.5 6.3.1). */
static bool greet(struct of_session *s, struct ofp_msg *msg)
{
	static const char text[] = "no version in common";
	struct buf_writer w;

	if (msg->raw != OFPRAW_OFPT_HELLO) {
		of_conn_finish(s->conn, "it does not begin with a hello");
		return true;
	}
	uint32_t common = versions_of(msg) & s->bridge->versions;
	if (common != 0) {
		s->version = (uint8_t)(31 - __builtin_clz(common));
		s->async = ofp_async_default((enum ofp_version)s->version);
		return true;
	}
	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark = ofp_begin(&w, OFPRAW_OFPT_ERROR, OFP15_VERSION, msg->xid);
	ofp_error_encode(OFP15_VERSION, OFPERR_OFPHFC_INCOMPATIBLE, text, sizeof(text) - 1, &w);
	ofp_end(&w, mark);
	of_session_send(s, &w);
	of_conn_finish(s->conn, text);
	return true;
}

/* A bitmap says which; without one, all up to that of the header. */
static uint32_t versions_of(const struct ofp_msg *hello)
{
	struct buf b = hello->body;

	while (buf_left(&b) >= 4) {
		uint16_t type = buf_be16(&b), len = buf_be16(&b);
		const uint8_t *data = len >= 4 ? buf_take(&b, len - 4U) : NULL;
		if (data == NULL)
			break;
		if (type == HELLO_VERSIONS && len >= 8)
			return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 |
			       (uint32_t)data[2] << 8 | data[3];
		buf_skip(&b, ROUND_UP((size_t)len, 8) - len);
	}
	return hello->version >= 31 ? UINT32_MAX : (2U << hello->version) - 1;
}

enum ofp_err of_handle_barrier(struct of_session *s, struct ofp_msg *msg)
{
	send_empty(s,
	    s->version == OFP10_VERSION ? OFPRAW_OFPT10_BARRIER_REPLY : OFPRAW_OFPT11_BARRIER_REPLY,
	    msg->xid);
	return OFP_OK;
}

static void send_empty(struct of_session *s, enum ofp_raw raw, uint32_t xid)
{
	struct buf_writer w;

	buf_writer_init(&w, UINT16_MAX);
	ofp_end(&w, ofp_begin(&w, raw, s->version, xid));
	of_session_send(s, &w);
}

static enum ofp_err on_nothing(struct of_session *, struct ofp_msg *)
{
	return OFP_OK;
}

static enum ofp_err on_echo(struct of_session *s, struct ofp_msg *msg)
{
	struct buf_writer w;

	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark = ofp_begin(&w, OFPRAW_OFPT_ECHO_REPLY, msg->version, msg->xid);
	buf_put(&w, msg->body.data, msg->body.size);
	ofp_end(&w, mark);
	of_session_send(s, &w);
	return OFP_OK;
}

static enum ofp_err on_get_config(struct of_session *s, struct ofp_msg *msg)
{
	struct buf_writer w;

	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark = ofp_begin(&w, OFPRAW_OFPT_GET_CONFIG_REPLY, s->version, msg->xid);
	wire_put_be16(&w, s->config_flags);
	wire_put_be16(&w, s->miss_send_len);
	ofp_end(&w, mark);
	of_session_send(s, &w);
	return OFP_OK;
}

/* Fragments are matched as they are: OFPC_FRAG_NORMAL is all there is. */
static enum ofp_err on_set_config(struct of_session *s, struct ofp_msg *msg)
{
	uint16_t flags = buf_be16(&msg->body);

	if ((flags & OFPC_FRAG_MASK) != OFPC_FRAG_NORMAL)
		return OFPERR_OFPSCFC_BAD_FLAGS;
	s->config_flags = flags;
	s->miss_send_len = buf_be16(&msg->body);
	return OFP_OK;
}

static enum ofp_err on_table_id(struct of_session *s, struct ofp_msg *msg)
{
	s->table_in_command = buf_u8(&msg->body) != 0;
	return OFP_OK;
}
