/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/port_vlan.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/base/compiler.h"

static uint64_t list[DP_N_VLANS / 64]; // VLANs 10 and 20

static const struct port_vlan trunk = {.mode = DP_VLAN_TRUNK},
			      trunk_list = {.mode = DP_VLAN_TRUNK, .trunks = list},
			      access = {.mode = DP_VLAN_ACCESS, .tag = 10},
			      access0 = {.mode = DP_VLAN_ACCESS, .tag = 0},
			      tagged = {.mode = DP_VLAN_NATIVE_TAGGED, .tag = 10},
			      untagged = {.mode = DP_VLAN_NATIVE_UNTAGGED, .tag = 10},
			      native_other = {
				  .mode = DP_VLAN_NATIVE_UNTAGGED, .tag = 30, .trunks = list};

static int setup(void **)
{
	list[0] = 1u << 10 | 1u << 20;
	return 0;
}

/* "-" or "VID.PCP", twice for two tags: outermost first. TPID 0x8100, the inner one of two 0x88a8. */
static struct vlan_tags tags_of(const char *text)
{
	struct vlan_tags t = {0};
	for (unsigned int i = 0; *text != '\0' && *text != '-'; i++) {
		char *end;
		unsigned long vid = strtoul(text, &end, 10), pcp = strtoul(end + 1, &end, 10);
		t.tci[i] = htons((uint16_t)(pcp << 13 | 0x1000 | vid));
		t.tpid[i] = htons(i == 0 ? 0x8100 : 0x88a8);
		text = *end == ' ' ? end + 1 : end;
	}
	return t;
}

static const char *text_of(const struct vlan_tags *t)
{
	static char text[40];
	int n = snprintf(text, sizeof(text), "%s", t->tci[0] == 0 ? "-" : "");
	for (unsigned int i = 0; i < 2 && t->tci[i] != 0; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%u.%u", i > 0 ? " " : "",
		    ntohs(t->tci[i]) & 0xfff, ntohs(t->tci[i]) >> 13);
	return text;
}

static void frames_come_in_with_the_tag_of_their_vlan_or_not_at_all(void **)
{
	static const struct {
		const struct port_vlan *port;
		const char *frame;
		int vlan;
		const char *inside;
	} cases[] = {
	    {&trunk, "-", 0, "-"},
	    {&trunk, "7.3", 7, "7.3"},
	    {&trunk, "0.3", 0, "0.3"},
	    {&trunk, "4095.0 1.0", 4095, "4095.0 1.0"},
	    {&trunk_list, "10.1", 10, "10.1"},
	    {&trunk_list, "11.1", -1, "11.1"},
	    {&trunk_list, "-", -1, "-"},
	    {&trunk_list, "0.5", -1, "0.5"},
	    {&access, "-", 10, "10.0"},
	    {&access, "0.5", 10, "10.5"},
	    {&access, "10.0", -1, "10.0"}, // its own VLAN, but tagged
	    {&access, "11.0", -1, "11.0"},
	    {&access, "0.0 11.0", -1, "0.0 11.0"},
	    {&access0, "-", 0, "-"},
	    {&access0, "0.2", 0, "0.2"},
	    {&access0, "1.2", -1, "1.2"},
	    {&tagged, "-", 10, "10.0"},
	    {&tagged, "0.5 7.0", 10, "10.5 7.0"},
	    {&tagged, "10.1", 10, "10.1"},
	    {&tagged, "4000.1", 4000, "4000.1"},
	    {&native_other, "-", 30, "30.0"},
	    {&native_other, "30.1", 30, "30.1"}, // always carried
	    {&native_other, "20.1", 20, "20.1"},
	    {&native_other, "40.1", -1, "40.1"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vlan_tags t = tags_of(cases[i].frame);
		int vlan = port_vlan_enter(cases[i].port, &t);
		if (vlan != cases[i].vlan || strcmp(text_of(&t), cases[i].inside) != 0)
			fail_msg("case %zu, %s: VLAN %d, inside %s", i, cases[i].frame, vlan,
			    text_of(&t));
	}
}

static void frames_leave_with_the_tags_that_the_port_wants(void **)
{
	static const struct {
		const struct port_vlan *port;
		const char *inside, *left; // NULL: does not leave
	} cases[] = {
	    {&trunk, "-", "-"},
	    {&trunk, "7.3", "7.3"},
	    {&trunk, "7.3 8.1", "7.3 8.1"},
	    {&trunk, "0.5", "-"},
	    {&trunk_list, "20.0", "20.0"},
	    {&trunk_list, "21.0", NULL},
	    {&trunk_list, "-", NULL},
	    {&access, "10.5", "-"},
	    {&access, "11.5", NULL},
	    {&access, "-", NULL},
	    {&access, "10.0 11.0", NULL}, // the inner tag would come out as a VLAN of its own
	    {&access0, "-", "-"},
	    {&access0, "0.5", "-"},
	    {&tagged, "10.1", "10.1"},
	    {&tagged, "-", NULL}, // VLAN 0 would come back as the native one
	    {&untagged, "10.1", "-"},
	    {&untagged, "10.1 5.0", "5.0"},
	    {&untagged, "11.1", "11.1"},
	    {&native_other, "30.0", "-"},
	    {&native_other, "40.0", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vlan_tags t = tags_of(cases[i].inside), came = t;
		bool carried = port_vlan_carries(cases[i].port, &t);
		assert_int_equal(carried, cases[i].left != NULL);
		if (!carried)
			continue;
		port_vlan_leave(cases[i].port, &came, &t);
		if (strcmp(text_of(&t), cases[i].left) != 0)
			fail_msg("case %zu, %s: left %s", i, cases[i].inside, text_of(&t));
	}
}

static void priority_tags_are_what_the_port_wants(void **)
{
	static const struct {
		enum dp_priority_tags mode;
		const char *came, *left;
	} cases[] = {
	    {DP_PRIORITY_TAGS_NO, "0.5", "-"},
	    {DP_PRIORITY_TAGS_NO, "-", "-"},
	    {DP_PRIORITY_TAGS_IF_NONZERO, "0.5", "0.5"},
	    {DP_PRIORITY_TAGS_IF_NONZERO, "0.0", "-"},
	    {DP_PRIORITY_TAGS_IF_NONZERO, "-", "-"},
	    {DP_PRIORITY_TAGS_ALWAYS, "0.5", "0.5"},
	    {DP_PRIORITY_TAGS_ALWAYS, "0.0", "0.0"},
	    {DP_PRIORITY_TAGS_ALWAYS, "-", "-"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct port_vlan in = access, out = trunk;
		struct vlan_tags came = tags_of(cases[i].came), t = came;
		out.priority_tags = (uint8_t)cases[i].mode;
		port_vlan_leave(&out, &came, &t);
		assert_string_equal(text_of(&t), cases[i].left);
		// And by an access port of the same VLAN, whose tag is taken off.
		t = came;
		assert_int_equal(port_vlan_enter(&in, &t), 10);
		out = access;
		out.priority_tags = (uint8_t)cases[i].mode;
		port_vlan_leave(&out, &came, &t);
		assert_string_equal(text_of(&t), cases[i].left);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(frames_come_in_with_the_tag_of_their_vlan_or_not_at_all, setup),
	    cmocka_unit_test_setup(frames_leave_with_the_tags_that_the_port_wants, setup),
	    cmocka_unit_test_setup(priority_tags_are_what_the_port_wants, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
