/* SPDX-License-Identifier: Apache-2.0 */
#include "vhost/vh_share.h"

#include <rte_mbuf.h>

#include <errno.h>

#include "datapath/base/compiler.h"

static int share_alloc(struct rte_mempool *mp);
static int share_enqueue(struct rte_mempool *mp, void *const *objs, unsigned int n);
static int share_dequeue(struct rte_mempool *mp, void **objs, unsigned int n);
static unsigned int share_count(const struct rte_mempool *mp);

static const struct rte_mempool_ops share_ops = {
    .name = "vh_share",
    .alloc = share_alloc,
    .enqueue = share_enqueue,
    .dequeue = share_dequeue,
    .get_count = share_count,
};
RTE_MEMPOOL_REGISTER_OPS(share_ops)

static struct rte_mempool *share; // ctl: rw
static unsigned int n_users;      // ctl: rw
static _Thread_local uint32_t n_left;
static _Thread_local bool was_short;

struct rte_mempool *vh_share_get(struct rte_mempool *pool)
{
	if (n_users++ > 0)
		return share;
	share = rte_mempool_create_empty("vh_share", 1, sizeof(struct rte_mbuf), 0,
	    sizeof(struct rte_pktmbuf_pool_private), SOCKET_ID_ANY, 0);
	if (share != NULL && rte_mempool_set_ops_byname(share, share_ops.name, NULL) < 0) {
		rte_mempool_free(share);
		share = NULL;
	}
	if (share == NULL) {
		n_users = 0;
		return NULL;
	}
	*(struct rte_pktmbuf_pool_private *)rte_mempool_get_priv(share) =
	    *(struct rte_pktmbuf_pool_private *)rte_mempool_get_priv(pool);
	share->pool_data = pool;
	return share;
}

void vh_share_put(void)
{
	if (--n_users > 0)
		return;
	rte_mempool_free(share);
	share = NULL;
}

void vh_share_begin(uint32_t n_max)
{
	n_left = n_max;
	was_short = false;
}

bool vh_share_ended_short(void)
{
	return was_short;
}

/* It is never filled: alloc and enqueue are for pools that are. */
static int share_alloc(struct rte_mempool *)
{
	return -ENOTSUP;
}

static int share_enqueue(struct rte_mempool *, void *const *, unsigned int)
{
	return -ENOTSUP;
}

static int share_dequeue(struct rte_mempool *mp, void **objs, unsigned int n)
{
	if (UNLIKELY(n > n_left)) {
		was_short = true;
		return -ENOBUFS;
	}
	int rc = rte_mempool_get_bulk(mp->pool_data, objs, n);
	if (LIKELY(rc == 0))
		n_left -= n;
	return rc;
}

static unsigned int share_count(const struct rte_mempool *mp)
{
	return rte_mempool_avail_count(mp->pool_data);
}
