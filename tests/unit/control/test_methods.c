/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/control/test_methods.h"

#include <stdlib.h>
#include <string.h>

#include "control/api/method.h"

/* Methods that ask the switch are not linked here: their rows have no handler. */
#define METHOD(name, handler, ...) extern __attribute__((weak)) rpc_handler handler;
#include "control/api/method.def"
#undef METHOD

size_t test_n_writes;
struct rpc_request *test_waiting;

static void test_echo(struct rpc_request *req)
{
	rpc_reply(req, json_incref(rpc_params(req)));
}

static void test_write(struct rpc_request *req)
{
	test_n_writes++;
	rpc_reply(req, json_integer((json_int_t)test_n_writes));
}

static void test_later(struct rpc_request *req)
{
	test_waiting = req;
}

static void test_big(struct rpc_request *req)
{
	size_t size = (size_t)json_integer_value(json_object_get(rpc_params(req), "size"));
	char *text = malloc(size);
	memset(text, 'x', size);
	rpc_reply(req, json_stringn(text, size));
	free(text);
}

#define PARAMS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

const struct rpc_method rpc_methods[] = {
#define METHOD(method, function, least, changes, known, text) \
	{(method), (function), (least), (changes), (text), known},
#include "control/api/method.def"
    METHOD("test.echo", test_echo, ROLE_READ, 0, PARAMS("a", "size"), "")
	METHOD("test.write", test_write, ROLE_READ, 1, PARAMS(), "")
	    METHOD("test.later", test_later, ROLE_READ, 0, PARAMS(), "")
		METHOD("test.big", test_big, ROLE_READ, 0, PARAMS("size"), "")
		    METHOD("test.admin", test_echo, ROLE_ADMIN, 0, PARAMS(), "")
#undef METHOD
};
const size_t rpc_n_methods = ARRAY_SIZE(rpc_methods);
