/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnels: the columns of vxlan ports. */
#include <stdlib.h>
#include <string.h>

#include "control/port_priv.h"

/* "flow", or an address. */
struct end {
	bool is_flow;
	struct ip_addr ip; // zero: none
};

/* "flow", or a VNI. */
struct vni {
	bool is_there, is_flow;
	uint32_t vni;
};

static bool parse_number(const char *text, unsigned long min, unsigned long max, unsigned long *ret)
{
	char *end;

	*ret = strtoul(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *ret >= min && *ret <= max;
}

static bool parse_end(const json_t *data, const char *column, struct end *ret)
{
	const char *text = member_string(data, column);

	*ret = (struct end){.is_flow = text != NULL && strcmp(text, "flow") == 0};
	return text == NULL || ret->is_flow ||
	       (ip_parse(text, &ret->ip) == 0 && !ip_is_multicast(&ret->ip) &&
		   !ip_is_zero(&ret->ip));
}

static bool parse_vni(const json_t *data, const char *column, struct vni *ret)
{
	const char *text = member_string(data, column);
	unsigned long n = 0;
	bool is_flow = text != NULL && strcmp(text, "flow") == 0;
	bool is_ok = text == NULL || is_flow || parse_number(text, 0, DP_MAX_VNI, &n);

	*ret = (struct vni){.is_there = text != NULL, .is_flow = is_flow, .vni = (uint32_t)n};
	return is_ok;
}

/* "inherit" (then *ret is 0) or a number. */
static bool parse_or_inherit(
    const json_t *data, const char *column, unsigned long min, unsigned long max, uint8_t *ret)
{
	const char *text = member_string(data, column);
	unsigned long n = 0;
	bool is_ok =
	    text == NULL || strcmp(text, "inherit") == 0 || parse_number(text, min, max, &n);

	*ret = (uint8_t)n;
	return is_ok;
}

static void check_ends(struct model_plan *p, struct entity *e)
{
	struct end remote, local;

	if (!parse_end(e->data, "remote_ip", &remote))
		err_set(port_error(p, e, "/remote_ip"), ERR_PARAMS,
		    "a unicast address, or \"flow\", is expected");
	if (!parse_end(e->data, "local_ip", &local))
		err_set(port_error(p, e, "/local_ip"), ERR_PARAMS,
		    "a unicast address, or \"flow\", is expected");
	else if (!ip_is_zero(&local.ip) && !ip_is_zero(&remote.ip) &&
		 ip_is_v4(&local.ip) != ip_is_v4(&remote.ip))
		err_set(port_error(p, e, "/local_ip"), ERR_PARAMS,
		    "local_ip and remote_ip are of different families");
	e->port.remote_is_flow = remote.is_flow;
	e->port.remote = remote.ip;
}

/* Of two ports for the same packets one would get nothing. */
static void provide_tunnel(struct model *m, struct entity *e)
{
	struct end remote, local;
	struct vni both, in;
	struct key_buf kb;

	(void)parse_end(e->data, "remote_ip", &remote); // the errors are reported
	(void)parse_end(e->data, "local_ip", &local);
	(void)parse_vni(e->data, "vni", &both);
	(void)parse_vni(e->data, "in_vni", &in);
	in = in.is_there ? in : both;
	const struct {
		struct ip_addr remote, local;
		uint32_t vni, udp_port;
	} extra = {remote.ip, local.ip, in.is_flow ? UINT32_MAX : in.vni, e->port.udp_port};
	entity_provide(
	    m, e, key_make(&kb, KEY_TUNNEL, "", &extra, sizeof(extra)), "/remote_ip", -1, false);
}

void port_tunnel_decode(struct model_plan *p, struct entity *e)
{
	static const char *const vnis[] = {"vni", "in_vni", "out_vni"};
	static const char *const paths[] = {"/vni", "/in_vni", "/out_vni"};
	struct vni vni;
	uint8_t n;

	check_ends(p, e);
	for (size_t i = 0; i < ARRAY_SIZE(vnis); i++) {
		if (!parse_vni(e->data, vnis[i], &vni))
			err_set(port_error(p, e, paths[i]), ERR_PARAMS,
			    "a VNI (0..%u), or \"flow\", is expected", DP_MAX_VNI);
	}
	if (!parse_or_inherit(e->data, "dscp", 0, 63, &n))
		err_set(port_error(p, e, "/dscp"), ERR_PARAMS,
		    "a DSCP (0..63), or \"inherit\", is expected");
	if (!parse_or_inherit(e->data, "ttl", 1, 255, &n))
		err_set(port_error(p, e, "/ttl"), ERR_PARAMS,
		    "a TTL (1..255), or \"inherit\", is expected");
	e->port.udp_port = (uint16_t)member_u64(e->data, "dst_port", VXLAN_UDP_PORT);
	provide_tunnel(plan_model(p), e);
}

/* Every UDP port is received on at every address of the uplinks. Networks always use the default one. */
void port_tunnel_check(struct model_plan *p, const struct entity *e)
{
	const struct model *m = plan_model(p);
	size_t n = 1;

	for (size_t i = 0; i < m->n_udp_ports; i++)
		n += m->udp_ports[i].udp_port != VXLAN_UDP_PORT;
	if (e->port.udp_port != VXLAN_UDP_PORT && n > MODEL_MAX_UDP_PORTS)
		err_set(port_error(p, e, "/dst_port"), ERR_TABLE_FULL,
		    "tunnels use at most %d different UDP ports, %d among them",
		    MODEL_MAX_UDP_PORTS, VXLAN_UDP_PORT);
}

static void fill_vnis(const json_t *data, struct dp_port_conf *conf)
{
	struct vni both, in, out;

	(void)parse_vni(data, "vni", &both); // was checked
	(void)parse_vni(data, "in_vni", &in);
	(void)parse_vni(data, "out_vni", &out);
	in = in.is_there ? in : both;
	out = out.is_there ? out : both;
	if (in.is_flow)
		conf->flags |= DP_PORT_F_VNI_FLOW;
	conf->tnl_vni = in.vni;
	if (in.is_flow == out.is_flow && in.vni == out.vni)
		return;
	conf->flags |= out.is_flow ? DP_PORT_F_OUT_VNI_FLOW : DP_PORT_F_OUT_VNI;
	conf->tnl_out_vni = out.vni;
}

static uint32_t inherit_flag(const json_t *data, const char *column, uint32_t flag)
{
	const char *text = member_string(data, column);

	return text != NULL && strcmp(text, "inherit") == 0 ? flag : 0;
}

void port_tunnel_fill(const struct entity *e, struct dp_port_conf *conf)
{
	const json_t *data = e->data;
	struct end remote, local;
	uint8_t dscp;

	(void)parse_end(data, "remote_ip", &remote); // was checked
	(void)parse_end(data, "local_ip", &local);
	(void)parse_or_inherit(data, "dscp", 0, 63, &dscp);
	(void)parse_or_inherit(data, "ttl", 1, 255, &conf->tnl_ttl);
	fill_vnis(data, conf);
	conf->tnl_remote = remote.ip;
	conf->tnl_local = local.ip;
	conf->tnl_udp_port = e->port.udp_port;
	conf->tnl_tos = (uint8_t)(dscp << 2);
	conf->flags |= remote.is_flow ? DP_PORT_F_REMOTE_FLOW : 0;
	conf->flags |= local.is_flow ? DP_PORT_F_LOCAL_FLOW : 0;
	conf->flags |= inherit_flag(data, "dscp", DP_PORT_F_TOS_INHERIT);
	conf->flags |= inherit_flag(data, "ttl", DP_PORT_F_TTL_INHERIT);
	conf->flags |= member_bool(data, "df", true) ? 0 : DP_PORT_F_NO_DF;
	conf->flags |= member_bool(data, "csum", false) ? DP_PORT_F_CSUM : 0;
	conf->flags |= member_bool(data, "inner_vlan", false) ? DP_PORT_F_INNER_VLAN : 0;
}
