/* SPDX-License-Identifier: Apache-2.0 */
/* Ports without a device: null swallows packets; patch and vxlan never see one (the pipeline goes through them). */
#include "datapath/port_kinds.h"

static int null_open(struct port *p, struct err *err)
{
	(void)err;
	p->n_txq = p->conf.n_queues;
	return 0;
}

static uint16_t null_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	(void)p, (void)queue;
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

const struct port_ops port_null_ops = {
    .kind = "null",
    .open = null_open,
    .tx_burst = null_tx,
    .full_reason = DP_DROP_TX_FULL,
    .completes_csum = true, // nobody looks
};

const struct port_ops port_patch_ops = {.kind = "patch", .full_reason = DP_DROP_BAD_OUTPUT_PORT};
const struct port_ops port_vxlan_ops = {.kind = "vxlan", .full_reason = DP_DROP_BAD_OUTPUT_PORT};
