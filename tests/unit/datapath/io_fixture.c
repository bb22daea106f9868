/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/datapath/io_fixture.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/base/clock.h"
#include "datapath/base/log.h"
#include "datapath/eal.h"
#include "datapath/forward.h"
#include "datapath/packet_out.h"
#include "datapath/pipeline.h"
#include "datapath/program_cache.h"
#include "datapath/session.h"
#include "datapath/workers.h"

struct dp io_dp;
static struct dp_options options;
static uint16_t peer_of[DP_MAX_PORTS];

/* The forwarding that workers are linked with here. */
void forward_burst(struct worker *w, uint16_t port, struct rte_mbuf **pkts, unsigned int n)
{
	uint16_t to = __atomic_load_n(&peer_of[port], __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < n; i++) {
		pkt_of(pkts[i])->l3_ofs = 14; // what the parser would say of an untagged packet
		if (to != 0)
			out_add(w, to, pkts[i]);
		else
			pkt_drop(w, pkts[i], DP_DROP_NO_BRIDGE, 0, 0);
	}
}

unsigned int packet_out_run(struct worker *)
{
	return 0;
}

void forward_idle(struct worker *)
{
}

static int dummy;

struct session_table *session_table_create(uint32_t, const struct hash_key *)
{
	return (struct session_table *)(void *)&dummy;
}

void session_table_destroy(struct session_table *)
{
}

struct program_cache *program_cache_create(size_t, const struct hash_key *)
{
	return (struct program_cache *)(void *)&dummy;
}

void program_cache_destroy(struct program_cache *)
{
}

struct pipeline *pipeline_create(void)
{
	return (struct pipeline *)(void *)&dummy;
}

void pipeline_destroy(struct pipeline *)
{
}

static void choose_cores(unsigned int n)
{
	cpu_set_t set;
	unsigned int cores[RCU_MAX_WORKERS], n_cores = 0;
	sched_getaffinity(0, sizeof(set), &set);
	for (unsigned int i = 0; i < CPU_SETSIZE && n_cores < RCU_MAX_WORKERS; i++)
		if (CPU_ISSET(i, &set))
			cores[n_cores++] = i;
	for (unsigned int i = 0; i < n; i++)
		options.cores[i] = cores[i % n_cores];
	options.n_workers = n;
}

bool io_start(unsigned int n_workers)
{
	struct err err = {0};
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		printf("SKIPPED: needs root and network namespaces\n");
		return false;
	}
	log_init("io_test", LOG_LVL_WARN);
	options = (struct dp_options){
	    .memory_mb = 96, .max_sessions = 1024, .no_huge = true, .sleep = true};
	snprintf(options.rundir, sizeof(options.rundir), "/tmp/sluice-io-test-XXXXXX");
	if (mkdtemp(options.rundir) == NULL)
		return false;
	choose_cores(n_workers);
	if (eal_init(&options, &err) < 0 || rcu_init() < 0) {
		printf("EAL: %s\n", err.what);
		return false;
	}
	io_dp.options = &options;
	io_dp.pool = eal_pool_create(&options, &err);
	if (io_dp.pool == NULL || workers_create(&io_dp, &err) < 0 ||
	    workers_start(&io_dp, &err) < 0) {
		printf("workers: %s\n", err.what);
		return false;
	}
	return true;
}

void io_stop(void)
{
	for (uint16_t id = 1; id < DP_MAX_PORTS; id++)
		if (io_dp.ports[id] != NULL)
			io_del(id);
	workers_stop(&io_dp);
	rcu_fini();
	workers_destroy(&io_dp);
	rte_mempool_free(io_dp.pool);
	eal_fini();
	(void)rmdir(options.rundir);
}

void io_let_sleep(bool allowed)
{
	options.sleep = allowed;
}

struct port *io_add(uint16_t id, enum dp_port_kind kind, const char *arg, uint16_t mtu,
    uint16_t n_queues, uint32_t flags)
{
	struct dp_port_conf conf = {
	    .kind = (uint16_t)kind, .mtu = mtu, .n_queues = n_queues, .flags = flags};
	struct err err = {0};
	struct port *p;
	snprintf(conf.name, sizeof(conf.name), "p%u", id);
	snprintf(conf.arg, sizeof(conf.arg), "%s", arg);
	if (port_create(id, &conf, io_dp.pool, &p, &err) < 0) {
		printf("port %u: %s\n", id, err.what);
		return NULL;
	}
	rcu_publish(io_dp.ports[id], p);
	if (workers_assign(&io_dp) < 0)
		return NULL;
	return p;
}

void io_del(uint16_t id)
{
	struct port *p = io_dp.ports[id];
	rcu_publish(io_dp.ports[id], NULL);
	if (workers_assign(&io_dp) < 0)
		return;
	rcu_synchronize();
	port_destroy(p);
	(void)rcu_run();
}

void io_connect(uint16_t from, uint16_t to)
{
	__atomic_store_n(&peer_of[from], to, __ATOMIC_RELAXED);
}

struct port_counters io_counters(uint16_t port)
{
	struct port_counters sum = {0};
	for (unsigned int i = 0; i < io_dp.n_workers; i++) {
		const struct port_counters *c = &io_dp.workers[i]->ports[port];
		sum.rx_packets += c->rx_packets;
		sum.tx_packets += c->tx_packets;
		sum.rx_bytes += c->rx_bytes;
		sum.tx_bytes += c->tx_bytes;
		sum.copies += c->copies;
		sum.sent += c->sent;
		sum.held += c->held;
		sum.tx_drops += c->tx_drops;
		for (unsigned int r = 0; r < DP_DROP__COUNT; r++)
			sum.drops[r] += c->drops[r];
	}
	return sum;
}

int64_t io_unaccounted(uint16_t port)
{
	struct port_counters c = io_counters(port);
	int64_t n = (int64_t)(c.rx_packets + c.copies - c.sent) - c.held;
	for (unsigned int r = 0; r < DP_DROP__COUNT; r++)
		n -= (int64_t)c.drops[r];
	return n;
}

bool io_wait(bool (*done)(void *arg), void *arg, unsigned int timeout_ms)
{
	uint64_t end_ms = clock_ms() + timeout_ms;
	for (;;) {
		for (uint16_t id = 1; id < DP_MAX_PORTS; id++)
			if (io_dp.ports[id] != NULL && port_poll(io_dp.ports[id], clock_ms()) &&
			    workers_assign(&io_dp) < 0)
				return false;
		(void)rcu_run();
		if (done(arg))
			return true;
		if (clock_ms() >= end_ms)
			return false;
		usleep(2000);
	}
}
