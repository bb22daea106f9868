/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/control/api_fixture.h"
#include "tests/unit/control/test_methods.h"

static struct api *api;

static void start(void);
static void stop(void);
static void check_line(char *line);

/* The bytes of a client, whole daemon behind: whatever it says, each line out is a JSON-RPC message. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char out[1 << 20];
	size_t n_out = 0;

	start();
	int fd = api_connect(api);
	if (send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size) {
		close(fd);
		return 0;
	}
	shutdown(fd, SHUT_WR);
	for (;;) {
		event_base_loop(api->daemon.base, EVLOOP_NONBLOCK);
		if (test_waiting != NULL)
			rpc_reply(test_waiting, json_true());
		test_waiting = NULL;
		ssize_t n = recv(fd, out + n_out, sizeof(out) - 1 - n_out, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN) || n_out == sizeof(out) - 1)
			break;
		n_out += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	out[n_out] = '\0';
	char *line = out;
	for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		check_line(line);
	}
	return 0;
}

static void start(void)
{
	void *state = NULL;

	if (api != NULL)
		return;
	FUZZ_ASSERT(api_setup(&state) == 0);
	api = state;
	atexit(stop);
}

static void stop(void)
{
	void *state = api;

	api_teardown(&state);
}

static void check_line(char *line)
{
	json_t *message = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	size_t i;
	json_t *member;

	FUZZ_ASSERT(message != NULL);
	if (json_is_object(message))
		FUZZ_ASSERT(json_object_get(message, "jsonrpc") != NULL);
	json_array_foreach (message, i, member)
		FUZZ_ASSERT(json_object_get(member, "id") != NULL);
	json_decref(message);
}
