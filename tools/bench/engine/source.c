/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/source.h"

#include <string.h>

static void init_templates(struct source *s);
static void spread_sizes(struct source *s);
static void fill_flows(
    struct source *s, uint8_t *const *buffers, uint16_t *sizes, unsigned int n, uint64_t now);
static void fill_random(
    struct source *s, uint8_t *const *buffers, uint16_t *sizes, unsigned int n, uint64_t now);
static void fill_captured(
    struct source *s, uint8_t *const *buffers, uint16_t *sizes, unsigned int n);
static inline uint16_t write_packet(
    struct source *s, const struct flow *f, uint8_t *to, uint32_t seq, uint64_t now);
static uint32_t step_back(uint32_t at, uint32_t n, uint32_t of);

int source_init(struct source *s, const struct stream_conf *conf, struct err *err)
{
	*s = (struct source){.conf = *conf, .n_sizes = 1};
	if (conf->kind == STREAM_PCAP)
		return pcap_file_load(&s->pcap, conf->file, err);
	if (conf->kind == STREAM_TCP_CONNECTIONS)
		return 0; // see connections.h
	int rc = flow_set_init(&s->flows, conf, err);
	if (rc < 0)
		return rc;
	uint32_t n = MAX_OF(s->flows.n, 1u);
	if (choice_init(&s->choice, (enum stream_distribution)conf->distribution, n, conf->zipf_s,
		conf->seed) < 0)
		rc = err_set(err, ERR_INTERNAL, "no memory to choose among %u flows", n);
	if (rc < 0)
		source_fini(s);
	else
		init_templates(s);
	return rc;
}

void source_fini(struct source *s)
{
	choice_fini(&s->choice);
	flow_set_fini(&s->flows);
	pcap_file_fini(&s->pcap);
}

void source_start(struct source *s, uint8_t trial)
{
	s->seq = 0;
	s->head = stamp_head(s->conf.id, trial);
	s->size_at = 0;
	s->choice.next = 0;
	s->choice.rng.state = s->rng.state = s->conf.seed;
	s->pcap.next = 0;
}

void source_fill(
    struct source *s, uint8_t *const *buffers, uint16_t *sizes, unsigned int n, uint64_t now)
{
	if (s->conf.kind == STREAM_PCAP)
		fill_captured(s, buffers, sizes, n);
	else if (s->conf.kind == STREAM_RANDOM_TUPLES)
		fill_random(s, buffers, sizes, n, now);
	else
		fill_flows(s, buffers, sizes, n, now);
}

void source_commit(struct source *s, unsigned int n, unsigned int n_sent)
{
	s->seq += n_sent;
	if (LIKELY(n == n_sent))
		return;
	// A ring that takes only some must not turn the flows at the end of a burst into rare ones.
	uint32_t n_back = n - n_sent;
	s->size_at = step_back(s->size_at, n_back, s->n_sizes);
	if (s->conf.kind == STREAM_PCAP)
		s->pcap.next = step_back(s->pcap.next, n_back, s->pcap.n);
	else if (s->choice.distribution == CHOOSE_SEQUENTIAL)
		s->choice.next = step_back(s->choice.next, n_back, s->choice.n);
}

uint64_t source_memory(const struct source *s)
{
	uint64_t alias = s->choice.alias != NULL ? s->choice.n * sizeof(s->choice.alias[0]) : 0;
	return sizeof(*s) + s->flows.n * sizeof(s->flows.flows[0]) + alias + s->pcap.memory;
}

uint16_t source_copy_size(const struct source *s)
{
	uint16_t copy_size = FRAME_COPY_UNIT;
	for (unsigned int i = 0; i < s->conf.n_sizes; i++)
		copy_size = MAX_OF(copy_size, s->templates[i].copy_size);
	return copy_size;
}

void source_set_copy_size(struct source *s, uint16_t copy_size)
{
	for (unsigned int i = 0; i < s->conf.n_sizes; i++)
		s->templates[i].copy_size = copy_size;
}

uint16_t source_room(const struct source *s)
{
	uint16_t room = FRAME_COPY_MAX;
	if (s->conf.kind == STREAM_PCAP)
		return MAX_OF(room, s->pcap.max_size);
	for (unsigned int i = 0; i < s->conf.n_sizes; i++)
		room = MAX_OF(room, s->templates[i].size);
	return room;
}

static void init_templates(struct source *s)
{
	for (unsigned int i = 0; i < s->conf.n_sizes; i++) {
		struct frame_spec spec = frame_spec_of(&s->conf, s->conf.sizes[i].size);
		frame_template_init(&s->templates[i], &spec);
	}
	spread_sizes(s);
}

/* At each place the size that is furthest behind its share: IMIX is a pattern, not a series of blocks. */
static void spread_sizes(struct source *s)
{
	uint32_t sum = 0, used[STREAM_SIZES_MAX] = {0};
	for (unsigned int i = 0; i < s->conf.n_sizes; i++)
		sum += s->conf.sizes[i].weight;
	for (uint32_t at = 0; at < sum; at++) {
		unsigned int best = 0;
		int64_t best_debt = INT64_MIN;
		for (unsigned int i = 0; i < s->conf.n_sizes; i++) {
			int64_t debt =
			    (int64_t)s->conf.sizes[i].weight * (at + 1) - (int64_t)used[i] * sum;
			if (debt > best_debt) {
				best = i;
				best_debt = debt;
			}
		}
		used[best]++;
		s->size_cycle[at] = (uint8_t)best;
	}
	s->n_sizes = sum;
}

static void fill_flows(
    struct source *s, uint8_t *const *buffers, uint16_t *sizes, unsigned int n, uint64_t now)
{
	const struct flow *flows[SOURCE_BURST];
	uint32_t seq = (uint32_t)s->seq;
	for (unsigned int i = 0; i < n; i++) {
		flows[i] = &s->flows.flows[choice_next(&s->choice)];
		__builtin_prefetch(flows[i]);
	}
	for (unsigned int i = 0; i < n; i++)
		sizes[i] = write_packet(s, flows[i], buffers[i], seq + i, now);
}

static void fill_random(
    struct source *s, uint8_t *const *buffers, uint16_t *sizes, unsigned int n, uint64_t now)
{
	uint32_t seq = (uint32_t)s->seq;
	for (unsigned int i = 0; i < n; i++) {
		struct flow f;
		flow_random(&f, &s->rng);
		sizes[i] = write_packet(s, &f, buffers[i], seq + i, now);
	}
}

static void fill_captured(
    struct source *s, uint8_t *const *buffers, uint16_t *sizes, unsigned int n)
{
	struct pcap_file *p = &s->pcap;
	for (unsigned int i = 0; i < n; i++) {
		const struct pcap_frame *f = &p->frames[p->next];
		memcpy(buffers[i], p->bytes + f->ofs, f->size);
		sizes[i] = f->size;
		p->next = p->next + 1 < p->n ? p->next + 1 : 0;
	}
}

static inline uint16_t write_packet(
    struct source *s, const struct flow *f, uint8_t *to, uint32_t seq, uint64_t now)
{
	const struct frame_template *t = &s->templates[0];
	if (s->n_sizes > 1) {
		t = &s->templates[s->size_cycle[s->size_at]];
		s->size_at = s->size_at + 1 < s->n_sizes ? s->size_at + 1 : 0;
	}
	frame_write(to, t, f, 0);
	stamp_write(to + t->stamp_ofs, s->head, seq, now);
	return t->size;
}

/* The place in a cycle of `of` that was n steps ago. */
static uint32_t step_back(uint32_t at, uint32_t n, uint32_t of)
{
	return (uint32_t)(((uint64_t)at + (uint64_t)of * SOURCE_BURST - n) % of);
}
