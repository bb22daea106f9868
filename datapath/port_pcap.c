/* SPDX-License-Identifier: Apache-2.0 */
/* A port that plays and records capture files: DPDK's net_pcap. For tests and benchmarks. */
#include <stdio.h>
#include <string.h>

#include "datapath/port_kinds.h"

/* "rx=FILE,tx=FILE,loop": any part may be missing; loop plays the file again and again. */
static int pcap_open(struct port *p, struct err *err)
{
	char devargs[ETH_DEVARGS_SIZE], arg[sizeof(p->conf.arg)];
	size_t n = (size_t)snprintf(devargs, sizeof(devargs), "net_pcap%u", p->id);
	snprintf(arg, sizeof(arg), "%s", p->conf.arg);
	char *save = NULL;
	for (char *part = strtok_r(arg, ",", &save); part != NULL;
	     part = strtok_r(NULL, ",", &save)) {
		if (strncmp(part, "rx=", 3) == 0)
			n += (size_t)snprintf(
			    devargs + n, sizeof(devargs) - n, ",rx_pcap=%s", part + 3);
		else if (strncmp(part, "tx=", 3) == 0)
			n += (size_t)snprintf(
			    devargs + n, sizeof(devargs) - n, ",tx_pcap=%s", part + 3);
		else if (strcmp(part, "loop") == 0)
			n += (size_t)snprintf(devargs + n, sizeof(devargs) - n, ",infinite_rx=1");
		else
			return err_set(
			    err, ERR_PARAMS, "pcap takes rx=FILE, tx=FILE and loop, not %s", part);
	}
	return eth_open(p, devargs, err);
}

const struct port_ops port_pcap_ops = {
    .kind = "pcap",
    .open = pcap_open,
    .close = eth_close,
    .rx_burst = eth_rx,
    .tx_burst = eth_tx,
    .full_reason = DP_DROP_TX_FULL,
    .get_state = eth_get_state,
};
