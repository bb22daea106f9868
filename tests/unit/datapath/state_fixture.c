/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/datapath/state_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/packet_out.h"
#include "datapath/rcu.h"
#include "datapath/session.h"
#include "datapath/workers.h"

#define CHECK(cond)                                                                \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

struct fake_ports fake_ports;

static const struct port_ops fake_ops = {.kind = "fake"};

struct fixture *fixture_create(void)
{
	struct fixture *f = calloc(1, sizeof(*f));
	CHECK(f != NULL && rcu_init() == 0);
	f->workers = calloc(FIXTURE_N_WORKERS, sizeof(*f->workers));
	CHECK(f->workers != NULL);
	f->dp.options = &f->options;
	f->dp.n_workers = FIXTURE_N_WORKERS;
	for (unsigned int i = 0; i < FIXTURE_N_WORKERS; i++) {
		struct worker *w = &f->workers[i];
		w->id = i;
		w->dp = &f->dp;
		w->ports = calloc(DP_MAX_PORTS, sizeof(*w->ports));
		w->samples = calloc(DP_DROP__COUNT, sizeof(*w->samples));
		w->sessions = session_table_create(1024, &f->dp.secret);
		CHECK(w->ports != NULL && w->samples != NULL && w->sessions != NULL);
		f->dp.workers[i] = w;
	}
	memset(&fake_ports, 0, sizeof(fake_ports));
	for (unsigned int i = 0; i < DP_MAX_PORTS; i++)
		fake_ports.state[i] = DP_PORT_UP;
	CHECK(dp_state_create(&f->dp) == 0);
	buf_writer_init(&f->ops, DP_BODY_MAX);
	return f;
}

void fixture_destroy(struct fixture *f)
{
	dp_state_destroy(f->dp.state);
	rcu_fini();
	CHECK(fake_ports.n_created == fake_ports.n_destroyed);
	for (unsigned int i = 0; i < FIXTURE_N_WORKERS; i++) {
		free(f->workers[i].ports);
		free(f->workers[i].samples);
		session_table_destroy(f->workers[i].sessions);
	}
	free(f->workers);
	buf_writer_fini(&f->ops);
	free(f);
}

static void add_op(struct fixture *f, enum dp_verb verb, enum dp_kind kind, uint64_t id,
    const void *body, size_t size)
{
	struct dp_op op = {.verb = (uint16_t)verb,
	    .kind = (uint16_t)kind,
	    .size = (uint32_t)(sizeof(op) + size),
	    .id = id};
	buf_put(&f->ops, &op, sizeof(op));
	if (size > 0)
		buf_put(&f->ops, body, size);
	f->n_ops++;
}

void put(struct fixture *f, enum dp_kind kind, uint64_t id, const void *body, size_t size)
{
	add_op(f, DP_PUT, kind, id, body, size);
}

void del(struct fixture *f, enum dp_kind kind, uint64_t id)
{
	add_op(f, DP_DEL, kind, id, NULL, 0);
}

void put_bridge(struct fixture *f, uint32_t id)
{
	struct dp_bridge_conf conf = {.max_macs = 64};
	snprintf(conf.name, sizeof(conf.name), "br%u", id);
	put(f, DP_KIND_BRIDGE, id, &conf, sizeof(conf));
}

static void put_port_conf(
    struct fixture *f, uint16_t id, uint32_t bridge, uint32_t ofport, struct dp_port_conf conf)
{
	snprintf(conf.name, sizeof(conf.name), "p%u", id);
	conf.bridge = bridge;
	conf.ofport = ofport;
	conf.mtu = 1500;
	conf.n_queues = 1;
	put(f, DP_KIND_PORT, id, &conf, sizeof(conf));
}

void put_port(struct fixture *f, uint16_t id, uint32_t bridge, uint32_t ofport)
{
	put_port_conf(f, id, bridge, ofport, (struct dp_port_conf){.kind = DP_PORT_NULL});
}

void put_vlan_port(struct fixture *f, uint16_t id, uint16_t tag, uint16_t trunk_vlan)
{
	struct dp_port_conf conf = {.kind = DP_PORT_NULL, .vlan_tag = tag};
	conf.vlan_mode = trunk_vlan == 0 ? DP_VLAN_ACCESS : DP_VLAN_TRUNK;
	if (trunk_vlan != 0) {
		conf.flags = DP_PORT_F_TRUNKS;
		conf.trunks[trunk_vlan / 64] = 1ULL << (trunk_vlan % 64);
	}
	put_port_conf(f, id, 1, id, conf);
}

void put_patch(struct fixture *f, uint16_t id, uint32_t bridge, uint32_t ofport, uint16_t peer)
{
	put_port_conf(
	    f, id, bridge, ofport, (struct dp_port_conf){.kind = DP_PORT_PATCH, .peer = peer});
}

void put_vxlan(struct fixture *f, uint16_t id, uint32_t bridge, uint32_t ofport)
{
	put_port_conf(f, id, bridge, ofport,
	    (struct dp_port_conf){
		.kind = DP_PORT_VXLAN, .flags = DP_PORT_F_REMOTE_FLOW | DP_PORT_F_VNI_FLOW});
}

static struct flow_key tcp_key(uint16_t tp_dst)
{
	return (struct flow_key){
	    .eth_type = htons(0x0800), .ip_proto = 6, .ip_ttl = 64, .tp_dst = htons(tp_dst)};
}

void put_rule(struct fixture *f, uint64_t id, struct rule_args args)
{
	struct flow_match match = {0};
	if (args.tp_dst != 0) {
		match.key = tcp_key(args.tp_dst);
		match.mask =
		    (struct flow_key){.eth_type = 0xffff, .ip_proto = 0xff, .tp_dst = 0xffff};
	}
	if (args.ttl != 0) {
		match.key.ip_ttl = args.ttl;
		match.mask.ip_ttl = 0xff;
	}
	flow_match_canonicalise(&match);
	struct dp_action output = {
	    .type = DP_ACTION_OUTPUT, .output = {.port = args.out != 0 ? args.out : 1}};
	output.len = (uint16_t)dp_action_size(DP_ACTION_OUTPUT);
	uint8_t encoded[FLOW_MATCH_MAX_SIZE] = {0};
	struct dp_rule_conf conf = {.bridge = args.bridge,
	    .priority = args.priority,
	    .table = args.table,
	    .cookie = args.cookie,
	    .flags = args.flags,
	    .idle_timeout_s = args.idle_s,
	    .hard_timeout_s = args.hard_s,
	    .installed_ms = args.installed_ms,
	    .match_size = (uint32_t)flow_match_encode(&match, encoded),
	    .apply_size = output.len};
	struct buf_writer body;
	buf_writer_init(&body, 4096);
	buf_put(&body, &conf, sizeof(conf));
	buf_put(&body, encoded, conf.match_size);
	buf_put_align(&body, 8);
	buf_put(&body, &output, output.len);
	put(f, DP_KIND_RULE, id, body.data, body.size);
	buf_writer_fini(&body);
}

void put_group(
    struct fixture *f, uint32_t bridge, uint32_t group_id, uint32_t watch_port, uint32_t out)
{
	struct {
		struct dp_group_conf conf;
		struct dp_bucket_conf bucket;
		struct dp_action output;
	} body = {.conf = {.bridge = bridge,
		      .group_id = group_id,
		      .type = DP_GROUP_FAST_FAILOVER,
		      .n_buckets = 1},
	    .bucket = {.watch_port = watch_port, .watch_group = 0xffffffff},
	    .output = {.type = DP_ACTION_OUTPUT, .output = {.port = out}}};
	body.output.len = (uint16_t)dp_action_size(DP_ACTION_OUTPUT);
	body.bucket.actions_size = body.output.len;
	put(f, DP_KIND_GROUP, (uint64_t)bridge << 32 | group_id, &body,
	    offsetof(typeof(body), output) + body.output.len);
}

void put_route(struct fixture *f, uint64_t id, uint32_t remote_v4, uint16_t mtu)
{
	struct dp_route_conf conf = {.remote = ip_from_v4(htonl(remote_v4)),
	    .local = ip_from_v4(htonl(0x0a000001)),
	    .uplink = 1,
	    .mtu = mtu,
	    .state = DP_ROUTE_UP,
	    .src_mac = {{2, 0, 0, 0, 0, 1}},
	    .dst_mac = {{2, 0, 0, 0, 0, 2}}};
	put(f, DP_KIND_ROUTE, id, &conf, sizeof(conf));
}

void put_local(struct fixture *f, uint64_t id, uint32_t v4)
{
	struct dp_local_conf conf = {.addr = ip_from_v4(htonl(v4)), .udp_port = 4789};
	put(f, DP_KIND_LOCAL, id, &conf, sizeof(conf));
}

int commit(struct fixture *f)
{
	return commit_at(f, dp_state_generation(f->dp.state) + 1, 0);
}

int commit_at(struct fixture *f, uint64_t generation, uint32_t flags)
{
	struct dp_txn txn = {.generation = generation, .n_ops = f->n_ops, .flags = flags};
	int r = dp_state_commit(f->dp.state, &txn, f->ops.data, f->ops.size, &f->reply, &f->error);

	CHECK((r < 0) == (f->error.errno_value != 0) && (r == 0 || f->error.what[0] != '\0'));
	buf_writer_fini(&f->ops);
	buf_writer_init(&f->ops, DP_BODY_MAX);
	f->n_ops = 0;
	return r;
}

const struct rule *lookup(const struct fixture *f, uint32_t bridge, uint8_t table, uint16_t tp_dst)
{
	return lookup_at(
	    f, bridge, table, tp_dst, __atomic_load_n(&f->dp.version, __ATOMIC_ACQUIRE));
}

const struct rule *lookup_at(
    const struct fixture *f, uint32_t bridge, uint8_t table, uint16_t tp_dst, uint64_t version)
{
	const struct bridge *br = rcu_get(f->dp.bridges[bridge]);
	const struct table *t = br != NULL ? rcu_get(br->tables[table]) : NULL;
	struct flow_key key = tcp_key(tp_dst);

	return t != NULL ? table_lookup(t, &key, version) : NULL;
}

int port_create(uint16_t id, const struct dp_port_conf *conf, struct rte_mempool *,
    struct port **ret, struct err *err)
{
	if (id == fake_ports.refuse_id)
		return err_set(err, ERR_PARAMS, "refused by the test");
	struct port *p = calloc(1, sizeof(*p));
	CHECK(p != NULL);
	p->id = id;
	p->kind = conf->kind;
	p->conf = *conf;
	p->ops = &fake_ops;
	p->opened = true;
	p->state = fake_ports.state[id];
	p->link_up = p->state == DP_PORT_UP;
	fake_ports.n_created++;
	*ret = p;
	return 0;
}

void port_destroy(void *port)
{
	fake_ports.n_destroyed += port != NULL;
	free(port);
}

int port_check_update(const struct port *, const struct dp_port_conf *, struct err *)
{
	return fake_ports.reopen ? -EOPNOTSUPP : 0;
}

void port_update(struct port *p, const struct dp_port_conf *conf)
{
	p->conf = *conf;
	fake_ports.n_updated++;
}

void port_close_device(struct port *p)
{
	p->opened = p->device_gone = false;
	fake_ports.n_closed_devices++;
	fake_ports.state[p->id] = DP_PORT_FAILED;
}

bool port_poll(struct port *p, uint64_t)
{
	bool changed = p->state != fake_ports.state[p->id];
	p->state = fake_ports.state[p->id];
	p->link_up = p->state == DP_PORT_UP;
	return changed;
}

int packet_out_submit(struct dp *, const struct dp_packet_out *, const void *, const void *)
{
	return -ENOBUFS; // no worker runs
}

int workers_assign(struct dp *)
{
	fake_ports.n_assigned++;
	if (fake_ports.on_assign != NULL)
		fake_ports.on_assign();
	return fake_ports.assign_fails ? -ENOMEM : 0;
}
