/* SPDX-License-Identifier: Apache-2.0 */
/* VLANs of ports on bridges. */
#include <stdio.h>
#include <string.h>

#include "control/port_priv.h"

static const char *const mode_words[DP_VLAN__COUNT] = {
    [DP_VLAN_TRUNK] = "trunk",
    [DP_VLAN_ACCESS] = "access",
    [DP_VLAN_NATIVE_TAGGED] = "native-tagged",
    [DP_VLAN_NATIVE_UNTAGGED] = "native-untagged",
};

static const char *const priority_words[DP_PRIORITY_TAGS__COUNT] = {
    [DP_PRIORITY_TAGS_NO] = "no",
    [DP_PRIORITY_TAGS_IF_NONZERO] = "if-nonzero",
    [DP_PRIORITY_TAGS_ALWAYS] = "always",
};

static unsigned int find_word(
    const char *word, const char *const *words, unsigned int n, unsigned int absent)
{
	for (unsigned int i = 0; word != NULL && i < n; i++) {
		if (strcmp(word, words[i]) == 0)
			return i;
	}
	return absent;
}

/* As in OVS: without a mode, a tag makes an access port. */
static enum dp_vlan_mode mode_of(const json_t *data)
{
	bool has_tag = json_object_get(data, "tag") != NULL;

	return (enum dp_vlan_mode)find_word(member_string(data, "vlan_mode"), mode_words,
	    DP_VLAN__COUNT, has_tag ? DP_VLAN_ACCESS : DP_VLAN_TRUNK);
}

static void check_trunks(struct model_plan *p, const struct entity *e, enum dp_vlan_mode mode)
{
	json_t *list = json_object_get(e->data, "trunks");

	if (json_array_size(list) > 0 && mode == DP_VLAN_ACCESS)
		err_set(port_error(p, e, "/trunks"), ERR_PARAMS,
		    "an access port carries one VLAN: its tag");
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_int_t vlan = json_integer_value(json_array_get(list, i));
		char path[32];
		if (vlan < DP_N_VLANS)
			continue;
		snprintf(path, sizeof(path), "/trunks/%zu", i);
		err_set(port_error(p, e, path), ERR_PARAMS, "a VLAN is 0 to %d", DP_N_VLANS - 1);
		return;
	}
}

void port_vlan_check(struct model_plan *p, const struct entity *e)
{
	static const char *const columns[] = {"vlan_mode", "tag", "trunks", "priority_tags"};
	enum dp_vlan_mode mode = mode_of(e->data);
	bool has_tag = json_object_get(e->data, "tag") != NULL;
	char path[32];

	for (size_t i = 0; e->port.network != NULL && i < ARRAY_SIZE(columns); i++) {
		if (json_object_get(e->data, columns[i]) == NULL)
			continue;
		snprintf(path, sizeof(path), "/%s", columns[i]);
		err_set(port_error(p, e, path), ERR_PARAMS,
		    "a port of a network has no %s: it is for ports on a bridge", columns[i]);
		return;
	}
	if (mode == DP_VLAN_TRUNK && has_tag)
		err_set(port_error(p, e, "/tag"), ERR_PARAMS,
		    "a trunk port has no tag: native-tagged and native-untagged ports do");
	if (mode != DP_VLAN_TRUNK && !has_tag)
		err_set(port_error(p, e, "/tag"), ERR_PARAMS, "a port of vlan_mode %s needs a tag",
		    mode_words[mode]);
	check_trunks(p, e, mode);
}

void port_vlan_fill(const struct entity *e, struct dp_port_conf *conf)
{
	json_t *list = json_object_get(e->data, "trunks");

	conf->vlan_mode = (uint8_t)mode_of(e->data);
	conf->vlan_tag = (uint16_t)member_u64(e->data, "tag", 0);
	conf->priority_tags = (uint8_t)find_word(member_string(e->data, "priority_tags"),
	    priority_words, DP_PRIORITY_TAGS__COUNT, DP_PRIORITY_TAGS_NO);
	if (json_array_size(list) == 0)
		return;
	conf->flags |= DP_PORT_F_TRUNKS;
	for (size_t i = 0; i < json_array_size(list); i++) {
		uint64_t vlan = (uint64_t)json_integer_value(json_array_get(list, i));
		conf->trunks[vlan / 64] |= 1ULL << (vlan % 64);
	}
}
