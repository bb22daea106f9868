/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Valid programs of a controller's choice on packets of a guest's choice, through the whole fast path. Every packet and
 * copy ends exactly once; a right checksum stays right; a session does what the rules would; ASan sees every byte past
 * the end of a packet.
 *
 * Input: struct head, two lists of codes of four bytes that actions are made of, the packet.
 */
#include "datapath/csum.h"
#include "datapath/dp_validate.h"
#include "datapath/forward.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/datapath/pipeline_env.h"

enum {
	PACKET_MAX = 600,
	FIRST_SEG = PKT_HDR_MAX,
	UPLINK = 12,
	N_IN_PORTS = 8,
	TUNNEL_PORT = 10, // in and out
	MAX_CODES = 24,
};

enum head_flags {
	HEAD_PARTIAL = 1 << 0,
	HEAD_SEGMENTS = 1 << 1, // what is behind the headers is a second segment
	HEAD_TUNNEL = 1 << 2,   // it came by the tunnel port
};

struct head {
	uint8_t flags;
	uint8_t in_port;
	uint16_t csum_start, csum_offset;
	uint8_t ttl, tos; // of a second packet, otherwise the same: XOR
	uint8_t n_actions[2];
};

/* An action, packed: whatever it says is valid, so that mutations get far. */
struct code {
	uint8_t type, a, b, c;
};

/* What left: hashes, in order, so that two runs compare. */
struct left {
	uint64_t hash;
	unsigned int n_out, n_drops, n_alive;
	bool has_good_csum, may_damage;
};

static struct left left;

static bool read_actions(const uint8_t **data, size_t *size, unsigned int n, struct actions *ret);
static void add_coded(struct actions *l, const struct code *c);
static void add_coded_set(struct actions *l, const struct code *c);
static void add_coded_move(struct actions *l, const struct code *c);
static struct env *make_switch(const struct actions lists[2]);
static struct rte_mbuf *make_packet(
    const struct head *h, const uint8_t *data, size_t size, bool vary);
static struct left run(
    struct env *e, const struct head *h, const uint8_t *data, size_t size, bool vary);
static bool has_action(const struct actions *l, enum dp_action_type type, uint32_t port);
static bool may_damage(const struct actions *l);
static void vary_volatile(const struct head *h, uint8_t *data, size_t size);
static void note(const struct rte_mbuf *m, uint64_t what);
static void check_output(struct worker *w, uint16_t port, struct rte_mbuf *m);
static void end_packet(struct rte_mbuf *m);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct head h;
	struct actions lists[2];
	if (size < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	data += sizeof(h);
	size -= sizeof(h);
	for (unsigned int i = 0; i < 2; i++) {
		if (!read_actions(&data, &size, h.n_actions[i] % MAX_CODES, &lists[i]))
			return 0;
	}
	if (size < 14 || size > PACKET_MAX)
		return 0;
	// It cuts the packet, and there is no pool for a segment to go back to.
	if (has_action(&lists[0], DP_ACTION_ND_REPLY, 0) ||
	    has_action(&lists[1], DP_ACTION_ND_REPLY, 0))
		h.flags &= (uint8_t)~HEAD_SEGMENTS;
	left.may_damage = may_damage(&lists[0]) || may_damage(&lists[1]);

	struct env *e = make_switch(lists);
	struct left first = run(e, &h, data, size, false);
	struct left again = run(e, &h, data, size, false);
	struct left varied = run(e, &h, data, size, true);
	env_destroy(e);
	// What was learned from the first packet is there for the second.
	if (has_action(&lists[0], DP_ACTION_OUTPUT, DP_OFPORT_NORMAL) ||
	    has_action(&lists[1], DP_ACTION_OUTPUT, DP_OFPORT_NORMAL))
		return 0;
	FUZZ_ASSERT(first.hash == again.hash);
	e = make_switch(lists);
	struct left fresh = run(e, &h, data, size, true);
	env_destroy(e);
	FUZZ_ASSERT(varied.hash == fresh.hash);
	return 0;
}

/* False: cut short. */
static bool read_actions(const uint8_t **data, size_t *size, unsigned int n, struct actions *ret)
{
	char what[DP_WHAT_SIZE];
	ret->size = 0;
	for (; n > 0; n--) {
		struct code c;
		if (*size < sizeof(c))
			return false;
		memcpy(&c, *data, sizeof(c));
		*data += sizeof(c);
		*size -= sizeof(c);
		add_coded(ret, &c);
	}
	FUZZ_ASSERT(dp_actions_validate(ret->b, ret->size, what) == 0);
	return true;
}

static void add_coded(struct actions *l, const struct code *c)
{
	static const uint32_t ports[] = {DP_OFPORT_IN_PORT, DP_OFPORT_NORMAL, DP_OFPORT_FLOOD,
	    DP_OFPORT_ALL, DP_OFPORT_CONTROLLER, TUNNEL_PORT, 11, 13, 14, 15, 1, 2, 3, 77};
	enum dp_action_type type = c->type % DP_ACTION__COUNT;
	if (type == DP_ACTION_SET_FIELD) {
		add_coded_set(l, c);
		return;
	}
	if (type == DP_ACTION_MOVE) {
		add_coded_move(l, c);
		return;
	}
	if (type > DP_ACTION_STACK_POP) // not in the language of this target
		return;
	struct dp_action *a = add_action(l, type);
	switch (type) {
	case DP_ACTION_STACK_PUSH:
	case DP_ACTION_STACK_POP:
		a->subfield.field = (c->a & 1) != 0 ? FIELD_REG0 : FIELD_ETH_SRC;
		a->subfield.ofs = c->b % 16;
		a->subfield.n_bits = 1 + c->c % 16;
		break;
	case DP_ACTION_OUTPUT: a->output.port = ports[c->a % ARRAY_SIZE(ports)]; break;
	case DP_ACTION_GROUP: a->group.id = c->a % 5; break;
	case DP_ACTION_PUSH_VLAN: a->push_vlan.tpid = (c->a & 1) != 0 ? 0x88a8 : 0x8100; break;
	case DP_ACTION_RESUBMIT:
		a->resubmit.table = (c->a & 3) == 3 ? 255 : c->a & 3;
		a->resubmit.in_port = (c->b & 1) != 0 ? c->b : DP_OFPORT_IN_PORT;
		break;
	case DP_ACTION_CONTROLLER: a->controller.max_len = c->a; break;
	case DP_ACTION_ARP_REPLY:
	case DP_ACTION_ND_REPLY:
		a->reply.mac = (struct mac_addr){{2, 0, 0, 0, c->b, c->c}};
		a->reply.router = c->a & 1;
		break;
	case DP_ACTION_DROP: a->drop.reason = c->a % DP_DROP__COUNT; break;
	case DP_ACTION_SET_VLAN:
		a->set_vlan.mask = (c->c & 1) != 0 ? 0x0fff : 0xe000;
		a->set_vlan.value = (uint16_t)(c->a << 8 | c->b) & a->set_vlan.mask;
		break;
	default: break;
	}
}

static void add_coded_set(struct actions *l, const struct code *c)
{
	enum flow_field_id id = c->a % FIELD__COUNT;
	const struct flow_field *f = &flow_fields[id];
	if ((f->flags & (FW_SET | FW_ABSENT)) != FW_SET)
		return;
	struct dp_action *a = add_action(l, DP_ACTION_SET_FIELD);
	a->set_field.field = (uint16_t)id;
	a->set_field.mask = flow_value_ones(f->n_bits);
	bool is_partial = (f->flags & FW_MASK) != 0 && (c->c & 0x80) != 0;
	for (unsigned int i = 0; i < FIELD_VALUE_MAX_SIZE; i++) {
		if (is_partial && i % 2 == 0 && f->n_bits > 8)
			a->set_field.mask.b[i] = 0;
		uint8_t byte = i == 0 || i == FIELD_VALUE_MAX_SIZE - 1 ? c->b : c->c;
		a->set_field.value.b[i] = byte & a->set_field.mask.b[i];
	}
}

static void add_coded_move(struct actions *l, const struct code *c)
{
	enum flow_field_id src = c->a % FIELD__COUNT, dst = c->b % FIELD__COUNT;
	const struct flow_field *from = &flow_fields[src], *to = &flow_fields[dst];
	if ((to->flags & FW_SET) == 0 || ((from->flags | to->flags) & FW_ABSENT) != 0)
		return;
	struct dp_action *a = add_action(l, DP_ACTION_MOVE);
	a->move.src = (uint16_t)src;
	a->move.dst = (uint16_t)dst;
	a->move.n_bits = (uint16_t)MIN_OF(from->n_bits, to->n_bits);
	if ((c->c & 1) != 0 && a->move.n_bits > 3) {
		a->move.n_bits -= 3;
		a->move.dst_ofs = 2;
		a->move.src_ofs = 1;
	}
}

/* Table 0 runs the first list, table 1 and a second bridge the other; groups 1 to 3 have both as buckets. */
static struct env *make_switch(const struct actions lists[2])
{
	static const struct dp_route_conf route = {.remote.a.b = {[10] = 0xff, 0xff, 192, 0, 2, 2},
	    .local.a.b = {[10] = 0xff, 0xff, 192, 0, 2, 1},
	    .uplink = UPLINK,
	    .mtu = UINT16_MAX};
	static const struct dp_route_conf route6 = {.remote.a.b = {0xfd, [15] = 2},
	    .local.a.b = {0xfd, [15] = 1},
	    .uplink = UPLINK,
	    .mtu = UINT16_MAX};
	const struct dp_route_conf *routes[] = {&route, &route6};
	static const struct dp_local_conf local = {.addr.a.b = {[10] = 0xff, 0xff, 192, 0, 2, 1}};
	const struct dp_local_conf *locals[] = {&local};
	struct tunnel_cfg_input in = {
	    .routes = routes, .n_routes = ARRAY_SIZE(routes), .locals = locals, .n_locals = 1};
	struct env *e = env_create();
	for (uint16_t id = 1; id <= N_IN_PORTS; id++)
		env_port(e, id, 1, id);
	env_port(e, UPLINK, 0, 0);
	struct port *tunnel = env_port(e, TUNNEL_PORT, 1, TUNNEL_PORT);
	tunnel->kind = tunnel->conf.kind = DP_PORT_VXLAN;
	tunnel->conf.tnl_remote = route.remote;
	tunnel->conf.tnl_vni = 7;
	struct port *flow = env_port(e, 11, 1, 11);
	flow->kind = flow->conf.kind = DP_PORT_VXLAN;
	flow->conf.flags = DP_PORT_F_REMOTE_FLOW | DP_PORT_F_VNI_FLOW | DP_PORT_F_INNER_VLAN |
			   DP_PORT_F_TOS_INHERIT | DP_PORT_F_TTL_INHERIT | DP_PORT_F_CSUM |
			   DP_PORT_F_NO_DF | DP_PORT_F_LOCAL_FLOW;
	in.ports[in.n_ports].id = TUNNEL_PORT;
	in.ports[in.n_ports++].conf = &tunnel->conf;
	e->dp->tunnels = tunnel_cfg_create(&in);
	FUZZ_ASSERT(e->dp->tunnels != NULL);
	struct port *here = env_port(e, 13, 1, 13), *there = env_port(e, 14, 2, 14);
	here->kind = there->kind = DP_PORT_PATCH;
	here->conf.peer = 14;
	there->conf.peer = 13;
	env_port(e, 15, 2, 15);
	static const uint16_t trunks[] = {1, 5, ENV_LIST_END};
	env_vlan(e, 2, DP_VLAN_ACCESS, 5, NULL, DP_PRIORITY_TAGS_IF_NONZERO);
	env_vlan(e, 3, DP_VLAN_NATIVE_UNTAGGED, 5, trunks, DP_PRIORITY_TAGS_ALWAYS);
	env_vlan(e, 15, DP_VLAN_NATIVE_TAGGED, 1, NULL, DP_PRIORITY_TAGS_NO);

	static const uint32_t types[] = {DP_GROUP_ALL, DP_GROUP_SELECT, DP_GROUP_FAST_FAILOVER};
	for (uint32_t i = 0; i < ARRAY_SIZE(types); i++)
		env_group(e, 1, i + 1, types[i], lists, 2);
	env_rule(e, 1, 0, 1, "", &lists[0]);
	env_rule(e, 1, 1, 1, "", &lists[1]);
	env_rule(e, 2, 0, 1, "", &lists[1]);
	env_commit(e);
	return e;
}

static struct left run(
    struct env *e, const struct head *h, const uint8_t *data, size_t size, bool vary)
{
	struct worker *w = e->w;
	struct rte_mbuf *m = make_packet(h, data, size, vary);
	uint64_t n_in = 1, n_out = 0;

	left.hash = left.n_out = left.n_drops = 0;
	uint16_t port = pkt_of(m)->in_port;
	w->ports[port] = (struct port_counters){0};
	struct session_key key;
	struct pkt kept = *pkt_of(m);
	left.has_good_csum = (h->flags & HEAD_PARTIAL) == 0 &&
			     parse_packet(m, &key) == DP_DROP__COUNT && csum_l4_ok(m);
	*pkt_of(m) = kept;
	forward_burst(w, port, &m, 1);
	FUZZ_ASSERT(left.n_alive == 0);
	const struct port_counters *c = &w->ports[port];
	n_in += c->copies;
	n_out = c->sent;
	for (unsigned int i = 0; i < DP_DROP__COUNT; i++)
		n_out += c->drops[i];
	FUZZ_ASSERT(n_in == n_out);
	return left;
}

/* An allocation of its exact size behind the headroom: no tail, no pool. */
static struct rte_mbuf *make_segment(const uint8_t *data, size_t size)
{
	struct rte_mbuf *m = aligned_alloc(64, ROUND_UP(sizeof(*m) + PKT_PRIV_SIZE, 64));
	FUZZ_ASSERT(m != NULL);
	memset(m, 0, sizeof(*m) + PKT_PRIV_SIZE);
	m->buf_len = (uint16_t)(PKT_HEADROOM + size);
	m->buf_addr = malloc(m->buf_len);
	FUZZ_ASSERT(m->buf_addr != NULL);
	m->data_off = PKT_HEADROOM;
	m->priv_size = PKT_PRIV_SIZE;
	m->nb_segs = 1;
	m->refcnt = 1;
	m->data_len = (uint16_t)size;
	m->pkt_len = (uint32_t)size;
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), data, size);
	pkt_reset(m);
	return m;
}

static struct rte_mbuf *make_packet(
    const struct head *h, const uint8_t *data, size_t size, bool vary)
{
	uint8_t bytes[PACKET_MAX];
	memcpy(bytes, data, size);
	if (vary)
		vary_volatile(h, bytes, size);
	bool split = (h->flags & HEAD_SEGMENTS) != 0 && size > FIRST_SEG;
	struct rte_mbuf *m = make_segment(bytes, split ? (size_t)FIRST_SEG : size);
	if (split) {
		m->next = make_segment(bytes + FIRST_SEG, size - FIRST_SEG);
		m->nb_segs = 2;
		m->pkt_len = (uint32_t)size;
	}
	struct pkt *pkt = pkt_of(m);
	pkt->in_port = (uint16_t)(1 + h->in_port % N_IN_PORTS);
	if ((h->flags & HEAD_PARTIAL) != 0) {
		pkt->flags = PKT_F_CSUM_PARTIAL;
		pkt->csum_start = h->csum_start;
		pkt->csum_offset = h->csum_offset;
	}
	if ((h->flags & HEAD_TUNNEL) != 0) {
		pkt->in_port = TUNNEL_PORT;
		pkt->tun_peer = 0;
		pkt->tun_vni = 7;
	}
	left.n_alive = 1;
	return m;
}

/* Other values of what sessions do not tell apart unless rules do. Plain IP only. */
static void vary_volatile(const struct head *h, uint8_t *data, size_t size)
{
	uint8_t *ip = data + 14;
	if (size >= 34 && data[12] == 8 && data[13] == 0 && ip[0] >> 4 == 4 && (ip[0] & 15) >= 5) {
		uint8_t old[2] = {ip[0], ip[1]}, old_ttl[2] = {ip[8], ip[9]};
		uint16_t csum;
		memcpy(&csum, ip + 10, sizeof(csum));
		ip[1] ^= h->tos;
		ip[8] ^= h->ttl;
		csum_update(&csum, old, ip, 2);
		csum_update(&csum, old_ttl, ip + 8, 2);
		memcpy(ip + 10, &csum, sizeof(csum));
	} else if (size >= 54 && data[12] == 0x86 && data[13] == 0xdd) {
		ip[1] ^= h->tos;
		ip[7] ^= h->ttl;
	}
}

/* port: of an output; 0: any. */
static bool has_action(const struct actions *l, enum dp_action_type type, uint32_t port)
{
	action_foreach (a, l->b, l->size) {
		if (a->type == type && (port == 0 || a->output.port == port))
			return true;
	}
	return false;
}

/* A controller can ask for packets that make no sense: another ICMPv6 type is another format. */
static bool may_damage(const struct actions *l)
{
	action_foreach (a, l->b, l->size) {
		unsigned int field = FIELD__COUNT;
		if (a->type == DP_ACTION_SET_FIELD)
			field = a->set_field.field;
		else if (a->type == DP_ACTION_MOVE)
			field = a->move.dst;
		if (field == FIELD_ICMPV6_TYPE || field == FIELD_ICMPV6_CODE)
			return true;
	}
	return false;
}

static void note(const struct rte_mbuf *m, uint64_t what)
{
	static const struct hash_key key = {{1, 2}};
	uint64_t words[3] = {left.hash, what, m->pkt_len};
	left.hash = hash_bytes(&key, words, sizeof(words));
	for (; m != NULL; m = m->next) {
		uint64_t h = hash_bytes(&key, rte_pktmbuf_mtod(m, void *), m->data_len);
		left.hash = left.hash * 31 + h;
	}
}

static void check_output(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	struct session_key key;
	FUZZ_ASSERT(w->dp->ports[port] != NULL);
	csum_complete(m);
	note(m, port);
	if (port == UPLINK || left.may_damage)
		return;
	FUZZ_ASSERT(parse_packet(m, &key) == DP_DROP__COUNT);
	FUZZ_ASSERT(!left.has_good_csum || csum_l4_ok(m));
}

static void end_packet(struct rte_mbuf *m)
{
	left.n_alive--;
	while (m != NULL) {
		struct rte_mbuf *next = m->next;
		free(m->buf_addr);
		free(m);
		m = next;
	}
}

/* The exits of a packet. */

void pkt_drop(
    struct worker *w, struct rte_mbuf *m, enum dp_drop reason, uint64_t rule, uint64_t cookie)
{
	(void)rule;
	(void)cookie;
	FUZZ_ASSERT(reason < DP_DROP__COUNT);
	w->ports[pkt_of(m)->in_port].drops[reason]++;
	left.n_drops++;
	left.hash = left.hash * 31 + reason;
	end_packet(m);
}

void out_add(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	w->ports[pkt_of(m)->in_port].sent++;
	left.n_out++;
	check_output(w, port, m);
	end_packet(m);
}

void out_flush(struct worker *w)
{
	(void)w;
}

struct rte_mbuf *pkt_copy(struct worker *w, struct rte_mbuf *m)
{
	struct rte_mbuf *copy = make_segment(rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
	if (m->next != NULL) {
		copy->next = make_segment(rte_pktmbuf_mtod(m->next, uint8_t *), m->next->data_len);
		copy->nb_segs = 2;
	}
	copy->pkt_len = m->pkt_len;
	*pkt_of(copy) = *pkt_of(m);
	w->ports[pkt_of(m)->in_port].copies++;
	left.n_alive++;
	return copy;
}
