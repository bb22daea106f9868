/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cli/flow_text.h"

#include <stdlib.h>
#include <string.h>

/* Decimal numbers that the API wants as numbers; all other values travel as text. */
static json_t *number_or_string(const char *s)
{
	char *end;
	long long v = strtoll(s, &end, 10);

	return s[0] != '\0' && *end == '\0' && v >= 0 ? json_integer(v) : json_string(s);
}

static json_t *match_add(json_t *match, char *word, struct err *err)
{
	char *eq = strchr(word, '=');

	if (eq == NULL || eq == word || eq[1] == '\0') {
		err_set(err, ERR_PARAMS, "match: \"%s\" is not FIELD=VALUE", word);
		return NULL;
	}
	*eq = '\0';
	if (json_object_get(match, word) != NULL) {
		err_set(err, ERR_PARAMS, "match: %s is given twice", word);
		return NULL;
	}
	json_object_set_new(match, word, number_or_string(eq + 1));
	return match;
}

json_t *flow_text_parse_match(const char *s, struct err *err)
{
	json_t *match = json_object();
	char *copy = strdup(s), *save = NULL;

	if (match == NULL || copy == NULL)
		abort();
	for (char *word = strtok_r(copy, ",", &save); word != NULL;
	     word = strtok_r(NULL, ",", &save)) {
		if (match_add(match, word, err) == NULL) {
			json_decref(match);
			match = NULL;
			break;
		}
	}
	free(copy);
	return match;
}

/* set_field:FIELD=VALUE, resubmit:TABLE, controller:LEN and the plain WORD or WORD:VALUE. */
static json_t *parse_action(char *word, struct err *err)
{
	char *arg = strchr(word, ':');

	if (arg == NULL)
		return json_string(word);
	*arg++ = '\0';
	if (strcmp(word, "set_field") == 0) {
		char *eq = strchr(arg, '=');

		if (eq == NULL) {
			err_set(err, ERR_PARAMS, "actions: set_field needs FIELD=VALUE, not \"%s\"",
			    arg);
			return NULL;
		}
		*eq = '\0';
		return json_pack("{s:{s:o}}", "set_field", arg, number_or_string(eq + 1));
	}
	if (strcmp(word, "resubmit") == 0)
		return json_pack("{s:{s:o}}", "resubmit", "table", number_or_string(arg));
	if (strcmp(word, "controller") == 0)
		return json_pack("{s:{s:o}}", "controller", "max_len", number_or_string(arg));
	return json_pack("{s:o}", word, number_or_string(arg));
}

json_t *flow_text_parse_actions(const char *s, struct err *err)
{
	json_t *list = json_array();
	char *copy = strdup(s), *save = NULL;

	if (list == NULL || copy == NULL)
		abort();
	for (char *word = strtok_r(copy, ",", &save); word != NULL;
	     word = strtok_r(NULL, ",", &save)) {
		json_t *a = parse_action(word, err);

		if (a == NULL) {
			json_decref(list);
			list = NULL;
			break;
		}
		json_array_append_new(list, a);
	}
	free(copy);
	return list;
}
