/* SPDX-License-Identifier: Apache-2.0 */
/* The load of ovsdb_bench.py: connections to an OVSDB server; replies are counted, not decoded.
 *
 *   ovsdb_load SOCKET transact SECONDS < lines
 *       A line is a client: a request with one %u, which becomes 0 to 63 by turns; one outstanding.
 *   ovsdb_load SOCKET fan-out UPDATES READERS < lines
 *       First what each reader sends, then the writer's request, whose %u is 1 to UPDATES.
 *
 * Prints how much was done, in how many seconds, and how many updates the readers counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BUF_SIZE = 1 << 18, MAX_CLIENTS = 1024, DEPTH = 16, WRITER = MAX_CLIENTS, MARK_MAX = 32 };

/* A mark, which is counted, stands once in each message; its beginning may have come before. */
struct client {
	int fd;
	char *template;
	const char *mark;
	char tail[MARK_MAX];
	size_t tail_len;
	uint64_t n_sent;
	uint64_t n_seen;
	bool is_done;
};

static char buf[MARK_MAX + BUF_SIZE];

static void fail(const char *what)
{
	fprintf(stderr, "ovsdb_load: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static char *read_line(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len = getline(&line, &size, stdin);
	if (len <= 0) {
		free(line);
		return NULL;
	}
	line[len - 1] = '\0';
	return line;
}

static void open_client(struct client *c, const char *path, int epoll, uint32_t id)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		fail(path);
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = id};
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
		fail("epoll_ctl");
}

/* Requests are short and few are outstanding: a partial write is an error. */
static void send_request(struct client *c, unsigned int number)
{
	char text[4096];
	const char *hole = strstr(c->template, "%u");
	int len = hole == NULL ? snprintf(text, sizeof(text), "%s", c->template)
			       : snprintf(text, sizeof(text), "%.*s%u%s", (int)(hole - c->template),
				     c->template, number, hole + 2);
	if (len >= (int)sizeof(text) || write(c->fd, text, (size_t)len) != len)
		fail("write");
	c->n_sent++;
}

/* Number of marks that came; *found says whether text is among the bytes. */
static uint64_t receive(struct client *c, const char *text, bool *found)
{
	memcpy(buf, c->tail, c->tail_len);
	ssize_t n = read(c->fd, buf + c->tail_len, BUF_SIZE);
	if (n <= 0)
		fail("the server closed a connection");
	size_t len = c->tail_len + (size_t)n;
	size_t mark_len = strlen(c->mark);
	uint64_t n_marks = 0;
	const char *rest = buf;
	const char *end = buf + len;
	for (const char *p; (p = memmem(rest, (size_t)(end - rest), c->mark, mark_len)) != NULL;
	     rest = p + mark_len)
		n_marks++;
	if (text != NULL)
		*found = memmem(buf, len, text, strlen(text)) != NULL;
	/* Behind the last whole mark: a part of one, or of the text. */
	size_t keep = (size_t)(end - rest);
	c->tail_len = keep < MARK_MAX ? keep : MARK_MAX - 1;
	memcpy(c->tail, end - c->tail_len, c->tail_len);
	c->n_seen += n_marks;
	return n_marks;
}

static int transact(const char *path, double seconds)
{
	static struct client clients[MAX_CLIENTS];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint32_t n_clients = 0;
	for (char *line; n_clients < MAX_CLIENTS && (line = read_line()) != NULL; n_clients++) {
		clients[n_clients] = (struct client){.template = line, .mark = "\"id\":"};
		open_client(&clients[n_clients], path, epoll, n_clients);
	}
	double start = now();
	double end = start;
	uint64_t n_done = 0;
	uint32_t n_open = n_clients;
	for (uint32_t i = 0; i < n_clients; i++)
		send_request(&clients[i], 0);
	while (n_open > 0) {
		struct epoll_event events[64];
		int n = epoll_wait(epoll, events, 64, -1);
		end = now();
		for (int i = 0; i < n; i++) {
			struct client *c = &clients[events[i].data.u32];
			if (receive(c, NULL, NULL) == 0)
				continue;
			n_done++;
			if (end - start < seconds)
				send_request(c, (unsigned int)(c->n_sent % 64));
			else
				n_open--;
		}
	}
	printf("%llu %.6f 0\n", (unsigned long long)n_done, end - start);
	return EXIT_SUCCESS;
}

static void start_readers(
    struct client *clients, const char *path, int epoll, uint32_t n_readers, char *monitor)
{
	for (uint32_t i = 0; i < n_readers; i++) {
		clients[i] = (struct client){.template = monitor, .mark = "\"id\":1"};
		open_client(&clients[i], path, epoll, i);
		send_request(&clients[i], 0);
		while (receive(&clients[i], NULL, NULL) == 0)
			;
		clients[i].mark = "\"update2\"";
		clients[i].tail_len = 0;
		clients[i].n_seen = 0;
	}
}

static int fan_out(const char *path, unsigned int n_updates, uint32_t n_readers)
{
	static struct client clients[MAX_CLIENTS + 1];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	char last[MARK_MAX];
	snprintf(last, sizeof(last), "\"n%u\"", n_updates);
	start_readers(clients, path, epoll, n_readers, read_line());
	struct client *writer = &clients[WRITER];
	*writer = (struct client){.template = read_line(), .mark = "\"id\":"};
	open_client(writer, path, epoll, WRITER);
	double start = now();
	for (unsigned int i = 1; i <= DEPTH && i <= n_updates; i++)
		send_request(writer, i);
	for (uint32_t n_done = 0; n_done < n_readers;) {
		struct epoll_event events[64];
		int n = epoll_wait(epoll, events, 64, -1);
		for (int i = 0; i < n; i++) {
			struct client *c = &clients[events[i].data.u32];
			bool found = false;
			uint64_t n_marks = receive(c, last, &found);
			if (c != writer && found && !c->is_done) {
				c->is_done = true;
				n_done++;
			}
			for (uint64_t k = 0; c == writer && k < n_marks && c->n_sent < n_updates;
			     k++)
				send_request(c, (unsigned int)c->n_sent + 1);
		}
	}
	double seconds = now() - start;
	uint64_t n_seen = 0;
	for (uint32_t i = 0; i < n_readers; i++)
		n_seen += clients[i].n_seen;
	printf("%llu %.6f %llu\n", (unsigned long long)n_updates * n_readers, seconds,
	    (unsigned long long)n_seen);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[2], "transact") == 0)
		return transact(argv[1], strtod(argv[3], NULL));
	if (argc == 5 && strcmp(argv[2], "fan-out") == 0 &&
	    strtoul(argv[4], NULL, 10) <= MAX_CLIENTS)
		return fan_out(argv[1], (unsigned int)strtoul(argv[3], NULL, 10),
		    (uint32_t)strtoul(argv[4], NULL, 10));
	fprintf(stderr, "usage: ovsdb_load SOCKET transact SECONDS | fan-out UPDATES READERS\n");
	return 2;
}
