/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/method.h"

#define PARAMS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

const struct rpc_method rpc_methods[] = {
#define METHOD(method, function, least, changes, known, text) \
	{.name = (method),                                    \
	    .handler = (function),                            \
	    .role = (least),                                  \
	    .mutating = (changes),                            \
	    .params = known,                                  \
	    .help = (text)},
#include "control/api/method.def"
#undef METHOD
};
const size_t rpc_n_methods = ARRAY_SIZE(rpc_methods);
