/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_SIZE = INET6_ADDRSTRLEN + 32, PORT_SIZE = 8 };

static const struct kind {
	const char *prefix;
	bool is_passive;
	bool is_tls;
	bool is_unix;
} kinds[] = {
    {"punix:", true, false, true},
    {"ptcp:", true, false, false},
    {"pssl:", true, true, false},
    {"unix:", false, false, true},
    {"tcp:", false, false, false},
    {"ssl:", false, true, false},
};

static int parse_path(const char *text, struct ovsdb_address *ret, struct err *err);
static int parse_inet(
    const char *text, uint16_t default_port, struct ovsdb_address *ret, struct err *err);
static bool split(const char *text, bool port_first, char host[HOST_SIZE], char port[PORT_SIZE]);
static bool is_port(const char *text);
static bool take(char *dst, size_t dst_size, const char *begin, const char *end);

int ovsdb_address_parse(const char *text, struct ovsdb_address *ret, struct err *err)
{
	return ovsdb_address_parse_port(text, OVSDB_PORT, ret, err);
}

int ovsdb_address_parse_port(
    const char *text, uint16_t default_port, struct ovsdb_address *ret, struct err *err)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].prefix);
		if (strncmp(text, kinds[i].prefix, len) != 0)
			continue;
		ret->is_passive = kinds[i].is_passive;
		ret->is_tls = kinds[i].is_tls;
		return kinds[i].is_unix ? parse_path(text + len, ret, err)
					: parse_inet(text + len, default_port, ret, err);
	}
	err_set(err, ERR_PARAMS, "\"%.100s\" is not a remote", text);
	return err_hint(err, "punix:PATH, ptcp:PORT[:IP], pssl:PORT[:IP], unix:PATH, tcp:IP:PORT, "
			     "ssl:IP:PORT; IPv6 in brackets");
}

uint16_t ovsdb_address_port(const struct ovsdb_address *a)
{
	if (a->any.sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&a->inet)->sin_port);
	if (a->any.sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&a->inet)->sin6_port);
	return 0;
}

const char *ovsdb_address_format_peer(const struct ovsdb_address *a, char ret[OVSDB_PEER_SIZE])
{
	char host[INET6_ADDRSTRLEN + 16];
	bool is_v6 = a->any.sa_family == AF_INET6;
	if (ovsdb_address_is_unix(a) ||
	    getnameinfo(&a->any, a->size, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(ret, OVSDB_PEER_SIZE, "unix");
	else
		snprintf(ret, OVSDB_PEER_SIZE, "%s:%s%s%s:%u", a->is_tls ? "ssl" : "tcp",
		    is_v6 ? "[" : "", host, is_v6 ? "]" : "", ovsdb_address_port(a));
	return ret;
}

static int parse_path(const char *text, struct ovsdb_address *ret, struct err *err)
{
	size_t len = strlen(text);
	if (len == 0 || len >= sizeof(ret->un.sun_path))
		return err_set(err, ERR_PARAMS, "a socket's path has 1 to %zu bytes",
		    sizeof(ret->un.sun_path) - 1);
	ret->un.sun_family = AF_UNIX;
	memcpy(ret->un.sun_path, text, len + 1);
	ret->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	return 0;
}

static int parse_inet(
    const char *text, uint16_t default_port, struct ovsdb_address *ret, struct err *err)
{
	char host[HOST_SIZE] = "", port[PORT_SIZE] = "";
	struct addrinfo *found = NULL;
	const struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	bool good = split(text, ret->is_passive, host, port);
	if (good && host[0] == '\0' && ret->is_passive)
		snprintf(host, sizeof(host), "0.0.0.0");
	if (good && port[0] == '\0')
		snprintf(port, sizeof(port), "%u", default_port);
	if (!good || host[0] == '\0' || !is_port(port) ||
	    getaddrinfo(host, port, &hints, &found) != 0 || found == NULL)
		return err_set(err, ERR_PARAMS, "\"%.100s\" is not %s in numbers", text,
		    ret->is_passive ? "PORT[:IP]" : "IP:PORT");
	memcpy(&ret->inet, found->ai_addr, found->ai_addrlen);
	ret->size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

/* Without brackets: they are only around IPv6. */
static bool split(const char *text, bool port_first, char host[HOST_SIZE], char port[PORT_SIZE])
{
	const char *end = text + strlen(text);
	const char *host_begin = text, *host_end = end, *port_begin = end, *port_end = end;
	if (port_first) {
		port_begin = text;
		port_end = text + strcspn(text, ":");
		host_begin = *port_end == ':' ? port_end + 1 : end;
	}
	if (*host_begin == '[') {
		host_begin++;
		host_end = host_begin + strcspn(host_begin, "]");
		if (*host_end != ']')
			return false;
	} else {
		host_end = host_begin + strcspn(host_begin, ":");
	}
	const char *rest = *host_end == ']' ? host_end + 1 : host_end;
	if (!port_first && *rest == ':')
		port_begin = rest + 1;
	else if (*rest != '\0')
		return false;
	return take(host, HOST_SIZE, host_begin, host_end) &&
	       take(port, PORT_SIZE, port_begin, port_end);
}

static bool is_port(const char *text)
{
	return strspn(text, "0123456789") == strlen(text) && strtoul(text, NULL, 10) <= UINT16_MAX;
}

static bool take(char *dst, size_t dst_size, const char *begin, const char *end)
{
	size_t len = (size_t)(end - begin);
	if (len >= dst_size)
		return false;
	memcpy(dst, begin, len);
	dst[len] = '\0';
	return true;
}
