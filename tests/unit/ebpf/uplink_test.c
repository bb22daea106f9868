/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink.bpf.c: a row is a packet, the program's verdict, and what the data plane says of the same bytes.
 * They may differ where a row says so: checksums are the data plane's, later fragments are the kernel's.
 */
#include "tests/unit/test.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <uplink.skel.h>

#include "datapath/parse.h"
#include "datapath/tunnel.h"
#include "ebpf/ebpf_shared.h"
#include "tests/unit/datapath/packet_fixture.h"
#include "tests/unit/ebpf/underlay_packet.h"

enum { TUNNEL = 5, VNI = UNDERLAY_VNI, OTHER_VNI = 200, MAX_VERIFIED = 16384 };

static struct uplink_bpf *bpf;
static struct tunnel_cfg *tunnels;
static int xsk = -1; // of the switch, while there is one
static char verifier_log[1 << 16];
static const enum xdp_action verdicts[] = {
#define COUNTER(id, name, kind, meaning) [XDP_##id] = verdict_##kind,
#define verdict_pass                     XDP_PASS
#define verdict_redirect                 XDP_REDIRECT
#define verdict_drop                     XDP_DROP
#include "ebpf/uplink_counter.def"
#undef COUNTER
};
static const char *const counter_names[] = {
#define COUNTER(id, name, kind, meaning) name,
#include "ebpf/uplink_counter.def"
#undef COUNTER
};

#define P4(from, ...)                                    \
	{                                                \
		.version = 4, .src = (from), __VA_ARGS__ \
	}
#define P6(from, ...)                                    \
	{                                                \
		.version = 6, .src = (from), __VA_ARGS__ \
	}
#define A4 "192.0.2.1"
#define B4 "192.0.2.3"
#define A6 "2001:db8::1"

#define OURS     DP_DROP__COUNT
#define NOT_OURS DP_DROP_UPLINK_NOT_OURS

static const struct {
	const char *name;
	struct underlay_packet packet;
	enum xdp_counter xdp;
	enum dp_drop dp;
} rows[] = {
    {"a peer's", P4(A4), XDP_REDIRECTED, OURS},
    {"a peer's, tagged", P4(A4, .n_tags = 1), XDP_REDIRECTED, OURS},
    {"a peer's, with options", P4(A4, .n_options = 10), XDP_REDIRECTED, OURS},
    {"the other peer's", P4(B4, .vni = OTHER_VNI), XDP_REDIRECTED, OURS},
    {"a peer's over IPv6", P6(A6), XDP_REDIRECTED, OURS},
    {"a peer's over IPv6, tagged", P6(A6, .n_tags = 1), XDP_REDIRECTED, OURS},

    {"two tags", P4(A4, .n_tags = 2), XDP_PASSED, NOT_OURS},
    {"a service tag", P4(A4, .n_tags = 1, .tpid = 0x88a8), XDP_PASSED, NOT_OURS},
    {"ARP", P4(A4, .ether_type = 0x0806), XDP_PASSED, NOT_OURS},
    {"another address", P4(A4, .dst = "192.0.2.9"), XDP_PASSED, NOT_OURS},
    {"another port", P4(A4, .udp_port = 53), XDP_PASSED, NOT_OURS},
    {"TCP", P4(A4, .protocol = 6), XDP_PASSED, NOT_OURS},
    {"TCP over IPv6", P6(A6, .protocol = 6), XDP_PASSED, NOT_OURS},
    {"another address over IPv6", P6(A6, .dst = "2001:db8::9"), XDP_PASSED, NOT_OURS},
    {"another port over IPv6", P6(A6, .udp_port = 53), XDP_PASSED, NOT_OURS},
    {"to an address of IPv4 form", P6(A6, .dst = "::ffff:192.0.2.2"), XDP_PASSED,
	DP_DROP_UPLINK_BAD},
    {"a header of version 5", P4(A4, .ip_version = 5), XDP_PASSED, DP_DROP_UPLINK_BAD},
    {"an IPv6 header of version 5", P6(A6, .ip_version = 5), XDP_PASSED, DP_DROP_UPLINK_BAD},
    {"cut in Ethernet's header", P4(A4, .cut = 14), XDP_PASSED, NOT_OURS},
    {"cut in the tag", P4(A4, .n_tags = 1, .cut = 16), XDP_PASSED, NOT_OURS},
    {"cut in IPv4's header", P4(A4, .cut = 30), XDP_PASSED, DP_DROP_UPLINK_BAD},
    {"cut in IPv6's header", P6(A6, .cut = 50), XDP_PASSED, DP_DROP_UPLINK_BAD},
    {"cut in UDP's header", P4(A4, .cut = 40), XDP_PASSED, DP_DROP_UPLINK_BAD},
    {"cut in an extension", P6(A6, .extensions = {60}, .cut = 58), XDP_PASSED, DP_DROP_UPLINK_BAD},

    {"first fragment", P4(A4, .fragment = 0x2000), XDP_FRAGMENT, DP_DROP_UPLINK_FRAGMENT},
    {"first fragment for another port", P4(A4, .fragment = 0x2000, .udp_port = 53), XDP_PASSED,
	DP_DROP_UPLINK_FRAGMENT},
    {"later fragment", P4(A4, .fragment = 0x2001), XDP_PASSED, DP_DROP_UPLINK_FRAGMENT},
    {"first fragment, IPv6", P6(A6, .extensions = {44}, .fragment = 1), XDP_FRAGMENT,
	DP_DROP_UPLINK_FRAGMENT},
    {"atomic fragment", P6(A6, .extensions = {44}), XDP_FRAGMENT, DP_DROP_UPLINK_FRAGMENT},
    {"later fragment, IPv6", P6(A6, .extensions = {44}, .fragment = 8), XDP_PASSED,
	DP_DROP_UPLINK_FRAGMENT},
    {"fragment behind options", P6(A6, .extensions = {60, 44}, .fragment = 1), XDP_FRAGMENT,
	NOT_OURS},

    {"total length beyond the frame", P4(A4, .ip_size_add = 1), XDP_BAD, DP_DROP_UPLINK_BAD},
    {"total length within the header", P4(A4, .ip_size_add = -80), XDP_BAD, DP_DROP_UPLINK_BAD},
    {"total length within UDP's header", P4(A4, .ip_size_add = -70), XDP_BAD, DP_DROP_UPLINK_BAD},
    {"UDP length beyond the packet", P4(A4, .udp_size_add = 1), XDP_BAD, DP_DROP_UPLINK_BAD},
    {"UDP length within its header", P4(A4, .udp_size_add = -70), XDP_BAD, DP_DROP_UPLINK_BAD},
    {"payload length beyond the frame", P6(A6, .ip_size_add = 1), XDP_BAD, DP_DROP_UPLINK_BAD},
    {"from nobody", P4("0.0.0.0"), XDP_BAD, DP_DROP_UPLINK_BAD},
    {"from a multicast address", P4("224.0.0.1"), XDP_BAD, DP_DROP_UPLINK_BAD},
    {"from everybody", P4("255.255.255.255"), XDP_BAD, DP_DROP_UPLINK_BAD},
    {"from nobody over IPv6", P6("::"), XDP_BAD, DP_DROP_UPLINK_BAD},
    {"from a multicast address over IPv6", P6("ff02::1"), XDP_BAD, DP_DROP_UPLINK_BAD},
    {"from an address of IPv4 form", P6("::ffff:192.0.2.1"), XDP_BAD, DP_DROP_UPLINK_BAD},
    {"options over IPv6", P6(A6, .extensions = {60}), XDP_BAD, NOT_OURS},
    {"four extensions", P6(A6, .extensions = {60, 60, 60, 60}), XDP_BAD, NOT_OURS},
    {"five extensions", P6(A6, .extensions = {60, 60, 60, 60, 60}), XDP_PASSED, NOT_OURS},

    {"without the VNI's flag", P4(A4, .no_vni_flag = 1), XDP_BAD_FLAGS, DP_DROP_VXLAN_BAD_FLAGS},
    {"without a whole VXLAN header", P4(A4, .udp_size_add = -61), XDP_BAD_FLAGS,
	DP_DROP_VXLAN_BAD_FLAGS},
    {"a VNI that nobody has", P4(A4, .vni = 300), XDP_UNKNOWN_VNI, DP_DROP_VXLAN_UNKNOWN_VNI},
    {"a peer's, another network", P4(A4, .vni = OTHER_VNI), XDP_UNKNOWN_PEER,
	DP_DROP_VXLAN_UNKNOWN_PEER},
    {"a stranger's", P4("192.0.2.7"), XDP_UNKNOWN_PEER, DP_DROP_VXLAN_UNKNOWN_PEER},
    {"a stranger's over IPv6", P6("2001:db8::7"), XDP_UNKNOWN_PEER, DP_DROP_VXLAN_UNKNOWN_PEER},
};

static struct ip_addr ip(const char *s)
{
	struct ip_addr a;
	assert_int_equal(ip_parse(s, &a), 0);
	return a;
}

static void allow(const char *addr, uint32_t vni, uint8_t value)
{
	struct xdp_allowed_key key = {.vni = vni};
	struct ip_addr peer = ip(addr != NULL ? addr : "::");
	if (addr != NULL)
		memcpy(key.addr, &peer, sizeof(key.addr));
	int fd = bpf_map__fd(bpf->maps.allowed);
	assert_int_equal(bpf_map_update_elem(fd, &key, &value, BPF_ANY), 0);
}

static void add_vtep(const char *addr, uint32_t flags)
{
	struct xdp_vtep_key key = {.udp_port = __builtin_bswap16(UNDERLAY_UDP_PORT)};
	struct ip_addr a = ip(addr);
	memcpy(key.addr, &a, sizeof(key.addr));
	int fd = bpf_map__fd(bpf->maps.vteps);
	struct xdp_vtep value = {.flags = flags};
	assert_int_equal(bpf_map_update_elem(fd, &key, &value, BPF_ANY), 0);
}

static void set(struct xdp_settings s)
{
	int fd = bpf_map__fd(bpf->maps.settings);
	assert_int_equal(bpf_map_update_elem(fd, &(uint32_t){0}, &s, BPF_ANY), 0);
}

/* A socket of a switch. It need not be bound: the test's packets go nowhere. The map forgets it when it is closed. */
static void listen_on_queue(void)
{
	xsk = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(xsk >= 0);
	int fd = bpf_map__fd(bpf->maps.xsks);
	assert_int_equal(bpf_map_update_elem(fd, &(uint32_t){0}, &xsk, BPF_ANY), 0);
}

/* What the two accept is one list: VNI from A, OTHER_VNI from B. */
static void build_tunnels(void)
{
	static struct {
		struct dp_peer_conf conf;
		uint32_t vnis[2];
	} peers[3];
	const char *const from[] = {A4, A6, B4};
	const struct dp_peer_conf *confs[3];
	struct dp_local_conf l4 = {.addr = ip(UNDERLAY_US4)}, l6 = {.addr = ip(UNDERLAY_US6)};
	const struct dp_local_conf *locals[] = {&l4, &l6};
	struct dp_port_conf port = {.flags = DP_PORT_F_REMOTE_FLOW | DP_PORT_F_VNI_FLOW |
					     DP_PORT_F_PEERS_ONLY | DP_PORT_F_ZERO_CSUM6};
	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		peers[i].conf = (struct dp_peer_conf){ip(from[i]), TUNNEL, 1};
		peers[i].vnis[0] = i < 2 ? VNI : OTHER_VNI;
		confs[i] = &peers[i].conf;
	}
	struct tunnel_cfg_input in = {
	    .locals = locals, .n_locals = 2, .peers = confs, .n_peers = 3, .n_ports = 1};
	in.ports[0].id = TUNNEL;
	in.ports[0].conf = &port;
	tunnels = tunnel_cfg_create(&in);
	assert_non_null(tunnels);
}

static int setup(void **)
{
	bpf = uplink_bpf__open();
	assert_non_null(bpf);
	bpf_program__set_log_level(bpf->progs.uplink, 4);
	bpf_program__set_log_buf(bpf->progs.uplink, verifier_log, sizeof(verifier_log));
	assert_int_equal(uplink_bpf__load(bpf), 0);
	add_vtep(UNDERLAY_US4, 0);
	add_vtep(UNDERLAY_US6, 0);
	allow(A4, VNI, XDP_ALLOWED);
	allow(A6, VNI, XDP_ALLOWED);
	allow(B4, OTHER_VNI, XDP_ALLOWED);
	allow(NULL, VNI, XDP_KNOWN_VNI);
	allow(NULL, OTHER_VNI, XDP_KNOWN_VNI);
	build_tunnels();
	return fixture_reset(NULL);
}

static int teardown(void **)
{
	if (xsk >= 0)
		close(xsk);
	xsk = -1;
	uplink_bpf__destroy(bpf);
	tunnel_cfg_destroy(tunnels);
	return 0;
}

static uint64_t counter(uint32_t id)
{
	uint64_t of_cpu[256] = {0}, sum = 0;
	assert_in_range(libbpf_num_possible_cpus(), 1, ARRAY_SIZE(of_cpu));
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bpf->maps.counters), &id, of_cpu), 0);
	for (size_t i = 0; i < ARRAY_SIZE(of_cpu); i++)
		sum += of_cpu[i];
	return sum;
}

/* One packet through the program: one counter counts it, which must agree with the verdict. */
static enum xdp_counter run(const struct underlay_packet *p)
{
	uint8_t in[UNDERLAY_PACKET_MAX] = {0}, out[UNDERLAY_PACKET_MAX];
	uint64_t before[XDP_COUNTER__COUNT];
	enum xdp_counter ret = XDP_COUNTER__COUNT;
	size_t size = underlay_packet_build(p, in);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = (uint32_t)size,
	    .data_out = out, .data_size_out = sizeof(out));

	for (uint32_t i = 0; i < XDP_COUNTER__COUNT; i++)
		before[i] = counter(i);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.uplink), &opts), 0);
	assert_int_equal(opts.data_size_out, size);
	assert_memory_equal(in, out, size);
	for (uint32_t i = 0; i < XDP_COUNTER__COUNT; i++) {
		uint64_t n = counter(i) - before[i];
		if (n == 0)
			continue;
		assert_int_equal(n, 1);
		assert_int_equal(ret, XDP_COUNTER__COUNT);
		ret = (enum xdp_counter)i;
	}
	assert_int_not_equal(ret, XDP_COUNTER__COUNT);
	assert_int_equal(opts.retval, verdicts[ret]);
	return ret;
}

static enum dp_drop run_data_plane(const struct underlay_packet *p)
{
	uint8_t bytes[UNDERLAY_PACKET_MAX] = {0};
	struct rte_mbuf *m = fixture_packet(bytes, underlay_packet_build(p, bytes));
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), bytes, m->data_len);
	pkt_reset(m);
	enum dp_drop ret = tunnel_input(tunnels, m);
	rte_pktmbuf_free(m);
	return ret;
}

static void every_row_has_its_verdict(void **)
{
	unsigned int n_wrong = 0;

	listen_on_queue();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum xdp_counter xdp = run(&rows[i].packet);
		enum dp_drop dp = run_data_plane(&rows[i].packet);
		if (xdp != rows[i].xdp)
			n_wrong++, print_error("%s: %s, not %s\n", rows[i].name, counter_names[xdp],
				       counter_names[rows[i].xdp]);
		if (dp != rows[i].dp)
			n_wrong++, print_error("%s: the data plane says %d, not %d\n", rows[i].name,
				       (int)dp, (int)rows[i].dp);
	}
	assert_int_equal(n_wrong, 0);
}

static void without_a_switch_it_is_dropped(void **)
{
	listen_on_queue();
	assert_int_equal(run(&(struct underlay_packet)P4(A4)), XDP_REDIRECTED);
	close(xsk); // as when the switch is killed
	xsk = -1;
	assert_int_equal(run(&(struct underlay_packet)P4(A4)), XDP_NO_SWITCH);
	assert_int_equal(run(&(struct underlay_packet)P4(A4, .udp_port = 22)), XDP_PASSED);
}

static void without_vteps_all_is_the_kernels(void **)
{
	struct xdp_vtep_key key;
	int fd = bpf_map__fd(bpf->maps.vteps);

	while (bpf_map_get_next_key(fd, NULL, &key) == 0)
		assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
	assert_int_equal(run(&(struct underlay_packet)P4(A4)), XDP_PASSED);
	assert_int_equal(run(&(struct underlay_packet)P6(A6)), XDP_PASSED);
}

static void anybody_may_send_where_that_is_said(void **)
{
	listen_on_queue();
	allow(NULL, VNI, XDP_ALLOWED);
	assert_int_equal(run(&(struct underlay_packet)P4("192.0.2.7")), XDP_REDIRECTED);
	assert_int_equal(
	    run(&(struct underlay_packet)P4("192.0.2.7", .vni = OTHER_VNI)), XDP_UNKNOWN_PEER);
	add_vtep(UNDERLAY_US4, XDP_VTEP_F_ANY_PEER);
	assert_int_equal(run(&(struct underlay_packet)P4("192.0.2.7", .vni = 300)), XDP_REDIRECTED);
	assert_int_equal(run(&(struct underlay_packet)P6(A6, .vni = 300)), XDP_UNKNOWN_VNI);
}

static void a_source_has_its_share(void **)
{
	listen_on_queue();
	// At one packet a second the time that the test takes adds none.
	set((struct xdp_settings){.source_pps = 1, .source_burst = 3});
	for (int i = 0; i < 3; i++)
		assert_int_equal(run(&(struct underlay_packet)P4(A4)), XDP_REDIRECTED);
	assert_int_equal(run(&(struct underlay_packet)P4(A4)), XDP_SOURCE_RATE);
	assert_int_equal(run(&(struct underlay_packet)P4(B4, .vni = OTHER_VNI)), XDP_REDIRECTED);
	assert_int_equal(run(&(struct underlay_packet)P4(A4, .udp_port = 22)), XDP_PASSED);
	set((struct xdp_settings){.source_pps = 1000000000, .source_burst = 1000});
	usleep(10); // refills at 1000 a microsecond
	for (int i = 0; i < 3; i++)
		assert_int_equal(run(&(struct underlay_packet)P4(A4)), XDP_REDIRECTED);
}

static int keep_sample(void *ctx, void *data, size_t size)
{
	assert_int_equal(size, sizeof(struct xdp_sample));
	memcpy(ctx, data, size);
	return 0;
}

static void drops_are_sampled(void **)
{
	const struct underlay_packet p = P4("192.0.2.7");
	uint8_t bytes[UNDERLAY_PACKET_MAX] = {0};
	struct xdp_sample got = {0};
	struct ring_buffer *ring =
	    ring_buffer__new(bpf_map__fd(bpf->maps.samples), keep_sample, &got, NULL);

	assert_non_null(ring);
	run(&p);
	assert_int_equal(ring_buffer__consume(ring), 0); // samples are off
	set((struct xdp_settings){.sample_interval_ns = 3600000000000});
	run(&(struct underlay_packet)P4(A4, .udp_port = 22));
	assert_int_equal(ring_buffer__consume(ring), 0); // it was not dropped
	set((struct xdp_settings){.sample_interval_ns = 1});
	run(&p);
	set((struct xdp_settings){.sample_interval_ns = 3600000000000});
	run(&p);
	assert_int_equal(ring_buffer__consume(ring), 1); // one in an interval
	size_t size = underlay_packet_build(&p, bytes);
	assert_int_equal(got.counter, XDP_UNKNOWN_PEER);
	assert_int_equal(got.size, size);
	assert_int_equal(got.data_size, MIN_OF(size, (size_t)XDP_SAMPLE_DATA_SIZE));
	assert_memory_equal(got.data, bytes, got.data_size);
	ring_buffer__free(ring);
}

/* The kernel's limit is a million; growth shows here first. */
static void the_verifier_has_little_to_do(void **)
{
	const char *at = strstr(verifier_log, "processed ");
	unsigned int n = 0;

	assert_non_null(at);
	assert_int_equal(sscanf(at, "processed %u insns", &n), 1);
	print_message("the verifier processed %u instructions\n", n);
	assert_in_range(n, 1, MAX_VERIFIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(every_row_has_its_verdict, setup, teardown),
	    cmocka_unit_test_setup_teardown(without_a_switch_it_is_dropped, setup, teardown),
	    cmocka_unit_test_setup_teardown(without_vteps_all_is_the_kernels, setup, teardown),
	    cmocka_unit_test_setup_teardown(anybody_may_send_where_that_is_said, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_source_has_its_share, setup, teardown),
	    cmocka_unit_test_setup_teardown(drops_are_sampled, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_verifier_has_little_to_do, setup, teardown),
	};
	cpu_set_t one;

	if (geteuid() != 0 || libbpf_probe_bpf_map_type(BPF_MAP_TYPE_XSKMAP, NULL) != 1) {
		printf("skipped: needs root, and a kernel with XDP\n");
		return 77;
	}
	CPU_ZERO(&one); // counters and buckets are per CPU
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		return 1;
	return cmocka_run_group_tests(tests, fixture_init, NULL);
}
