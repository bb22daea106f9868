/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/bridge.h"

static const struct bridge_groups *groups_at(const struct bridge *br, uint64_t version);

const struct bridge_ports *bridge_ports_at(const struct bridge *br, uint64_t version)
{
	const struct bridge_ports *ports = rcu_get(br->ports);
	if (UNLIKELY(ports != NULL && ports->version > version))
		return rcu_get(ports->before);
	return ports;
}

uint16_t bridge_find_port(const struct bridge *br, uint32_t ofport, uint64_t version)
{
	const struct bridge_ports *ports = bridge_ports_at(br, version);
	uint32_t low = 0, high = ports != NULL ? ports->n : 0;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (ports->p[middle].ofport == ofport)
			return ports->p[middle].port;
		if (ports->p[middle].ofport < ofport)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
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

static const struct bridge_groups *groups_at(const struct bridge *br, uint64_t version)
{
	const struct bridge_groups *groups = rcu_get(br->groups);
	if (UNLIKELY(groups != NULL && groups->version > version))
		return rcu_get(groups->before);
	return groups;
}
