/* SPDX-License-Identifier: Apache-2.0 */
#include "control/datapath_id.h"

#include <stdlib.h>

#include "datapath/base/net_types.h"

uint64_t datapath_id(const struct store *s, const struct api_object *bridge)
{
	const char *said = json_string_value(json_object_get(bridge->data, "datapath_id"));
	const struct api_object *local = store_find(s, API_TABLE_PORT, bridge->name);
	const char *mac =
	    local != NULL ? json_string_value(json_object_get(local->data, "mac")) : NULL;
	struct mac_addr addr = {0};

	if (said != NULL)
		return strtoull(said, NULL, 16);
	if (mac != NULL && mac_parse(mac, &addr) == 0)
		return mac_to_u64(&addr);
	return (uint64_t)json_integer_value(json_object_get(bridge->data, "_id"));
}
