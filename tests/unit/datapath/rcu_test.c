/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "datapath/rcu.h"

static int setup(void **)
{
	return rcu_init();
}

static int teardown(void **)
{
	rcu_fini();
	return 0;
}

static void count(void *obj)
{
	(*(int *)obj)++;
}

static void deferred_call_waits_for_every_online_worker(void **)
{
	int n = 0;
	rcu_worker_register(0);
	rcu_worker_register(63);
	rcu_defer(count, &n);
	rcu_worker_quiescent(0);
	assert_int_equal(rcu_run(), 1);
	assert_int_equal(n, 0);
	rcu_worker_quiescent(63);
	assert_int_equal(rcu_run(), 0);
	assert_int_equal(n, 1);
	rcu_worker_unregister(0);
	rcu_worker_unregister(63);
}

static void sleeping_worker_is_not_waited_for(void **)
{
	int n = 0;
	rcu_worker_register(1);
	rcu_worker_offline(1);
	rcu_synchronize();
	rcu_defer(count, &n);
	assert_int_equal(rcu_run(), 0);
	assert_int_equal(n, 1);
	// Awake again, it counts again.
	rcu_worker_online(1);
	rcu_defer(count, &n);
	assert_int_equal(rcu_run(), 1);
	rcu_worker_unregister(1);
	assert_int_equal(rcu_run(), 0);
	assert_int_equal(n, 2);
}

static int order[1000], n_done;

static void note_order(void *obj)
{
	order[n_done++] = *(int *)obj;
}

static void calls_run_in_order_through_growth(void **)
{
	static int numbers[1000];
	n_done = 0;
	rcu_worker_register(0);
	for (int i = 0; i < 1000; i++) {
		numbers[i] = i;
		rcu_defer(note_order, &numbers[i]);
		if (i == 10)
			rcu_worker_quiescent(0);
		if (i == 50)
			assert_int_equal(rcu_run(), 40);
	}
	rcu_worker_quiescent(0);
	assert_int_equal(rcu_run(), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(order[i], i);
	rcu_worker_unregister(0);
}

static void defer_again(void *obj)
{
	rcu_defer(count, obj);
}

static void callback_may_defer_again(void **)
{
	int n = 0;
	rcu_worker_register(0);
	rcu_defer(defer_again, &n);
	rcu_worker_quiescent(0);
	assert_int_equal(rcu_run(), 1);
	assert_int_equal(n, 0);
	rcu_worker_quiescent(0);
	assert_int_equal(rcu_run(), 0);
	assert_int_equal(n, 1);
	rcu_worker_unregister(0);
}

static int *shared; // RCU_PTR
static bool stop;

static void *reader(void *)
{
	uintptr_t n_wrong = 0;

	rcu_worker_register(5);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		const int *p = rcu_get(shared);
		n_wrong += *p != 42; // poisoned before it is freed
		rcu_worker_quiescent(5);
	}
	rcu_worker_unregister(5);
	return (void *)n_wrong;
}

static void poison_and_free(void *obj)
{
	*(int *)obj = 0;
	free(obj);
}

static void reader_never_meets_a_freed_object(void **)
{
	pthread_t thread;
	void *n_wrong;

	shared = malloc(sizeof(int));
	*shared = 42;
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, reader, NULL), 0);
	for (int i = 0; i < 20000; i++) {
		int *next = malloc(sizeof(int)), *old = shared;
		*next = 42;
		rcu_publish(shared, next);
		rcu_defer(poison_and_free, old);
		rcu_run();
		if (i % 1000 == 0)
			rcu_synchronize();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, &n_wrong);
	assert_null(n_wrong);
	free(shared);
}

static void *stuck_worker(void *registered)
{
	rcu_worker_register(7);
	__atomic_store_n((bool *)registered, true, __ATOMIC_RELEASE);
	const struct timespec pause = {.tv_sec = 1, .tv_nsec = 200000000};
	nanosleep(&pause, NULL);
	rcu_worker_quiescent(7);
	rcu_worker_unregister(7);
	return NULL;
}

static void stuck_worker_is_named(void **)
{
	char text[256] = "";
	bool registered = false;
	pthread_t thread;
	int fds[2], saved = dup(STDERR_FILENO);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pthread_create(&thread, NULL, stuck_worker, &registered), 0);
	while (!__atomic_load_n(&registered, __ATOMIC_ACQUIRE))
		usleep(100);
	dup2(fds[1], STDERR_FILENO);
	rcu_synchronize();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	pthread_join(thread, NULL);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	close(fds[0]);
	assert_non_null(strstr(text, "worker 7 has not"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		deferred_call_waits_for_every_online_worker, setup, teardown),
	    cmocka_unit_test_setup_teardown(sleeping_worker_is_not_waited_for, setup, teardown),
	    cmocka_unit_test_setup_teardown(calls_run_in_order_through_growth, setup, teardown),
	    cmocka_unit_test_setup_teardown(callback_may_defer_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(stuck_worker_is_named, setup, teardown),
	    cmocka_unit_test_setup_teardown(reader_never_meets_a_freed_object, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
