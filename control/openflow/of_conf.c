/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/of_conf.h"

#include <stdio.h>
#include <string.h>

#include "datapath/base/json_util.h"
#include "ovsdb-lite/address.h"

static int read_controller(json_t *json, struct of_controller_conf *ret, struct err *err);
static uint32_t read_versions(json_t *list);

int of_bridge_conf_read(json_t *bridge, struct of_bridge_conf *ret, struct err *err)
{
	const char *fail_mode = json_string_value(json_object_get(bridge, "fail_mode"));
	json_t *controllers = json_object_get(bridge, "controllers");

	*ret = (struct of_bridge_conf){
	    .is_standalone = fail_mode != NULL && strcmp(fail_mode, "standalone") == 0,
	    .versions = read_versions(json_object_get(bridge, "protocols")),
	};
	for (size_t i = 0; i < json_array_size(controllers); i++) {
		struct of_controller_conf conf;
		err_path(err, "/controllers/%zu", i);
		int rc = read_controller(json_array_get(controllers, i), &conf, err);
		if (rc != 0)
			return rc;
		if (ret->n_controllers == OF_MAX_CONTROLLERS)
			return err_set(err, ERR_TOO_LARGE, "a bridge has at most %d controllers",
			    OF_MAX_CONTROLLERS);
		ret->controllers[ret->n_controllers++] = conf;
	}
	return 0;
}

static int read_controller(json_t *json, struct of_controller_conf *ret, struct err *err)
{
	static const char *const known[] = {"target", "max_backoff_ms", "inactivity_probe_ms"};
	uint64_t backoff = OF_DEFAULT_MAX_BACKOFF_MS, probe = OF_DEFAULT_PROBE_MS;
	struct ovsdb_address address;
	const char *target = NULL;

	if (!json_is_object(json))
		return err_set(err, ERR_PARAMS, "a controller is an object with a target");
	int rc = json_check_members(json, known, ARRAY_SIZE(known), err);
	if (rc == 0)
		rc = json_get_string(json, "target", &target, err);
	if (rc == -ENOENT)
		return err_set(err, ERR_PARAMS, "a controller needs a target");
	if (rc == 0 && strlen(target) >= OF_TARGET_SIZE)
		return err_set(
		    err, ERR_PARAMS, "a target has at most %d characters", OF_TARGET_SIZE - 1);
	if (rc == 0)
		rc = ovsdb_address_parse_port(target, OF_PORT, &address, err);
	if (rc != 0)
		return rc;
	rc = json_get_u64(json, "max_backoff_ms", OF_MIN_BACKOFF_MS, 3600000, &backoff, err);
	if (rc == 0 || rc == -ENOENT)
		rc = json_get_u64(json, "inactivity_probe_ms", 0, 3600000, &probe, err);
	if (rc != 0 && rc != -ENOENT)
		return rc;
	snprintf(ret->target, sizeof(ret->target), "%s", target);
	ret->max_backoff_ms = (unsigned int)backoff;
	ret->probe_ms = (unsigned int)probe;
	return 0;
}

/* None said: all. "OpenFlow13" is 1.3. */
static uint32_t read_versions(json_t *list)
{
	uint32_t versions = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		versions |= 2U << (name[strlen(name) - 1] - '0');
	}
	return versions != 0 ? versions : OF_ALL_VERSIONS;
}
