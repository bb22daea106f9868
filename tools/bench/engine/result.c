/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/result.h"

#include "datapath/base/net_types.h"

static json_t *stream_result(
    const struct engine *e, const struct stream *s, const struct trial_result *r);
static json_t *connections_result(
    const struct engine *e, const struct stream *s, const struct trial_result *r);
static void add_arrivals(json_t *obj, const struct engine *e, const struct stream *s);
static json_t *latency(const struct engine *e, const struct histogram *h);
static uint64_t to_ns(const struct engine *e, uint64_t ticks);
static double share(uint64_t part, uint64_t whole);
static json_t *u64(uint64_t v);

json_t *result_ready(const struct engine *e)
{
	json_t *ports = json_array();
	for (unsigned int i = 0; i < e->faces.n; i++) {
		char mac[MAC_STR_SIZE];
		json_array_append_new(
		    ports, json_pack("{s:s, s:s, s:i, s:s}", "name", e->faces.ports[i].name, "mac",
			       mac_format(&e->faces.ports[i].mac, mac), "queues",
			       (int)e->ports[i].n_queues, "driver", e->ports[i].driver));
	}
	return json_pack("{s:b, s:s, s:o, s:o}", "ready", 1, "version", SLUICE_VERSION, "tsc_hz",
	    u64(e->tsc_hz), "ports", ports);
}

json_t *result_loaded(const struct engine *e)
{
	uint64_t n_templates = 0;
	for (unsigned int i = 0; i < e->load->n; i++) {
		const struct stream *s = e->load->streams[i];
		if (s->connections != NULL)
			n_templates += CONN_PACKETS;
		else if (s->source.conf.kind != STREAM_PCAP)
			n_templates += s->source.conf.n_sizes;
	}
	return json_pack("{s:i, s:o, s:o}", "loaded", (int)e->load->n, "templates",
	    u64(n_templates), "memory_bytes", u64(engine_load_memory(e)));
}

json_t *result_trial(const struct engine *e, const struct trial_result *r)
{
	json_t *streams = json_array();
	uint64_t unclaimed = 0;
	for (unsigned int i = 0; i < e->load->n; i++)
		json_array_append_new(streams, stream_result(e, e->load->streams[i], r));
	for (unsigned int i = 0; i < e->faces.n; i++)
		unclaimed += e->load->sink.unclaimed[i];
	return json_pack("{s:f, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:o}",
	    "elapsed_ms", (double)r->elapsed_ticks * 1e3 / (double)e->tsc_hz, "streams", streams,
	    "unclaimed_rx", u64(unclaimed), "steal_ms", u64(r->machine.steal_ms), "steal_all_ms",
	    u64(r->machine.steal_all_ms), "involuntary_switches",
	    u64(r->machine.involuntary_switches), "core_ghz", r->core_ghz,
	    "generator_cycles_per_packet", share(r->tx_ticks + r->rx_ticks, r->n_tx + r->n_rx),
	    "tx_cycles_per_packet", share(r->tx_ticks, r->n_tx), "rx_cycles_per_packet",
	    share(r->rx_ticks, r->n_rx), "generator_busy",
	    share(r->tx_ticks + r->rx_ticks, r->elapsed_ticks), "bursts_without_buffers",
	    u64(r->n_no_buffer));
}

json_t *result_links(const struct engine *e)
{
	json_t *ports = json_array();
	for (unsigned int i = 0; i < e->faces.n; i++)
		json_array_append_new(ports, json_pack("{s:s, s:b}", "name", e->faces.ports[i].name,
						 "up", (int)engine_port_is_up(e, i)));
	return json_pack("{s:o}", "ports", ports);
}

json_t *result_calibration(const struct engine *e)
{
	return json_pack("{s:f, s:o}", "ghz_dependent_add", machine_core_ghz(e->tsc_hz), "tsc_hz",
	    u64(e->tsc_hz));
}

json_t *result_error(const struct err *err)
{
	json_t *hint = err->hint[0] != '\0' ? json_string(err->hint) : json_null();
	const char *where = err->path[0] != '\0' ? err->path : err->object;
	return json_pack("{s:{s:s, s:s, s:s, s:o}}", "error", "code", err_name(err->code), "what",
	    err->what, "where", where, "hint", hint);
}

static json_t *stream_result(
    const struct engine *e, const struct stream *s, const struct trial_result *r)
{
	if (s->connections != NULL)
		return connections_result(e, s, r);
	json_t *obj =
	    json_pack("{s:i, s:b, s:o, s:o, s:o, s:o}", "id", (int)s->source.conf.id, "active",
		(int)s->is_active, "tx_packets", u64(s->tx_packets), "tx_bytes", u64(s->tx_bytes),
		"tx_refused", u64(s->tx_refused), "tx_missed", u64(s->pacer.n_missed));
	if (obj != NULL)
		add_arrivals(obj, e, s);
	return obj;
}

/* Packets of both directions together; latency is the time of whole connections. */
static json_t *connections_result(
    const struct engine *e, const struct stream *s, const struct trial_result *r)
{
	const struct conn_counters *c = &s->connections->counters;
	uint64_t arrived = c->unique + c->corrupted;
	uint64_t lost = c->tx_packets > arrived ? c->tx_packets - arrived : 0;
	double seconds = (double)r->elapsed_ticks / (double)e->tsc_hz;
	json_t *connections = json_pack("{s:o, s:o, s:o, s:o, s:o, s:f}", "opened", u64(c->opened),
	    "completed", u64(c->completed), "failed", u64(c->failed), "unfinished",
	    u64(s->connections->n_open), "not_opened", u64(c->not_opened), "per_second",
	    seconds > 0 ? (double)s->n_completed / seconds : 0.0);
	return json_pack("{s:i, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "id", (int)s->source.conf.id, "active", (int)s->is_active, "tx_packets",
	    u64(c->tx_packets), "tx_bytes", u64(c->tx_bytes), "tx_refused", u64(c->tx_refused),
	    "tx_missed", u64(s->pacer.n_missed), "rx_packets", u64(c->rx_packets), "rx_bytes",
	    u64(c->rx_bytes), "lost", u64(lost), "duplicates", u64(c->duplicates), "reordered",
	    u64(c->reordered), "corrupted", u64(c->corrupted), "latency",
	    latency(e, &s->connections->latency), "connections", connections);
}

/* Captured frames have no stamp: of them only the number is known. Where nobody receives, loss means nothing. */
static void add_arrivals(json_t *obj, const struct engine *e, const struct stream *s)
{
	const struct sink *sink = &e->load->sink;
	const struct stream_conf *conf = &s->source.conf;
	const struct sink_stream *k = &sink->streams[conf->id];
	struct sink_counters c = k->counters;
	bool is_stamped = conf->kind != STREAM_PCAP, has_rx = conf->rx_port != PORT_NONE;
	uint64_t lost = sink_lost(k);
	if (!is_stamped && has_rx) {
		c.rx_packets = sink->unclaimed[conf->rx_port];
		c.rx_bytes = sink->unclaimed_bytes[conf->rx_port];
		lost = s->tx_packets > c.rx_packets ? s->tx_packets - c.rx_packets : 0;
	}
	const struct {
		const char *name;
		uint64_t value;
		bool is_known;
	} rows[] = {
	    {"rx_packets", c.rx_packets, true},
	    {"rx_bytes", c.rx_bytes, true},
	    {"lost", lost, has_rx},
	    {"duplicates", c.duplicates, has_rx && is_stamped},
	    {"reordered", c.reordered, has_rx && is_stamped},
	    {"corrupted", c.corrupted, has_rx && is_stamped},
	    {"too_late", c.too_late, has_rx && is_stamped},
	    {"foreign", c.foreign, is_stamped},
	    {"stale", c.stale, is_stamped},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		json_object_set_new(
		    obj, rows[i].name, rows[i].is_known ? u64(rows[i].value) : json_null());
	json_object_set_new(
	    obj, "latency", has_rx && is_stamped ? latency(e, k->latency) : json_null());
}

static json_t *latency(const struct engine *e, const struct histogram *h)
{
	static const struct {
		const char *name;
		double share;
	} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99_9", 0.999}};
	json_t *buckets = json_array();
	for (unsigned int i = 0; i < HISTOGRAM_N_BUCKETS; i++)
		if (h->counts[i] != 0)
			json_array_append_new(
			    buckets, json_pack("[o, o]", u64(to_ns(e, histogram_low(i))),
					 u64(h->counts[i])));
	json_t *obj = json_pack("{s:s, s:o, s:o, s:o, s:o}", "unit", "ns", "n", u64(h->n),
	    "buckets", buckets, "min", h->n != 0 ? u64(to_ns(e, h->min)) : json_null(), "max",
	    h->n != 0 ? u64(to_ns(e, h->max)) : json_null());
	for (size_t i = 0; i < ARRAY_SIZE(quantiles) && obj != NULL; i++)
		json_object_set_new(obj, quantiles[i].name,
		    h->n != 0 ? u64(to_ns(e, histogram_quantile(h, quantiles[i].share)))
			      : json_null());
	return obj;
}

static uint64_t to_ns(const struct engine *e, uint64_t ticks)
{
	return (uint64_t)((double)ticks * 1e9 / (double)e->tsc_hz + 0.5);
}

static double share(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : (double)part / (double)whole;
}

static json_t *u64(uint64_t v)
{
	return json_integer((json_int_t)v);
}
