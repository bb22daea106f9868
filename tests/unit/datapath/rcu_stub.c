/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/datapath/rcu_stub.h"

#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

#include "datapath/rcu.h"

struct deferred {
	struct deferred *next;
	void (*fn)(void *obj);
	void *obj;
};

static uint64_t passed[RCU_STUB_MAX_READERS]; // quiescent points
static unsigned int n_readers;
static struct deferred *deferred;
static size_t n_deferred;

void rcu_stub_set_readers(unsigned int n)
{
	n_readers = n;
}

void rcu_stub_quiescent(unsigned int reader)
{
	__atomic_fetch_add(&passed[reader], 1, __ATOMIC_ACQ_REL);
}

size_t rcu_stub_n_deferred(void)
{
	return n_deferred;
}

void rcu_defer(void (*fn)(void *obj), void *obj)
{
	struct deferred *d = malloc(sizeof(*d));

	if (d == NULL)
		abort();
	*d = (struct deferred){.next = deferred, .fn = fn, .obj = obj};
	deferred = d;
	n_deferred++;
}

/* Two points: the first may have been on its way when the period began. */
void rcu_synchronize(void)
{
	for (unsigned int i = 0; i < n_readers; i++) {
		uint64_t from = __atomic_load_n(&passed[i], __ATOMIC_ACQUIRE);
		while (__atomic_load_n(&passed[i], __ATOMIC_ACQUIRE) < from + 2)
			sched_yield();
	}
}

/* Waits where the real one does not: the stub's grace period is short. */
unsigned int rcu_run(void)
{
	struct deferred *list = deferred;

	deferred = NULL;
	n_deferred = 0;
	rcu_synchronize();
	while (list != NULL) {
		struct deferred *d = list;
		list = d->next;
		d->fn(d->obj);
		free(d);
	}
	return (unsigned int)n_deferred;
}
