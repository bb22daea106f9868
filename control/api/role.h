/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a client may do, and the rules that say so: user and group numbers that the kernel vouches for, names in certificates
 * that our CA vouches for. A rule reads "uid:1000=owner:red", "gid:netops=operate" or "cert:DNS:agent1.example=admin".
 *
 * Threads: sluiced's loop. Memory: plain values.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "datapath/base/err.h"

enum {
	ROLE_MAX_RULES = 64,
	ROLE_TEXT_SIZE = 80,  // "owner:" and an owner's name
	ROLE_NAME_SIZE = 256, // of a certificate, with its kind: "DNS:agent1.example"
};

/* Each may all that the one before may. */
enum role_level { ROLE_READ, ROLE_OWNER, ROLE_OPERATE, ROLE_ADMIN };

struct role {
	enum role_level level;
	char owner[65]; // of ROLE_OWNER: whose objects it may change; else ""
};

struct role_rule {
	enum { ROLE_OF_UID, ROLE_OF_GID, ROLE_OF_CERT } kind;
	uint32_t number;           // uid or gid
	char name[ROLE_NAME_SIZE]; // of a certificate
	struct role role;
};

struct role_rules {
	struct role_rule rules[ROLE_MAX_RULES];
	size_t n;
};

/* WHO=ROLE. Users and groups may be names. */
MUST_CHECK
int role_rules_add(struct role_rules *rules, const char *text, struct err *err);
/*
 * The first rule that fits. Without: group sluice may operate, others may read. Root and the daemon's own user are
 * always admin: they could replace the daemon.
 */
struct role role_of_user(
    const struct role_rules *rules, uid_t uid, const gid_t *groups, size_t n_groups);
/* The first rule that fits one of the names of a certificate, which goes to *ret_name. NULL: a stranger. */
const struct role *role_of_names(const struct role_rules *rules,
    const char (*names)[ROLE_NAME_SIZE], size_t n, const char **ret_name);
/* 0, or *err says which role it takes to change what owner has. */
MUST_CHECK
int role_check_owner(const struct role *role, const char *owner, struct err *err);
const char *role_level_name(enum role_level level);
const char *role_format(const struct role *role, char text[ROLE_TEXT_SIZE]);
