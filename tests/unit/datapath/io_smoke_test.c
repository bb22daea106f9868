/* SPDX-License-Identifier: Apache-2.0 */
/* Ports and workers against the kernel: frames through veth pairs, kernel devices and capture files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/csum.h"
#include "datapath/meter.h"
#include "datapath/worker.h"
#include "tests/unit/datapath/io_fixture.h"

enum { WAIT_MS = 3000, FRAME_MAX = 9100 };

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

/* A packet socket on a device: the wire's other end. */
static int wire_open(const char *name)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	struct sockaddr_ll addr = {.sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_ALL),
	    .sll_ifindex = (int)if_nametoindex(name)};
	int one = 1;
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)), 0);
	return fd;
}

static void wire_send(int fd, const uint8_t *frame, size_t size)
{
	assert_int_equal(send(fd, frame, size, 0), size);
}

/* The next frame of EtherType type within the time; its size, or 0. The kernel's own noise (ND, MLD) is passed over. */
static size_t wire_recv(int fd, uint8_t *frame, uint16_t type)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		struct sockaddr_ll from;
		socklen_t from_size = sizeof(from);
		if (poll(&p, 1, WAIT_MS) <= 0)
			return 0;
		ssize_t n = recvfrom(fd, frame, FRAME_MAX, 0, (struct sockaddr *)&from, &from_size);
		if (n >= 14 && from.sll_pkttype != PACKET_OUTGOING && frame[12] == type >> 8 &&
		    frame[13] == (type & 0xff))
			return (size_t)n;
	}
}

static size_t make_frame(uint8_t *frame, uint16_t type, uint8_t seed, size_t size)
{
	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\x02\x00\x00\x00\x00\x09", 6);
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
	for (size_t i = 14; i < size; i++)
		frame[i] = (uint8_t)(seed + i * 7);
	return size;
}

static void assert_crosses(int from, int to, uint8_t seed, size_t size)
{
	uint8_t sent[FRAME_MAX], got[FRAME_MAX];
	make_frame(sent, 0x88b5, seed, size);
	wire_send(from, sent, size);
	assert_int_equal(wire_recv(to, got, 0x88b5), size);
	assert_memory_equal(got, sent, size);
}

static bool is_quiet(void *)
{
	for (uint16_t id = 1; id < 16; id++)
		if (io_unaccounted(id) != 0 || io_counters(id).held != 0)
			return false;
	return true;
}

static bool is_up(void *port)
{
	return ((struct port *)port)->state == DP_PORT_UP && ((struct port *)port)->link_up;
}

static int setup(void **)
{
	run("ip link add v1 type veth peer name w1 && ip link add v2 type veth peer name w2 && "
	    "for d in v1 w1 v2 w2; do ip link set $d mtu 9000 up && "
	    "echo 1 > /proc/sys/net/ipv6/conf/$d/disable_ipv6; done");
	return 0;
}

static int teardown(void **)
{
	for (uint16_t id = 1; id < 16; id++) {
		io_connect(id, 0);
		if (io_dp.ports[id] != NULL)
			io_del(id);
	}
	bool quiet = is_quiet(NULL);
	run("ip link del v1; ip link del v2");
	return quiet ? 0 : -1;
}

static void frames_cross_between_af_packet_ports(void **)
{
	struct port *p1 = io_add(1, DP_PORT_ETHDEV, "net_af_packet,iface=v1", 1500, 1, 0);
	struct port *p2 = io_add(2, DP_PORT_ETHDEV, "net_af_packet,iface=v2", 1500, 1, 0);
	assert_non_null(p1);
	assert_non_null(p2);
	assert_true(io_wait(is_up, p1, WAIT_MS) && io_wait(is_up, p2, WAIT_MS));
	io_connect(1, 2);
	io_connect(2, 1);
	int w1 = wire_open("w1"), w2 = wire_open("w2");
	struct port_counters before = io_counters(1);
	for (uint8_t i = 0; i < 50; i++) {
		assert_crosses(w1, w2, i, 60U + i * 29U);
		assert_crosses(w2, w1, i, 60U + i * 29U);
	}
	assert_true(io_wait(is_quiet, NULL, WAIT_MS));
	assert_true(io_counters(1).rx_packets - before.rx_packets >= 50);
	assert_true(io_counters(1).tx_packets - before.tx_packets >= 50);
	close(w1);
	close(w2);
}

/* The VLAN tag that the kernel has taken off the next frame of our EtherType, or -1. */
static int wire_recv_tci(int fd, uint8_t *frame, size_t *ret_size)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, WAIT_MS) <= 0)
			return -1;
		char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct iovec iov = {.iov_base = frame, .iov_len = FRAME_MAX};
		struct msghdr msg = {.msg_iov = &iov,
		    .msg_iovlen = 1,
		    .msg_control = control,
		    .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &msg, 0);
		const struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		if (n < 14 || frame[12] != 0x88 || frame[13] != 0xb5 || c == NULL)
			continue;
		struct tpacket_auxdata aux;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		*ret_size = (size_t)n;
		return aux.tp_status & TP_STATUS_VLAN_VALID ? aux.tp_vlan_tci : -1;
	}
}

static void vlan_tags_survive_the_kernel_taking_them_off(void **)
{
	uint8_t sent[100], got[FRAME_MAX];
	size_t size = 0;
	io_add(1, DP_PORT_ETHDEV, "net_af_packet,iface=v1", 1500, 1, 0);
	struct port *p2 = io_add(2, DP_PORT_TAP, "tapv", 1500, 1, 0);
	assert_true(io_wait(is_up, p2, WAIT_MS));
	io_connect(1, 2);
	int w1 = wire_open("w1"), t = wire_open("tapv");
	make_frame(sent, 0x8100, 3, sizeof(sent));
	memcpy(sent + 14, "\x20\x64\x88\xb5", 4); // VID 100, PCP 1
	wire_send(w1, sent, sizeof(sent));
	assert_int_equal(wire_recv_tci(t, got, &size), 0x2064);
	assert_int_equal(size, sizeof(sent) - 4);
	assert_memory_equal(got + 14, sent + 18, sizeof(sent) - 18);
	close(t);
	close(w1);
}

static void jumbo_frames_cross_chained_and_linear_ports(void **)
{
	struct port *p1 = io_add(1, DP_PORT_ETHDEV, "net_af_packet,iface=v1", 9000, 1, 0);
	struct port *p2 = io_add(2, DP_PORT_TAP, "tapj", 9000, 1, 0);
	assert_true(io_wait(is_up, p1, WAIT_MS) && io_wait(is_up, p2, WAIT_MS));
	io_connect(1, 2);
	io_connect(2, 1);
	run("echo 1 > /proc/sys/net/ipv6/conf/tapj/disable_ipv6");
	int w1 = wire_open("w1"), t = wire_open("tapj");
	static const size_t sizes[] = {
	    60, 1514, 1950, 2047, 2048, 2049, 2176, 4096, 4200, 8999, 9014};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_crosses(w1, t, (uint8_t)i, sizes[i]);
		assert_crosses(t, w1, (uint8_t)i, sizes[i]);
	}
	close(w1);
	close(t);
}

/* The kernel leaves the UDP checksum of what it sends through the tap to us. */
static void a_checksum_the_kernel_left_partial_is_complete_on_the_wire(void **)
{
	uint8_t got[FRAME_MAX];
	io_add(1, DP_PORT_ETHDEV, "net_af_packet,iface=v1", 1500, 1, 0);
	io_add(2, DP_PORT_TAP, "tapc", 1500, 1, 0);
	io_connect(2, 1);
	run("ip addr add 10.9.9.1/24 dev tapc && ip neigh add 10.9.9.2 lladdr 02:00:00:00:00:02 "
	    "dev tapc nud permanent");
	int w1 = wire_open("w1"), s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(7777),
	    .sin_addr.s_addr = inet_addr("10.9.9.2")};
	for (size_t size = 1; size < 1400; size = size * 3 + 1) {
		memset(got, 0x31, size);
		assert_int_equal(sendto(s, got, size, 0, (struct sockaddr *)&to, sizeof(to)), size);
		size_t n = wire_recv(w1, got, ETH_P_IP);
		assert_int_equal(n, 14 + 20 + 8 + size);
		uint64_t sum = csum_pseudo(got + 14, IPPROTO_UDP, (uint32_t)(8 + size));
		got[n] = 0; // odd sizes
		assert_int_not_equal(got[40] << 8 | got[41], 0);
		assert_int_equal(csum_fold(csum_add(sum, got + 34, 8 + size)), 0xffff);
	}
	close(s);
	close(w1);
}

static void frames_over_the_mtu_are_dropped_with_the_reason(void **)
{
	uint8_t frame[FRAME_MAX];
	struct port *p1 = io_add(1, DP_PORT_TAP, "tapm", 9000, 1, 0);
	io_add(2, DP_PORT_ETHDEV, "net_af_packet,iface=v2", 1500, 1, 0);
	assert_true(io_wait(is_up, p1, WAIT_MS));
	io_connect(1, 2);
	int t = wire_open("tapm"), w2 = wire_open("w2");
	uint64_t before = io_counters(1).drops[DP_DROP_TX_TOO_LONG];
	wire_send(t, frame, make_frame(frame, 0x88b5, 1, 1515));
	assert_crosses(t, w2, 2, 1514);
	assert_true(io_wait(is_quiet, NULL, WAIT_MS));
	assert_int_equal(io_counters(1).drops[DP_DROP_TX_TOO_LONG] - before, 1);
	close(t);
	close(w2);
}

static bool is_link_down(void *port)
{
	const struct port *p = port;
	return p->state == DP_PORT_LINK_DOWN && !p->link_up;
}

/* DPDK's drivers for kernel interfaces say that the link is up, whatever becomes of it. */
static void the_link_of_a_kernel_interface_is_its_carrier(void **)
{
	struct port *p1 = io_add(1, DP_PORT_ETHDEV, "net_af_packet,iface=v1", 1500, 1, 0);
	assert_true(io_wait(is_up, p1, WAIT_MS));
	run("ip link set w1 down");
	assert_true(io_wait(is_link_down, p1, WAIT_MS));
	run("ip link set w1 up");
	assert_true(io_wait(is_up, p1, WAIT_MS));
	run("ip link set v1 down");
	assert_true(io_wait(is_link_down, p1, WAIT_MS));
}

static bool has_recorded(void *want)
{
	return io_counters(2).tx_packets >= *(uint64_t *)want;
}

static void put_le32(FILE *f, uint32_t v)
{
	fwrite(&v, sizeof(v), 1, f);
}

static void capture_files_are_played_and_recorded(void **)
{
	char dir[] = "/tmp/sluice-io-pcap-XXXXXX", arg[256], command[256];
	uint8_t frame[200];
	assert_non_null(mkdtemp(dir));
	snprintf(arg, sizeof(arg), "%s/in.pcap", dir);
	FILE *f = fopen(arg, "we");
	static const uint32_t head[] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
	for (size_t i = 0; i < 6; i++)
		put_le32(f, head[i]);
	for (uint32_t i = 0; i < 100; i++) {
		put_le32(f, i), put_le32(f, 0), put_le32(f, 100 + i), put_le32(f, 100 + i);
		fwrite(frame, make_frame(frame, 0x88b5, (uint8_t)i, 100 + i), 1, f);
	}
	fclose(f);
	snprintf(arg, sizeof(arg), "tx=%s/out.pcap", dir);
	uint64_t want = io_counters(2).tx_packets + 100;
	io_connect(1, 2);
	assert_non_null(io_add(2, DP_PORT_PCAP, arg, 1500, 1, 0));
	snprintf(arg, sizeof(arg), "rx=%s/in.pcap", dir);
	assert_non_null(io_add(1, DP_PORT_PCAP, arg, 1500, 1, 0));
	assert_true(io_wait(has_recorded, &want, WAIT_MS));
	io_del(1);
	io_del(2);
	// 24 bytes of file header, 16 before each frame; time stamps differ.
	snprintf(command, sizeof(command),
	    "test $(stat -c %%s %s/in.pcap) = $(stat -c %%s %s/out.pcap)", dir, dir);
	run(command);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	run(command);
}

static void a_device_that_comes_later_is_opened_then(void **)
{
	struct port *p = io_add(1, DP_PORT_ETHDEV, "net_af_packet,iface=late", 1500, 1, 0);
	assert_non_null(p);
	assert_int_equal(p->state, DP_PORT_FAILED);
	assert_true(p->error[0] != '\0');
	run("ip link add late type veth peer name latew && ip link set late up && ip link set "
	    "latew up");
	io_add(2, DP_PORT_NULL, "", 1500, 1, 0);
	assert_true(io_wait(is_up, p, WAIT_MS));
	assert_string_equal(p->error, "");
	int w = wire_open("latew");
	uint8_t frame[60];
	uint64_t want = io_counters(2).tx_packets + 1;
	io_connect(1, 2);
	wire_send(w, frame, make_frame(frame, 0x88b5, 0, sizeof(frame)));
	assert_true(io_wait(has_recorded, &want, WAIT_MS));
	close(w);
	io_del(1);
	run("ip link del late");
}

/* A device of a path is net_vhost's: no kernel interface has a name with a slash. */
static void a_sockets_path_is_no_interface_that_must_exist(void **)
{
	char path[] = "/tmp/sluice-io-XXXXXX", args[128];
	assert_non_null(mkdtemp(path));
	snprintf(args, sizeof(args), "net_vhost,iface=%s/guest.sock", path);
	struct port *p = io_add(1, DP_PORT_ETHDEV, args, 1500, 1, 0);
	assert_non_null(p);
	assert_int_not_equal(p->state, DP_PORT_FAILED); // open, and no guest
	assert_string_equal(p->error, "");
	io_del(1);
	snprintf(args, sizeof(args), "%s/guest.sock", path);
	(void)unlink(args); // the driver may have removed it
	assert_int_equal(rmdir(path), 0);
}

static void wrong_configurations_are_refused(void **)
{
	assert_null(io_add(1, (enum dp_port_kind)99, "", 1500, 1, 0));
	assert_null(io_add(1, DP_PORT_NULL, "", 67, 1, 0));
	assert_null(io_add(1, DP_PORT_NULL, "", 9217, 1, 0));
	assert_null(io_add(1, DP_PORT_NULL, "", 1500, 0, 0));
	assert_null(io_add(1, DP_PORT_NULL, "", 1500, DP_MAX_QUEUES + 1, 0));
	assert_null(io_add(1, DP_PORT_TAP, "", 1500, 1, 0));
	assert_null(io_add(1, DP_PORT_TAP, "0123456789abcdef", 1500, 1, 0));
	assert_null(io_add(1, DP_PORT_ETHDEV, "", 1500, 1, 0));
	assert_null(io_add(1, DP_PORT_PCAP, "rx=/a,what=b", 1500, 1, 0));
	assert_null(io_add(1, DP_PORT_VHOST_USER, "", 1500, 1, 0));
}

static void a_tap_that_is_down_takes_nothing(void **)
{
	uint8_t frame[60];
	struct port *p1 = io_add(1, DP_PORT_TAP, "tapa", 1500, 1, 0);
	struct port *p2 = io_add(2, DP_PORT_TAP, "tapb", 1500, 2, 0);
	assert_true(io_wait(is_up, p1, WAIT_MS) && io_wait(is_up, p2, WAIT_MS));
	io_connect(1, 2);
	run("ip link set tapb down");
	assert_false(io_wait(is_up, p2, 0));
	int t = wire_open("tapa");
	uint64_t before = io_counters(1).drops[DP_DROP_PORT_DOWN];
	wire_send(t, frame, make_frame(frame, 0x88b5, 1, sizeof(frame)));
	bool dropped = false;
	for (unsigned int i = 0; i < 100 && !dropped; i++, usleep(10000))
		dropped = io_counters(1).drops[DP_DROP_PORT_DOWN] > before;
	assert_true(dropped);
	close(t);
}

static void ports_come_and_go_under_traffic(void **)
{
	uint8_t frame[60];
	io_add(1, DP_PORT_ETHDEV, "net_af_packet,iface=v1", 1500, 1, 0);
	io_connect(1, 2);
	int w1 = wire_open("w1");
	make_frame(frame, 0x88b5, 1, sizeof(frame));
	for (unsigned int i = 0; i < 20; i++) {
		assert_non_null(io_add(2, i % 2 ? DP_PORT_TAP : DP_PORT_NULL, "tapx", 1500, 1, 0));
		for (unsigned int k = 0; k < 50; k++)
			wire_send(w1, frame, sizeof(frame));
		io_del(2);
	}
	assert_true(io_wait(is_quiet, NULL, WAIT_MS));
	close(w1);
}

/* The meters of punts and ICMP errors divide by the clock's rate: with 0 they let everything pass. */
static void a_worker_knows_its_clock_and_its_limit(void **)
{
	for (unsigned int i = 0; i < io_dp.n_workers; i++) {
		struct worker *w = io_dp.workers[i];
		uint64_t meter = 0;
		unsigned int n_taken = 0;
		assert_int_not_equal(w->stats.max_sessions, 0);
		for (unsigned int k = 0; k < 100; k++)
			n_taken += meter_take(&meter, 1, w->stats.tsc_hz, 100, 32);
		assert_int_equal(n_taken, 32);
	}
}

int main(void)
{
	if (!io_start(2))
		return 77;
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    cmocka_unit_test(a_worker_knows_its_clock_and_its_limit),
	    TEST(frames_cross_between_af_packet_ports),
	    TEST(vlan_tags_survive_the_kernel_taking_them_off),
	    TEST(jumbo_frames_cross_chained_and_linear_ports),
	    TEST(a_checksum_the_kernel_left_partial_is_complete_on_the_wire),
	    TEST(frames_over_the_mtu_are_dropped_with_the_reason),
	    TEST(the_link_of_a_kernel_interface_is_its_carrier),
	    TEST(capture_files_are_played_and_recorded),
	    TEST(a_device_that_comes_later_is_opened_then),
	    TEST(a_sockets_path_is_no_interface_that_must_exist),
	    TEST(wrong_configurations_are_refused),
	    TEST(a_tap_that_is_down_takes_nothing),
	    TEST(ports_come_and_go_under_traffic),
#undef TEST
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	io_stop();
	return rc;
}
