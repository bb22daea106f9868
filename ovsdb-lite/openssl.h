/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * OpenSSL's headers, without the one name that they and base/err.h both have.
 *
 * Threads: not applicable. Memory: not applicable.
 */
#define ERR_STATE OPENSSL_ERR_STATE // a type of theirs that nobody needs
#include <openssl/err.h>
#include <openssl/ssl.h>
#undef ERR_STATE
