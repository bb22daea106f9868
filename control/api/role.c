/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/role.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/base/json_util.h"

static const char owner_prefix[] = "owner:";
static const char *const level_names[] = {
    [ROLE_READ] = "read",
    [ROLE_OWNER] = "owner",
    [ROLE_OPERATE] = "operate",
    [ROLE_ADMIN] = "admin",
};
static const char *const name_kinds[] = {"DNS:", "URI:", "email:"};

static int parse_who(struct role_rule *rule, const char *who, struct err *err);
static int parse_number(const char *text, uint32_t *ret);
static int parse_user(struct role_rule *rule, const char *text, struct err *err);
static int parse_group(struct role_rule *rule, const char *text, struct err *err);
static int parse_cert(struct role_rule *rule, const char *text, struct err *err);
static int parse_role(struct role *role, const char *text, struct err *err);
static bool has_group(const gid_t *groups, size_t n, gid_t wanted);

int role_rules_add(struct role_rules *rules, const char *text, struct err *err)
{
	char who[ROLE_NAME_SIZE + 8];
	/* The last one: a URI may have some of its own, a role has none. */
	const char *sign = strrchr(text, '=');
	if (sign == NULL || (size_t)(sign - text) >= sizeof(who))
		return err_set(err, ERR_PARAMS, "\"%.64s\" is not WHO=ROLE", text);
	if (rules->n == ROLE_MAX_RULES)
		return err_set(err, ERR_QUOTA, "there are %d rules already", ROLE_MAX_RULES);
	memcpy(who, text, (size_t)(sign - text));
	who[sign - text] = '\0';
	struct role_rule rule = {0};
	if (parse_who(&rule, who, err) != 0 || parse_role(&rule.role, sign + 1, err) != 0)
		return -EINVAL;
	rules->rules[rules->n++] = rule;
	return 0;
}

struct role role_of_user(
    const struct role_rules *rules, uid_t uid, const gid_t *groups, size_t n_groups)
{
	if (uid == 0 || uid == geteuid())
		return (struct role){.level = ROLE_ADMIN};
	for (size_t i = 0; i < rules->n; i++) {
		const struct role_rule *r = &rules->rules[i];
		if ((r->kind == ROLE_OF_UID && r->number == uid) ||
		    (r->kind == ROLE_OF_GID && has_group(groups, n_groups, r->number)))
			return r->role;
	}
	const struct group *group = getgrnam("sluice");
	if (group != NULL && has_group(groups, n_groups, group->gr_gid))
		return (struct role){.level = ROLE_OPERATE};
	return (struct role){.level = ROLE_READ};
}

const struct role *role_of_names(const struct role_rules *rules,
    const char (*names)[ROLE_NAME_SIZE], size_t n, const char **ret_name)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct role_rule *r = &rules->rules[i];
		for (size_t k = 0; k < n && r->kind == ROLE_OF_CERT; k++) {
			if (strcmp(names[k], r->name) != 0)
				continue;
			*ret_name = r->name;
			return &r->role;
		}
	}
	return NULL;
}

int role_check_owner(const struct role *role, const char *owner, struct err *err)
{
	char text[ROLE_TEXT_SIZE];
	if (role->level >= ROLE_OPERATE ||
	    (role->level == ROLE_OWNER && strcmp(role->owner, owner) == 0))
		return 0;
	err_set(err, ERR_FORBIDDEN, "this client has the role %s and may not change what %s has",
	    role_format(role, text), owner[0] != '\0' ? owner : "the daemon");
	return err_hint(err, "it needs owner:%s, operate or admin: see --role of sluiced", owner);
}

const char *role_level_name(enum role_level level)
{
	return level_names[level];
}

const char *role_format(const struct role *role, char text[ROLE_TEXT_SIZE])
{
	snprintf(text, ROLE_TEXT_SIZE, "%s%s%s", level_names[role->level],
	    role->level == ROLE_OWNER ? ":" : "", role->owner);
	return text;
}

static int parse_who(struct role_rule *rule, const char *who, struct err *err)
{
	static const struct {
		const char *prefix;
		int (*parse)(struct role_rule *rule, const char *text, struct err *err);
	} kinds[] = {{"uid:", parse_user}, {"gid:", parse_group}, {"cert:", parse_cert}};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].prefix);
		if (strncmp(who, kinds[i].prefix, len) == 0)
			return kinds[i].parse(rule, who + len, err);
	}
	err_set(err, ERR_PARAMS, "\"%.64s\" is nobody", who);
	return err_hint(err, "WHO is uid:USER, gid:GROUP or cert:DNS:NAME");
}

static int parse_number(const char *text, uint32_t *ret)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value >= UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)value;
	return 0;
}

static int parse_user(struct role_rule *rule, const char *text, struct err *err)
{
	rule->kind = ROLE_OF_UID;
	if (parse_number(text, &rule->number) == 0)
		return 0;
	const struct passwd *user = getpwnam(text);
	if (user == NULL)
		return err_set(err, ERR_PARAMS, "there is no user \"%.64s\"", text);
	rule->number = user->pw_uid;
	return 0;
}

static int parse_group(struct role_rule *rule, const char *text, struct err *err)
{
	rule->kind = ROLE_OF_GID;
	if (parse_number(text, &rule->number) == 0)
		return 0;
	const struct group *group = getgrnam(text);
	if (group == NULL)
		return err_set(err, ERR_PARAMS, "there is no group \"%.64s\"", text);
	rule->number = group->gr_gid;
	return 0;
}

static int parse_cert(struct role_rule *rule, const char *text, struct err *err)
{
	rule->kind = ROLE_OF_CERT;
	for (size_t i = 0; i < ARRAY_SIZE(name_kinds); i++) {
		size_t len = strlen(name_kinds[i]);
		if (strncmp(text, name_kinds[i], len) != 0 || text[len] == '\0' ||
		    strlen(text) >= sizeof(rule->name))
			continue;
		snprintf(rule->name, sizeof(rule->name), "%s", text);
		return 0;
	}
	err_set(err, ERR_PARAMS, "\"%.64s\" is no name of a certificate", text);
	return err_hint(err, "a name of its subjectAltName: DNS:…, URI:… or email:…");
}

static int parse_role(struct role *role, const char *text, struct err *err)
{
	*role = (struct role){0};
	if (strncmp(text, owner_prefix, strlen(owner_prefix)) == 0) {
		const char *owner = text + strlen(owner_prefix);
		if (!json_name_is_valid(owner))
			return err_set(
			    err, ERR_PARAMS, "an owner's name has 1 to 64 of A-Z a-z 0-9 . _ : -");
		role->level = ROLE_OWNER;
		snprintf(role->owner, sizeof(role->owner), "%s", owner);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
		if (i == ROLE_OWNER || strcmp(level_names[i], text) != 0)
			continue;
		role->level = (enum role_level)i;
		return 0;
	}
	err_set(err, ERR_PARAMS, "there is no role \"%.64s\"", text);
	return err_hint(err, "roles are read, owner:NAME, operate and admin");
}

static bool has_group(const gid_t *groups, size_t n, gid_t wanted)
{
	for (size_t i = 0; i < n; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}
