/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a remote listens or connects to: punix:PATH, ptcp:[PORT][:IP], pssl:[PORT][:IP], unix:PATH, tcp:IP[:PORT], ssl:IP[:PORT];
 * IPv6 addresses in brackets. Numbers only: a name would be looked up while others wait.
 *
 * Threads: any; a plain value. Memory: none.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "datapath/base/err.h"

enum { OVSDB_PORT = 6640 }; // IANA's, when none is said

struct ovsdb_address {
	bool is_passive;
	bool is_tls;
	socklen_t size;
	union {
		struct sockaddr any;
		struct sockaddr_storage inet;
		struct sockaddr_un un;
	};
};

MUST_CHECK
int ovsdb_address_parse(const char *text, struct ovsdb_address *ret, struct err *err);
/* With another port when none is said. */
MUST_CHECK
int ovsdb_address_parse_port(
    const char *text, uint16_t default_port, struct ovsdb_address *ret, struct err *err);
static inline bool ovsdb_address_is_unix(const struct ovsdb_address *a)
{
	return a->any.sa_family == AF_UNIX;
}
uint16_t ovsdb_address_port(const struct ovsdb_address *a); // 0 for a path
/* "tcp:127.0.0.1:40000", "ssl:[::1]:40000" or "unix": a peer, for logs. */
enum { OVSDB_PEER_SIZE = 96 };
const char *ovsdb_address_format_peer(const struct ovsdb_address *a, char ret[OVSDB_PEER_SIZE]);
