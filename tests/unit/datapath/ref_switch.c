/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/datapath/ref_switch.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* A frame taken apart: tags are a stack, outermost first. */
struct frame {
	uint8_t macs[12];
	unsigned int n_tags;
	uint16_t tpid[4], tci[4], type;
	uint8_t l3[REF_MAX_LEN];
	unsigned int l3_len;
};

struct set {
	const struct dp_action *one[DP_ACTION__COUNT]; // the last of each type
	const struct dp_action *fields[64], *fate;
	unsigned int n_fields;
};

/* A packet on its way: copied whole where OpenFlow says copy. */
struct walk {
	const struct env *e;
	struct ref_fdb *fdb;
	struct ref_result *ret;
	enum dp_drop *failure, *verdict;
	bool *missed;
	struct frame f;
	struct flow_key meta; // in_port, registers, metadata, tunnel
	uint32_t bridge;
	uint16_t in_port;
	uint8_t table;
	bool stopped;
	bool ttl_was_set;
	struct set *set;
};

static void run_bridge(struct walk *w);
static bool run_tables(struct walk *w, uint8_t table, uint32_t in_port_be);
static void run_actions(struct walk *w, const struct dp_action *list, size_t size);
static void run_action(struct walk *w, const struct dp_action *a);
static void set_write(struct set *s, const struct dp_action *list, size_t size);
static void set_run(struct walk *w, const struct set *s);
static void output(struct walk *w, uint32_t ofport);
static void output_id(struct walk *w, uint16_t id);
static void flood(struct walk *w, bool all);
static void normal(struct walk *w);
static void group(struct walk *w, uint32_t id);
static void write_field(struct walk *w, enum flow_field_id id, const struct flow_key *key);
static void take_apart(struct frame *f, const uint8_t *data, unsigned int len);
static unsigned int put_together(const struct frame *f, uint8_t *data);
static void key_of(const struct walk *w, struct flow_key *k);
static unsigned int l4_of(const struct frame *f, uint8_t *ret_proto, uint8_t *ret_frag);
static bool has(const struct flow_key *k, enum flow_field_id id);
static void fix_sums(struct frame *f, const struct frame *before);

void ref_run(const struct env *e, struct ref_fdb *fdb, uint16_t port, const uint8_t *data,
    uint16_t len, struct ref_result *ret)
{
	enum dp_drop failure = DP_DROP__COUNT, verdict = DP_DROP__COUNT;
	bool missed = false;
	struct walk w = {.e = e,
	    .fdb = fdb,
	    .ret = ret,
	    .failure = &failure,
	    .verdict = &verdict,
	    .missed = &missed};
	ret->n_out = ret->n_steps = 0;
	ret->expired = ret->too_many = false;
	w.bridge = e->ports[port].conf.bridge;
	w.in_port = port;
	w.meta.in_port = htonl(e->ports[port].conf.ofport);
	take_apart(&w.f, data, len);
	run_bridge(&w);
	ret->drop = verdict != DP_DROP__COUNT   ? verdict
		    : failure != DP_DROP__COUNT ? failure
		    : missed                    ? DP_DROP_TABLE_MISS
						: DP_DROP_RULE_DROP;
}

void ref_complete(uint8_t *data, uint16_t len)
{
	struct frame f;
	take_apart(&f, data, len);
	fix_sums(&f, NULL);
	put_together(&f, data);
}

static void run_bridge(struct walk *w)
{
	struct set set = {0};
	w->set = &set;
	if (!run_tables(w, 0, w->meta.in_port))
		*w->missed = true;
	else if (!w->stopped)
		set_run(w, &set);
	w->set = NULL;
}

static const struct rule *search(const struct walk *w, uint8_t table, const struct flow_key *k)
{
	const struct rule *best = NULL;
	for (unsigned int i = 0; i < w->e->n_rules; i++) {
		const struct rule *r = w->e->rules[i];
		struct flow_match m;
		if (r->bridge != w->bridge || r->table != table ||
		    r->add_version > w->e->w->version || r->del_version <= w->e->w->version ||
		    (best != NULL && r->priority <= best->priority))
			continue;
		rule_match(r, &m);
		bool equal = true;
		for (size_t b = 0; b < sizeof(*k); b++)
			equal = equal && (((const uint8_t *)k)[b] & ((uint8_t *)&m.mask)[b]) ==
					     ((uint8_t *)&m.key)[b];
		if (equal)
			best = r;
	}
	return best;
}

static void count_step(struct walk *w)
{
	if (++w->ret->n_steps >= REF_MAX_STEPS) {
		w->ret->too_many = true;
		w->stopped = true;
	}
}

static bool run_tables(struct walk *w, uint8_t table, uint32_t in_port_be)
{
	for (bool first = true;; first = false) {
		struct flow_key k;
		key_of(w, &k);
		k.in_port = in_port_be;
		const struct rule *r = search(w, table, &k);
		w->table = table;
		if (r == NULL && !first) {
			*w->missed = true;
			*w->set = (struct set){0};
		}
		if (r == NULL)
			return !first;
		count_step(w);
		run_actions(w, rule_apply_actions(r), r->apply_size);
		if (w->stopped)
			return true;
		if ((r->flags & DP_RULE_F_CLEAR) != 0)
			*w->set = (struct set){0};
		set_write(w->set, rule_write_actions(r), r->write_size);
		if ((r->flags & DP_RULE_F_WRITE_METADATA) != 0)
			w->meta.metadata = (w->meta.metadata & ~r->metadata_mask_be) |
					   (r->metadata_be & r->metadata_mask_be);
		if ((r->flags & DP_RULE_F_GOTO) == 0)
			return true;
		table = r->goto_table;
		in_port_be = w->meta.in_port;
	}
}

static void run_actions(struct walk *w, const struct dp_action *list, size_t size)
{
	action_foreach (a, list, size) {
		if (!w->stopped)
			run_action(w, a);
	}
}

static void stop(struct walk *w, enum dp_drop reason)
{
	w->stopped = true;
	if (*w->verdict == DP_DROP__COUNT)
		*w->verdict = reason;
}

static void fail(struct walk *w, enum dp_drop reason)
{
	if (*w->failure == DP_DROP__COUNT)
		*w->failure = reason;
}

static void run_action(struct walk *w, const struct dp_action *a)
{
	struct flow_key k;
	key_of(w, &k);
	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_OUTPUT: output(w, a->output.port); break;
	case DP_ACTION_GROUP: group(w, a->group.id); break;
	case DP_ACTION_SET_FIELD:
		if (!has(&k, a->set_field.field))
			break;
		flow_field_set_masked(
		    &flow_fields[a->set_field.field], &k, &a->set_field.value, &a->set_field.mask);
		write_field(w, a->set_field.field, &k);
		break;
	case DP_ACTION_MOVE: {
		struct flow_key from = k;
		if (!has(&k, a->move.src) || !has(&k, a->move.dst))
			break;
		flow_field_move(&flow_fields[a->move.src], a->move.src_ofs, &from,
		    &flow_fields[a->move.dst], a->move.dst_ofs, &k, a->move.n_bits);
		write_field(w, a->move.dst, &k);
		break;
	}
	case DP_ACTION_PUSH_VLAN:
		if (w->f.n_tags == 2) {
			stop(w, DP_DROP_BAD_VLAN);
			break;
		}
		memmove(w->f.tpid + 1, w->f.tpid, sizeof(uint16_t) * 2);
		memmove(w->f.tci + 1, w->f.tci, sizeof(uint16_t) * 2);
		w->f.tpid[0] = a->push_vlan.tpid;
		w->f.tci[0] = w->f.n_tags > 0 ? w->f.tci[1] : 0;
		w->f.n_tags++;
		break;
	case DP_ACTION_POP_VLAN:
		if (w->f.n_tags == 0)
			break;
		w->f.n_tags--;
		memmove(w->f.tpid, w->f.tpid + 1, sizeof(uint16_t) * 2);
		memmove(w->f.tci, w->f.tci + 1, sizeof(uint16_t) * 2);
		break;
	case DP_ACTION_DEC_TTL:
		if (!has(&k, FIELD_IP_TTL))
			break;
		if (k.ip_ttl <= 1) {
			w->ret->expired = true;
			stop(w, DP_DROP_TTL_EXPIRED);
			break;
		}
		k.ip_ttl--;
		write_field(w, FIELD_IP_TTL, &k);
		break;
	case DP_ACTION_RESUBMIT: {
		uint8_t table = w->table;
		uint32_t in_port = a->resubmit.in_port;
		if (!run_tables(w, a->resubmit.table == 255 ? table : a->resubmit.table,
			in_port == DP_OFPORT_IN_PORT ? w->meta.in_port : htonl(in_port)))
			*w->missed = true;
		w->table = table;
		break;
	}
	case DP_ACTION_DROP: stop(w, a->drop.reason); break;
	default: abort();
	}
}

static void set_write(struct set *s, const struct dp_action *list, size_t size)
{
	action_foreach (a, list, size) {
		if (a->type == DP_ACTION_SET_FIELD || a->type == DP_ACTION_MOVE)
			s->fields[s->n_fields++] = a;
		else if (a->type == DP_ACTION_POP_VLAN || a->type == DP_ACTION_PUSH_VLAN ||
			 a->type == DP_ACTION_DEC_TTL || a->type == DP_ACTION_GROUP)
			s->one[a->type] = a;
		else
			s->fate = a;
	}
}

static void set_run(struct walk *w, const struct set *s)
{
	static const enum dp_action_type first[] = {
	    DP_ACTION_POP_VLAN, DP_ACTION_PUSH_VLAN, DP_ACTION_DEC_TTL};
	for (unsigned int i = 0; i < ARRAY_SIZE(first); i++) {
		if (s->one[first[i]] != NULL && !w->stopped)
			run_action(w, s->one[first[i]]);
	}
	for (unsigned int i = 0; i < s->n_fields && !w->stopped; i++)
		run_action(w, s->fields[i]);
	const struct dp_action *last =
	    s->one[DP_ACTION_GROUP] != NULL ? s->one[DP_ACTION_GROUP] : s->fate;
	if (last != NULL && !w->stopped)
		run_action(w, last);
}

static uint16_t id_of(const struct walk *w, uint32_t ofport)
{
	for (uint16_t id = 1; id < ENV_N_PORTS; id++) {
		if (w->e->dp->ports[id] != NULL && w->e->ports[id].conf.bridge == w->bridge &&
		    w->e->ports[id].conf.ofport == ofport)
			return id;
	}
	return 0;
}

static void output(struct walk *w, uint32_t ofport)
{
	uint16_t id = id_of(w, ofport);
	if (ofport == DP_OFPORT_IN_PORT)
		output_id(w, w->in_port);
	else if (ofport == DP_OFPORT_FLOOD || ofport == DP_OFPORT_ALL)
		flood(w, ofport == DP_OFPORT_ALL);
	else if (ofport == DP_OFPORT_NORMAL)
		normal(w);
	else if (id == 0)
		fail(w, DP_DROP_BAD_OUTPUT_PORT);
	else if (id == w->in_port)
		fail(w, DP_DROP_HAIRPIN);
	else
		output_id(w, id);
}

static void output_id(struct walk *w, uint16_t id)
{
	const struct port *p = &w->e->ports[id];
	if (p->kind == DP_PORT_PATCH) {
		struct walk there = *w;
		const struct port *peer = &w->e->ports[p->conf.peer];
		there.meta = (struct flow_key){.in_port = htonl(peer->conf.ofport)};
		there.bridge = peer->conf.bridge;
		there.in_port = peer->id;
		run_bridge(&there);
		return;
	}
	if (w->ret->n_out == REF_MAX_OUT) {
		w->ret->too_many = true;
		return;
	}
	struct ref_out *o = &w->ret->out[w->ret->n_out++];
	o->port = id;
	o->len = (uint16_t)put_together(&w->f, o->data);
}

static void flood(struct walk *w, bool all)
{
	const struct bridge_ports *ports = w->e->bridges[w->bridge].ports;
	for (uint32_t i = 0; i < ports->n; i++) {
		if (ports->p[i].port != w->in_port && (all || ports->p[i].flood))
			output_id(w, ports->p[i].port);
	}
}

/* Index of the address, n when it is not there. */
static unsigned int learned(
    const struct ref_fdb *f, uint32_t bridge, const struct mac_addr *mac, uint16_t vlan)
{
	unsigned int i = 0;
	while (i < f->n && (f->m[i].bridge != bridge || f->m[i].vlan != vlan ||
			       memcmp(&f->m[i].mac, mac, 6) != 0))
		i++;
	return i;
}

static bool lists(const struct dp_port_conf *c, unsigned int vid)
{
	return (c->flags & DP_PORT_F_TRUNKS) == 0 || (c->trunks[vid / 64] & 1ull << vid % 64) != 0;
}

/* The VLAN of a frame that came in by the port; 4096: none of the port's. */
static unsigned int vlan_of(const struct dp_port_conf *c, const struct frame *f)
{
	unsigned int vid = f->n_tags > 0 ? f->tci[0] & 0xfff : 0;
	switch (c->vlan_mode) {
	case DP_VLAN_ACCESS: return vid == 0 && f->n_tags < 2 ? c->vlan_tag : 4096u;
	case DP_VLAN_TRUNK: return lists(c, vid) ? vid : 4096u;
	default: return vid == 0 ? c->vlan_tag : vid == c->vlan_tag || lists(c, vid) ? vid : 4096u;
	}
}

/* Sends the frame, as it came, by the port when that carries its VLAN. */
static bool send_in_vlan(struct walk *w, uint16_t id, unsigned int vlan)
{
	const struct dp_port_conf *c = &w->e->ports[id].conf;
	struct frame kept = w->f, *f = &w->f;
	unsigned int pcp = f->n_tags > 0 ? f->tci[0] >> 13 : 0;
	bool has_outer = f->n_tags > 0;
	unsigned int n_inner = f->n_tags > 0 ? f->n_tags - 1 : 0;
	uint16_t tpid = has_outer ? f->tpid[0] : 0x8100;
	bool carries, untagged;
	switch (c->vlan_mode) {
	case DP_VLAN_ACCESS: carries = vlan == c->vlan_tag && n_inner == 0; break;
	case DP_VLAN_TRUNK: carries = lists(c, vlan); break;
	default: carries = vlan == c->vlan_tag || (vlan != 0 && lists(c, vlan)); break;
	}
	if (!carries)
		return false;
	untagged = vlan == 0 || c->vlan_mode == DP_VLAN_ACCESS ||
		   (c->vlan_mode == DP_VLAN_NATIVE_UNTAGGED && vlan == c->vlan_tag);
	// Take the outer tag off, then put on what the port wants.
	if (has_outer) {
		f->n_tags--;
		memmove(f->tci, f->tci + 1, sizeof(f->tci) - sizeof(f->tci[0]));
		memmove(f->tpid, f->tpid + 1, sizeof(f->tpid) - sizeof(f->tpid[0]));
	}
	bool priority = (c->priority_tags == DP_PRIORITY_TAGS_ALWAYS && has_outer) ||
			(c->priority_tags == DP_PRIORITY_TAGS_IF_NONZERO && pcp != 0);
	if (!untagged || priority) {
		memmove(f->tci + 1, f->tci, sizeof(f->tci) - sizeof(f->tci[0]));
		memmove(f->tpid + 1, f->tpid, sizeof(f->tpid) - sizeof(f->tpid[0]));
		f->tci[0] = (uint16_t)(pcp << 13 | (untagged ? 0 : vlan));
		f->tpid[0] = tpid;
		f->n_tags++;
	}
	output_id(w, id);
	w->f = kept;
	return true;
}

static void normal(struct walk *w)
{
	struct ref_fdb *f = w->fdb;
	unsigned int vlan = vlan_of(&w->e->ports[w->in_port].conf, &w->f);
	struct mac_addr dst_mac, src_mac;
	memcpy(&dst_mac, w->f.macs, 6);
	memcpy(&src_mac, w->f.macs + 6, 6);
	if (vlan == 4096) {
		fail(w, DP_DROP_VLAN_NOT_CARRIED);
		return;
	}
	if ((src_mac.b[0] & 1) == 0) {
		unsigned int i = learned(f, w->bridge, &src_mac, (uint16_t)vlan);
		if (i == REF_MAX_MACS)
			abort();
		f->n = i == f->n ? f->n + 1 : f->n;
		f->m[i].bridge = w->bridge;
		f->m[i].mac = src_mac;
		f->m[i].vlan = (uint16_t)vlan;
		f->m[i].port = w->in_port;
	}
	unsigned int dst = learned(f, w->bridge, &dst_mac, (uint16_t)vlan);
	const struct bridge_ports *ports = w->e->bridges[w->bridge].ports;
	if ((dst_mac.b[0] & 1) != 0 || dst == f->n) {
		for (uint32_t i = 0; i < ports->n; i++) {
			if (ports->p[i].port != w->in_port && ports->p[i].flood)
				send_in_vlan(w, ports->p[i].port, vlan);
		}
	} else if (f->m[dst].port == w->in_port) {
		fail(w, DP_DROP_HAIRPIN);
	} else if (!send_in_vlan(w, f->m[dst].port, vlan)) {
		fail(w, DP_DROP_VLAN_NOT_CARRIED);
	}
}

static void group(struct walk *w, uint32_t id)
{
	const struct bridge_groups *groups = w->e->bridges[w->bridge].groups;
	const struct group *g = NULL;
	for (uint32_t i = 0; groups != NULL && i < groups->n; i++)
		g = groups->g[i]->group_id == id ? groups->g[i] : g;
	bool done = false;
	count_step(w);
	for (uint32_t i = 0; g != NULL && i < g->n_buckets && !done; i++) {
		const struct group_bucket *b = &g->buckets[i];
		uint16_t watched = id_of(w, b->watch_port);
		bool live = b->watch_port == DP_OFPORT_ANY ||
			    (watched != 0 && w->e->ports[watched].link_up);
		if (g->type == DP_GROUP_FAST_FAILOVER && !live)
			continue;
		struct walk copy = *w;
		struct set set = {0};
		set_write(&set, b->actions, b->actions_size);
		set_run(&copy, &set);
		done = g->type != DP_GROUP_ALL;
	}
	if (g == NULL || (g->type != DP_GROUP_ALL && !done))
		fail(w, DP_DROP_BAD_GROUP);
}

/* Writes what key says into the bytes of the frame, whichever field it was. */
static void write_field(struct walk *w, enum flow_field_id id, const struct flow_key *k)
{
	struct frame before = w->f;
	struct frame *f = &w->f;
	uint8_t *l3 = f->l3, proto, frag;
	(void)id;
	memcpy(w->meta.reg, k->reg, sizeof(k->reg));
	w->meta.metadata = k->metadata;
	w->meta.tun_id = k->tun_id;
	w->meta.tun_src = k->tun_src;
	w->meta.tun_dst = k->tun_dst;
	memcpy(f->macs, &k->eth_dst, 6);
	memcpy(f->macs + 6, &k->eth_src, 6);
	if (f->n_tags > 0)
		f->tci[0] = ntohs(k->vlan_tci[0]) & 0xefff;
	if (f->type == 0x0806) {
		memcpy(l3 + 6, &k->arp_op, 2);
		memcpy(l3 + 8, &k->arp_sha, 6);
		memcpy(l3 + 14, &k->arp_spa, 4);
		memcpy(l3 + 18, &k->arp_tha, 6);
		memcpy(l3 + 24, &k->arp_tpa, 4);
	}
	if (f->type == 0x0800) {
		l3[1] = k->ip_tos;
		l3[8] = k->ip_ttl;
		memcpy(l3 + 12, &k->ip4_src, 4);
		memcpy(l3 + 16, &k->ip4_dst, 4);
	}
	if (f->type == 0x86dd) {
		uint32_t word =
		    6u << 28 | (uint32_t)k->ip_tos << 20 | (ntohl(k->ip6_label) & 0xfffff);
		word = htonl(word);
		memcpy(l3, &word, 4);
		l3[7] = k->ip_ttl;
		memcpy(l3 + 8, &k->ip6_src, 16);
		memcpy(l3 + 24, &k->ip6_dst, 16);
	}
	unsigned int l4 = l4_of(f, &proto, &frag);
	if (l4 != 0 && (proto == 6 || proto == 17)) {
		memcpy(l3 + l4, &k->tp_src, 2);
		memcpy(l3 + l4 + 2, &k->tp_dst, 2);
	} else if (l4 != 0 && (proto == 1 || proto == 58)) {
		l3[l4] = k->icmp_type;
		l3[l4 + 1] = k->icmp_code;
	}
	fix_sums(f, &before);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void take_apart(struct frame *f, const uint8_t *data, unsigned int len)
{
	unsigned int at = 12;
	memset(f, 0, sizeof(*f));
	memcpy(f->macs, data, 12);
	for (f->type = get16(data + at); f->type == 0x8100 || f->type == 0x88a8;
	     f->type = get16(data + at)) {
		f->tpid[f->n_tags] = f->type;
		f->tci[f->n_tags++] = get16(data + at + 2);
		at += 4;
	}
	f->l3_len = len - at - 2;
	memcpy(f->l3, data + at + 2, f->l3_len);
}

static unsigned int put_together(const struct frame *f, uint8_t *data)
{
	unsigned int at = 12;
	memcpy(data, f->macs, 12);
	for (unsigned int i = 0; i < f->n_tags; i++, at += 4) {
		put16(data + at, f->tpid[i]);
		put16(data + at + 2, f->tci[i]);
	}
	put16(data + at, f->type);
	memcpy(data + at + 2, f->l3, f->l3_len);
	return at + 2 + f->l3_len;
}

static void key_of(const struct walk *w, struct flow_key *k)
{
	const struct frame *f = &w->f;
	const uint8_t *l3 = f->l3;
	uint8_t proto, frag;
	*k = w->meta;
	memcpy(&k->eth_dst, f->macs, 6);
	memcpy(&k->eth_src, f->macs + 6, 6);
	k->eth_type = htons(f->type);
	for (unsigned int i = 0; i < f->n_tags; i++) {
		k->vlan_tci[i] = htons(f->tci[i] | 0x1000);
		k->vlan_tpid[i] = htons(f->tpid[i]);
	}
	if (f->type == 0x0806) {
		memcpy(&k->arp_op, l3 + 6, 2);
		memcpy(&k->arp_sha, l3 + 8, 6);
		memcpy(&k->arp_spa, l3 + 14, 4);
		memcpy(&k->arp_tha, l3 + 18, 6);
		memcpy(&k->arp_tpa, l3 + 24, 4);
	}
	unsigned int l4 = l4_of(f, &proto, &frag);
	k->ip_proto = proto;
	k->ip_frag = frag;
	if (f->type == 0x0800) {
		k->ip_tos = l3[1];
		k->ip_ttl = l3[8];
		memcpy(&k->ip4_src, l3 + 12, 4);
		memcpy(&k->ip4_dst, l3 + 16, 4);
	} else if (f->type == 0x86dd) {
		k->ip_tos = (uint8_t)(l3[0] << 4 | l3[1] >> 4);
		memcpy(&k->ip6_label, l3, 4);
		k->ip6_label &= htonl(0xfffff);
		k->ip_ttl = l3[7];
		memcpy(&k->ip6_src, l3 + 8, 16);
		memcpy(&k->ip6_dst, l3 + 24, 16);
	}
	if (l4 != 0 && (proto == 1 || proto == 58)) {
		k->icmp_type = l3[l4];
		k->icmp_code = l3[l4 + 1];
	} else if (l4 != 0) {
		memcpy(&k->tp_src, l3 + l4, 2);
		memcpy(&k->tp_dst, l3 + l4 + 2, 2);
		if (proto == 6)
			k->tcp_flags = htons(get16(l3 + l4 + 12) & 0xfff);
	}
}

/* Where the L4 header starts, or 0; protocol and fragment bits. */
static unsigned int l4_of(const struct frame *f, uint8_t *ret_proto, uint8_t *ret_frag)
{
	const uint8_t *l3 = f->l3;
	*ret_proto = *ret_frag = 0;
	if (f->type == 0x0800) {
		uint16_t frag = get16(l3 + 6);
		*ret_proto = l3[9];
		*ret_frag = ((frag & 0x3fff) != 0 ? 1 : 0) | ((frag & 0x1fff) != 0 ? 2 : 0);
		return (*ret_frag & 2) != 0 ? 0 : (l3[0] & 15) * 4u;
	}
	if (f->type != 0x86dd)
		return 0;
	unsigned int at = 40;
	uint8_t next = l3[6];
	while (next == 0 || next == 44 || next == 60) {
		if (next == 44)
			*ret_frag = (get16(l3 + at + 2) & 0xfff8) != 0 ? 3
				    : (l3[at + 3] & 1) != 0            ? 1
								       : 0;
		unsigned int size = next == 44 ? 8 : 8 + 8u * l3[at + 1];
		next = l3[at];
		at += size;
	}
	*ret_proto = next;
	return (*ret_frag & 2) != 0 ? 0 : at;
}

static bool has(const struct flow_key *k, enum flow_field_id id)
{
	bool ip4 = k->eth_type == htons(0x0800), ip6 = k->eth_type == htons(0x86dd);
	bool l4 = (ip4 || ip6) && (k->ip_frag & 2) == 0;
	switch (flow_fields[id].prereq) {
	case FP_NONE: return true;
	case FP_VLAN: return k->vlan_tci[0] != 0;
	case FP_VLAN2: return k->vlan_tci[1] != 0;
	case FP_ARP: return k->eth_type == htons(0x0806);
	case FP_IP4: return ip4;
	case FP_IP6: return ip6;
	case FP_IP: return ip4 || ip6;
	case FP_TCP: return l4 && k->ip_proto == 6;
	case FP_UDP: return l4 && k->ip_proto == 17;
	case FP_ICMP4: return l4 && ip4 && k->ip_proto == 1;
	case FP_ICMP6: return l4 && ip6 && k->ip_proto == 58;
	default: return false;
	}
}

static uint32_t sum16(const uint8_t *p, unsigned int n, uint32_t sum)
{
	for (unsigned int i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Sum of addresses and L4 header, but for the checksum field itself: what a fragment's checksum changes by. */
static uint32_t l4_part(
    const struct frame *f, unsigned int l4, unsigned int csum_at, unsigned int n, bool pseudo)
{
	uint8_t copy[REF_MAX_LEN];
	memcpy(copy, f->l3 + l4, n);
	put16(copy + csum_at, 0);
	uint32_t sum = sum16(copy, n, 0);
	if (!pseudo)
		return sum;
	return f->type == 0x0800 ? sum16(f->l3 + 12, 8, sum) : sum16(f->l3 + 8, 32, sum);
}

static void fix_sums(struct frame *f, const struct frame *before)
{
	uint8_t *l3 = f->l3, proto, frag;
	unsigned int l4 = l4_of(f, &proto, &frag);
	if (f->type == 0x0800) {
		put16(l3 + 10, 0);
		put16(l3 + 10, (uint16_t)~sum16(l3, (l3[0] & 15) * 4u, 0));
	}
	unsigned int at = proto == 6 ? 16 : proto == 17 ? 6 : 2;
	if (l4 == 0 || (proto != 6 && proto != 17 && proto != 1 && proto != 58))
		return;
	bool pseudo = proto != 1;
	if (proto == 17 && f->type == 0x0800 && get16(l3 + l4 + at) == 0)
		return;
	uint16_t csum;
	if (frag == 0) {
		unsigned int end = f->type == 0x0800 ? get16(l3 + 2) : 40u + get16(l3 + 4);
		uint32_t sum = l4_part(f, l4, at, end - l4, pseudo);
		csum = (uint16_t)~sum16(NULL, 0, sum + (pseudo ? proto + (end - l4) : 0));
	} else if (before != NULL) {
		uint32_t old = l4_part(before, l4, at, 8, pseudo),
			 new = l4_part(f, l4, at, 8, pseudo);
		csum = (uint16_t)~sum16(
		    NULL, 0, (uint16_t)~get16(before->l3 + l4 + at) + (uint16_t)~old + new);
		if (old == new)
			csum = get16(before->l3 + l4 + at);
	} else {
		csum = 0x1234; // nobody can tell from the first fragment
	}
	put16(l3 + l4 + at, proto == 17 && csum == 0 ? 0xffff : csum);
}
