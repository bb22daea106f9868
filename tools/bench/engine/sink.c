/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/sink.h"

#include <stdlib.h>

static void count_packet(struct sink_stream *s, const struct frame_view *v,
    const struct stamp *stamp, bool is_intact, uint64_t now);
static void count_sequence(struct sink_stream *s, uint64_t seq);
static void advance(struct sink_stream *s, uint64_t seq);
static uint64_t extend(const struct sink_stream *s, uint32_t seq);

int sink_add(struct sink *sink, const struct stream_conf *conf, const uint64_t *sent)
{
	struct sink_stream *s = &sink->streams[conf->id];
	*s = (struct sink_stream){.sent = sent};
	s->window = calloc(SINK_WORDS, sizeof(s->window[0]));
	s->latency = malloc(sizeof(*s->latency));
	if (s->window == NULL || s->latency == NULL) {
		free(s->window);
		free(s->latency);
		*s = (struct sink_stream){0};
		return -ENOMEM;
	}
	histogram_init(s->latency);
	s->conf = conf;
	return 0;
}

void sink_fini(struct sink *sink)
{
	for (unsigned int i = 0; i <= STREAM_ID_MAX; i++) {
		free(sink->streams[i].window);
		free(sink->streams[i].latency);
	}
	memset(sink, 0, sizeof(*sink));
}

void sink_start(struct sink *sink, uint8_t trial)
{
	for (unsigned int i = 0; i <= STREAM_ID_MAX; i++) {
		struct sink_stream *s = &sink->streams[i];
		if (s->conf == NULL)
			continue;
		s->trial = trial;
		s->next = 0;
		s->counters = (struct sink_counters){0};
		memset(s->window, 0, SINK_WORDS * sizeof(s->window[0]));
		histogram_init(s->latency);
	}
	memset(sink->unclaimed, 0, sizeof(sink->unclaimed));
	memset(sink->unclaimed_bytes, 0, sizeof(sink->unclaimed_bytes));
}

bool sink_frame(struct sink *sink, uint8_t port, const uint8_t *frame, uint32_t size, uint64_t now)
{
	struct frame_view v;
	struct stamp stamp;
	if (!frame_view_init(&v, frame, size) || v.stamp_ofs == 0) {
		sink->unclaimed[port]++;
		sink->unclaimed_bytes[port] += size;
		return false;
	}
	bool is_intact = stamp_read(frame + v.stamp_ofs, &stamp);
	struct sink_stream *s = &sink->streams[stamp.stream_id];
	if (UNLIKELY(s->conf == NULL)) {
		sink->unclaimed[port]++;
		sink->unclaimed_bytes[port] += size;
		return false;
	}
	if (UNLIKELY(port != s->conf->rx_port || v.is_encapsulated != s->conf->expect_vxlan))
		s->counters.foreign++;
	else if (UNLIKELY(is_intact && stamp.trial != s->trial))
		s->counters.stale++;
	else
		count_packet(s, &v, &stamp, is_intact, now);
	return true;
}

uint64_t sink_lost(const struct sink_stream *s)
{
	uint64_t arrived = s->counters.unique + s->counters.corrupted;
	return *s->sent > arrived ? *s->sent - arrived : 0;
}

static void count_packet(struct sink_stream *s, const struct frame_view *v,
    const struct stamp *stamp, bool is_intact, uint64_t now)
{
	s->counters.rx_packets++;
	s->counters.rx_bytes += v->size;
	uint64_t seq = extend(s, stamp->seq);
	is_intact = is_intact && seq < *s->sent;
	if (is_intact && s->conf->verify == VERIFY_FRAME)
		is_intact = frame_view_is_intact(v);
	if (UNLIKELY(!is_intact)) {
		s->counters.corrupted++;
		return;
	}
	histogram_add(s->latency, now - stamp->tsc);
	count_sequence(s, seq);
}

static void count_sequence(struct sink_stream *s, uint64_t seq)
{
	if (LIKELY(seq >= s->next)) {
		advance(s, seq);
		s->counters.unique++;
		return;
	}
	if (seq / 64 + SINK_WORDS <= (s->next - 1) / 64) {
		s->counters.too_late++;
		return;
	}
	uint64_t *word = &s->window[seq / 64 % SINK_WORDS], bit = 1ull << seq % 64;
	if ((*word & bit) != 0) {
		s->counters.duplicates++;
		return;
	}
	*word |= bit;
	s->counters.reordered++;
	s->counters.unique++;
}

/* Words are cleared when the window moves into them. */
static void advance(struct sink_stream *s, uint64_t seq)
{
	uint64_t first = s->next == 0 ? 0 : (s->next - 1) / 64 + 1, last = seq / 64;
	if (UNLIKELY(last >= first + SINK_WORDS))
		first = last - SINK_WORDS + 1;
	for (uint64_t i = first; i <= last; i++)
		s->window[i % SINK_WORDS] = 0;
	s->window[last % SINK_WORDS] |= 1ull << seq % 64;
	s->next = seq + 1;
}

/* The number with these low 32 bits that is nearest to the next one. */
static uint64_t extend(const struct sink_stream *s, uint32_t seq)
{
	int32_t ahead = (int32_t)(seq - (uint32_t)s->next);
	if (ahead < 0 && (uint64_t) - (int64_t)ahead > s->next)
		return seq; // nothing is before the first
	return s->next + (uint64_t)(int64_t)ahead;
}
