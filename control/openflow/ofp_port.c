/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_port.h"

#include <openflow/openflow-1.0.h>
#include <openflow/openflow-1.1.h>
#include <openflow/openflow-1.4.h>
#include <string.h>

#include "control/openflow/ofp_wire.h"

enum { N_UNKNOWN_10 = 6 }; // counters of errors, frames, collisions

static void put_name(struct buf_writer *w, const struct ofp_port *port, size_t room);
static void put_features(struct buf_writer *w, const struct ofp_port *port);
static void put_unknown(struct buf_writer *w, unsigned int n);
static void put_traffic(struct buf_writer *w, const struct ofp_port_stats *s);
static void encode14_stats(const struct ofp_port_stats *s, struct buf_writer *w);

void ofp_port_encode(enum ofp_version version, const struct ofp_port *port, struct buf_writer *w)
{
	if (version == OFP10_VERSION) {
		wire_put_be16(w, ofp_port_to_u16(port->port_no));
	} else {
		wire_put_be32(w, port->port_no);
		wire_put_be16(w,
		    version >= OFP14_VERSION
			? sizeof(struct ofp14_port) + sizeof(struct ofp14_port_desc_prop_ethernet)
			: 0);
		wire_put_be16(w, 0);
	}
	buf_put(w, &port->hw_addr, sizeof(port->hw_addr));
	if (version > OFP10_VERSION)
		buf_put_zeros(w, 2);
	put_name(w, port, OFP_MAX_PORT_NAME_LEN);
	wire_put_be32(w, port->config);
	// 1.0 has spanning tree's states where later versions say "live".
	wire_put_be32(w, version == OFP10_VERSION ? port->state & OFPPS_LINK_DOWN : port->state);
	if (version >= OFP14_VERSION) {
		wire_put_be16(w, OFPPDPT14_ETHERNET);
		wire_put_be16(w, sizeof(struct ofp14_port_desc_prop_ethernet));
		wire_put_be32(w, 0);
	}
	put_features(w, port);
	if (version == OFP10_VERSION)
		return;
	wire_put_be32(w, port->curr_kbps);
	wire_put_be32(w, port->max_kbps);
}

void ofp_port_stats_encode(
    enum ofp_version version, const struct ofp_port_stats *s, struct buf_writer *w)
{
	if (version >= OFP14_VERSION) {
		encode14_stats(s, w);
		return;
	}
	if (version == OFP10_VERSION)
		wire_put_be16(w, ofp_port_to_u16(s->port_no));
	else
		wire_put_be32(w, s->port_no);
	buf_put_zeros(w, version == OFP10_VERSION ? 6 : 4);
	put_traffic(w, s);
	put_unknown(w, N_UNKNOWN_10);
	if (version < OFP13_VERSION)
		return;
	wire_put_be32(w, s->duration_s);
	wire_put_be32(w, s->duration_ns);
}

enum ofp_err ofp_port_request_decode(enum ofp_version version, struct buf *b, uint32_t *ret_port)
{
	if (version == OFP10_VERSION)
		*ret_port = ofp_port_from_u16(buf_be16(b));
	else
		*ret_port = buf_be32(b);
	return b->bad ? OFPERR_OFPBRC_BAD_LEN : OFP_OK;
}

static void encode14_stats(const struct ofp_port_stats *s, struct buf_writer *w)
{
	wire_put_be16(w, sizeof(struct ofp14_port_stats));
	wire_put_be16(w, 0);
	wire_put_be32(w, s->port_no);
	wire_put_be32(w, s->duration_s);
	wire_put_be32(w, s->duration_ns);
	put_traffic(w, s);
	put_unknown(w, 2);
}

static void put_traffic(struct buf_writer *w, const struct ofp_port_stats *s)
{
	wire_put_be64(w, s->rx_packets);
	wire_put_be64(w, s->tx_packets);
	wire_put_be64(w, s->rx_bytes);
	wire_put_be64(w, s->tx_bytes);
	wire_put_be64(w, s->rx_dropped);
	wire_put_be64(w, s->tx_dropped);
}

static void put_unknown(struct buf_writer *w, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		wire_put_be64(w, UINT64_MAX);
}

/* With a NUL always. */
static void put_name(struct buf_writer *w, const struct ofp_port *port, size_t room)
{
	size_t len = strnlen(port->name, room - 1);

	buf_put(w, port->name, len);
	buf_put_zeros(w, room - len);
}

static void put_features(struct buf_writer *w, const struct ofp_port *port)
{
	wire_put_be32(w, port->curr);
	wire_put_be32(w, port->advertised);
	wire_put_be32(w, port->supported);
	wire_put_be32(w, port->peer);
}
