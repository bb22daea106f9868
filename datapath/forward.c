/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/forward.h"

#include <string.h>

#include "datapath/act.h"
#include "datapath/dp.h"
#include "datapath/parse_usual.h"
#include "datapath/pipeline.h"
#include "datapath/police.h"
#include "datapath/program_cache.h"
#include "datapath/session.h"

enum {
	MAX_TURNS = 2, // of the rules for a packet whose source MAC moves at the same moment
	AT_A_TIME = 8, // packets parsed while the memory of those before comes
};

/* What the packets of one port have in common. */
struct ingress {
	uint16_t port;
	uint32_t ofport;
	const struct bridge *bridge;
	const struct session_key *mask; // of the bridge
};

/* A burst on its way through the stages; packet i in every array. */
struct staged {
	unsigned int n;
	uint32_t sessionless; // bit i: packet i is not to have a session
	struct rte_mbuf *m[BURST];
	const struct ingress *in[BURST];
	const struct session_key *mask[BURST];
	struct session_key parsed[BURST];
	struct session_runs runs;
	bool look_again;               // a session was deleted, see act_each
	const struct ingress *last_in; // of the packet before, or NULL
	unsigned int n_ingress;
	struct ingress ingress[BURST];
};

static unsigned int decapsulate(
    struct worker *w, uint16_t uplink, struct rte_mbuf **pkts, unsigned int n);
static unsigned int stage_parse_and_guess(
    struct worker *w, struct staged *st, struct rte_mbuf **pkts, unsigned int n);
static void parse_some(struct worker *w, struct staged *st, struct rte_mbuf **pkts, unsigned int n);
static bool parse_unusual(struct worker *w, struct rte_mbuf *m, struct session_key *key);
static const struct ingress *add_ingress(const struct worker *w, struct staged *st, uint16_t port);
static void stage_find(struct worker *w, struct staged *st, unsigned int from, unsigned int to);
static bool is_sessionless(const struct staged *st, unsigned int i);
static void stage_act(struct worker *w, struct staged *st, unsigned int from, unsigned int to);
static bool act_plain(struct worker *w, const struct staged *st, unsigned int run);
static void act_each(struct worker *w, struct staged *st, unsigned int run);
static inline bool is_fresh(
    const struct worker *w, const struct bridge *br, const struct session *s);
static bool is_learned_fresh(const struct worker *w, const struct program *prog);
static bool act_session(struct worker *w, struct session *s, struct rte_mbuf *m);
static bool run_rules(struct worker *w, struct staged *st, unsigned int run, unsigned int i);
static const struct program *run_pipeline(
    struct worker *w, const struct staged *st, unsigned int i);
static void describe_tunnel(
    const struct worker *w, const struct pkt *pkt, struct parse_tunnel *ret);
static struct session *keep(
    struct worker *w, struct staged *st, unsigned int run, const struct program *prog);
static bool act_once(struct worker *w, const struct program *prog, struct rte_mbuf *m);

void forward_burst(struct worker *w, uint16_t port, struct rte_mbuf **pkts, unsigned int n)
{
	const struct port *p = rcu_get(w->dp->ports[port]);
	struct staged st;
	if (p != NULL && (p->conf.flags & DP_PORT_F_UPLINK) != 0)
		n = decapsulate(w, port, pkts, n);
	else if (p != NULL && UNLIKELY(p->conf.policing_kbps != 0))
		n = police(w, rcu_get(w->dp->ports[port]), pkts, n);
	// The last buckets come while the first packets leave, and their sessions while those after them do.
	unsigned int n_guessed = stage_parse_and_guess(w, &st, pkts, n);
	unsigned int n_first = MIN_OF(n_guessed, (unsigned int)AT_A_TIME);
	stage_act(w, &st, 0, n_first);
	session_runs_guess(w->sessions, &st.runs, n_guessed, st.runs.n);
	stage_act(w, &st, n_first, st.runs.n);
}

void forward_idle(struct worker *w)
{
	uint32_t n = session_sweep_due(w->sessions, w->now_ms);
	if (n == 0)
		return;
	bool round_ended = session_sweep(w, n);
	w->stats.n_sessions = session_count(w->sessions);
	if (round_ended) // pairs with control's wait before it gives a counter slot to another rule
		__atomic_store_n(&w->sweep_epoch, w->sweep_epoch + 1, __ATOMIC_RELEASE);
}

/* Strips the outer headers: each packet leaves the uplink and arrives at its tunnel port. Returns how many are left. */
static unsigned int decapsulate(
    struct worker *w, uint16_t uplink, struct rte_mbuf **pkts, unsigned int n)
{
	const struct tunnel_cfg *cfg = rcu_get(w->dp->tunnels);
	unsigned int n_left = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		enum dp_drop reason = cfg != NULL ? tunnel_input(cfg, m) : DP_DROP_UPLINK_NOT_OURS;
		if (UNLIKELY(reason != DP_DROP__COUNT)) {
			pkt_drop(w, m, reason, 0, 0);
			continue;
		}
		struct port_counters *c = &w->ports[pkt_of(m)->in_port];
		w->ports[uplink].sent++;
		c->rx_packets++;
		c->rx_bytes += rte_pktmbuf_pkt_len(m);
		pkts[n_left++] = m;
	}
	return n_left;
}

/*
 * A few packets at a time, so that the parsing of some hides the wait for the buckets of those before them. Returns how many
 * runs have their guess: all but those of the last few packets.
 */
static unsigned int stage_parse_and_guess(
    struct worker *w, struct staged *st, struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int n_guessed = 0;
	st->n = 0;
	st->n_ingress = 0;
	st->last_in = NULL;
	st->sessionless = 0;
	st->runs.n = 0;
	st->look_again = false;
	for (unsigned int i = 0; i < n; i += AT_A_TIME) {
		unsigned int from = st->n, from_run = st->runs.n;
		parse_some(w, st, pkts + i, MIN_OF(n - i, (unsigned int)AT_A_TIME));
		session_runs_add(
		    w->sessions, st->parsed, st->mask, st->sessionless, from, st->n, &st->runs);
		session_runs_guess(w->sessions, &st->runs, n_guessed, from_run);
		n_guessed = from_run;
	}
	return n_guessed;
}

/* What changes from packet to packet is in variables of its own: in *st a store to a key might have changed it. */
static void parse_some(struct worker *w, struct staged *st, struct rte_mbuf **pkts, unsigned int n)
{
	const struct ingress *in = st->last_in;
	unsigned int n_good = st->n;
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct pkt *pkt = pkt_of(m);
		if (UNLIKELY(in == NULL || in->port != pkt->in_port))
			in = add_ingress(w, st, pkt->in_port);
		if (UNLIKELY(in->bridge == NULL)) {
			pkt_drop(w, m, DP_DROP_NO_BRIDGE, 0, 0);
			continue;
		}
		bool is_usual = LIKELY(pkt->flags == 0) && parse_usual(m, &st->parsed[n_good]);
		if (UNLIKELY(!is_usual) && !parse_unusual(w, m, &st->parsed[n_good]))
			continue;
		if (UNLIKELY((pkt->flags & PKT_F_NO_SESSION) != 0))
			st->sessionless |= UINT32_C(1) << n_good;
		st->m[n_good] = m;
		st->in[n_good] = in;
		st->mask[n_good] = in->mask;
		n_good++;
	}
	st->n = n_good;
	st->last_in = in;
}

/* False when that ended it. */
static bool parse_unusual(struct worker *w, struct rte_mbuf *m, struct session_key *key)
{
	enum dp_drop reason = parse_packet(m, key);
	if (LIKELY(reason == DP_DROP__COUNT))
		return true;
	pkt_drop(w, m, reason, 0, 0);
	return false;
}

static const struct ingress *add_ingress(const struct worker *w, struct staged *st, uint16_t port)
{
	struct ingress *in = &st->ingress[st->n_ingress++];
	*in = (struct ingress){.port = port};
	const struct port *p = rcu_get(w->dp->ports[port]);
	if (p == NULL || p->conf.bridge == 0)
		return in;
	in->ofport = p->conf.ofport;
	in->bridge = rcu_get(w->dp->bridges[p->conf.bridge]);
	if (in->bridge != NULL)
		in->mask = rcu_get(in->bridge->session_mask);
	return in;
}

static void stage_find(struct worker *w, struct staged *st, unsigned int from, unsigned int to)
{
	session_runs_find(w->sessions, &st->runs, from, to);
	for (unsigned int i = from; i < to; i++) {
		if (UNLIKELY(is_sessionless(st, st->runs.first[i])))
			st->runs.session[i] = NULL;
		else if (LIKELY(st->runs.session[i] != NULL))
			__builtin_prefetch(session_program(w, st->runs.session[i]));
	}
}

static bool is_sessionless(const struct staged *st, unsigned int i)
{
	return (st->sessionless >> i & 1) != 0;
}

/* Runs from … to - 1, in order of arrival. */
static void stage_act(struct worker *w, struct staged *st, unsigned int from, unsigned int to)
{
	stage_find(w, st, from, to);
	for (unsigned int run = from; run < to; run++) {
		if (UNLIKELY(st->look_again) || !act_plain(w, st, run))
			act_each(w, st, run);
	}
}

/* A run whose session has one output and no more: all of it at once. False when that is not so, or not any more. */
static bool act_plain(struct worker *w, const struct staged *st, unsigned int run)
{
	struct session *s = st->runs.session[run];
	unsigned int first = st->runs.first[run], end = st->runs.first[run + 1];
	uint16_t port;
	if (UNLIKELY(s == NULL) || !act_is_output(session_program(w, s), &port) ||
	    UNLIKELY(!is_fresh(w, st->in[first]->bridge, s)))
		return false;
	uint32_t n_bytes = 0;
	for (unsigned int i = first; i < end; i++) {
		n_bytes += rte_pktmbuf_pkt_len(st->m[i]);
		out_add(w, port, st->m[i]);
	}
	session_count_packets(w, s, end - first, n_bytes);
	w->stats.session_hits += end - first;
	return true;
}

/*
 * A packet whose session was not there may find it now, made by the one before it. When a session was deleted on the way,
 * pointers found before may be to another key's session: those packets look again.
 */
static void act_each(struct worker *w, struct staged *st, unsigned int run)
{
	struct session_runs *runs = &st->runs;
	for (unsigned int i = runs->first[run]; i < runs->first[run + 1]; i++) {
		struct session *s = runs->session[run];
		if (UNLIKELY((s == NULL || st->look_again) && !is_sessionless(st, i)))
			runs->session[run] = s =
			    session_find(w->sessions, &runs->key[run], runs->hash[run]);
		bool is_stale = s != NULL && !is_fresh(w, st->in[i]->bridge, s);
		if (LIKELY(s != NULL && !is_stale && act_session(w, s, st->m[i]))) {
			w->stats.session_hits++;
			continue;
		}
		*(s != NULL ? &w->stats.session_stale : &w->stats.session_misses) += 1;
		st->look_again |= run_rules(w, st, run, i);
	}
}

static inline bool is_fresh(
    const struct worker *w, const struct bridge *br, const struct session *s)
{
	if (s->version < __atomic_load_n(&br->change_version, __ATOMIC_RELAXED))
		return false;
	const struct program *prog = session_program(w, s);
	return prog->n_fdb == 0 || is_learned_fresh(w, prog);
}

/* Whether all that the program knows of MAC addresses is still so. */
static bool is_learned_fresh(const struct worker *w, const struct program *prog)
{
	for (unsigned int i = 0; i < prog->n_fdb; i++) {
		const struct program_fdb *dep = &prog->fdb[i];
		const struct bridge *learned_on = rcu_get(w->dp->bridges[dep->bridge]);
		const struct fdb *fdb = learned_on != NULL ? rcu_get(learned_on->fdb) : NULL;
		if (fdb == NULL || fdb_shard_generation(fdb, dep->shard) != dep->generation)
			return false;
	}
	return true;
}

/* False when act found the session stale; the packet is then as it was. */
static bool act_session(struct worker *w, struct session *s, struct rte_mbuf *m)
{
	uint32_t len = rte_pktmbuf_pkt_len(m);
	if (UNLIKELY(!act_run(w, session_program(w, s), m)))
		return false;
	session_count_packets(w, s, 1, len);
	return true;
}

/*
 * Miss or stale session: the rules decide, in place. Ends the packet. True when a session was deleted.
 */
static bool run_rules(struct worker *w, struct staged *st, unsigned int run, unsigned int i)
{
	struct rte_mbuf *m = st->m[i];
	struct session **session = &st->runs.session[run];
	bool deleted = false;
	for (unsigned int turn = 0; turn < MAX_TURNS; turn++) {
		const struct program *prog = run_pipeline(w, st, i);
		struct session *s = keep(w, st, run, prog);
		if (s == NULL && *session != NULL) {
			session_release(w, *session);
			deleted = true;
		}
		*session = s;
		if (s != NULL ? act_session(w, s, m) : act_once(w, prog, m))
			return deleted;
	}
	// Someone else on the net uses its source address at this moment: forward it without learning.
	bool dry_run = w->dry_run;
	w->dry_run = true;
	const struct program *prog = run_pipeline(w, st, i);
	w->dry_run = dry_run;
	if (!act_once(w, prog, m))
		pkt_drop(w, m, DP_DROP_MAC_LIMIT, prog->rule, prog->cookie);
	return deleted;
}

static const struct program *run_pipeline(struct worker *w, const struct staged *st, unsigned int i)
{
	const struct pkt *pkt = pkt_of(st->m[i]);
	bool is_tunnelled = pkt->tun_peer != PKT_NO_PEER;
	struct parse_tunnel tunnel;
	struct flow_key key;
	if (is_tunnelled)
		describe_tunnel(w, pkt, &tunnel);
	parse_flow_key(
	    st->m[i], &st->parsed[i], st->in[i]->ofport, is_tunnelled ? &tunnel : NULL, &key);
	return pipeline_run(w->pipeline, w, st->in[i]->bridge, pkt->in_port, &key, NULL);
}

static void describe_tunnel(const struct worker *w, const struct pkt *pkt, struct parse_tunnel *ret)
{
	const struct tunnel_cfg *cfg = rcu_get(w->dp->tunnels);
	const struct tnl_route *route = tunnel_route(cfg, pkt->tun_peer);
	const struct ip_addr *local = tunnel_local(cfg, pkt->tun_local);
	*ret = (struct parse_tunnel){.tun_id = pkt->tun_vni};
	ret->src = route != NULL ? route->remote : pkt->tun_src;
	if (local != NULL)
		ret->dst = *local;
}

/* The packet's session, made or brought up to date; NULL when the outcome is not to be kept, or cannot be. */
static struct session *keep(
    struct worker *w, struct staged *st, unsigned int run, const struct program *prog)
{
	if (prog->cacheable == 0 || is_sessionless(st, st->runs.first[run]))
		return NULL;
	struct program *kept = program_intern(w->programs, prog);
	struct session *s = st->runs.session[run];
	if (s != NULL && kept != NULL) {
		session_settle(w, s);
		program_unref(w->programs, session_program(w, s));
	} else if (kept != NULL) {
		s = session_add(w->sessions, &st->runs.key[run], st->runs.hash[run], w->now_ms);
	}
	if (kept == NULL || s == NULL) {
		w->stats.session_refused++;
		if (kept != NULL)
			program_unref(w->programs, kept);
		return NULL;
	}
	session_set_program(w, s, kept);
	return s;
}

static bool act_once(struct worker *w, const struct program *prog, struct rte_mbuf *m)
{
	uint32_t len = rte_pktmbuf_pkt_len(m);
	if (!act_run(w, prog, m))
		return false;
	program_count(w, prog, 1, len, w->now_ms);
	return true;
}
