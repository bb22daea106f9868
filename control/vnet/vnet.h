/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Virtual networks as rules on one bridge, "sluice-net". Metadata holds the VNI from the first table on, so tenants share
 * tables and cannot meet: every rule that forwards or answers matches it.
 *
 *   0 INGRESS    in_port → VNI. Ports with security go on to 1, others to 4. From the tunnel: tun_id → VNI, on to 6.
 *   1 MAC        source MAC is the port's
 *   2 ADDRESS    source IP, ARP sender are the port's; DHCP clients pass, servers and routers do not
 *   3 ND         neighbour discovery: target and link-layer options are the port's
 *   4 RESPONDER  ARP and ND requests for known addresses are answered here
 *   5 REMOTE     from local ports: MACs on other hosts → tunnel; broadcast and multicast → group FLOOD
 *   6 LOCAL      MACs on this host → port. From the tunnel, broadcast and multicast → group LOCAL (never back to the
 *                tunnel: split horizon). What is left is unknown.
 *
 * A port contributes only its own rules, a network its groups and policies; so a change touches the rules of one port and
 * the groups of one network.
 *
 * Threads: sluiced's loop. Memory: see model_priv.h.
 */
#include "control/rule_draft.h"

enum net_table { NET_INGRESS, NET_MAC, NET_ADDRESS, NET_ND, NET_RESPONDER, NET_REMOTE, NET_LOCAL };

enum {
	GROUP_FLOOD = 0,       // + VNI: LOCAL and all peers of the network
	GROUP_LOCAL = 1 << 24, // + VNI: ports of the network on this host
	NET_MAX_LOCAL_PORTS = DP_MAX_BUCKETS,
	NET_MAX_PEERS = DP_MAX_BUCKETS - 1,
};

/* Rules of one port of a network, local or remote. */
void net_port_compile(const struct model *m, const struct entity *port, struct unit *u);

/* Visits the network's ports (remote ones too) and its peers, in order of name; peers once each. */
void net_ports_foreach(const struct model *m, const char *network,
    void (*cb)(const struct entity *port, void *arg), void *arg);
void net_peers_foreach(const struct model *m, const char *network,
    void (*cb)(const struct entity *peer, void *arg), void *arg);
