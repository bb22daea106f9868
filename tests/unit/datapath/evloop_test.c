/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/base/clock.h"
#include "datapath/evloop.h"

struct world {
	struct evloop *loop;
	struct evloop_watch *a, *b;
	struct evloop_timer *timer, *other;
	int n_a, n_b, n_timer;
	uint32_t events;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	w->loop = evloop_create();
	*state = w;
	return w->loop != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *w = *state;
	evloop_destroy(w->loop);
	free(w);
	return 0;
}

static int ready_fd(void)
{
	return eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
}

static void on_a(uint32_t events, void *arg)
{
	struct world *w = arg;
	w->n_a++;
	w->events = events;
}

static void on_b_delete_both(uint32_t, void *arg)
{
	struct world *w = arg;
	w->n_b++;
	evloop_del(w->a);
	evloop_del(w->b);
}

static void ready_descriptor_calls_back_until_read(void **state)
{
	struct world *w = *state;
	int fd = ready_fd();
	uint64_t n;
	assert_int_equal(evloop_add(w->loop, fd, EPOLLIN, on_a, w, &w->a), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(evloop_run_once(w->loop, 0), 0);
	assert_int_equal(w->n_a, 3);
	assert_int_equal(w->events, EPOLLIN);
	assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
	assert_int_equal(evloop_run_once(w->loop, 0), 0);
	assert_int_equal(w->n_a, 3);
	evloop_modify(w->a, EPOLLOUT);
	assert_int_equal(evloop_run_once(w->loop, 0), 0);
	assert_int_equal(w->events, EPOLLOUT);
	evloop_del(w->a);
	close(fd);
}

static void deleted_watch_is_not_called_in_the_same_round(void **state)
{
	struct world *w = *state;
	int fd1 = ready_fd(), fd2 = ready_fd();
	// Both are ready; whichever comes first deletes the other.
	assert_int_equal(evloop_add(w->loop, fd1, EPOLLIN, on_b_delete_both, w, &w->a), 0);
	assert_int_equal(evloop_add(w->loop, fd2, EPOLLIN, on_b_delete_both, w, &w->b), 0);
	assert_int_equal(evloop_run_once(w->loop, 0), 0);
	assert_int_equal(evloop_run_once(w->loop, 0), 0);
	assert_int_equal(w->n_b, 1);
	close(fd1);
	close(fd2);
}

static void closed_peer_is_told(void **state)
{
	struct world *w = *state;
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	assert_int_equal(evloop_add(w->loop, fds[0], 0, on_a, w, &w->a), 0);
	close(fds[1]);
	assert_int_equal(evloop_run_once(w->loop, 0), 0);
	assert_true((w->events & EPOLLHUP) != 0);
	evloop_del(w->a);
	close(fds[0]);
}

static void bad_descriptor_is_refused(void **state)
{
	struct world *w = *state;
	assert_int_equal(evloop_add(w->loop, -1, EPOLLIN, on_a, w, &w->a), -EBADF);
}

static void on_timer(uint64_t, void *arg)
{
	struct world *w = arg;
	if (++w->n_timer == 3)
		evloop_stop(w->loop);
}

static void timer_repeats_until_stop(void **state)
{
	struct world *w = *state;
	uint64_t start_ms = clock_ms();
	assert_int_equal(evloop_add_timer(w->loop, 5, on_timer, w, &w->timer), 0);
	assert_int_equal(evloop_run(w->loop), 0);
	assert_int_equal(w->n_timer, 3);
	assert_true(clock_ms() - start_ms >= 15);
}

static void on_timer_delete_all(uint64_t, void *arg)
{
	struct world *w = arg;
	w->n_timer++;
	evloop_del_timer(w->timer);
	evloop_del_timer(w->other);
}

static void timer_may_delete_itself_and_others(void **state)
{
	struct world *w = *state;
	assert_int_equal(evloop_add_timer(w->loop, 1, on_timer_delete_all, w, &w->timer), 0);
	assert_int_equal(evloop_add_timer(w->loop, 1, on_timer_delete_all, w, &w->other), 0);
	usleep(3000);
	assert_int_equal(evloop_run_once(w->loop, 0), 0);
	assert_int_equal(evloop_run_once(w->loop, 5), 0);
	assert_int_equal(w->n_timer, 1);
}

static void missed_periods_are_skipped(void **state)
{
	struct world *w = *state;
	assert_int_equal(evloop_add_timer(w->loop, 1, on_timer, w, &w->timer), 0);
	usleep(20000);
	assert_int_equal(evloop_run_once(w->loop, 0), 0);
	assert_int_equal(w->n_timer, 1);
}

static void stop_before_run_ends_it_at_once(void **state)
{
	struct world *w = *state;
	evloop_stop(w->loop);
	assert_int_equal(evloop_run(w->loop), 0);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(ready_descriptor_calls_back_until_read),
	    TEST(deleted_watch_is_not_called_in_the_same_round),
	    TEST(closed_peer_is_told),
	    TEST(bad_descriptor_is_refused),
	    TEST(timer_repeats_until_stop),
	    TEST(timer_may_delete_itself_and_others),
	    TEST(missed_periods_are_skipped),
	    TEST(stop_before_run_ends_it_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
