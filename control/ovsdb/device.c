/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ovsdb/device.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BITS_PER_MBIT = 1000000 };

static bool ask(int fd, unsigned long what, const char *name, struct ifreq *ret);
static void read_speed(int fd, const char *name, struct device *ret);

bool device_read(const char *name, struct device *ret)
{
	int fd = strlen(name) < IFNAMSIZ ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	struct ifreq r;

	*ret = (struct device){0};
	if (fd < 0)
		return false;
	bool is_there = ask(fd, SIOCGIFINDEX, name, &r);
	if (is_there)
		ret->index = r.ifr_ifindex;
	if (is_there && ask(fd, SIOCGIFFLAGS, name, &r))
		ret->is_up = (r.ifr_flags & IFF_UP) != 0;
	if (is_there && ask(fd, SIOCGIFMTU, name, &r))
		ret->mtu = (unsigned int)r.ifr_mtu;
	if (is_there && ask(fd, SIOCGIFHWADDR, name, &r))
		memcpy(&ret->mac, r.ifr_hwaddr.sa_data, sizeof(ret->mac));
	if (is_there)
		read_speed(fd, name, ret);
	close(fd);
	return is_there;
}

static bool ask(int fd, unsigned long what, const char *name, struct ifreq *ret)
{
	*ret = (struct ifreq){0};
	snprintf(ret->ifr_name, sizeof(ret->ifr_name), "%s", name);
	return ioctl(fd, what, ret) == 0;
}

static void read_speed(int fd, const char *name, struct device *ret)
{
	struct ethtool_cmd cmd = {.cmd = ETHTOOL_GSET};
	struct ifreq r = {.ifr_data = (void *)&cmd};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(fd, SIOCETHTOOL, &r) != 0)
		return;
	uint32_t mbps = ethtool_cmd_speed(&cmd);
	ret->is_full_duplex = cmd.duplex == DUPLEX_FULL;
	if (mbps != (uint32_t)SPEED_UNKNOWN && mbps != 0)
		ret->speed_bps = (int64_t)mbps * BITS_PER_MBIT;
}
