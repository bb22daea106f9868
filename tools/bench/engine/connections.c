/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/connections.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLOT_SHIFT = 16, // sequence number: slot · use · place in the connection
	USE_SHIFT = 8,
	SERVER_MASK =
	    0x5a5a, // of the upper half: makes the server's numbers differ from the client's
	ALL_ARRIVED = (1 << CONN_PACKETS) - 1,
	QUEUE_PER_SLOT = 4,
	SEQ_OFS = 4, // in the TCP header
	ACK_OFS = 8,
	FLAGS_OFS = 13,
	TCP_SIZE = 20,
};

/* The seven packets: numbers are relative to both ends' initial ones. */
static const struct conn_packet {
	enum conn_side side;
	uint8_t flags, seq, ack, data_size;
	int8_t then[2]; // what its arrival has the other end send; -1: nothing
} packets[CONN_PACKETS] = {
    {CONN_CLIENT, TCP_SYN, 0, 0, 0, {1, -1}},
    {CONN_SERVER, TCP_SYN | TCP_ACK, 0, 1, 0, {2, 3}},
    {CONN_CLIENT, TCP_ACK, 1, 1, 0, {-1, -1}},
    {CONN_CLIENT, TCP_PSH | TCP_ACK, 1, 1, CONN_DATA_SIZE, {4, -1}},
    {CONN_SERVER, TCP_FIN | TCP_ACK, 1, 1 + CONN_DATA_SIZE, 0, {5, -1}},
    {CONN_CLIENT, TCP_FIN | TCP_ACK, 1 + CONN_DATA_SIZE, 2, 0, {6, -1}},
    {CONN_SERVER, TCP_ACK, 2, 2 + CONN_DATA_SIZE, 0, {-1, -1}},
};

static int allocate(struct connections *c);
static void init_templates(struct connections *c);
static void open_slot(struct connections *c, uint64_t now);
static void close_slot(struct connections *c, uint32_t slot);
static bool find_slot(
    const struct connections *c, enum conn_side side, const struct frame_view *v, uint32_t *ret);
static struct flow flow_of(const struct connections *c, const struct conn *k, enum conn_side side);
static bool has_flow(const struct frame_view *v, const struct flow *f);
static int find_packet(
    const struct connections *c, uint32_t slot, enum conn_side side, const struct frame_view *v);
static void arrive(struct connections *c, uint32_t slot, unsigned int packet, uint64_t now);
static void enqueue(struct connections *c, uint32_t slot, unsigned int packet);
static bool is_current(const struct connections *c, const struct conn_queued *q);
static uint16_t write_packet(
    struct connections *c, const struct conn_queued *q, uint8_t *to, uint64_t now);
static uint32_t initial_seq(const struct connections *c, uint32_t slot, enum conn_side side);
static uint32_t get32(const uint8_t *p);

int connections_init(
    struct connections *c, const struct stream_conf *conf, uint64_t tsc_hz, struct err *err)
{
	*c = (struct connections){.conf = conf,
	    .n_slots = conf->n_open,
	    .queue_max = conf->n_open * QUEUE_PER_SLOT,
	    .timeout_ticks = tsc_hz * conf->timeout_ms / 1000};
	int rc = flow_set_init(&c->flows, conf, err);
	if (rc < 0)
		return rc;
	if (allocate(c) < 0) {
		connections_fini(c);
		return err_set(err, ERR_INTERNAL, "no memory for %u connections", conf->n_open);
	}
	init_templates(c);
	connections_start(c, 0);
	return 0;
}

void connections_fini(struct connections *c)
{
	flow_set_fini(&c->flows);
	free(c->slots);
	for (unsigned int i = 0; i < CONN__SIDES; i++)
		free(c->queues[i].entries);
	c->slots = NULL;
	c->queues[CONN_CLIENT].entries = c->queues[CONN_SERVER].entries = NULL;
}

void connections_start(struct connections *c, uint8_t trial)
{
	c->trial = trial;
	c->n_open = 0;
	c->counters = (struct conn_counters){0};
	histogram_init(&c->latency);
	c->queues[CONN_CLIENT].n = c->queues[CONN_SERVER].n = 0;
	c->slots[c->n_slots].prev = c->slots[c->n_slots].next = c->n_slots;
	c->free = 0;
	for (uint32_t i = 0; i < c->n_slots; i++) {
		c->slots[i].is_open = false;
		c->slots[i].next = i + 1; // n_slots ends the list of free ones
	}
}

void connections_open(struct connections *c, unsigned int n, uint64_t now)
{
	for (unsigned int i = 0; i < n; i++) {
		// A device that takes nothing must not fill the queue with openings.
		if (c->free == c->n_slots || c->queues[CONN_CLIENT].n >= c->n_slots) {
			c->counters.not_opened += n - i;
			return;
		}
		open_slot(c, now);
	}
}

void connections_expire(struct connections *c, uint64_t now)
{
	for (uint32_t i = c->slots[c->n_slots].next; i != c->n_slots;
	     i = c->slots[c->n_slots].next) {
		if (now - c->slots[i].opened_tsc < c->timeout_ticks)
			return;
		c->counters.failed++;
		close_slot(c, i);
	}
}

bool connections_frame(
    struct connections *c, uint8_t port, const struct frame_view *v, uint64_t now)
{
	uint32_t slot;
	if (v->proto != IP_PROTO_TCP || v->is_encapsulated)
		return false;
	// What the client sent arrives at the server's port.
	enum conn_side side = port == c->conf->rx_port ? CONN_CLIENT : CONN_SERVER;
	if (side == CONN_SERVER && port != c->conf->tx_port)
		return false;
	if (!find_slot(c, side, v, &slot))
		return false;
	int packet = find_packet(c, slot, side, v);
	if (packet < 0)
		return false;
	c->counters.rx_packets++;
	c->counters.rx_bytes += v->size;
	if (!frame_view_is_intact(v))
		c->counters.corrupted++;
	else
		arrive(c, slot, (unsigned int)packet, now);
	return true;
}

unsigned int connections_fill(struct connections *c, enum conn_side side, uint8_t *const *buffers,
    uint16_t *sizes, unsigned int n, uint64_t now)
{
	struct conn_queue *q = &c->queues[side];
	while (q->n > 0 && !is_current(c, &q->entries[q->head])) {
		q->head = q->head + 1 < c->queue_max ? q->head + 1 : 0;
		q->n--;
	}
	unsigned int i = 0;
	for (; i < n && i < q->n; i++) {
		const struct conn_queued *e = &q->entries[(q->head + i) % c->queue_max];
		if (!is_current(c, e))
			break;
		sizes[i] = write_packet(c, e, buffers[i], now);
	}
	return i;
}

void connections_commit(struct connections *c, enum conn_side side, const uint16_t *sizes,
    unsigned int n, unsigned int n_sent)
{
	struct conn_queue *q = &c->queues[side];
	for (unsigned int i = 0; i < n_sent; i++)
		c->counters.tx_bytes += sizes[i];
	c->counters.tx_packets += n_sent;
	c->counters.tx_refused += n - n_sent;
	q->head = (q->head + n_sent) % c->queue_max;
	q->n -= n_sent;
}

uint16_t connections_copy_size(const struct connections *c)
{
	uint16_t copy_size = FRAME_COPY_UNIT;
	for (unsigned int i = 0; i < CONN_PACKETS; i++)
		copy_size = MAX_OF(copy_size, c->templates[i].copy_size);
	return copy_size;
}

void connections_set_copy_size(struct connections *c, uint16_t copy_size)
{
	for (unsigned int i = 0; i < CONN_PACKETS; i++)
		c->templates[i].copy_size = copy_size;
}

uint64_t connections_memory(const struct connections *c)
{
	return sizeof(*c) + c->flows.n * sizeof(c->flows.flows[0]) +
	       (c->n_slots + 1ull) * sizeof(c->slots[0]) +
	       (uint64_t)CONN__SIDES * c->queue_max * sizeof(struct conn_queued);
}

static int allocate(struct connections *c)
{
	c->slots = calloc(c->n_slots + 1, sizeof(c->slots[0]));
	if (c->slots == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < CONN__SIDES; i++) {
		c->queues[i].entries = calloc(c->queue_max, sizeof(struct conn_queued));
		if (c->queues[i].entries == NULL)
			return -ENOMEM;
	}
	return 0;
}

static void init_templates(struct connections *c)
{
	for (unsigned int i = 0; i < CONN_PACKETS; i++) {
		struct frame_spec spec =
		    frame_spec_of(c->conf, (uint16_t)stream_conf_min_size(c->conf));
		spec.tcp_flags = packets[i].flags;
		spec.payload_size = packets[i].data_size;
		if (packets[i].side == CONN_SERVER) {
			spec.eth_src = c->conf->eth_dst;
			spec.eth_dst = c->conf->eth_src;
			spec.src = c->conf->dst;
			spec.dst = c->conf->src;
		}
		frame_template_init(&c->templates[i], &spec);
	}
}

static void open_slot(struct connections *c, uint64_t now)
{
	uint32_t slot = c->free, head = c->n_slots;
	struct conn *k = &c->slots[slot];
	uint32_t n_own = (c->flows.n - slot - 1) / c->n_slots + 1; // slot, slot + n_slots…
	c->free = k->next;
	k->flow = slot + k->n_uses % n_own * c->n_slots;
	k->n_uses++;
	k->opened_tsc = now;
	k->arrived = 0;
	k->is_open = true;
	k->next = head;
	k->prev = c->slots[head].prev;
	c->slots[k->prev].next = slot;
	c->slots[head].prev = slot;
	c->n_open++;
	c->counters.opened++;
	enqueue(c, slot, 0);
}

static void close_slot(struct connections *c, uint32_t slot)
{
	struct conn *k = &c->slots[slot];
	c->slots[k->prev].next = k->next;
	c->slots[k->next].prev = k->prev;
	k->is_open = false;
	k->next = c->free;
	c->free = slot;
	c->n_open--;
}

/* The client's initial number is in its own sequence numbers and in what the server acknowledges. */
static bool find_slot(
    const struct connections *c, enum conn_side side, const struct frame_view *v, uint32_t *ret)
{
	const uint8_t *tcp = v->frame + v->l4_ofs;
	uint32_t number = get32(tcp + (side == CONN_CLIENT ? SEQ_OFS : ACK_OFS));
	*ret = number >> SLOT_SHIFT;
	if (*ret >= c->n_slots)
		return false;
	const struct conn *k = &c->slots[*ret];
	if (!k->is_open || (uint8_t)(number >> USE_SHIFT) != (uint8_t)k->n_uses)
		return false;
	struct flow f = flow_of(c, k, side);
	return has_flow(v, &f);
}

static struct flow flow_of(const struct connections *c, const struct conn *k, enum conn_side side)
{
	struct flow f = c->flows.flows[k->flow];
	if (side == CONN_CLIENT)
		return f;
	struct flow back = f; // the sums are the same
	back.src_be = f.dst_be;
	back.dst_be = f.src_be;
	back.sport_be = f.dport_be;
	back.dport_be = f.sport_be;
	return back;
}

static bool has_flow(const struct frame_view *v, const struct flow *f)
{
	const uint8_t *ip = v->frame + v->l3_ofs, *l4 = v->frame + v->l4_ofs;
	return memcmp(ip + (v->is_v4 ? 12 : 8 + 12), &f->src_be, 4) == 0 &&
	       memcmp(ip + (v->is_v4 ? 16 : 24 + 12), &f->dst_be, 4) == 0 &&
	       memcmp(l4, &f->sport_be, 2) == 0 && memcmp(l4 + 2, &f->dport_be, 2) == 0;
}

/* Which of the seven it is, by flags and numbers; -1: none. */
static int find_packet(
    const struct connections *c, uint32_t slot, enum conn_side side, const struct frame_view *v)
{
	const uint8_t *tcp = v->frame + v->l4_ofs;
	uint32_t seq = get32(tcp + SEQ_OFS) - initial_seq(c, slot, side);
	uint32_t ack = get32(tcp + ACK_OFS);
	for (int i = 0; i < CONN_PACKETS; i++) {
		const struct conn_packet *p = &packets[i];
		uint32_t expected = p->ack == 0 ? 0 : initial_seq(c, slot, !side) + p->ack;
		if (p->side == side && p->flags == tcp[FLAGS_OFS] && p->seq == seq &&
		    ack == expected && v->l4_size == TCP_SIZE + (uint32_t)p->data_size)
			return i;
	}
	return -1;
}

static void arrive(struct connections *c, uint32_t slot, unsigned int packet, uint64_t now)
{
	struct conn *k = &c->slots[slot];
	uint8_t bit = (uint8_t)(1u << packet);
	if ((k->arrived & bit) != 0) {
		c->counters.duplicates++;
		return;
	}
	c->counters.unique++;
	if (k->arrived >= bit) // a later one was here first
		c->counters.reordered++;
	k->arrived |= bit;
	for (unsigned int i = 0; i < 2; i++)
		if (packets[packet].then[i] >= 0)
			enqueue(c, slot, (unsigned int)packets[packet].then[i]);
	if (k->arrived != ALL_ARRIVED)
		return;
	c->counters.completed++;
	histogram_add(&c->latency, now - k->opened_tsc);
	close_slot(c, slot);
}

static void enqueue(struct connections *c, uint32_t slot, unsigned int packet)
{
	struct conn_queue *q = &c->queues[packets[packet].side];
	if (q->n == c->queue_max) {
		c->counters.tx_refused++; // the connection will time out
		return;
	}
	q->entries[(q->head + q->n) % c->queue_max] = (struct conn_queued){.slot = (uint16_t)slot,
	    .use = (uint8_t)c->slots[slot].n_uses,
	    .packet = (uint8_t)packet};
	q->n++;
}

static bool is_current(const struct connections *c, const struct conn_queued *q)
{
	const struct conn *k = &c->slots[q->slot];
	return k->is_open && q->use == (uint8_t)k->n_uses;
}

static uint16_t write_packet(
    struct connections *c, const struct conn_queued *q, uint8_t *to, uint64_t now)
{
	const struct conn_packet *p = &packets[q->packet];
	const struct frame_template *t = &c->templates[q->packet];
	struct flow f = flow_of(c, &c->slots[q->slot], p->side);
	uint32_t seq = initial_seq(c, q->slot, p->side) + p->seq;
	uint32_t ack = p->ack == 0 ? 0 : initial_seq(c, q->slot, !p->side) + p->ack;
	seq = __builtin_bswap32(seq);
	ack = __builtin_bswap32(ack);
	frame_write(to, t, &f, (uint64_t)seq + ack);
	memcpy(to + t->l4_ofs + SEQ_OFS, &seq, sizeof(seq));
	memcpy(to + t->l4_ofs + ACK_OFS, &ack, sizeof(ack));
	if (t->stamp_ofs != 0)
		stamp_write(to + t->stamp_ofs, stamp_head(c->conf->id, c->trial),
		    c->slots[q->slot].n_uses, now);
	return t->size;
}

static uint32_t initial_seq(const struct connections *c, uint32_t slot, enum conn_side side)
{
	uint32_t number = slot << SLOT_SHIFT | (uint32_t)(uint8_t)c->slots[slot].n_uses
						   << USE_SHIFT;
	return side == CONN_CLIENT ? number : number ^ (uint32_t)SERVER_MASK << SLOT_SHIFT;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}
