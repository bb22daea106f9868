/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/rx_sched.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static unsigned int poll_hot(
    struct rx_sched *s, struct rxq_list *list, rx_poll_fn *poll, void *arg);
static unsigned int poll_cold(
    struct rx_sched *s, struct rxq_list *list, unsigned int n_polls, rx_poll_fn *poll, void *arg);
static unsigned int poll_one(struct rx_sched *s, struct rxq *q, rx_poll_fn *poll, void *arg);
static void note_busy(struct rx_sched *s, const struct rxq *q);
static void swap(uint16_t *a, uint16_t *b);

struct rxq_list *rxq_list_create(unsigned int max)
{
	assert(max <= RX_MAX_QUEUES);
	size_t queues_size = max * sizeof(struct rxq);
	struct rxq_list *list = malloc(sizeof(*list) + queues_size + max * sizeof(list->order[0]));
	if (list == NULL)
		return NULL;
	*list = (struct rxq_list){.is_new = true, .all_wake = true};
	list->order = (uint16_t *)(void *)((char *)list->q + queues_size);
	return list;
}

void rxq_list_ready(struct rxq_list *list)
{
	for (unsigned int i = 0; i < list->n; i++)
		list->order[i] = (uint16_t)i;
	list->n_hot = list->n;
}

int rx_sched_init(struct rx_sched *s, unsigned int n_ports)
{
	*s = (struct rx_sched){.spent = calloc(n_ports, sizeof(*s->spent))};
	return s->spent != NULL ? 0 : -ENOMEM;
}

void rx_sched_fini(struct rx_sched *s)
{
	free(s->spent);
}

unsigned int rx_sched_round(
    struct rx_sched *s, struct rxq_list *list, bool is_idle, rx_poll_fn *poll, void *arg)
{
	unsigned int n_cold = list->n - list->n_hot;
	unsigned int n = 0;

	// When all that others had is served, who was passed over is due at once.
	for (unsigned int i = 0; i < 2; i++) {
		s->next_floor = UINT64_MAX;
		s->passed_over = false;
		n += poll_hot(s, list, poll, arg);
		if (s->next_floor != UINT64_MAX)
			s->floor = s->next_floor;
		if (n != 0 || !s->passed_over)
			break;
	}
	unsigned int n_polls = is_idle ? n_cold : (n_cold + RX_COLD_ROUNDS - 1) / RX_COLD_ROUNDS;
	return n + poll_cold(s, list, n_polls, poll, arg);
}

static unsigned int poll_hot(struct rx_sched *s, struct rxq_list *list, rx_poll_fn *poll, void *arg)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < list->n_hot;) {
		struct rxq *q = &list->q[list->order[i]];
		if (UNLIKELY(s->spent[q->port_id] > s->floor + RX_LEAD) && q->n_empty == 0) {
			s->passed_over = true;
			note_busy(s, q);
			i++;
			continue;
		}
		n += poll_one(s, q, poll, arg);
		if (q->n_empty < RX_COLD_POLLS)
			i++;
		else
			swap(&list->order[i], &list->order[--list->n_hot]);
	}
	return n;
}

/* In turn; one that has packets becomes the last of the hot. */
static unsigned int poll_cold(
    struct rx_sched *s, struct rxq_list *list, unsigned int n_polls, rx_poll_fn *poll, void *arg)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < n_polls && list->n_hot < list->n; i++) {
		if (list->cold_at < list->n_hot || list->cold_at >= list->n)
			list->cold_at = list->n_hot;
		unsigned int at = list->cold_at++;
		struct rxq *q = &list->q[list->order[at]];
		n += poll_one(s, q, poll, arg);
		if (q->n_empty == 0)
			swap(&list->order[at], &list->order[list->n_hot++]);
	}
	return n;
}

static unsigned int poll_one(struct rx_sched *s, struct rxq *q, rx_poll_fn *poll, void *arg)
{
	uint64_t cycles;
	unsigned int n = poll(arg, q, &cycles);

	if (n == 0) {
		q->n_empty += q->n_empty < RX_COLD_POLLS;
		return 0;
	}
	uint64_t *spent = &s->spent[q->port_id];
	if (q->n_empty != 0) {
		*spent = MAX_OF(*spent, s->floor);
		q->n_empty = 0;
	}
	*spent += q->is_uplink ? cycles / RX_UPLINK_WEIGHT : cycles;
	note_busy(s, q);
	return n;
}

static void note_busy(struct rx_sched *s, const struct rxq *q)
{
	s->next_floor = MIN_OF(s->next_floor, s->spent[q->port_id]);
}

static void swap(uint16_t *a, uint16_t *b)
{
	uint16_t t = *a;
	*a = *b;
	*b = t;
}
