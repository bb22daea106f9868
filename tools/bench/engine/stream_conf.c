/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/stream_conf.h"

#include <stdio.h>
#include <string.h>

#include "datapath/base/json_util.h"
#include "tools/bench/engine/json_more.h"
#include "tools/bench/engine/stamp.h"

enum {
	ETH_SIZE = 14,
	VLAN_SIZE = 4,
	VXLAN_OVERHEAD_V4 = 50,
	VXLAN_OVERHEAD_V6 = 70,
	VNI_MAX = (1 << 24) - 1,
	N_EXPLOSION = 16 * 32 * 16,
	FRAME_SIZE = 64, // or what holds the headers and the stamp
	TIMEOUT_MS = 1000,
	N_OPEN = 1024,
};
#define ZIPF_S_MAX 10.0

static const char *const members[] = {"id", "tx", "rx", "kind", "sizes", "eth_src", "eth_dst",
    "vlan", "src", "dst", "sport", "dport", "flows", "vary", "distribution", "zipf_s", "seed",
    "vxlan", "expect_vxlan", "file", "queue", "udp_checksum", "verify", "open", "timeout_ms"};
static const char *const vxlan_members[] = {"eth_src", "eth_dst", "src", "dst", "vni"};

static const char *const kind_names[] = {
    "udp", "tcp", "tcp_connections", "random_tuples", "explosion", "pcap"};
/* Members that mean nothing for a kind: refused rather than ignored. */
static const char *const useless[][20] = {
    [STREAM_UDP] = {"file", "open", "timeout_ms"},
    [STREAM_TCP] = {"file", "open", "timeout_ms", "udp_checksum"},
    [STREAM_TCP_CONNECTIONS] = {"file", "udp_checksum", "sizes", "distribution", "zipf_s", "seed",
	"vxlan", "expect_vxlan", "verify", "queue"},
    [STREAM_RANDOM_TUPLES] = {"file", "open", "timeout_ms", "flows", "vary", "distribution",
	"zipf_s", "sport", "dport"},
    [STREAM_EXPLOSION] = {"file", "open", "timeout_ms", "flows", "vary"},
    [STREAM_PCAP] = {"open", "timeout_ms", "udp_checksum", "sizes", "distribution", "zipf_s",
	"seed", "vxlan", "expect_vxlan", "verify", "flows", "vary", "eth_src", "eth_dst", "vlan",
	"src", "dst", "sport", "dport"},
};

static const char *const distribution_names[] = {"sequential", "uniform", "zipf"};
static const char *const verify_names[] = {"frame", "stamp"};
static const char *const vary_names[] = {"src", "dst", "sport", "dport"};

static int check_members(json_t *obj, const struct stream_conf *c, struct err *err);
static int decode_ports(
    json_t *obj, const struct port_table *ports, struct stream_conf *c, struct err *err);
static int decode_port(
    json_t *obj, const char *name, const struct port_table *ports, uint8_t *ret, struct err *err);
static int decode_sizes(json_t *obj, struct stream_conf *c, struct err *err);
static int decode_size(json_t *pair, struct frame_size *ret, struct err *err);
static int decode_headers(json_t *obj, struct stream_conf *c, struct err *err);
static int decode_flows(json_t *obj, struct stream_conf *c, struct err *err);
static int decode_vary(json_t *obj, struct stream_conf *c, struct err *err);
static int decode_vxlan(json_t *obj, struct stream_conf *c, struct err *err);
static int decode_rest(json_t *obj, struct stream_conf *c, struct err *err);
static int validate(const struct stream_conf *c, const struct port_table *ports, struct err *err);
static int validate_kind(const struct stream_conf *c, struct err *err);
static int validate_sizes(
    const struct stream_conf *c, const struct port_table *ports, struct err *err);

int stream_conf_decode(
    const json_t *given, const struct port_table *ports, struct stream_conf *ret, struct err *err)
{
	struct stream_conf c = {0};
	if (!json_is_object(given))
		return err_set(err, ERR_PARAMS, "a stream is an object");
	json_t *obj = json_without_nulls(given);
	if (obj == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	int rc = json_check_members(obj, members, ARRAY_SIZE(members), err);
	if (rc == 0)
		rc = decode_ports(obj, ports, &c, err);
	if (rc == 0)
		rc = check_members(obj, &c, err);
	if (rc == 0)
		rc = decode_headers(obj, &c, err);
	if (rc == 0)
		rc = decode_sizes(obj, &c, err);
	if (rc == 0)
		rc = decode_flows(obj, &c, err);
	if (rc == 0)
		rc = decode_vxlan(obj, &c, err);
	if (rc == 0)
		rc = decode_rest(obj, &c, err);
	if (rc == 0)
		rc = validate(&c, ports, err);
	json_decref(obj);
	if (rc == 0)
		*ret = c;
	return rc;
}

unsigned int stream_conf_min_size(const struct stream_conf *c)
{
	bool is_tcp = c->kind == STREAM_TCP || c->kind == STREAM_TCP_CONNECTIONS;
	return ETH_SIZE + (c->vlan != VLAN_NONE ? VLAN_SIZE : 0) +
	       (stream_conf_is_v6(c) ? 40 : 20) + (is_tcp ? 20 : 8) + STAMP_SIZE + FRAME_FCS_SIZE;
}

unsigned int stream_conf_overhead(const struct stream_conf *c)
{
	if (!c->has_vxlan)
		return 0;
	return ip_is_v4(&c->vxlan.src) ? VXLAN_OVERHEAD_V4 : VXLAN_OVERHEAD_V6;
}

bool stream_conf_is_v6(const struct stream_conf *c)
{
	return !ip_is_v4(&c->src);
}

static int check_members(json_t *obj, const struct stream_conf *c, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(useless[0]) && useless[c->kind][i] != NULL; i++) {
		if (json_object_get(obj, useless[c->kind][i]) == NULL)
			continue;
		err_path_add(err, useless[c->kind][i]);
		return err_set(err, ERR_PARAMS, "%s means nothing for a stream of kind %s",
		    useless[c->kind][i], kind_names[c->kind]);
	}
	return 0;
}

static int decode_ports(
    json_t *obj, const struct port_table *ports, struct stream_conf *c, struct err *err)
{
	uint64_t v;
	size_t kind = 0;
	int rc = json_required(json_get_u64(obj, "id", 1, STREAM_ID_MAX, &v, err), "id", err);
	if (rc < 0)
		return rc;
	c->id = (uint8_t)v;
	rc = json_get_choice(obj, "kind", kind_names, ARRAY_SIZE(kind_names), &kind, err);
	if (json_required(rc, "kind", err) < 0)
		return -EINVAL;
	c->kind = (uint8_t)kind;
	c->rx_port = PORT_NONE;
	rc = json_required(decode_port(obj, "tx", ports, &c->tx_port, err), "tx", err);
	if (rc < 0)
		return rc;
	rc = json_optional(decode_port(obj, "rx", ports, &c->rx_port, err));
	if (rc < 0)
		return rc;
	uint16_t n_queues = ports->ports[c->tx_port].n_queues;
	v = c->id % n_queues; // streams spread over the queues, a stream stays in order
	rc = json_optional(json_get_u64(obj, "queue", 0, n_queues - 1u, &v, err));
	c->queue = (uint16_t)v;
	c->eth_src = ports->ports[c->tx_port].mac;
	if (c->rx_port != PORT_NONE)
		c->eth_dst = ports->ports[c->rx_port].mac;
	return rc;
}

static int decode_port(
    json_t *obj, const char *name, const struct port_table *ports, uint8_t *ret, struct err *err)
{
	const char *s, *names[PORT_MAX];
	int rc = json_get_string(obj, name, &s, err);
	if (rc < 0)
		return rc;
	for (unsigned int i = 0; i < ports->n; i++) {
		names[i] = ports->ports[i].name;
		if (strcmp(s, names[i]) == 0) {
			*ret = (uint8_t)i;
			return 0;
		}
	}
	err_path_add(err, name);
	err_set(err, ERR_PARAMS, "there is no port \"%.40s\"", s);
	const char *near = nearest_word(s, names, ports->n);
	return near == NULL ? err_hint(err, "ports come with --port NAME=DEVARGS")
			    : err_hint(err, "did you mean \"%s\"?", near);
}

/* Both forms: 64, or a mix [[64, 7], [570, 4], [1518, 1]]. */
static int decode_sizes(json_t *obj, struct stream_conf *c, struct err *err)
{
	json_t *list = NULL;
	int rc = json_get_array(obj, "sizes", &list, err);
	c->n_sizes = 1;
	c->sizes[0].weight = 1;
	c->sizes[0].size = (uint16_t)MAX_OF(stream_conf_min_size(c), (unsigned int)FRAME_SIZE);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	struct err at = *err;
	size_t n = json_array_size(list);
	err_path_add(err, "sizes");
	if (n == 0 || n > STREAM_SIZES_MAX)
		return err_set(
		    err, ERR_PARAMS, "sizes has %zu entries, not 1..%d", n, STREAM_SIZES_MAX);
	uint32_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		rc = decode_size(json_array_get(list, i), &c->sizes[i], err);
		if (rc < 0)
			return rc;
		sum += c->sizes[i].weight;
	}
	if (sum > STREAM_WEIGHT_SUM_MAX)
		return err_set(err, ERR_PARAMS, "the weights add up to %u, more than %d", sum,
		    STREAM_WEIGHT_SUM_MAX);
	c->n_sizes = (uint16_t)n;
	*err = at;
	return 0;
}

static int decode_size(json_t *pair, struct frame_size *ret, struct err *err)
{
	json_int_t size = json_integer_value(json_array_get(pair, 0));
	json_int_t weight = json_integer_value(json_array_get(pair, 1));
	if (json_array_size(pair) != 2 || size < 1 || size > FRAME_SIZE_MAX || weight < 1 ||
	    weight > STREAM_WEIGHT_SUM_MAX) {
		err_set(err, ERR_PARAMS, "an entry of sizes is [frame size of at most %d, weight]",
		    FRAME_SIZE_MAX);
		return err_hint(err, "IMIX is [[64, 7], [570, 4], [1518, 1]]");
	}
	*ret = (struct frame_size){.size = (uint16_t)size, .weight = (uint16_t)weight};
	return 0;
}

static int decode_headers(json_t *obj, struct stream_conf *c, struct err *err)
{
	uint64_t vlan = 0, sport = 1000, dport = 80;
	c->src = ip_from_v4(__builtin_bswap32(0x0a000001));
	c->dst = ip_from_v4(__builtin_bswap32(0x0a000002));
	c->udp_checksum = true;
	int rc = json_optional(json_get_mac(obj, "eth_src", &c->eth_src, err));
	if (rc == 0)
		rc = json_optional(json_get_mac(obj, "eth_dst", &c->eth_dst, err));
	if (rc == 0)
		rc = json_get_u64(obj, "vlan", 0, 4094, &vlan, err);
	c->vlan = rc == 0 ? (int32_t)vlan : VLAN_NONE;
	rc = json_optional(rc);
	if (rc == 0)
		rc = json_optional(json_get_ip(obj, "src", &c->src, err));
	if (rc == 0)
		rc = json_optional(json_get_ip(obj, "dst", &c->dst, err));
	if (rc == 0)
		rc = json_optional(json_get_u64(obj, "sport", 1, UINT16_MAX, &sport, err));
	if (rc == 0)
		rc = json_optional(json_get_u64(obj, "dport", 1, UINT16_MAX, &dport, err));
	if (rc == 0)
		rc = json_optional(json_get_bool(obj, "udp_checksum", &c->udp_checksum, err));
	c->sport = (uint16_t)sport;
	c->dport = (uint16_t)dport;
	return rc;
}

static int decode_flows(json_t *obj, struct stream_conf *c, struct err *err)
{
	uint64_t n = c->kind == STREAM_EXPLOSION ? N_EXPLOSION : 1;
	size_t distribution = CHOOSE_SEQUENTIAL;
	c->zipf_s = 1.0;
	c->seed = 1;
	c->vary = VARY_SRC | VARY_DST | VARY_SPORT | VARY_DPORT;
	int rc = json_optional(json_get_u64(obj, "flows", 1, STREAM_FLOWS_MAX, &n, err));
	if (rc == 0)
		rc = json_optional(json_get_choice(obj, "distribution", distribution_names,
		    ARRAY_SIZE(distribution_names), &distribution, err));
	if (rc == 0)
		rc = json_optional(json_get_double(obj, "zipf_s", 0, ZIPF_S_MAX, &c->zipf_s, err));
	if (rc == 0)
		rc = json_optional(json_get_u64(obj, "seed", 0, INT64_MAX, &c->seed, err));
	if (rc == 0)
		rc = decode_vary(obj, c, err);
	c->n_flows = (uint32_t)n;
	c->distribution = (uint8_t)distribution;
	return rc;
}

static int decode_vary(json_t *obj, struct stream_conf *c, struct err *err)
{
	json_t *list = NULL;
	int rc = json_get_array(obj, "vary", &list, err);
	if (rc < 0)
		return json_optional(rc);
	c->vary = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));
		size_t k = 0;
		while (k < ARRAY_SIZE(vary_names) && (s == NULL || strcmp(s, vary_names[k]) != 0))
			k++;
		if (k == ARRAY_SIZE(vary_names)) {
			err_path_add(err, "vary");
			return err_set(
			    err, ERR_PARAMS, "vary lists some of src, dst, sport and dport");
		}
		c->vary |= (uint8_t)(1u << k);
	}
	return 0;
}

static int decode_vxlan(json_t *obj, struct stream_conf *c, struct err *err)
{
	json_t *v = NULL;
	uint64_t vni = 0;
	int rc = json_optional(json_get_bool(obj, "expect_vxlan", &c->expect_vxlan, err));
	if (rc < 0)
		return rc;
	rc = json_get_object(obj, "vxlan", &v, err);
	if (rc < 0)
		return json_optional(rc);
	struct err at = *err;
	struct vxlan_conf *x = &c->vxlan;
	x->eth_src = c->eth_src;
	x->eth_dst = c->eth_dst;
	err_path_add(err, "vxlan");
	rc = json_check_members(v, vxlan_members, ARRAY_SIZE(vxlan_members), err);
	if (rc == 0)
		rc = json_optional(json_get_mac(v, "eth_src", &x->eth_src, err));
	if (rc == 0)
		rc = json_optional(json_get_mac(v, "eth_dst", &x->eth_dst, err));
	if (rc == 0)
		rc = json_required(json_get_ip(v, "src", &x->src, err), "src", err);
	if (rc == 0)
		rc = json_required(json_get_ip(v, "dst", &x->dst, err), "dst", err);
	if (rc == 0)
		rc = json_required(json_get_u64(v, "vni", 0, VNI_MAX, &vni, err), "vni", err);
	if (rc == 0 && ip_is_v4(&x->src) != ip_is_v4(&x->dst))
		rc = err_set(err, ERR_PARAMS, "src and dst are of different IP versions");
	if (rc < 0)
		return rc;
	x->vni = (uint32_t)vni;
	c->has_vxlan = true;
	*err = at;
	return 0;
}

static int decode_rest(json_t *obj, struct stream_conf *c, struct err *err)
{
	size_t verify = VERIFY_FRAME;
	uint64_t n_open = MIN_OF(c->n_flows, (uint32_t)N_OPEN), timeout_ms = TIMEOUT_MS;
	const char *file = NULL;
	int rc = json_optional(
	    json_get_choice(obj, "verify", verify_names, ARRAY_SIZE(verify_names), &verify, err));
	if (rc == 0)
		rc = json_optional(json_get_u64(obj, "open", 1, STREAM_OPEN_MAX, &n_open, err));
	if (rc == 0)
		rc = json_optional(json_get_u64(obj, "timeout_ms", 1, 60000, &timeout_ms, err));
	if (rc == 0)
		rc = json_optional(json_get_string(obj, "file", &file, err));
	if (rc < 0)
		return rc;
	if (file != NULL && strlen(file) >= sizeof(c->file))
		return err_set(
		    err, ERR_PARAMS, "file is longer than %zu bytes", sizeof(c->file) - 1);
	if (file != NULL)
		snprintf(c->file, sizeof(c->file), "%s", file);
	c->verify = (uint8_t)verify;
	c->n_open = (uint32_t)n_open;
	c->timeout_ms = (uint32_t)timeout_ms;
	return 0;
}

static int validate(const struct stream_conf *c, const struct port_table *ports, struct err *err)
{
	if (ip_is_v4(&c->src) != ip_is_v4(&c->dst))
		return err_set(err, ERR_PARAMS, "src and dst are of different IP versions");
	if (!c->udp_checksum && stream_conf_is_v6(c))
		return err_set(
		    err, ERR_PARAMS, "UDP over IPv6 must have a checksum (RFC 8200 8.1)");
	int rc = validate_kind(c, err);
	return rc < 0 ? rc : validate_sizes(c, ports, err);
}

static int validate_kind(const struct stream_conf *c, struct err *err)
{
	if ((c->kind == STREAM_PCAP) != (c->file[0] != '\0'))
		return err_set(err, ERR_PARAMS, "file and kind pcap go together");
	if (c->kind == STREAM_EXPLOSION) {
		if (stream_conf_is_v6(c))
			return err_set(err, ERR_PARAMS, "the explosion trace is IPv4");
	}
	if (c->kind != STREAM_TCP_CONNECTIONS)
		return 0;
	if (c->rx_port == PORT_NONE || c->rx_port == c->tx_port)
		return err_set(err, ERR_PARAMS,
		    "connections need two ports: tx is the client's, rx the server's");
	if (c->n_open > c->n_flows) {
		err_set(err, ERR_PARAMS, "%u connections cannot be open with %u flows", c->n_open,
		    c->n_flows);
		return err_hint(err, "each needs a flow of its own: raise flows or lower open");
	}
	return 0;
}

static int validate_sizes(
    const struct stream_conf *c, const struct port_table *ports, struct err *err)
{
	unsigned int min = stream_conf_min_size(c);
	unsigned int max = ports->ports[c->tx_port].frame_size_max - stream_conf_overhead(c);
	if (c->kind == STREAM_PCAP || c->kind == STREAM_TCP_CONNECTIONS)
		return 0; // the file says; every packet of a connection has its own
	for (unsigned int i = 0; i < c->n_sizes; i++) {
		if (c->sizes[i].size < min) {
			err_path_add(err, "sizes");
			err_set(err, ERR_PARAMS, "%u bytes do not hold the headers and the stamp",
			    c->sizes[i].size);
			return err_hint(
			    err, "the smallest frame of this stream is %u bytes, with FCS", min);
		}
		if (c->sizes[i].size > max) {
			err_path_add(err, "sizes");
			err_set(err, ERR_PARAMS, "%u bytes are more than the port takes",
			    c->sizes[i].size);
			return err_hint(err, "start with a larger --mtu; it allows %u now", max);
		}
	}
	return 0;
}
