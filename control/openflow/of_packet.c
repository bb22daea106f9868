/* SPDX-License-Identifier: Apache-2.0 */
/* Packets to controllers, and from them. */
#include <endian.h>
#include <openflow/nicira-ext.h>
#include <openflow/openflow-common.h>
#include <stdlib.h>
#include <string.h>

#include "control/openflow/of_priv.h"
#include "control/openflow/ofp_packet.h"

enum {
	PACKET_IN_BACKLOG = 1 << 20
}; // bytes that wait for a controller before packets for it are dropped

static uint32_t ofport_of(const struct of_switch *s, uint32_t port);
static uint8_t reason_of(struct of_bridge *b, const struct dp_punt_event *ev, uint8_t version);
static void send_packet_in(struct of_session *s, const struct ofp_packet_in *pin);
static enum ofp_err put_actions(
    struct of_session *s, const struct ofp_packet_out *po, struct buf_writer *w);
static void on_sent(int error, const void *body, size_t size, const char *what, void *arg);

void of_switch_on_punt(struct of_switch *s, const struct dp_punt_event *ev, const uint8_t *data)
{
	struct of_bridge *b = s != NULL ? of_switch_bridge(s, ev->bridge) : NULL;

	if (b == NULL)
		return;
	struct ofp_packet_in pin = {
	    .in_port = ofport_of(s, ev->port),
	    .cookie_be = htobe64(ev->cookie),
	    .table_id = ev->table,
	    .data = data,
	    .data_size = ev->snap,
	    .total_size = ev->len,
	};
	pin.metadata.key.in_port = htobe32(pin.in_port);
	pin.metadata.mask.in_port = UINT32_MAX;
	if (ev->tun_id != 0) {
		pin.metadata.key.tun_id = htobe64(ev->tun_id);
		pin.metadata.mask.tun_id = UINT64_MAX;
	}
	list_foreach (session, &b->sessions, struct of_session, node) {
		pin.reason = reason_of(b, ev, session->version);
		if (of_session_wants(session, OFP_ASYNC_PACKET_IN, pin.reason))
			send_packet_in(session, &pin);
	}
}

enum ofp_err of_handle_packet_out(struct of_session *s, struct ofp_msg *msg)
{
	struct of_switch *sw = s->bridge->sw;
	struct ofp_packet_out po;
	enum ofp_err err =
	    ofp_packet_out_decode((enum ofp_version)s->version, &msg->body, &sw->scratch, &po);

	if (err != OFP_OK)
		return err;
	if (po.buffer_id != OFP_NO_BUFFER)
		return OFPERR_OFPBRC_BUFFER_UNKNOWN; // packets are not buffered
	const struct ofp_action_scope scope = {.n_tables = DP_N_TABLES, .packet_out = true};
	err = ofp_actions_check(&po.actions, &scope);
	if (err != OFP_OK)
		return err;
	of_switch_flush(sw); // what was changed before is what it meets
	sw->body.size = 0;
	struct dp_packet_out req = {
	    .bridge = s->bridge->id, .in_port = po.in_port, .packet_size = (uint16_t)po.data_size};
	buf_put(&sw->body, &req, sizeof(req));
	err = put_actions(s, &po, &sw->body);
	if (err != OFP_OK)
		return err;
	((struct dp_packet_out *)(void *)sw->body.data)->actions_size =
	    (uint32_t)(sw->body.size - sizeof(req));
	buf_put(&sw->body, po.data, po.data_size);
	if (!sw->body.bad)
		dp_client_request(
		    sw->d->dp, DP_MSG_PACKET_OUT, sw->body.data, sw->body.size, on_sent, sw);
	return OFP_OK;
}

/* Output to OFPP_TABLE is a look-up in table 0. */
static enum ofp_err put_actions(
    struct of_session *, const struct ofp_packet_out *po, struct buf_writer *w)
{
	struct dp_action table = {.type = DP_ACTION_RESUBMIT,
	    .len = (uint16_t)dp_action_size(DP_ACTION_RESUBMIT),
	    .resubmit = {.in_port = DP_OFPORT_IN_PORT}};

	if (po->actions.size == 0)
		return OFP_OK;
	action_foreach (a, po->actions.data, po->actions.size) {
		if (a->type == DP_ACTION_OUTPUT && a->output.port == OFP_TABLE_OFPORT)
			buf_put(w, &table, table.len);
		else
			buf_put(w, a, a->len);
	}
	return OFP_OK;
}

/* OpenFlow has no answer to a packet-out; what the switch could not take is counted. */
static void on_sent(int error, const void *, size_t, const char *, void *arg)
{
	struct of_switch *s = arg;

	s->n_packet_outs++;
	s->n_packet_outs_lost += error != 0;
}

static uint32_t ofport_of(const struct of_switch *s, uint32_t port)
{
	const struct dp_op *op = model_find(s->d->model, DP_KIND_PORT, port);

	return op != NULL ? ((const struct dp_port_conf *)(const void *)(op + 1))->ofport
			  : DP_OFPORT_ANY;
}

/* A table-miss rule, of priority 0 and any packet, says "no match" (1.3.5 5.4). */
static uint8_t reason_of(struct of_bridge *b, const struct dp_punt_event *ev, uint8_t version)
{
	struct of_flow *f = ev->rule != 0 ? of_flow_by_id(b, ev->rule) : NULL;
	bool is_miss = f != NULL && version >= OFP13_VERSION && of_flow_conf(f)->priority == 0 &&
		       of_flow_conf(f)->match_size == sizeof(uint64_t);

	return is_miss ? OFPR_NO_MATCH : (uint8_t)ev->reason;
}

/* One that does not read loses packets, not memory. */
static void send_packet_in(struct of_session *s, const struct ofp_packet_in *pin)
{
	struct buf_writer w;

	if (of_conn_backlog(s->conn) > PACKET_IN_BACKLOG) {
		s->bridge->sw->n_packet_ins_lost++;
		return;
	}
	buf_writer_init(&w, UINT16_MAX);
	ofp_packet_in_encode((enum ofp_version)s->version, s->packet_in_format, pin, &w);
	of_session_send(s, &w);
	s->bridge->sw->n_packet_ins++;
}

enum ofp_err of_handle_packet_in_format(struct of_session *s, struct ofp_msg *msg)
{
	uint32_t format = buf_be32(&msg->body);

	if (format > OFP_PACKET_IN_NXT2)
		return OFPERR_OFPBRC_EPERM;
	s->packet_in_format = (enum ofp_packet_in_format)format;
	return OFP_OK;
}
