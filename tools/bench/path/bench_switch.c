/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/path/bench_switch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/packet_out.h"
#include "datapath/pipeline.h"
#include "datapath/program_cache.h"
#include "datapath/session.h"
#include "datapath/workers.h"
#include "tools/bench/path/must.h"

enum { A_MINUTE_MS = 60000, MTU = 1500 };

static void init_worker(struct bench_switch *s, uint32_t max_sessions);
static void put(
    struct bench_switch *s, enum dp_kind kind, uint64_t id, const void *body, size_t size);
static void put_objects(struct bench_switch *s);
static void put_port(struct bench_switch *s, uint16_t id, struct dp_port_conf conf);

static const struct port_ops no_device = {.kind = "bench"};
static struct bench_switch *exits; // out_add has the worker only

struct bench_switch *bench_switch_create(uint32_t max_sessions)
{
	struct bench_switch *s = calloc(1, sizeof(*s));
	MUST(s != NULL && rcu_init() == 0);
	s->dp.secret = (struct hash_key){{0x736c7569636521, 0x62656e636821}};
	s->dp.options = &s->options;
	init_worker(s, max_sessions);
	MUST(dp_state_create(&s->dp) == 0);
	buf_writer_init(&s->ops, BENCH_MAX_BYTES);
	exits = s;
	put_objects(s);
	bench_commit(s);
	return s;
}

void bench_switch_destroy(struct bench_switch *s)
{
	bench_forget_sessions(s);
	dp_state_destroy(s->dp.state);
	rcu_fini();
	session_table_destroy(s->w.sessions);
	program_cache_destroy(s->w.programs);
	pipeline_destroy(s->w.pipeline);
	free(s->w.ports);
	buf_writer_fini(&s->ops);
	exits = NULL;
	free(s);
}

void bench_put_rule(struct bench_switch *s, const struct bench_rule *r)
{
	uint8_t match[FLOW_MATCH_MAX_SIZE] = {0};
	struct dp_action output = {.type = DP_ACTION_OUTPUT, .output.port = r->output};
	output.len = (uint16_t)dp_action_size(DP_ACTION_OUTPUT);
	struct dp_rule_conf conf = {.bridge = BENCH_BRIDGE,
	    .priority = r->priority,
	    .table = r->table,
	    .goto_table = r->goto_table,
	    .flags = r->goto_table != 0 ? DP_RULE_F_GOTO : 0,
	    .match_size = (uint32_t)flow_match_encode(&r->match, match),
	    .apply_size = r->output != 0 ? output.len : 0};
	struct buf_writer body;
	buf_writer_init(&body, sizeof(conf) + sizeof(match) + sizeof(output));
	buf_put(&body, &conf, sizeof(conf));
	buf_put(&body, match, conf.match_size);
	buf_put_align(&body, 8);
	buf_put(&body, &output, conf.apply_size);
	put(s, DP_KIND_RULE, r->id, body.data, body.size);
	buf_writer_fini(&body);
}

void bench_del_rule(struct bench_switch *s, uint64_t id)
{
	struct dp_op op = {.verb = DP_DEL, .kind = DP_KIND_RULE, .size = sizeof(op), .id = id};
	buf_put(&s->ops, &op, sizeof(op));
	s->n_ops++;
}

void bench_commit(struct bench_switch *s)
{
	struct dp_txn txn = {.generation = dp_state_generation(s->dp.state) + 1, .n_ops = s->n_ops};
	struct dp_txn_reply reply;
	struct dp_error error = {0};
	MUST(!s->ops.bad);
	int rc = dp_state_commit(s->dp.state, &txn, s->ops.data, s->ops.size, &reply, &error);
	if (rc != 0)
		fprintf(stderr, "sluice-bench-path: %s\n", error.what);
	MUST(rc == 0);
	rcu_run();
	s->ops.size = 0;
	s->n_ops = 0;
	s->w.version = s->dp.version;
}

void bench_switch_reset_exits(struct bench_switch *s)
{
	memset(s->n_sent, 0, sizeof(s->n_sent));
	s->n_dropped = 0;
}

void bench_forget_sessions(struct bench_switch *s)
{
	s->w.now_ms += A_MINUTE_MS;
	while (!session_sweep(&s->w, UINT32_MAX))
		;
	MUST(session_count(s->w.sessions) == 0);
}

static void init_worker(struct bench_switch *s, uint32_t max_sessions)
{
	struct worker *w = &s->w;
	w->dp = &s->dp;
	w->now_ms = A_MINUTE_MS;
	w->pipeline = pipeline_create();
	w->sessions = session_table_create(max_sessions, &s->dp.secret);
	w->programs = program_cache_create(PROGRAM_ARENA_SIZE, &s->dp.secret);
	w->ports = calloc(DP_MAX_PORTS, sizeof(*w->ports));
	MUST(w->pipeline != NULL && w->sessions != NULL && w->programs != NULL && w->ports != NULL);
	s->dp.workers[0] = w;
	s->dp.n_workers = 1;
}

static void put(
    struct bench_switch *s, enum dp_kind kind, uint64_t id, const void *body, size_t size)
{
	struct dp_op op = {.verb = DP_PUT,
	    .kind = (uint16_t)kind,
	    .size = (uint32_t)(sizeof(op) + size),
	    .id = id};
	buf_put(&s->ops, &op, sizeof(op));
	buf_put(&s->ops, body, size);
	s->n_ops++;
}

static void put_objects(struct bench_switch *s)
{
	struct dp_bridge_conf bridge = {.name = "bench"};
	struct dp_route_conf route = {.remote = ip_from_v4(htonl(BENCH_REMOTE_IP)),
	    .local = ip_from_v4(htonl(BENCH_LOCAL_IP)),
	    .uplink = BENCH_PORT_UPLINK,
	    .mtu = MTU,
	    .state = DP_ROUTE_UP,
	    .src_mac = {{2, 0, 0, 0, 1, 2}},
	    .dst_mac = {{2, 0, 0, 0, 1, 1}}};
	struct dp_local_conf local = {.addr = route.local, .udp_port = 4789};
	put(s, DP_KIND_BRIDGE, BENCH_BRIDGE, &bridge, sizeof(bridge));
	put_port(
	    s, BENCH_PORT_IN, (struct dp_port_conf){.kind = DP_PORT_NULL, .bridge = BENCH_BRIDGE});
	put_port(
	    s, BENCH_PORT_OUT, (struct dp_port_conf){.kind = DP_PORT_NULL, .bridge = BENCH_BRIDGE});
	put_port(s, BENCH_PORT_TUNNEL,
	    (struct dp_port_conf){.kind = DP_PORT_VXLAN,
		.bridge = BENCH_BRIDGE,
		.tnl_vni = BENCH_VNI,
		.tnl_remote = route.remote});
	put_port(s, BENCH_PORT_UPLINK,
	    (struct dp_port_conf){.kind = DP_PORT_NULL, .flags = DP_PORT_F_UPLINK});
	put(s, DP_KIND_LOCAL, 1, &local, sizeof(local));
	put(s, DP_KIND_ROUTE, 1, &route, sizeof(route));
}

static void put_port(struct bench_switch *s, uint16_t id, struct dp_port_conf conf)
{
	snprintf(conf.name, sizeof(conf.name), "p%u", id);
	conf.ofport = conf.bridge != 0 ? id : 0;
	conf.mtu = MTU;
	conf.n_queues = 1;
	put(s, DP_KIND_PORT, id, &conf, sizeof(conf));
}

/* What forward_burst ends in. The packets are the caller's and are used again. */

void out_add(struct worker *, uint16_t port, struct rte_mbuf *)
{
	exits->n_sent[port]++;
}

void out_flush(struct worker *)
{
}

void pkt_drop(struct worker *, struct rte_mbuf *, enum dp_drop reason, uint64_t, uint64_t)
{
	exits->n_dropped++;
	exits->reason = reason;
}

/* No case floods: a copy would not be accounted for. */
struct rte_mbuf *pkt_copy(struct worker *, struct rte_mbuf *)
{
	MUST(!"a program with more than one output");
	return NULL;
}

int port_create(uint16_t id, const struct dp_port_conf *conf, struct rte_mempool *,
    struct port **ret, struct err *)
{
	struct port *p = calloc(1, sizeof(*p));
	MUST(p != NULL);
	p->id = id;
	p->kind = conf->kind;
	p->conf = *conf;
	p->ops = &no_device;
	p->opened = true;
	p->state = DP_PORT_UP;
	p->link_up = true;
	*ret = p;
	return 0;
}

void port_destroy(void *port)
{
	free(port);
}

int port_check_update(const struct port *, const struct dp_port_conf *, struct err *)
{
	return 0;
}

void port_update(struct port *p, const struct dp_port_conf *conf)
{
	p->conf = *conf;
}

bool port_poll(struct port *, uint64_t)
{
	return false;
}

void port_close_device(struct port *)
{
}

int packet_out_submit(struct dp *, const struct dp_packet_out *, const void *, const void *)
{
	return -ENOBUFS; // no worker runs
}

int workers_assign(struct dp *)
{
	return 0;
}
