/* SPDX-License-Identifier: Apache-2.0 */
/* Actions as JSON: one decoder and one encoder per row of dp_action.def, side by side. */
#include "control/flow_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "datapath/base/json_util.h"

enum { REASON_ACTION = 1 }; // OpenFlow 1.3.5 7.4.1 (enum ofp_packet_in_reason)

typedef int action_decoder(
    json_t *value, const struct flow_names *names, struct dp_action *a, struct err *err);
typedef json_t *action_encoder(const struct dp_action *a, const struct flow_names *names);

struct action_codec {
	action_decoder *decode; // value NULL: the action was given as a bare word
	action_encoder *encode;
	bool bare; // may be given as a bare word
};

static const struct action_codec codecs[DP_ACTION__COUNT];

int flow_actions_from_json(
    json_t *list, const struct flow_names *names, struct buf_writer *actions, struct err *err)
{
	struct err base = *err;

	if (!json_is_array(list))
		return err_set(err, ERR_PARAMS, "actions are a list");
	for (size_t i = 0; i < json_array_size(list); i++) {
		err_path(err, "%s/%zu", base.path, i);
		int r = flow_action_from_json(json_array_get(list, i), names, actions, err);
		if (r < 0)
			return r;
	}
	err_path(err, "%s", base.path);
	return 0;
}

static int action_unknown(const char *name, struct err *err)
{
	int r = err_set(err, ERR_PARAMS, "no action is called \"%.40s\"", name);
	const char *near = nearest_word(name, dp_action_names, DP_ACTION__COUNT);

	return near != NULL ? err_hint(err, "did you mean \"%s\"?", near) : r;
}

int flow_action_from_json(
    json_t *entry, const struct flow_names *names, struct buf_writer *actions, struct err *err)
{
	const char *name = json_string_value(entry);
	json_t *value = NULL;
	unsigned int type = 0;

	if (json_is_object(entry) && json_object_size(entry) == 1) {
		void *it = json_object_iter(entry);
		name = json_object_iter_key(it);
		value = json_object_iter_value(it);
	}
	if (name == NULL)
		return err_set(err, ERR_PARAMS,
		    "an action is an object of one member, {\"output\":\"vm1\"}, or a word");
	while (type < DP_ACTION__COUNT && strcmp(dp_action_names[type], name) != 0)
		type++;
	if (type == DP_ACTION__COUNT)
		return action_unknown(name, err);
	if (value == NULL && !codecs[type].bare && codecs[type].decode != NULL)
		return err_set(err, ERR_PARAMS, "%s needs a value: {\"%s\": …}", name, name);

	char prefix[sizeof(err->path)];
	memcpy(prefix, err->path, sizeof(prefix));
	err_path(err, "%s/%s", prefix, name);
	struct dp_action a = {.type = (uint16_t)type, .len = (uint16_t)dp_action_size(type)};
	if (codecs[type].decode == NULL)
		return err_set(err, ERR_PARAMS, "%s is an action of OpenFlow only", name);
	int r = codecs[type].decode(value, names, &a, err);
	if (r < 0)
		return r;
	buf_put(actions, &a, a.len);
	return actions->bad
		   ? err_set(err, ERR_TOO_LARGE, "the action list is longer than the switch takes")
		   : 0;
}

/* What OpenFlow brought and the API has no words for: its bytes. */
static json_t *bytes_to_json(const struct dp_action *a)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = (const uint8_t *)a + DP_ACTION_HDR_SIZE;
	char text[2 * 256 + 1];
	size_t size = MIN_OF((size_t)a->len - DP_ACTION_HDR_SIZE, (size_t)256);

	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 0xf];
	}
	return json_stringn(text, 2 * size);
}

json_t *flow_action_to_json(const struct dp_action *a, const struct flow_names *names)
{
	action_encoder *encode = codecs[a->type].encode;

	return json_pack("{s:o}", dp_action_names[a->type],
	    encode != NULL ? encode(a, names) : bytes_to_json(a));
}

json_t *flow_actions_to_json(const void *actions, size_t size, const struct flow_names *names)
{
	json_t *list = json_array();

	action_foreach (a, actions, size)
		json_array_append_new(list, flow_action_to_json(a, names));
	return list;
}

/* Reads a number written as JSON integer or as text, decimal or "0x…". */
static int number_from_json(json_t *value, uint64_t max, uint64_t *ret, struct err *err)
{
	const char *text = json_string_value(value);
	char *end = NULL;

	errno = 0;
	if (json_is_integer(value) && json_integer_value(value) >= 0)
		*ret = (uint64_t)json_integer_value(value);
	else if (text != NULL && text[0] >= '0' && text[0] <= '9')
		*ret = strtoull(text, &end, 0);
	else
		return err_set(err, ERR_PARAMS, "a number is expected");
	if (errno != 0 || (end != NULL && *end != '\0') || *ret > max)
		return err_set(err, ERR_PARAMS, "a number of at most %" PRIu64 " is expected", max);
	return 0;
}

static int empty_decode(
    json_t *value, const struct flow_names *, struct dp_action *, struct err *err)
{
	if (value == NULL || (json_is_object(value) && json_object_size(value) == 0))
		return 0;
	return err_set(err, ERR_PARAMS, "this action takes no value: {} is expected");
}

static json_t *empty_encode(const struct dp_action *, const struct flow_names *)
{
	return json_object();
}

static int output_decode(
    json_t *value, const struct flow_names *names, struct dp_action *a, struct err *err)
{
	return flow_port_from_json(value, names, true, &a->output.port, err);
}

static json_t *output_encode(const struct dp_action *a, const struct flow_names *names)
{
	return flow_port_to_json(a->output.port, names);
}

static int group_decode(
    json_t *value, const struct flow_names *, struct dp_action *a, struct err *err)
{
	uint64_t id = 0;
	int r = number_from_json(value, DP_OFPORT_MAX - 1, &id, err);

	if (r == 0)
		a->group.id = (uint32_t)id;
	return r;
}

static json_t *group_encode(const struct dp_action *a, const struct flow_names *)
{
	return json_integer(a->group.id);
}

/* A field by name that the action may write (need_set) or only read. */
static const struct flow_field *field_from_name(const char *name, bool need_set, struct err *err)
{
	const struct flow_field *f = flow_field_find(name);

	if (f == NULL) {
		const char *near = flow_field_nearest(name);
		err_set(err, ERR_PARAMS, "no field is called \"%.40s\"", name);
		if (near != NULL)
			err_hint(err, "did you mean \"%s\"?", near);
		return NULL;
	}
	if ((f->flags & FW_ABSENT) != 0) {
		err_set(err, ERR_PARAMS, "packets are not parsed as far as %s yet", f->name);
		return NULL;
	}
	if (need_set && !(f->flags & FW_SET)) {
		err_set(err, ERR_PARAMS, "%s is read-only", name);
		return NULL;
	}
	return f;
}

static int set_field_decode(
    json_t *value, const struct flow_names *, struct dp_action *a, struct err *err)
{
	if (!json_is_object(value) || json_object_size(value) != 1)
		return err_set(err, ERR_PARAMS,
		    "set_field takes one field: {\"eth_dst\":\"02:00:00:00:00:01\"}");
	void *it = json_object_iter(value);
	json_t *v = json_object_iter_value(it);
	const char *name = json_object_iter_key(it);
	char prefix[sizeof(err->path)], number[32];
	memcpy(prefix, err->path, sizeof(prefix));
	err_path(err, "%s/%s", prefix, name);
	const struct flow_field *f = field_from_name(name, true, err);
	if (f == NULL)
		return -EINVAL;
	const char *text = json_string_value(v);
	if (text == NULL && json_is_integer(v)) {
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		text = number;
	}
	if (text == NULL)
		return err_set(err, ERR_PARAMS, "the value of %s is a text or a number", name);
	a->set_field.field = (uint16_t)flow_field_id(f);
	return flow_field_parse(f, text, &a->set_field.value, &a->set_field.mask, err);
}

static json_t *set_field_encode(const struct dp_action *a, const struct flow_names *)
{
	const struct flow_field *f = &flow_fields[a->set_field.field];
	char buf[FIELD_STR_SIZE];

	return json_pack(
	    "{s:s}", f->name, flow_field_format(f, &a->set_field.value, &a->set_field.mask, buf));
}

static int move_end(
    json_t *value, const char *name, bool need_set, const struct flow_field **ret, struct err *err)
{
	const char *word;
	int r = json_get_string(value, name, &word, err);

	if (r == -ENOENT)
		return err_set(err, ERR_PARAMS, "move needs \"src\" and \"dst\"");
	if (r < 0)
		return r;
	*ret = field_from_name(word, need_set, err);
	return *ret != NULL ? 0 : -EINVAL;
}

static int move_decode(
    json_t *value, const struct flow_names *, struct dp_action *a, struct err *err)
{
	static const char *const known[] = {"src", "dst", "src_ofs", "dst_ofs", "n_bits"};
	const struct flow_field *src = NULL, *dst = NULL;
	uint64_t src_ofs = 0, dst_ofs = 0;

	if (!json_is_object(value))
		return err_set(err, ERR_PARAMS, "move takes {\"src\":…, \"dst\":…}");
	if (json_check_members(value, known, ARRAY_SIZE(known), err) < 0 ||
	    move_end(value, "src", false, &src, err) < 0 ||
	    move_end(value, "dst", true, &dst, err) < 0)
		return -EINVAL;
	if (json_get_u64(value, "src_ofs", 0, src->n_bits - 1U, &src_ofs, err) == -EINVAL ||
	    json_get_u64(value, "dst_ofs", 0, dst->n_bits - 1U, &dst_ofs, err) == -EINVAL)
		return -EINVAL;
	uint64_t max = MIN_OF(src->n_bits - src_ofs, dst->n_bits - dst_ofs), n_bits = max;
	if (json_get_u64(value, "n_bits", 1, max, &n_bits, err) == -EINVAL)
		return -EINVAL;
	a->move.src = (uint16_t)flow_field_id(src);
	a->move.dst = (uint16_t)flow_field_id(dst);
	a->move.src_ofs = (uint16_t)src_ofs;
	a->move.dst_ofs = (uint16_t)dst_ofs;
	a->move.n_bits = (uint16_t)n_bits;
	return 0;
}

static json_t *move_encode(const struct dp_action *a, const struct flow_names *)
{
	return json_pack("{s:s, s:i, s:s, s:i, s:i}", "src", flow_fields[a->move.src].name,
	    "src_ofs", a->move.src_ofs, "dst", flow_fields[a->move.dst].name, "dst_ofs",
	    a->move.dst_ofs, "n_bits", a->move.n_bits);
}

static int push_vlan_decode(
    json_t *value, const struct flow_names *, struct dp_action *a, struct err *err)
{
	uint64_t tpid = 0x8100;

	if (value != NULL && number_from_json(value, UINT16_MAX, &tpid, err) < 0)
		return -EINVAL;
	if (tpid != 0x8100 && tpid != 0x88a8)
		return err_set(err, ERR_PARAMS, "push_vlan takes \"0x8100\" or \"0x88a8\"");
	a->push_vlan.tpid = (uint16_t)tpid;
	return 0;
}

static json_t *push_vlan_encode(const struct dp_action *a, const struct flow_names *)
{
	return json_sprintf("0x%04x", a->push_vlan.tpid);
}

static int resubmit_decode(
    json_t *value, const struct flow_names *names, struct dp_action *a, struct err *err)
{
	static const char *const known[] = {"table", "in_port"};
	uint64_t table = 255;

	a->resubmit.in_port = DP_OFPORT_IN_PORT;
	if (json_is_integer(value)) {
		if (number_from_json(value, DP_N_TABLES - 1, &table, err) < 0)
			return -EINVAL;
		a->resubmit.table = (uint8_t)table;
		return 0;
	}
	if (!json_is_object(value))
		return err_set(
		    err, ERR_PARAMS, "resubmit takes a table, or {\"table\":…, \"in_port\":…}");
	if (json_check_members(value, known, ARRAY_SIZE(known), err) < 0 ||
	    json_get_u64(value, "table", 0, DP_N_TABLES - 1, &table, err) == -EINVAL)
		return -EINVAL;
	a->resubmit.table = (uint8_t)table;
	json_t *in_port = json_object_get(value, "in_port");
	return in_port != NULL
		   ? flow_port_from_json(in_port, names, false, &a->resubmit.in_port, err)
		   : 0;
}

static json_t *resubmit_encode(const struct dp_action *a, const struct flow_names *names)
{
	json_t *o = json_object();

	if (a->resubmit.table != 255)
		json_object_set_new(o, "table", json_integer(a->resubmit.table));
	if (a->resubmit.in_port != DP_OFPORT_IN_PORT)
		json_object_set_new(o, "in_port", flow_port_to_json(a->resubmit.in_port, names));
	return o;
}

static int controller_decode(
    json_t *value, const struct flow_names *, struct dp_action *a, struct err *err)
{
	static const char *const known[] = {"max_len", "reason"};
	uint64_t max_len = UINT16_MAX, reason = REASON_ACTION;

	if (value != NULL && !json_is_object(value))
		return err_set(err, ERR_PARAMS, "controller takes {\"max_len\":…}");
	if (value != NULL &&
	    (json_check_members(value, known, ARRAY_SIZE(known), err) < 0 ||
		json_get_u64(value, "max_len", 0, UINT16_MAX, &max_len, err) == -EINVAL ||
		json_get_u64(value, "reason", 0, UINT32_MAX, &reason, err) == -EINVAL))
		return -EINVAL;
	a->controller.max_len = (uint16_t)max_len;
	a->controller.reason = (uint32_t)reason;
	return 0;
}

static json_t *controller_encode(const struct dp_action *a, const struct flow_names *)
{
	json_t *o = json_object();

	if (a->controller.max_len != UINT16_MAX)
		json_object_set_new(o, "max_len", json_integer(a->controller.max_len));
	if (a->controller.reason != REASON_ACTION)
		json_object_set_new(o, "reason", json_integer(a->controller.reason));
	return o;
}

/* "02:00:00:00:00:01", or with the router flag {"mac":…, "router":true}. */
static int reply_decode(
    json_t *value, const struct flow_names *, struct dp_action *a, struct err *err)
{
	static const char *const known[] = {"mac", "router"};
	bool router = false;

	if (json_is_string(value)) {
		if (mac_parse(json_string_value(value), &a->reply.mac) == 0)
			return 0;
		return err_set(
		    err, ERR_PARAMS, "\"%.40s\" is not a MAC address", json_string_value(value));
	}
	if (!json_is_object(value))
		return err_set(err, ERR_PARAMS, "a MAC address is expected");
	if (json_check_members(value, known, ARRAY_SIZE(known), err) < 0 ||
	    json_get_bool(value, "router", &router, err) == -EINVAL)
		return -EINVAL;
	a->reply.router = router;
	int r = json_get_mac(value, "mac", &a->reply.mac, err);
	return r == -ENOENT ? err_set(err, ERR_PARAMS, "\"mac\" is missing") : r;
}

static json_t *reply_encode(const struct dp_action *a, const struct flow_names *)
{
	char mac[MAC_STR_SIZE];

	mac_format(&a->reply.mac, mac);
	return a->reply.router ? json_pack("{s:s, s:b}", "mac", mac, "router", 1)
			       : json_string(mac);
}

static int drop_decode(
    json_t *value, const struct flow_names *names, struct dp_action *a, struct err *err)
{
	const char *word = json_string_value(value);

	a->drop.reason = DP_DROP_RULE_DROP;
	if (word == NULL)
		return empty_decode(value, names, a, err);
	a->drop.reason = dp_drop_find(word);
	return a->drop.reason != DP_DROP__COUNT
		   ? 0
		   : err_set(err, ERR_PARAMS, "no drop reason is called \"%.40s\"", word);
}

static json_t *drop_encode(const struct dp_action *a, const struct flow_names *)
{
	return json_string(dp_drops[a->drop.reason].name);
}

static int set_vlan_decode(
    json_t *value, const struct flow_names *, struct dp_action *a, struct err *err)
{
	static const char *const known[] = {"vid", "pcp"};
	uint64_t vid = 0, pcp = 0;

	if (!json_is_object(value) || json_object_size(value) == 0)
		return err_set(err, ERR_PARAMS, "set_vlan takes {\"vid\":…, \"pcp\":…}");
	if (json_check_members(value, known, ARRAY_SIZE(known), err) < 0 ||
	    json_get_u64(value, "vid", 0, 0xfff, &vid, err) == -EINVAL ||
	    json_get_u64(value, "pcp", 0, 7, &pcp, err) == -EINVAL)
		return -EINVAL;
	a->set_vlan.value = (uint16_t)(pcp << 13 | vid);
	a->set_vlan.mask = (uint16_t)((json_object_get(value, "vid") != NULL ? 0x0fff : 0) |
				      (json_object_get(value, "pcp") != NULL ? 0xe000 : 0));
	return 0;
}

static json_t *set_vlan_encode(const struct dp_action *a, const struct flow_names *)
{
	json_t *o = json_object();

	if ((a->set_vlan.mask & 0x0fff) != 0)
		json_object_set_new(o, "vid", json_integer(a->set_vlan.value & 0xfff));
	if ((a->set_vlan.mask & 0xe000) != 0)
		json_object_set_new(o, "pcp", json_integer(a->set_vlan.value >> 13));
	return o;
}

static const struct action_codec codecs[DP_ACTION__COUNT] = {
    [DP_ACTION_OUTPUT] = {output_decode, output_encode, false},
    [DP_ACTION_GROUP] = {group_decode, group_encode, false},
    [DP_ACTION_SET_FIELD] = {set_field_decode, set_field_encode, false},
    [DP_ACTION_MOVE] = {move_decode, move_encode, false},
    [DP_ACTION_PUSH_VLAN] = {push_vlan_decode, push_vlan_encode, true},
    [DP_ACTION_POP_VLAN] = {empty_decode, empty_encode, true},
    [DP_ACTION_DEC_TTL] = {empty_decode, empty_encode, true},
    [DP_ACTION_RESUBMIT] = {resubmit_decode, resubmit_encode, false},
    [DP_ACTION_CONTROLLER] = {controller_decode, controller_encode, true},
    [DP_ACTION_ARP_REPLY] = {reply_decode, reply_encode, false},
    [DP_ACTION_ND_REPLY] = {reply_decode, reply_encode, false},
    [DP_ACTION_DROP] = {drop_decode, drop_encode, true},
    [DP_ACTION_SET_VLAN] = {set_vlan_decode, set_vlan_encode, false},
};
