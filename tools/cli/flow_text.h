/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Short text of matches and actions → the API's JSON form.
 *   match    in_port=vm1,eth_type=0x800,ipv4_dst=10.0.0.0/8
 *   actions  set_field:eth_dst=02:00:00:00:00:01,push_vlan:0x8100,output:vm2   ("drop" or nothing: none)
 *
 * Threads: one. Memory: new references.
 */
#include <jansson.h>

#include "datapath/base/err.h"

json_t *flow_text_parse_match(const char *s, struct err *err);
json_t *flow_text_parse_actions(const char *s, struct err *err);
