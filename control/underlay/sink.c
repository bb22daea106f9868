/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/underlay/underlay_priv.h"

#define LOG_MODULE "underlay"
#include "datapath/base/log.h"

enum { DISCARD_PORT = 9 };

static int sink_open(const struct dp_local_conf *local);
static socklen_t to_sockaddr(const struct ip_addr *ip, uint16_t port, struct sockaddr_storage *ret);

void sinks_set(struct sinks *s, const struct dp_local_conf *locals, size_t n)
{
	struct sinks now = {0};

	for (size_t i = 0; i < n && now.n < MAX_SINKS; i++) {
		int fd = -1;
		for (size_t k = 0; k < s->n; k++) {
			if (s->s[k].udp_port == locals[i].udp_port &&
			    ip_equal(&s->s[k].addr, &locals[i].addr)) {
				fd = s->s[k].fd;
				s->s[k].fd = -1;
			}
		}
		if (fd < 0)
			fd = sink_open(&locals[i]);
		now.s[now.n].addr = locals[i].addr;
		now.s[now.n].udp_port = locals[i].udp_port;
		now.s[now.n++].fd = fd;
	}
	sinks_fini(s);
	*s = now;
}

void sinks_fini(struct sinks *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->s[i].fd >= 0)
			close(s->s[i].fd);
	}
	s->n = 0;
}

void neighbour_ask(const char *interface, const struct ip_addr *next_hop)
{
	struct sockaddr_storage sa;
	socklen_t size = to_sockaddr(next_hop, DISCARD_PORT, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	if (sa.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&sa)->sin6_scope_id = if_nametoindex(interface);
	// Failing is not news: it is asked again as long as the neighbour is not known.
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) ==
	    0)
		(void)!sendto(fd, "", 0, 0, (struct sockaddr *)&sa, size);
	close(fd);
}

static int sink_open(const struct dp_local_conf *local)
{
	static struct sock_filter drop_all = {.code = BPF_RET | BPF_K, .k = 0};
	const struct sock_fprog program = {.len = 1, .filter = &drop_all};
	struct sockaddr_storage sa;
	socklen_t size = to_sockaddr(&local->addr, local->udp_port, &sa);
	char text[IP_STR_SIZE];

	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 &&
	    bind(fd, (struct sockaddr *)&sa, size) == 0)
		return fd;
	log_warn("cannot hold UDP port %u of %s: %s; the kernel may answer overlay packets with "
		 "port-unreachable",
	    local->udp_port, ip_format(&local->addr, text), strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static socklen_t to_sockaddr(const struct ip_addr *ip, uint16_t port, struct sockaddr_storage *ret)
{
	*ret = (struct sockaddr_storage){0};
	if (ip_is_v4(ip)) {
		struct sockaddr_in *sin = (struct sockaddr_in *)ret;
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		sin->sin_addr.s_addr = ip_v4_be(ip);
		return sizeof(*sin);
	}
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ret;
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(port);
	memcpy(&sin6->sin6_addr, &ip->a, sizeof(sin6->sin6_addr));
	return sizeof(*sin6);
}
