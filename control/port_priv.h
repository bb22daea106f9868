/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Columns of ports that belong together, each group in a file of its own: read from an object's JSON with errors where they
 * are, written into what the switch is told. port_model.c calls them.
 *
 * Threads: sluiced's loop. Memory: none.
 */
#include "control/model_priv.h"

/* The error of a member of the port, for err_set. */
struct err *port_error(struct model_plan *p, const struct entity *e, const char *path);

/* port_tunnel_model.c: vxlan ports. decode reads what the model looks at; check compares with the other ports. */
void port_tunnel_decode(struct model_plan *p, struct entity *e);
void port_tunnel_check(struct model_plan *p, const struct entity *e);
void port_tunnel_fill(const struct entity *e, struct dp_port_conf *conf);

/* port_vlan_model.c: vlan_mode, tag, trunks, priority_tags */
void port_vlan_check(struct model_plan *p, const struct entity *e);
void port_vlan_fill(const struct entity *e, struct dp_port_conf *conf);
