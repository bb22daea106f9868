/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/trace.h"

#include <rte_ether.h>
#include <rte_mbuf.h>

#include <stdlib.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "datapath/dp.h"
#include "datapath/parse.h"
#include "datapath/pipeline.h"

enum { MAX_PACKET = DP_MAX_MTU + 64, OP_TEXT_SIZE = 160 };

/*
 * A worker of its own, in dry run, and a packet in plain memory: workers and their pools are not involved. The
 * rest of struct worker stays zero: the pipeline does not count.
 */
struct tracer {
	struct worker worker;
	struct buf_writer *out;
	uint8_t *packet; // struct rte_mbuf, struct pkt, headroom, bytes
};

/* Collects the rules above the winner, which table_foreach visits first. */
struct whynot_search {
	const struct flow_key *key;
	const struct rule *winner;
	uint64_t version;
	unsigned int n;
	struct dp_trace_whynot found[TRACE_MAX_WHYNOT];
};

static struct rte_mbuf *make_packet(
    struct tracer *t, const struct dp_trace_req *req, const void *packet);
static void on_bridge(
    void *arg, unsigned int depth, const struct bridge *br, const struct flow_key *k);
static void on_table(void *arg, unsigned int depth, const struct bridge *br, uint8_t table,
    const struct table *rules, const struct flow_key *k, const struct rule *winner);
static void on_action(void *arg, unsigned int depth, const struct dp_action *a);
static void on_note(void *arg, unsigned int depth, const char *text);
static bool visit_loser(const struct rule *r, void *arg);
static void put_program(struct tracer *t, const struct program *prog);
static void put_verdict(
    struct tracer *t, const struct program *prog, enum dp_drop drop, bool is_cached);
static enum dp_drop drop_of(const struct program *prog);
static void put_text(
    struct tracer *t, enum dp_trace_type type, unsigned int depth, const char *text, size_t len);
static void put_header(
    struct tracer *t, enum dp_trace_type type, unsigned int depth, size_t body_size);

struct tracer *tracer_create(struct dp *dp)
{
	struct tracer *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->worker.dp = dp;
	t->worker.dry_run = true;
	t->worker.pipeline = pipeline_create();
	t->packet = calloc(1, sizeof(struct rte_mbuf) + PKT_PRIV_SIZE + PKT_HEADROOM + MAX_PACKET);
	if (t->worker.pipeline == NULL || t->packet == NULL) {
		tracer_destroy(t);
		return NULL;
	}
	return t;
}

void tracer_destroy(struct tracer *t)
{
	if (t == NULL)
		return;
	pipeline_destroy(t->worker.pipeline);
	free(t->packet);
	free(t);
}

int trace_packet(
    struct tracer *t, const struct dp_trace_req *req, const void *packet, struct buf_writer *ret)
{
	struct dp *dp = t->worker.dp;
	const struct port *port = req->port < DP_MAX_PORTS ? rcu_get(dp->ports[req->port]) : NULL;
	const struct bridge *br = port != NULL && port->conf.bridge <= DP_MAX_BRIDGES
				      ? rcu_get(dp->bridges[port->conf.bridge])
				      : NULL;
	if (br == NULL)
		return -ENOENT;
	if (req->len > MAX_PACKET)
		return -EINVAL;
	t->out = ret;
	t->worker.version = __atomic_load_n(&dp->version, __ATOMIC_ACQUIRE);
	t->worker.now_ms = clock_ms();

	struct rte_mbuf *m = make_packet(t, req, packet);
	struct session_key parsed;
	enum dp_drop reason =
	    req->len < RTE_ETHER_HDR_LEN ? DP_DROP_RX_RUNT : parse_packet(m, &parsed);
	if (reason != DP_DROP__COUNT) {
		put_verdict(t, NULL, reason, false);
		return ret->bad ? -EMSGSIZE : 0;
	}
	struct parse_tunnel tunnel = {
	    .tun_id = req->tun_id, .src = req->tun_src, .dst = req->tun_dst};
	struct flow_key key;
	parse_flow_key(
	    m, &parsed, port->conf.ofport, port->kind == DP_PORT_VXLAN ? &tunnel : NULL, &key);
	const struct pipeline_listener listener = {on_bridge, on_table, on_action, on_note, t};
	const struct program *prog =
	    pipeline_run(t->worker.pipeline, &t->worker, br, port->id, &key, &listener);
	put_program(t, prog);
	bool is_sessionless = (pkt_of(m)->flags & PKT_F_NO_SESSION) != 0;
	put_verdict(t, prog, drop_of(prog), prog->cacheable != 0 && !is_sessionless);
	return ret->bad ? -EMSGSIZE : 0;
}

static struct rte_mbuf *make_packet(
    struct tracer *t, const struct dp_trace_req *req, const void *packet)
{
	struct rte_mbuf *m = (struct rte_mbuf *)(void *)t->packet;
	memset(m, 0, sizeof(*m) + PKT_PRIV_SIZE);
	m->priv_size = PKT_PRIV_SIZE;
	m->buf_addr = t->packet + sizeof(*m) + PKT_PRIV_SIZE;
	m->buf_len = PKT_HEADROOM + MAX_PACKET;
	m->data_off = PKT_HEADROOM;
	m->nb_segs = 1;
	m->data_len = req->len;
	m->pkt_len = req->len;
	rte_mbuf_refcnt_set(m, 1);
	memcpy(rte_pktmbuf_mtod(m, void *), packet, req->len);
	pkt_reset(m);
	pkt_of(m)->in_port = (uint16_t)req->port;
	return m;
}

static void on_bridge(
    void *arg, unsigned int depth, const struct bridge *br, const struct flow_key *k)
{
	struct tracer *t = arg;
	uint32_t head[2] = {br->id, rte_be_to_cpu_32(k->in_port)};
	put_header(t, DP_TRACE_BRIDGE, depth, sizeof(head) + sizeof(*k));
	buf_put(t->out, head, sizeof(head));
	buf_put(t->out, k, sizeof(*k));
}

static void on_table(void *arg, unsigned int depth, const struct bridge *br, uint8_t table,
    const struct table *rules, const struct flow_key *k, const struct rule *winner)
{
	struct tracer *t = arg;
	(void)br;
	struct whynot_search search = {.key = k, .winner = winner, .version = t->worker.version};
	if (rules != NULL)
		table_foreach(rules, visit_loser, &search);
	struct dp_trace_table rec = {.table = table, .n_whynot = search.n};
	if (winner != NULL) {
		rec.rule = winner->id;
		rec.cookie = winner->cookie;
		rec.priority = winner->priority;
	}
	size_t found_size = search.n * sizeof(search.found[0]);
	put_header(t, DP_TRACE_TABLE, depth, sizeof(rec) + found_size);
	buf_put(t->out, &rec, sizeof(rec));
	buf_put(t->out, search.found, found_size);
}

static bool visit_loser(const struct rule *r, void *arg)
{
	struct whynot_search *search = arg;
	if (r == search->winner || search->n == TRACE_MAX_WHYNOT)
		return false;
	if (search->winner != NULL && r->priority <= search->winner->priority)
		return false;
	if (!rule_visible(r, search->version))
		return true;
	struct flow_match match;
	rule_match(r, &match);
	const struct flow_field *f = flow_match_first_difference(&match, search->key);
	if (f == NULL)
		return true;
	struct dp_trace_whynot *w = &search->found[search->n++];
	*w = (struct dp_trace_whynot){.rule = r->id, .cookie = r->cookie, .priority = r->priority};
	w->field = (uint32_t)flow_field_id(f);
	flow_field_get(f, &match.key, &w->want);
	flow_field_get(f, &match.mask, &w->mask);
	flow_field_get(f, search->key, &w->have);
	return true;
}

static void on_action(void *arg, unsigned int depth, const struct dp_action *a)
{
	struct tracer *t = arg;
	put_header(t, DP_TRACE_ACTION, depth, a->len);
	buf_put(t->out, a, a->len);
}

static void on_note(void *arg, unsigned int depth, const char *text)
{
	put_text(arg, DP_TRACE_NOTE, depth, text, strlen(text));
}

static void put_program(struct tracer *t, const struct program *prog)
{
	struct buf_writer text;
	buf_writer_init(&text, PROG_MAX_SIZE * OP_TEXT_SIZE / 8);
	prog_foreach(op, prog)
	{
		char line[OP_TEXT_SIZE];
		prog_op_format(op, line, sizeof(line));
		buf_put(&text, line, strlen(line));
		buf_put_u8(&text, '\n');
	}
	if (text.bad)
		t->out->bad = true;
	else
		put_text(t, DP_TRACE_PROGRAM, 0, (const char *)text.data, text.size);
	buf_writer_fini(&text);
}

static void put_verdict(
    struct tracer *t, const struct program *prog, enum dp_drop drop, bool is_cached)
{
	struct dp_trace_verdict v = {.drop = drop, .cached = is_cached};
	if (prog != NULL) {
		v.n_outputs = prog->n_outputs;
		v.rule = prog->rule;
	}
	put_header(t, DP_TRACE_VERDICT, 0, sizeof(v));
	buf_put(t->out, &v, sizeof(v));
}

static enum dp_drop drop_of(const struct program *prog)
{
	prog_foreach(op, prog)
	{
		if (op->type == PROG_DROP)
			return (enum dp_drop)op->drop.reason;
	}
	return DP_DROP__COUNT;
}

static void put_text(
    struct tracer *t, enum dp_trace_type type, unsigned int depth, const char *text, size_t len)
{
	put_header(t, type, depth, len + 1);
	buf_put(t->out, text, len);
	buf_put_u8(t->out, '\0');
	buf_put_align(t->out, 8);
}

static void put_header(
    struct tracer *t, enum dp_trace_type type, unsigned int depth, size_t body_size)
{
	struct dp_trace_rec rec = {.type = (uint16_t)type, .depth = (uint16_t)depth};
	rec.size = (uint32_t)ROUND_UP(sizeof(rec) + body_size, 8);
	buf_put(t->out, &rec, sizeof(rec));
}
