/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/datum_text.h"

#include "ovsdb-lite/json_text.h"

static void write_atom(struct buf_writer *w, union ovsdb_atom atom, uint8_t type);

void ovsdb_datum_write(struct buf_writer *w, const struct ovsdb_datum *d)
{
	bool is_map = d->value_type != OVSDB_VOID;
	if (!is_map && d->n == 1) {
		write_atom(w, ovsdb_datum_key(d, 0), d->key_type);
		return;
	}
	ovsdb_json_write_raw(w, is_map ? "[\"map\",[" : "[\"set\",[");
	for (uint32_t i = 0; i < d->n; i++) {
		if (i > 0)
			buf_put_u8(w, ',');
		if (is_map)
			buf_put_u8(w, '[');
		write_atom(w, ovsdb_datum_key(d, i), d->key_type);
		if (is_map) {
			buf_put_u8(w, ',');
			write_atom(w, ovsdb_datum_value(d, i), d->value_type);
			buf_put_u8(w, ']');
		}
	}
	ovsdb_json_write_raw(w, "]]");
}

size_t ovsdb_datum_bytes(const struct ovsdb_datum *d)
{
	size_t size = 0;
	for (uint32_t i = 0; i < d->n; i++) {
		size += 2 * sizeof(struct ovsdb_uuid);
		if (d->key_type == OVSDB_STRING)
			size += ovsdb_datum_key(d, i).string->len;
		if (d->value_type == OVSDB_STRING)
			size += ovsdb_datum_value(d, i).string->len;
	}
	return size;
}

void ovsdb_uuid_write(struct buf_writer *w, const struct ovsdb_uuid *uuid)
{
	char text[OVSDB_UUID_LEN + 3];
	text[0] = '"';
	ovsdb_uuid_format(uuid, text + 1);
	text[OVSDB_UUID_LEN + 1] = '"';
	buf_put(w, text, OVSDB_UUID_LEN + 2);
}

static void write_atom(struct buf_writer *w, union ovsdb_atom atom, uint8_t type)
{
	switch (type) {
	case OVSDB_INTEGER: ovsdb_json_write_integer(w, atom.integer); break;
	case OVSDB_REAL: ovsdb_json_write_real(w, atom.real); break;
	case OVSDB_BOOLEAN: ovsdb_json_write_raw(w, atom.boolean ? "true" : "false"); break;
	case OVSDB_STRING: ovsdb_json_write_string(w, atom.string->s, atom.string->len); break;
	default:
		ovsdb_json_write_raw(w, "[\"uuid\",");
		ovsdb_uuid_write(w, &atom.uuid);
		buf_put_u8(w, ']');
	}
}
