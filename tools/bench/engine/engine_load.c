/* SPDX-License-Identifier: Apache-2.0 */
/* Streams are built aside and take the place of the loaded ones when all of them are there. */
#include <stdlib.h>

#include "tools/bench/engine/engine.h"

static int add_stream(
    struct engine *e, struct load *load, const struct stream_conf *conf, struct err *err);
static int add_connections(struct engine *e, struct stream *s, struct err *err);
static void share_buffers(struct engine *e);
static void destroy(struct load *load);

int engine_load(struct engine *e, const struct stream_conf *confs, unsigned int n, struct err *err)
{
	struct load *load = calloc(1, sizeof(*load));
	if (load == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	for (unsigned int i = 0; i < n; i++) {
		err_path(err, "/streams/%u", i);
		int rc = add_stream(e, load, &confs[i], err);
		if (rc < 0) {
			destroy(load);
			return rc;
		}
	}
	engine_unload(e);
	e->load = load;
	share_buffers(e);
	return 0;
}

void engine_unload(struct engine *e)
{
	if (e->load != NULL)
		destroy(e->load);
	e->load = NULL;
}

uint64_t engine_load_memory(const struct engine *e)
{
	uint64_t sum = sizeof(*e->load);
	for (unsigned int i = 0; i < e->load->n; i++) {
		const struct stream *s = e->load->streams[i];
		sum += source_memory(&s->source);
		sum += s->connections != NULL ? connections_memory(s->connections)
					      : SINK_WINDOW / 8 + sizeof(struct histogram);
	}
	return sum;
}

static int add_stream(
    struct engine *e, struct load *load, const struct stream_conf *conf, struct err *err)
{
	size_t size = ROUND_UP(sizeof(struct stream), FRAME_COPY_UNIT);
	struct stream *s = aligned_alloc(FRAME_COPY_UNIT, size); // templates are aligned
	if (s == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	*s = (struct stream){0};
	int rc = source_init(&s->source, conf, err);
	if (rc < 0) {
		free(s);
		return rc;
	}
	load->streams[load->n++] = s; // destroy() frees it from here on
	s->pool = engine_pool_for(e, &s->source, err);
	if (s->pool == NULL)
		return -ENOMEM;
	uint16_t size_max = e->faces.ports[conf->tx_port].frame_size_max - FRAME_FCS_SIZE;
	if (conf->kind == STREAM_PCAP && s->source.pcap.max_size > size_max) {
		err_set(err, ERR_PARAMS, "the file has frames of %u bytes, the port takes %u",
		    s->source.pcap.max_size, size_max);
		return err_hint(err, "start with a larger --mtu");
	}
	if (conf->kind == STREAM_TCP_CONNECTIONS)
		return add_connections(e, s, err);
	if (sink_add(&load->sink, &s->source.conf, &s->source.seq) < 0)
		return err_set(err, ERR_INTERNAL, "out of memory");
	return 0;
}

static int add_connections(struct engine *e, struct stream *s, struct err *err)
{
	size_t size = ROUND_UP(sizeof(struct connections), FRAME_COPY_UNIT);
	struct connections *c = aligned_alloc(FRAME_COPY_UNIT, size);
	if (c == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	int rc = connections_init(c, &s->source.conf, e->tsc_hz, err);
	if (rc < 0)
		free(c);
	else
		s->connections = c;
	return rc;
}

/* See source_copy_size(). Packets of earlier trials that are still under way may be changed: they are stale anyway. */
static void share_buffers(struct engine *e)
{
	uint16_t copy_size = FRAME_COPY_UNIT;
	for (unsigned int i = 0; i < e->load->n; i++) {
		const struct stream *s = e->load->streams[i];
		uint16_t size = s->connections != NULL ? connections_copy_size(s->connections)
						       : source_copy_size(&s->source);
		copy_size = MAX_OF(copy_size, size);
	}
	for (unsigned int i = 0; i < e->load->n; i++) {
		struct stream *s = e->load->streams[i];
		source_set_copy_size(&s->source, copy_size);
		if (s->connections != NULL)
			connections_set_copy_size(s->connections, copy_size);
	}
	if (copy_size < e->copy_size)
		engine_pools_restore(e, copy_size);
	e->copy_size = copy_size;
}

static void destroy(struct load *load)
{
	for (unsigned int i = 0; i < load->n; i++) {
		if (load->streams[i]->connections != NULL)
			connections_fini(load->streams[i]->connections);
		free(load->streams[i]->connections);
		source_fini(&load->streams[i]->source);
		free(load->streams[i]);
	}
	sink_fini(&load->sink);
	free(load);
}
