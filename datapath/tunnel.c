/* SPDX-License-Identifier: Apache-2.0 */
/* The tunnel snapshot: built whole by control, read by workers. Sending and receiving are in vxlan.c. */
#include "datapath/tunnel.h"

#include <stdlib.h>

#include "datapath/csum.h"
#include "datapath/tunnel_map.h"
#include "datapath/tunnel_priv.h"

enum { ANY_VNI = 0xffffffff, ANY_LOCAL = -1 };

struct local {
	struct ip_addr addr;
	uint16_t udp_port;
	int8_t first; // index with the same address
};

struct tunnel_cfg {
	struct local locals[TNL_MAX_LOCALS];
	unsigned int n_locals;
	bool has_local_ports;    // ports with a local address of their own
	struct ip_map route_of;  // (remote, 0) → slot
	struct ip_map port_of;   // (remote or zero, port_key) → index into ports
	struct ip_map peer_of;   // (remote, port id) → number of the peer
	struct id_set peer_vnis; // peer_vni_id: who may send what
	struct id_set vnis; // vni_id: VNIs that exist, to tell an unknown VNI from an unlisted peer
	struct tnl_port *ports;
	struct tnl_encap *encaps;
	uint32_t n_encaps;
};

static int init_tables(struct tunnel_cfg *cfg, const struct tunnel_cfg_input *in);
static void add_locals(struct tunnel_cfg *cfg, const struct tunnel_cfg_input *in);
static void add_ports(struct tunnel_cfg *cfg, const struct tunnel_cfg_input *in);
static void add_peers(struct tunnel_cfg *cfg, const struct tunnel_cfg_input *in);
static void add_routes(struct tunnel_cfg *cfg, const struct tunnel_cfg_input *in);
static void build_headers(struct tnl_encap *e);
static uint64_t port_key(int local, uint16_t udp_port, uint32_t vni);
static uint64_t peer_vni_id(uint32_t peer, uint32_t vni);
static uint64_t vni_id(uint16_t port, uint32_t vni);
static uint16_t udp_port_or_default(uint16_t udp_port);
static int64_t match_port(const struct tunnel_cfg *cfg, const struct ip_addr *src, int local,
    uint16_t udp_port, uint32_t vni);

struct tunnel_cfg *tunnel_cfg_create(const struct tunnel_cfg_input *in)
{
	struct tunnel_cfg *cfg = calloc(1, sizeof(*cfg));
	if (cfg == NULL)
		return NULL;
	if (init_tables(cfg, in) != 0) {
		tunnel_cfg_destroy(cfg);
		return NULL;
	}
	add_locals(cfg, in);
	add_ports(cfg, in);
	add_peers(cfg, in);
	add_routes(cfg, in);
	return cfg;
}

void tunnel_cfg_destroy(void *arg)
{
	struct tunnel_cfg *cfg = arg;
	if (cfg == NULL)
		return;
	ip_map_fini(&cfg->route_of);
	ip_map_fini(&cfg->port_of);
	ip_map_fini(&cfg->peer_of);
	id_set_fini(&cfg->peer_vnis);
	id_set_fini(&cfg->vnis);
	free(cfg->ports);
	free(cfg->encaps);
	free(cfg);
}

const struct tnl_route *tunnel_route(const struct tunnel_cfg *cfg, uint16_t slot)
{
	const struct tnl_encap *e = tunnel_encap(cfg, slot);
	return e != NULL ? &e->route : NULL;
}

uint16_t tunnel_find_route(const struct tunnel_cfg *cfg, const struct ip_addr *remote)
{
	int64_t slot = ip_map_find(&cfg->route_of, remote, 0);
	return slot != IP_MAP_NONE ? (uint16_t)slot : (uint16_t)PKT_NO_SLOT;
}

const struct ip_addr *tunnel_local(const struct tunnel_cfg *cfg, uint8_t idx)
{
	return cfg != NULL && idx < cfg->n_locals ? &cfg->locals[idx].addr : NULL;
}

const struct tnl_encap *tunnel_encap(const struct tunnel_cfg *cfg, uint16_t slot)
{
	if (cfg == NULL || slot >= cfg->n_encaps || !cfg->encaps[slot].used)
		return NULL;
	return &cfg->encaps[slot];
}

int tunnel_find_local(const struct tunnel_cfg *cfg, const struct ip_addr *addr, uint16_t udp_port)
{
	for (unsigned int i = 0; i < cfg->n_locals; i++) {
		const struct local *l = &cfg->locals[i];
		if (l->udp_port == udp_port && memcmp(&l->addr, addr, sizeof(*addr)) == 0)
			return (int)i;
	}
	return -1;
}

int tunnel_find_source(const struct tunnel_cfg *cfg, const struct ip_addr *addr)
{
	for (unsigned int i = 0; i < cfg->n_locals; i++) {
		if (ip_equal(&cfg->locals[i].addr, addr))
			return (int)i;
	}
	return -1;
}

bool tunnel_is_local(const struct tunnel_cfg *cfg, const struct ip_addr *addr)
{
	for (unsigned int i = 0; i < cfg->n_locals; i++) {
		if (memcmp(&cfg->locals[i].addr, addr, sizeof(*addr)) == 0)
			return true;
	}
	return false;
}

enum dp_drop tunnel_find_port(const struct tunnel_cfg *cfg, const struct ip_addr *src,
    uint8_t local, uint16_t udp_port, uint32_t vni, struct tnl_port *ret)
{
	int64_t idx = IP_MAP_NONE;
	if (UNLIKELY(cfg->has_local_ports) && local < cfg->n_locals)
		idx = match_port(cfg, src, cfg->locals[local].first, udp_port, vni);
	if (idx == IP_MAP_NONE)
		idx = match_port(cfg, src, ANY_LOCAL, udp_port, vni);
	if (idx == IP_MAP_NONE)
		return id_set_has(&cfg->vnis, vni_id(0, vni)) ? DP_DROP_VXLAN_UNKNOWN_PEER
							      : DP_DROP_VXLAN_UNKNOWN_VNI;
	*ret = cfg->ports[idx];
	if ((ret->flags & DP_PORT_F_PEERS_ONLY) == 0)
		return DP_DROP__COUNT;
	int64_t peer = ip_map_find(&cfg->peer_of, src, ret->id);
	if (peer != IP_MAP_NONE && id_set_has(&cfg->peer_vnis, peer_vni_id((uint32_t)peer, vni)))
		return DP_DROP__COUNT;
	bool is_known =
	    (ret->flags & DP_PORT_F_VNI_FLOW) == 0 || id_set_has(&cfg->vnis, vni_id(ret->id, vni));
	return is_known ? DP_DROP_VXLAN_UNKNOWN_PEER : DP_DROP_VXLAN_UNKNOWN_VNI;
}

static int init_tables(struct tunnel_cfg *cfg, const struct tunnel_cfg_input *in)
{
	uint64_t n_vnis = 0;
	for (uint32_t i = 0; i < in->n_peers; i++)
		n_vnis += in->peers[i]->n_vnis;
	cfg->ports = calloc(in->n_ports + 1, sizeof(cfg->ports[0]));
	cfg->encaps = calloc((size_t)in->n_routes + 1, sizeof(cfg->encaps[0]));
	int rc = ip_map_init(&cfg->route_of, in->n_routes);
	rc |= ip_map_init(&cfg->port_of, in->n_ports);
	rc |= ip_map_init(&cfg->peer_of, in->n_peers);
	rc |= id_set_init(&cfg->peer_vnis, n_vnis);
	rc |= id_set_init(&cfg->vnis, n_vnis + in->n_ports);
	return rc != 0 || cfg->ports == NULL || cfg->encaps == NULL ? -ENOMEM : 0;
}

static void add_locals(struct tunnel_cfg *cfg, const struct tunnel_cfg_input *in)
{
	for (uint32_t i = 0; i < in->n_locals && cfg->n_locals < TNL_MAX_LOCALS; i++) {
		int first = tunnel_find_source(cfg, &in->locals[i]->addr);
		cfg->locals[cfg->n_locals] = (struct local){
		    .addr = in->locals[i]->addr,
		    .udp_port = udp_port_or_default(in->locals[i]->udp_port),
		    .first = (int8_t)(first >= 0 ? first : (int)cfg->n_locals),
		};
		cfg->n_locals++;
	}
}

static void add_ports(struct tunnel_cfg *cfg, const struct tunnel_cfg_input *in)
{
	static const struct ip_addr any;

	for (uint32_t i = 0; i < in->n_ports; i++) {
		const struct dp_port_conf *conf = in->ports[i].conf;
		bool any_vni = (conf->flags & DP_PORT_F_VNI_FLOW) != 0;
		bool any_remote = (conf->flags & DP_PORT_F_REMOTE_FLOW) != 0;
		bool any_local = ip_is_zero(&conf->tnl_local);
		int local = any_local ? ANY_LOCAL : tunnel_find_source(cfg, &conf->tnl_local);
		cfg->ports[i] = (struct tnl_port){.id = in->ports[i].id, .flags = conf->flags};
		cfg->has_local_ports |= !any_local;
		if (!any_vni)
			id_set_add(&cfg->vnis, vni_id(0, conf->tnl_vni));
		if (!any_local && local < 0)
			continue; // nothing can arrive there
		ip_map_add(&cfg->port_of, any_remote ? &any : &conf->tnl_remote,
		    port_key(local, udp_port_or_default(conf->tnl_udp_port),
			any_vni ? ANY_VNI : conf->tnl_vni),
		    i);
	}
}

static void add_peers(struct tunnel_cfg *cfg, const struct tunnel_cfg_input *in)
{
	for (uint32_t i = 0; i < in->n_peers; i++) {
		const struct dp_peer_conf *conf = in->peers[i];
		const uint8_t *vnis = (const uint8_t *)(conf + 1);
		// Two lists for one peer and port add up.
		uint32_t peer = (uint32_t)ip_map_add(&cfg->peer_of, &conf->remote, conf->port, i);
		for (uint32_t v = 0; v < conf->n_vnis; v++) {
			uint32_t vni = load32(vnis + (size_t)v * sizeof(vni));
			id_set_add(&cfg->peer_vnis, peer_vni_id(peer, vni));
			id_set_add(&cfg->vnis, vni_id((uint16_t)conf->port, vni));
		}
	}
}

static void add_routes(struct tunnel_cfg *cfg, const struct tunnel_cfg_input *in)
{
	cfg->n_encaps = in->n_routes;
	for (uint32_t i = 0; i < in->n_routes; i++) {
		const struct dp_route_conf *conf = in->routes[i];
		if (conf == NULL)
			continue;
		struct tnl_encap *e = &cfg->encaps[i];
		e->used = true;
		e->route = (struct tnl_route){
		    .remote = conf->remote,
		    .local = conf->local,
		    .uplink = (uint16_t)conf->uplink,
		    .mtu = conf->mtu,
		    .state = conf->state,
		    .src_mac = conf->src_mac,
		    .dst_mac = conf->dst_mac,
		};
		build_headers(e);
		ip_map_add(&cfg->route_of, &conf->remote, 0, i);
	}
}

static void build_headers(struct tnl_encap *e)
{
	uint8_t *eth = e->hdr, *ip = e->hdr + ETH_HDR_SIZE;

	e->is_v4 = ip_is_v4(&e->route.remote);
	memcpy(eth, &e->route.dst_mac, sizeof(e->route.dst_mac));
	memcpy(eth + sizeof(e->route.dst_mac), &e->route.src_mac, sizeof(e->route.src_mac));
	put_be16(eth + ETH_MACS_SIZE, e->is_v4 ? ETH_TYPE_IP4 : ETH_TYPE_IP6);
	if (e->is_v4) {
		uint32_t src = ip_is_v4(&e->route.local) ? ip_v4_be(&e->route.local) : 0;
		ip[0] = 0x45;
		put_be16(ip + 6, IP4_DF); // id stays 0: never fragmented (RFC 6864 4.1)
		ip[9] = IP_PROTO_UDP;
		store32(ip + 12, src);
		store32(ip + 16, ip_v4_be(&e->route.remote));
		e->ip_sum = csum_fold(csum_add(0, ip, IP4_HDR_SIZE));
	} else {
		ip[0] = 0x60;
		ip[6] = IP_PROTO_UDP;
		memcpy(ip + 8, &e->route.local, sizeof(e->route.local));
		memcpy(ip + 24, &e->route.remote, sizeof(e->route.remote));
	}
	uint8_t *udp = ip + (e->is_v4 ? IP4_HDR_SIZE : IP6_HDR_SIZE);
	udp[UDP_HDR_SIZE] = VXLAN_F_VNI;
	e->hdr_size = (uint8_t)(udp + UDP_HDR_SIZE + VXLAN_HDR_SIZE - e->hdr);
}

static uint64_t port_key(int local, uint16_t udp_port, uint32_t vni)
{
	return (uint64_t)(local + 1) << 48 | (uint64_t)vni << 16 | udp_port;
}

static uint64_t peer_vni_id(uint32_t peer, uint32_t vni)
{
	return ((uint64_t)peer + 1) << 24 | vni;
}

/* Port 0: ports of a fixed VNI. */
static uint64_t vni_id(uint16_t port, uint32_t vni)
{
	return 1ull << 63 | (uint64_t)port << 24 | vni;
}

static uint16_t udp_port_or_default(uint16_t udp_port)
{
	return udp_port != 0 ? udp_port : VXLAN_UDP_PORT;
}

static int64_t match_port(const struct tunnel_cfg *cfg, const struct ip_addr *src, int local,
    uint16_t udp_port, uint32_t vni)
{
	static const struct ip_addr any;
	uint64_t exact = port_key(local, udp_port, vni),
		 any_vni = port_key(local, udp_port, ANY_VNI);

	int64_t idx = ip_map_find(&cfg->port_of, src, exact);
	if (idx == IP_MAP_NONE)
		idx = ip_map_find(&cfg->port_of, src, any_vni);
	if (idx == IP_MAP_NONE)
		idx = ip_map_find(&cfg->port_of, &any, exact);
	if (idx == IP_MAP_NONE)
		idx = ip_map_find(&cfg->port_of, &any, any_vni);
	return idx;
}
