/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles (OpenFlow 1.4.1 6.9; 1.3 has them by the ONF's extension 230): messages are kept until they are committed, then all are carried out, in their
 * order, and go to the switch as one transaction, so that a packet meets all of them or none; or one of them is refused, and nothing has happened.
 */
#include <openflow/openflow-1.4.h>
#include <stdlib.h>
#include <string.h>

#include "control/openflow/of_priv.h"
#include "control/openflow/ofp_wire.h"

enum {
	MAX_BUNDLES = 16,      // of a session
	MAX_BYTES = 128 << 20, // of a session's bundles
	FLAGS = OFPBF_ATOMIC | OFPBF_ORDERED,
};

struct of_bundle {
	struct list node; // in the session's
	uint32_t id;
	uint16_t flags;
	bool is_closed;
	bool is_done; // committed: its answer waits for the switch
	struct buf_writer messages;
};

static enum ofp_err open_bundle(
    struct of_session *s, struct of_bundle *b, uint32_t id, uint16_t flags);
static enum ofp_err close_bundle(struct of_bundle *b, uint16_t flags);
static enum ofp_err commit(struct of_session *s, struct of_bundle *b, uint16_t flags);
static enum ofp_err run(struct of_session *s, struct of_bundle *b);
static struct of_bundle *find(const struct of_session *s, uint32_t id);
static size_t count(const struct of_session *s, size_t *ret_bytes);
static void destroy(struct of_bundle *b);
static void reply(
    struct of_session *s, const struct ofp_msg *msg, uint32_t id, uint16_t type, uint16_t flags);

enum ofp_err of_handle_bundle_control(struct of_session *s, struct ofp_msg *msg)
{
	uint32_t id = buf_be32(&msg->body);
	uint16_t type = buf_be16(&msg->body), flags = buf_be16(&msg->body);
	struct of_bundle *b = find(s, id);
	enum ofp_err err;

	if ((flags & ~FLAGS) != 0)
		return OFPERR_OFPBFC_BAD_FLAGS;
	if (b == NULL && type != OFPBCT_OPEN_REQUEST)
		return OFPERR_OFPBFC_BAD_ID;
	switch (type) {
	case OFPBCT_OPEN_REQUEST: err = open_bundle(s, b, id, flags); break;
	case OFPBCT_CLOSE_REQUEST: err = close_bundle(b, flags); break;
	case OFPBCT_COMMIT_REQUEST: err = commit(s, b, flags); break;
	case OFPBCT_DISCARD_REQUEST: err = OFP_OK; break;
	default: return OFPERR_OFPBFC_BAD_TYPE;
	}
	if (err == OF_AGAIN)
		return err;
	if (b != NULL && (type == OFPBCT_COMMIT_REQUEST || type == OFPBCT_DISCARD_REQUEST))
		destroy(b);
	if (err == OFP_OK)
		reply(s, msg, id, (uint16_t)(type + 1), flags); // each reply's number is the next
	return err;
}

/* One that is not open yet is opened by it (6.9.2). */
enum ofp_err of_handle_bundle_add(struct of_session *s, struct ofp_msg *msg)
{
	uint32_t id = buf_be32(&msg->body);
	buf_skip(&msg->body, 2);
	uint16_t flags = buf_be16(&msg->body);
	size_t size = buf_left(&msg->body), n_bytes;
	const uint8_t *data = buf_take(&msg->body, size);
	struct of_bundle *b = find(s, id);
	struct ofp_msg inner;

	if ((flags & ~FLAGS) != 0 || (b != NULL && b->flags != flags))
		return OFPERR_OFPBFC_BAD_FLAGS;
	if (b != NULL && b->is_closed)
		return OFPERR_OFPBFC_BUNDLE_CLOSED;
	if (size < sizeof(struct ofp_header) || ((size_t)data[2] << 8 | data[3]) != size)
		return OFPERR_OFPBFC_MSG_BAD_LEN;
	enum ofp_err err = ofp_msg_decode(data, size, &inner);
	if (err != OFP_OK)
		return err;
	if (inner.xid != msg->xid)
		return OFPERR_OFPBFC_MSG_BAD_XID;
	if (inner.version != s->version || !of_session_may_bundle(inner.raw))
		return OFPERR_OFPBFC_MSG_UNSUP;
	if (b == NULL)
		err = open_bundle(s, NULL, id, flags);
	if (err != OFP_OK)
		return err;
	count(s, &n_bytes);
	if (n_bytes + size > MAX_BYTES)
		return OFPERR_OFPBFC_MSG_TOO_MANY;
	buf_put(&find(s, id)->messages, data, size);
	return OFP_OK;
}

void of_bundles_destroy(struct of_session *s)
{
	list_foreach_safe (b, &s->bundles, struct of_bundle, node)
		destroy(b);
}

static enum ofp_err open_bundle(
    struct of_session *s, struct of_bundle *b, uint32_t id, uint16_t flags)
{
	size_t n_bytes;

	if (b != NULL)
		return OFPERR_OFPBFC_BAD_ID;
	if (count(s, &n_bytes) == MAX_BUNDLES)
		return OFPERR_OFPBFC_OUT_OF_BUNDLES;
	b = mem_alloc(sizeof(*b));
	*b = (struct of_bundle){.id = id, .flags = flags};
	buf_writer_init(&b->messages, MAX_BYTES);
	list_add(&s->bundles, &b->node);
	return OFP_OK;
}

static enum ofp_err close_bundle(struct of_bundle *b, uint16_t flags)
{
	if (b->is_closed)
		return OFPERR_OFPBFC_BUNDLE_CLOSED;
	if (b->flags != flags)
		return OFPERR_OFPBFC_BAD_FLAGS;
	b->is_closed = true;
	return OFP_OK;
}

/* Answered when every worker has it. */
static enum ofp_err commit(struct of_session *s, struct of_bundle *b, uint16_t flags)
{
	if (!b->is_done && b->flags != flags)
		return OFPERR_OFPBFC_BAD_FLAGS;
	if (!b->is_done && !of_switch_may_change(s->bridge->sw, s))
		return OF_AGAIN;
	enum ofp_err err = b->is_done ? OFP_OK : run(s, b);
	if (err != OFP_OK)
		return err;
	b->is_done = true;
	return of_switch_is_applied(s->bridge->sw, s) ? OFP_OK : OF_AGAIN;
}

/* The message that is refused is answered with why, and the commit with OFPBFC_MSG_FAILED. */
static enum ofp_err run(struct of_session *s, struct of_bundle *b)
{
	struct of_switch *sw = s->bridge->sw;
	struct buf all = buf_from(b->messages.data, b->messages.size);

	of_undo_begin(sw);
	while (buf_left(&all) > 0) {
		const uint8_t *data = all.data + all.pos;
		size_t size = (size_t)data[2] << 8 | data[3];
		struct ofp_msg msg;
		enum ofp_err err = ofp_msg_decode(data, size, &msg);
		if (err == OFP_OK)
			err = of_session_run(s, &msg);
		if (err != OFP_OK) {
			of_undo_roll_back(sw);
			of_session_error(s, &msg, err);
			return OFPERR_OFPBFC_MSG_FAILED;
		}
		buf_skip(&all, size);
	}
	of_undo_end(sw);
	return OFP_OK;
}

static struct of_bundle *find(const struct of_session *s, uint32_t id)
{
	list_foreach (b, &s->bundles, struct of_bundle, node)
		if (b->id == id)
			return b;
	return NULL;
}

static size_t count(const struct of_session *s, size_t *ret_bytes)
{
	size_t n = 0;

	*ret_bytes = 0;
	list_foreach (b, &s->bundles, struct of_bundle, node) {
		n++;
		*ret_bytes += b->messages.size;
	}
	return n;
}

static void destroy(struct of_bundle *b)
{
	list_del(&b->node);
	buf_writer_fini(&b->messages);
	free(b);
}

static void reply(
    struct of_session *s, const struct ofp_msg *msg, uint32_t id, uint16_t type, uint16_t flags)
{
	struct buf_writer w;

	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark = ofp_begin(&w, msg->raw, s->version, msg->xid);
	wire_put_be32(&w, id);
	wire_put_be16(&w, type);
	wire_put_be16(&w, flags);
	ofp_end(&w, mark);
	of_session_send(s, &w);
}
