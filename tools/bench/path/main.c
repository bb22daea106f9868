/* SPDX-License-Identifier: Apache-2.0 */
/* sluice-bench-path: what the fast path costs, as a library, without EAL and devices. See tools/bench/README.md. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/bench/path/cases.h"
#include "tools/bench/path/must.h"

enum { BURSTS = 200000, TIME_MS = 10000 };

#define PACKETS(tables, rules_, masks, train)                                               \
	{                                                                                   \
		.n_flows = 1000, .n_train = train, .n_sessions = 65536,                     \
		.rules = {tables, rules_, masks, 0}, .n_bursts = BURSTS, .time_ms = TIME_MS \
	}

static const struct bench_case cases[] = {
    {"hit", "every packet has a session", PACKETS(1, 100, 1, 1), case_packets},
    {"miss", "every packet is a new flow: rules run, a session is made", PACKETS(10, 100, 4, 0),
	case_packets},
    {"flood", "random 5-tuples that rules allow, no session admitted", PACKETS(3, 100, 4, 0),
	case_packets},
    {"scan", "random 5-tuples that rules drop", PACKETS(3, 100, 4, 0), case_packets},
    {"encap", "hits that leave by VXLAN", PACKETS(1, 100, 1, 1), case_packets},
    {"decap", "hits that come by VXLAN", PACKETS(1, 100, 1, 1), case_packets},
    {"update", "rules put, replaced and deleted by transactions",
	{.n_sessions = 1024, .rules = {1, 100000, 16, 0}, .n_per_txn = 1000}, case_update},
    {"memory", "bytes per rule and per session",
	{.n_sessions = 1 << 20, .rules = {1, 100000, 16, 0}}, case_memory},
    {"b0", "a stage for callgrind; without --stage, lists them",
	{.n_flows = 1000,
	    .n_train = 1,
	    .n_sessions = 4096,
	    .rules = {1, 100, 1, 0},
	    .n_bursts = 64,
	    .stage = ""},
	case_b0},
};

struct option_def {
	const char *name, *help;
	size_t offset; // of a uint32_t in params
	uint32_t min, max;
};

static const struct option_def options[] = {
    {"--flows", "distinct flows of hits", offsetof(struct params, n_flows), 1, TRAFFIC_MAX_FLOWS},
    {"--train", "packets of a flow in a row, of flows that have a session",
	offsetof(struct params, n_train), 1, BURST},
    {"--sessions", "budget of the session table", offsetof(struct params, n_sessions), 1024,
	1 << 26},
    {"--tables", "rule tables that a miss passes", offsetof(struct params, rules.n_tables), 1, 250},
    {"--rules", "rules per table", offsetof(struct params, rules.n_rules), 0, DP_MAX_RULES},
    {"--masks", "masks per table", offsetof(struct params, rules.n_masks), 1, RULESET_MAX_MASKS},
    {"--bursts", "bursts measured, at most", offsetof(struct params, n_bursts), 1, 10000000},
    {"--time-ms", "time to measure, at most", offsetof(struct params, time_ms), 1, 600000},
    {"--per-txn", "rules per transaction", offsetof(struct params, n_per_txn), 1, 1000000},
};

static void usage(FILE *f);
static const struct bench_case *find_case(const char *name);
static bool set_option(struct params *p, const char *name, const char *value);

int main(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "--help") == 0) {
		usage(argc < 2 ? stderr : stdout);
		return argc < 2 ? 2 : 0;
	}
	const struct bench_case *c = find_case(argv[1]);
	if (c == NULL || argc % 2 != 0) {
		usage(stderr);
		return 2;
	}
	struct params p = c->defaults;
	for (int i = 2; i < argc; i += 2) {
		if (!set_option(&p, argv[i], argv[i + 1])) {
			fprintf(
			    stderr, "sluice-bench-path: bad option %s %s\n", argv[i], argv[i + 1]);
			usage(stderr);
			return 2;
		}
	}
	c->run(c, &p);
	return 0;
}

static void usage(FILE *f)
{
	fprintf(
	    f, "usage: sluice-bench-path CASE [--OPTION N]…\n\nPrints one JSON object. Cases:\n");
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		fprintf(f, "  %-11s %s\n", cases[i].name, cases[i].help);
	fprintf(f, "\nOptions, where a case has use for them:\n");
	for (unsigned int i = 0; i < ARRAY_SIZE(options); i++)
		fprintf(f, "  %-11s %s\n", options[i].name, options[i].help);
}

static const struct bench_case *find_case(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	}
	return NULL;
}

static bool set_option(struct params *p, const char *name, const char *value)
{
	if (strcmp(name, "--stage") == 0 && p->stage != NULL) {
		p->stage = value;
		return true;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option_def *o = &options[i];
		uint32_t *member = (uint32_t *)(void *)((uint8_t *)p + o->offset);
		char *end;
		if (strcmp(name, o->name) != 0 || *member == 0)
			continue;
		errno = 0;
		unsigned long n = strtoul(value, &end, 10);
		*member = (uint32_t)n;
		return errno == 0 && *end == '\0' && end != value && n >= o->min && n <= o->max;
	}
	return false;
}
