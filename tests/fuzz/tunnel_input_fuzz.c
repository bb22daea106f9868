/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/parse.h"
#include "datapath/tunnel.h"
#include "tests/fuzz/packet_fuzz.h"

enum { TUNNEL_PORT = 5, UPLINK_PORT = 3 };

static struct tunnel_cfg *make_cfg(void);

/* An underlay packet to 192.0.2.1 or 2001:db8::1, then its inner packet. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tunnel_cfg *cfg;
	struct session_key key;
	struct bare b;

	if (size > BARE_MAX)
		return 0;
	if (cfg == NULL)
		cfg = make_cfg();
	bare_init(&b, data, size);
	pkt_of(&b.m)->in_port = UPLINK_PORT;
	if (tunnel_input(cfg, &b.m) == DP_DROP__COUNT) {
		FUZZ_ASSERT(pkt_of(&b.m)->in_port == TUNNEL_PORT);
		FUZZ_ASSERT(b.m.pkt_len + 50 <= size);
		(void)!parse_packet(&b.m, &key);
	} else {
		FUZZ_ASSERT(pkt_of(&b.m)->in_port == UPLINK_PORT);
		FUZZ_ASSERT(b.m.pkt_len == size && memcmp(b.bytes, data, size) == 0);
	}
	bare_fini(&b);
	return 0;
}

/* Takes every peer and VNI, inner VLAN tags and zero checksums, so that mutations get far. */
static struct tunnel_cfg *make_cfg(void)
{
	static const struct dp_local_conf v4 = {.addr.a.b = {[10] = 0xff, 0xff, 192, 0, 2, 1}};
	static const struct dp_local_conf v6 = {.addr.a.b = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
	static const struct dp_local_conf *locals[] = {&v4, &v6};
	static const struct dp_port_conf port = {
	    .flags = DP_PORT_F_REMOTE_FLOW | DP_PORT_F_VNI_FLOW | DP_PORT_F_INNER_VLAN |
		     DP_PORT_F_ZERO_CSUM6};
	struct tunnel_cfg_input in = {.locals = locals, .n_locals = 2, .n_ports = 1};
	in.ports[0].id = TUNNEL_PORT;
	in.ports[0].conf = &port;
	struct tunnel_cfg *cfg = tunnel_cfg_create(&in);
	FUZZ_ASSERT(cfg != NULL);
	return cfg;
}
