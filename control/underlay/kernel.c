/* SPDX-License-Identifier: Apache-2.0 */
#include "control/underlay/underlay_priv.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <string.h>
#include <sys/socket.h>

static bool address_from_nl(struct nl_addr *a, struct ip_addr *ret);
static bool mac_from_nl(struct nl_addr *a, struct mac_addr *ret);
static int on_route(struct nl_msg *msg, void *arg);

int kernel_open(struct nl_sock **ret)
{
	struct nl_sock *sock = nl_socket_alloc();
	if (sock == NULL)
		return -ENOMEM;
	if (nl_connect(sock, NETLINK_ROUTE) != 0) {
		nl_socket_free(sock);
		return -EPROTO;
	}
	*ret = sock;
	return 0;
}

int kernel_snapshot_init(struct nl_sock *sock, struct kernel_snapshot *ret)
{
	*ret = (struct kernel_snapshot){0};
	if (rtnl_link_alloc_cache(sock, AF_UNSPEC, &ret->links) != 0 ||
	    rtnl_addr_alloc_cache(sock, &ret->addrs) != 0 ||
	    rtnl_neigh_alloc_cache(sock, &ret->neighs) != 0) {
		kernel_snapshot_fini(ret);
		return -EPROTO;
	}
	return 0;
}

void kernel_snapshot_fini(struct kernel_snapshot *s)
{
	nl_cache_free(s->links);
	nl_cache_free(s->addrs);
	nl_cache_free(s->neighs);
	*s = (struct kernel_snapshot){0};
}

bool kernel_find_link(const struct kernel_snapshot *s, const char *name, struct kernel_link *ret)
{
	struct rtnl_link *link = rtnl_link_get_by_name(s->links, name);
	if (link == NULL)
		return false;
	*ret = (struct kernel_link){
	    .ifindex = rtnl_link_get_ifindex(link),
	    .mtu = (uint16_t)MIN_OF(rtnl_link_get_mtu(link), (unsigned int)UINT16_MAX),
	    .running = (rtnl_link_get_flags(link) & IFF_UP) != 0 &&
		       (rtnl_link_get_flags(link) & IFF_LOWER_UP) != 0,
	};
	(void)mac_from_nl(rtnl_link_get_addr(link), &ret->mac);
	rtnl_link_put(link);
	return true;
}

bool kernel_find_neighbour(const struct kernel_snapshot *s, int ifindex,
    const struct ip_addr *next_hop, struct mac_addr *ret, bool *ret_stale)
{
	const int valid =
	    NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;
	for (struct nl_object *o = nl_cache_get_first(s->neighs); o != NULL;
	     o = nl_cache_get_next(o)) {
		struct rtnl_neigh *neigh = (struct rtnl_neigh *)o;
		struct ip_addr ip;
		if (rtnl_neigh_get_ifindex(neigh) != ifindex ||
		    !address_from_nl(rtnl_neigh_get_dst(neigh), &ip))
			continue;
		if (!ip_equal(&ip, next_hop) || (rtnl_neigh_get_state(neigh) & valid) == 0)
			continue;
		*ret_stale = (rtnl_neigh_get_state(neigh) & NUD_STALE) != 0;
		return mac_from_nl(rtnl_neigh_get_lladdr(neigh), ret);
	}
	return false;
}

size_t kernel_addresses(
    const struct kernel_snapshot *s, int ifindex, struct ip_addr *ret, size_t max)
{
	size_t n = 0;
	for (struct nl_object *o = nl_cache_get_first(s->addrs); o != NULL && n < max;
	     o = nl_cache_get_next(o)) {
		struct rtnl_addr *addr = (struct rtnl_addr *)o;
		if (rtnl_addr_get_ifindex(addr) != ifindex ||
		    rtnl_addr_get_scope(addr) == RT_SCOPE_LINK)
			continue;
		if ((rtnl_addr_get_flags(addr) & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0)
			continue;
		if (address_from_nl(rtnl_addr_get_local(addr), &ret[n]))
			n++;
	}
	return n;
}

int kernel_route(struct nl_sock *sock, const struct ip_addr *remote, struct kernel_path *ret)
{
	bool v4 = ip_is_v4(remote);
	struct rtmsg rt = {
	    .rtm_family = v4 ? AF_INET : AF_INET6,
	    .rtm_dst_len = v4 ? 32 : 128,
	    .rtm_flags = RTM_F_LOOKUP_TABLE,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);
	if (msg == NULL)
		return -ENOMEM;
	uint32_t v4_be = v4 ? ip_v4_be(remote) : 0;
	*ret = (struct kernel_path){.next_hop = *remote};
	int rc = nlmsg_append(msg, &rt, sizeof(rt), NLMSG_ALIGNTO);
	if (rc == 0)
		rc = v4 ? nla_put(msg, RTA_DST, sizeof(v4_be), &v4_be)
			: nla_put(msg, RTA_DST, sizeof(remote->a), &remote->a);
	if (rc == 0)
		rc = nl_send_auto(sock, msg);
	nlmsg_free(msg);
	if (rc < 0)
		return -EPROTO;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_route, ret);
	rc = nl_recvmsgs_default(sock);
	if (rc >= 0 && nl_wait_for_ack(sock) < 0)
		rc = -1;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	return rc < 0 || ret->ifindex == 0 ? -ENETUNREACH : 0;
}

static int on_route(struct nl_msg *msg, void *arg)
{
	struct kernel_path *path = arg;
	struct nlattr *attrs[RTA_MAX + 1], *metrics[RTAX_MAX + 1];
	const struct rtmsg *rt = nlmsg_data(nlmsg_hdr(msg));
	const size_t size = rt->rtm_family == AF_INET ? 4 : 16;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*rt), attrs, RTA_MAX, NULL) != 0 ||
	    rt->rtm_type != RTN_UNICAST)
		return NL_OK;
	struct ip_addr *const targets[] = {&path->source, &path->next_hop};
	struct nlattr *const values[] = {attrs[RTA_PREFSRC], attrs[RTA_GATEWAY]};
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (values[i] == NULL || (size_t)nla_len(values[i]) != size)
			continue;
		if (size == 4)
			*targets[i] = ip_from_v4(nla_get_u32(values[i]));
		else
			*targets[i] = ip_from_v6(nla_data(values[i]));
	}
	if (attrs[RTA_METRICS] != NULL &&
	    nla_parse_nested(metrics, RTAX_MAX, attrs[RTA_METRICS], NULL) == 0 &&
	    metrics[RTAX_MTU] != NULL)
		path->mtu = (uint16_t)MIN_OF(nla_get_u32(metrics[RTAX_MTU]), (uint32_t)UINT16_MAX);
	path->ifindex = attrs[RTA_OIF] != NULL ? (int)nla_get_u32(attrs[RTA_OIF]) : 0;
	return NL_OK;
}

static bool address_from_nl(struct nl_addr *a, struct ip_addr *ret)
{
	uint32_t v4_be;
	if (a == NULL)
		return false;
	if (nl_addr_get_family(a) == AF_INET && nl_addr_get_len(a) == 4) {
		memcpy(&v4_be, nl_addr_get_binary_addr(a), sizeof(v4_be));
		*ret = ip_from_v4(v4_be);
		return true;
	}
	if (nl_addr_get_family(a) != AF_INET6 || nl_addr_get_len(a) != sizeof(struct ip6_addr))
		return false;
	*ret = ip_from_v6(nl_addr_get_binary_addr(a));
	return true;
}

static bool mac_from_nl(struct nl_addr *a, struct mac_addr *ret)
{
	if (a == NULL || nl_addr_get_len(a) != sizeof(*ret))
		return false;
	memcpy(ret, nl_addr_get_binary_addr(a), sizeof(*ret));
	return true;
}
