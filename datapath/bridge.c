/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/bridge.h"

static const struct bridge_port *find_ofport(const struct bridge_ports *ports, uint32_t ofport);
static const struct bridge_groups *groups_at(const struct bridge *br, uint64_t version);

const struct bridge_ports *bridge_ports_at(const struct bridge *br, uint64_t version)
{
	const struct bridge_ports *ports = rcu_get(br->ports);
	if (UNLIKELY(ports != NULL && ports->version > version))
		return rcu_get(ports->before);
	return ports;
}

const struct bridge_port *bridge_port_of(
    const struct bridge *br, uint16_t port, uint32_t ofport, uint64_t version)
{
	const struct bridge_ports *ports = bridge_ports_at(br, version);
	const struct bridge_port *p = find_ofport(ports, ofport);
	if (LIKELY(p != NULL && p->port == port))
		return p;
	for (uint32_t i = 0; ports != NULL && i < ports->n; i++) {
		if (ports->p[i].port == port)
			return &ports->p[i];
	}
	return NULL;
}

uint16_t bridge_find_port(const struct bridge *br, uint32_t ofport, uint64_t version)
{
	const struct bridge_port *p = find_ofport(bridge_ports_at(br, version), ofport);
	return p != NULL ? p->port : 0;
}

const struct group *bridge_find_group(const struct bridge *br, uint32_t group_id, uint64_t version)
{
	const struct bridge_groups *groups = groups_at(br, version);
	uint32_t low = 0, high = groups != NULL ? groups->n : 0;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (groups->g[middle]->group_id == group_id)
			return groups->g[middle];
		if (groups->g[middle]->group_id < group_id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static const struct bridge_port *find_ofport(const struct bridge_ports *ports, uint32_t ofport)
{
	uint32_t low = 0, high = ports != NULL ? ports->n : 0;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (ports->p[middle].ofport == ofport)
			return &ports->p[middle];
		if (ports->p[middle].ofport < ofport)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static const struct bridge_groups *groups_at(const struct bridge *br, uint64_t version)
{
	const struct bridge_groups *groups = rcu_get(br->groups);
	if (UNLIKELY(groups != NULL && groups->version > version))
		return rcu_get(groups->before);
	return groups;
}
