/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions, one after the other, on a database and on a model of it that is plain arrays and counts everything anew. Both must fail at
 * the same operation with the same word, and hold the same rows after each.
 *
 * Bytes that begin with '[' are lines of JSON instead, transactions on another schema, which must leave the database sound.
 */
#include <stdbool.h>
#include <string.h>

#include "ovsdb-lite/row_codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/ovsdb-lite/fixture.h"

enum { N = 6, N_MAX = 9, INTS_MAX = 3, OPS_MAX = 12, BYTES_MAX = 1 << 16, LINE_MAX_LEN = 4096 };

struct kid {
	bool is_there;
	int next; // or -1
};

struct root {
	bool is_there;
	int n;
	unsigned int kids, weak, ints; // bits
};

struct model {
	struct root roots[N];
	struct kid kids[N];
};

struct input {
	const uint8_t *data;
	size_t size, pos;
};

/* One transaction: operations as JSON, and what the model makes of them. */
struct round {
	struct model before, now;
	json_t *params;
	const char *error; // the word, or NULL
	size_t failed;     // number of the operation; n_ops: at the end
	size_t n_ops;
};

static const char model_schema[] =
    "{'name':'D','tables':{'Root':{'isRoot':true,'indexes':[['n']],'columns':{"
    "'n':{'type':{'key':{'type':'integer','minInteger':0,'maxInteger':9}}},"
    "'kids':{'type':{'key':{'type':'uuid','refTable':'Kid'},'min':0,'max':'unlimited'}},"
    "'weak':{'type':{'key':{'type':'uuid','refTable':'Kid','refType':'weak'},'min':0,'max':'"
    "unlimited'}},"
    "'ints':{'type':{'key':'integer','min':0,'max':3}}}},"
    "'Kid':{'columns':{'next':{'type':{'key':{'type':'uuid','refTable':'Kid'},'min':0}}}}}}";

static const char json_schema[] =
    "{'name':'D','tables':{'T':{'isRoot':true,'maxRows':5,'indexes':[['s'],['i','b']],'columns':{"
    "'i':{'type':'integer'},'r':{'type':'real'},'b':{'type':'boolean'},'s':{'type':{'key':{'type':'"
    "string','maxLength':4}}},"
    "'oi':{'type':{'key':'integer','min':0}},'e':{'type':{'key':{'type':'string','enum':['set',['',"
    "'x']]}}},"
    "'m':{'type':{'key':'string','value':{'type':'uuid','refTable':'U'},'min':0,'max':'unlimited'}}"
    ","
    "'w':{'type':{'key':{'type':'uuid','refTable':'U','refType':'weak'},'value':'integer','min':0,'"
    "max':4}},"
    "'x':{'type':'string','ephemeral':true},'f':{'type':'real','mutable':false}}},"
    "'U':{'columns':{'t':{'type':{'key':{'type':'uuid','refTable':'T','refType':'weak'},'min':0}},"
    "'wm':{'type':{'key':{'type':'uuid','refTable':'U','refType':'weak'},'value':{'type':'uuid','"
    "refTable':'U'},'min':0,'max':'unlimited'}},"
    "'u':{'type':{'key':{'type':'uuid','refTable':'U'},'min':0,'max':2}}}}}}";

static uint8_t next_byte(struct input *in)
{
	return in->pos < in->size ? in->data[in->pos++] : 0;
}

static unsigned int count_bits(unsigned int bits)
{
	return (unsigned int)__builtin_popcount(bits);
}

static struct ovsdb_uuid uuid_of(int i)
{
	return (struct ovsdb_uuid){.hi = 0x4000, .lo = (uint64_t)i + 1};
}

static json_t *ref_json(int i)
{
	char text[OVSDB_UUID_LEN + 1];
	struct ovsdb_uuid uuid = uuid_of(i);

	return json_pack("[ss]", "uuid", ovsdb_uuid_format(&uuid, text));
}

static json_t *set_json(unsigned int bits, bool is_refs)
{
	json_t *elements = json_array();

	for (int i = 0; i < 8; i++) {
		if ((bits >> i & 1) != 0)
			json_array_append_new(elements, is_refs ? ref_json(i) : json_integer(i));
	}
	return json_pack("[so]", "set", elements);
}

static void fail_at(struct round *r, size_t op, const char *word)
{
	if (r->error != NULL)
		return;
	r->error = word;
	r->failed = op;
}

static json_t *add_op(struct round *r, const char *op, bool is_root)
{
	json_t *json = json_pack("{ss,ss}", "op", op, "table", is_root ? "Root" : "Kid");

	json_array_append_new(r->params, json);
	r->n_ops++;
	return json;
}

static void put_where(json_t *op, int i)
{
	json_object_set_new(op, "where", json_pack("[[sso]]", "_uuid", "==", ref_json(i)));
}

/* In the order in which the row's members were put. */
static void check_ranges(struct round *r, const struct root *root)
{
	if (root->n > N_MAX)
		fail_at(r, r->n_ops - 1, "constraint violation");
	if (count_bits(root->ints) > INTS_MAX)
		fail_at(r, r->n_ops - 1, "syntax error");
}

static void insert_root(struct round *r, struct input *in)
{
	int i = next_byte(in) % N;
	struct root root = {.is_there = true, .n = next_byte(in) % (N_MAX + 2)};
	char text[OVSDB_UUID_LEN + 1];
	struct ovsdb_uuid uuid = uuid_of(i);

	root.kids = next_byte(in) % (1 << N);
	root.weak = next_byte(in) % (1 << N);
	root.ints = next_byte(in) & next_byte(in);
	json_t *op = add_op(r, "insert", true);
	json_object_set_new(op, "uuid", json_string(ovsdb_uuid_format(&uuid, text)));
	json_object_set_new(op, "row",
	    json_pack("{si,so,so,so}", "n", root.n, "kids", set_json(root.kids, true), "weak",
		set_json(root.weak, true), "ints", set_json(root.ints, false)));
	if (r->now.roots[i].is_there || r->before.roots[i].is_there)
		fail_at(r, r->n_ops - 1, "duplicate uuid");
	check_ranges(r, &root);
	r->now.roots[i] = root;
}

static void insert_kid(struct round *r, struct input *in)
{
	int i = next_byte(in) % N, to = next_byte(in) % (N + 1) - 1;
	char text[OVSDB_UUID_LEN + 1];
	struct ovsdb_uuid uuid = uuid_of(i);
	json_t *op = add_op(r, "insert", false), *row = json_object();

	json_object_set_new(op, "uuid", json_string(ovsdb_uuid_format(&uuid, text)));
	if (to >= 0)
		json_object_set_new(row, "next", ref_json(to));
	json_object_set_new(op, "row", row);
	if (r->now.kids[i].is_there || r->before.kids[i].is_there)
		fail_at(r, r->n_ops - 1, "duplicate uuid");
	r->now.kids[i] = (struct kid){.is_there = true, .next = to};
}

static void update_root(struct round *r, struct input *in)
{
	int i = next_byte(in) % N, column = next_byte(in) % 4;
	unsigned int value = next_byte(in);
	struct root *row = &r->now.roots[i], changed = *row;
	json_t *op = add_op(r, "update", true), *cells = json_object();

	put_where(op, i);
	if (column == 0)
		json_object_set_new(cells, "n", json_integer(changed.n = (int)value % (N_MAX + 2)));
	else if (column == 1)
		json_object_set_new(cells, "kids", set_json(changed.kids = value % (1 << N), true));
	else if (column == 2)
		json_object_set_new(cells, "weak", set_json(changed.weak = value % (1 << N), true));
	else
		json_object_set_new(cells, "ints", set_json(changed.ints = value, false));
	json_object_set_new(op, "row", cells);
	struct root checked = {
	    .n = column == 0 ? changed.n : 0, .ints = column == 3 ? changed.ints : 0};
	check_ranges(r, &checked);
	if (row->is_there)
		*row = changed;
}

static void mutate_root(struct round *r, struct input *in)
{
	int i = next_byte(in) % N, what = next_byte(in) % 5;
	unsigned int value = next_byte(in);
	struct root *row = &r->now.roots[i];
	json_t *op = add_op(r, "mutate", true), *mutation = NULL;

	put_where(op, i);
	if (what == 0) {
		int delta = (int)value % 7 - 3;
		mutation = json_pack("[ssi]", "n", "+=", delta);
		row->n += delta;
		if (row->is_there && (row->n < 0 || row->n > N_MAX))
			fail_at(r, r->n_ops - 1, "constraint violation");
		if (!row->is_there)
			row->n -= delta;
	} else if (what <= 2) {
		value %= 1 << N;
		mutation = json_pack(
		    "[sso]", "kids", what == 1 ? "insert" : "delete", set_json(value, true));
		row->kids = what == 1 ? row->kids | value : row->kids & ~value;
	} else {
		value &= value >> 1 | 0x11;
		mutation = json_pack(
		    "[sso]", "ints", what == 3 ? "insert" : "delete", set_json(value, false));
		if (what == 3 && count_bits(value) > INTS_MAX)
			fail_at(r, r->n_ops - 1, "syntax error");
		row->ints = what == 3 ? row->ints | value : row->ints & ~value;
		if (row->is_there && count_bits(row->ints) > INTS_MAX)
			fail_at(r, r->n_ops - 1, "constraint violation");
	}
	json_object_set_new(op, "mutations", json_pack("[o]", mutation));
}

static void delete_row(struct round *r, struct input *in, bool is_root)
{
	int i = next_byte(in) % N;

	put_where(add_op(r, "delete", is_root), i);
	if (is_root)
		r->now.roots[i].is_there = false;
	else
		r->now.kids[i].is_there = false;
}

static void update_kid(struct round *r, struct input *in)
{
	int i = next_byte(in) % N, to = next_byte(in) % (N + 1) - 1;
	json_t *op = add_op(r, "update", false);

	put_where(op, i);
	json_object_set_new(
	    op, "row", json_pack("{so}", "next", to >= 0 ? ref_json(to) : set_json(0, true)));
	if (r->now.kids[i].is_there)
		r->now.kids[i].next = to;
}

static unsigned int there(const struct model *m)
{
	unsigned int bits = 0;

	for (int i = 0; i < N; i++)
		bits |= (unsigned int)m->kids[i].is_there << i;
	return bits;
}

static unsigned int referred(const struct model *m)
{
	unsigned int bits = 0;

	for (int i = 0; i < N; i++) {
		if (m->roots[i].is_there)
			bits |= m->roots[i].kids;
		if (m->kids[i].is_there && m->kids[i].next >= 0 && m->kids[i].next != i)
			bits |= 1U << m->kids[i].next;
	}
	return bits;
}

/* The end of a transaction. */
static void end_of_model(struct round *r)
{
	struct model *m = &r->now;
	unsigned int garbage;

	if ((referred(m) & ~there(m)) != 0)
		fail_at(r, r->n_ops, "referential integrity violation");
	while ((garbage = there(m) & ~referred(m)) != 0) {
		for (int i = 0; i < N; i++)
			m->kids[i].is_there &= (garbage >> i & 1) == 0;
	}
	for (int i = 0; i < N; i++) {
		m->roots[i].weak &= there(m);
		for (int j = 0; j < i; j++) {
			if (m->roots[i].is_there && m->roots[j].is_there &&
			    m->roots[i].n == m->roots[j].n)
				fail_at(r, r->n_ops, "constraint violation");
		}
	}
}

static unsigned int bits_of(const struct ovsdb_row *row, const char *column)
{
	struct ovsdb_datum d = ovsdb_row_get_named(row, column);
	unsigned int bits = 0;

	for (uint32_t i = 0; i < d.n; i++) {
		union ovsdb_atom atom = ovsdb_datum_key(&d, i);
		bits |=
		    1U << (d.key_type == OVSDB_UUID ? atom.uuid.lo - 1 : (uint64_t)atom.integer);
	}
	return bits;
}

static void compare(struct ovsdb_db *db, const struct model *m)
{
	struct ovsdb_table *roots = ovsdb_db_find_table(db, "Root"),
			   *kids = ovsdb_db_find_table(db, "Kid");

	for (int i = 0; i < N; i++) {
		struct ovsdb_uuid uuid = uuid_of(i);
		struct ovsdb_row *root = ovsdb_table_find_row(roots, &uuid),
				 *kid = ovsdb_table_find_row(kids, &uuid);
		FUZZ_ASSERT((root != NULL) == m->roots[i].is_there);
		FUZZ_ASSERT((kid != NULL) == m->kids[i].is_there);
		if (kid != NULL)
			FUZZ_ASSERT(bits_of(kid, "next") ==
				    (m->kids[i].next >= 0 ? 1U << m->kids[i].next : 0));
		if (root == NULL)
			continue;
		FUZZ_ASSERT(bits_of(root, "n") == 1U << m->roots[i].n);
		FUZZ_ASSERT(bits_of(root, "kids") == m->roots[i].kids);
		FUZZ_ASSERT(bits_of(root, "weak") == m->roots[i].weak);
		FUZZ_ASSERT(bits_of(root, "ints") == m->roots[i].ints);
	}
}

/* The changes as bytes, taken by a copy that is being loaded. */
static void follow(struct ovsdb_db *copy, const struct ovsdb_changes *changes)
{
	struct ovsdb_changes *decoded = NULL;
	struct buf_writer w;

	buf_writer_init(&w, BYTES_MAX);
	ovsdb_changes_encode(changes, &w);
	struct buf b = buf_from(w.data, w.size);
	FUZZ_ASSERT(ovsdb_changes_decode(copy, &b, &decoded) == NULL);
	FUZZ_ASSERT(buf_left(&b) == 0);
	ovsdb_db_load(copy, decoded);
	ovsdb_changes_unref(decoded);
	buf_writer_fini(&w);
}

static const char *error_of(const json_t *results, size_t *failed)
{
	for (size_t i = 0; i < json_array_size(results); i++) {
		const char *word =
		    json_string_value(json_object_get(json_array_get(results, i), "error"));
		*failed = i;
		if (word != NULL)
			return word;
	}
	return NULL;
}

static void finish_round(
    struct ovsdb_db *db, struct ovsdb_db *copy, struct round *r, bool is_undone)
{
	struct ovsdb_request request = {.params = r->params};
	struct ovsdb_outcome outcome;
	size_t failed = 0;

	if (r->error == NULL)
		end_of_model(r);
	ovsdb_execute(db, &request, &outcome);
	const char *word = error_of(outcome.result, &failed);
	bool is_same = (word == NULL) == (r->error == NULL) &&
		       (word == NULL) == (outcome.txn != NULL) &&
		       (word == NULL || (strcmp(word, r->error) == 0 && failed == r->failed));
	if (!is_same) {
		json_dumpf(r->params, stderr, 0);
		json_dumpf(outcome.result, stderr, 0);
		fprintf(
		    stderr, " not %s at %zu\n", r->error != NULL ? r->error : "fine", r->failed);
	}
	FUZZ_ASSERT(is_same);
	if (outcome.txn != NULL) {
		struct ovsdb_changes *changes = ovsdb_txn_commit(outcome.txn);
		if (is_undone)
			ovsdb_undo(db, changes);
		else
			follow(copy, changes);
		ovsdb_changes_unref(changes);
	}
	if (word != NULL || is_undone)
		r->now = r->before;
	json_decref(outcome.result);
	json_decref(r->params);
	fixture_check(db);
	compare(db, &r->now);
}

static void run_model(struct input *in)
{
	struct ovsdb_db *db = fixture_db_of(model_schema), *copy = fixture_db_of(model_schema);
	struct round r = {0};

	ovsdb_db_begin_load(copy);
	while (in->pos < in->size) {
		r.before = r.now;
		r.error = NULL;
		r.n_ops = 0;
		r.params = json_pack("[s]", "D");
		uint8_t b;
		do {
			b = next_byte(in);
			switch (b % 8) {
			case 0: insert_root(&r, in); break;
			case 1: insert_kid(&r, in); break;
			case 2: update_root(&r, in); break;
			case 3:
			case 4: mutate_root(&r, in); break;
			case 5: delete_row(&r, in, true); break;
			case 6: delete_row(&r, in, false); break;
			default: update_kid(&r, in); break;
			}
		} while ((b & 0x30) != 0 && r.n_ops < OPS_MAX);
		finish_round(db, copy, &r, b >= 0xf0);
	}
	FUZZ_ASSERT(ovsdb_db_end_load(copy) == NULL);
	fixture_check(copy);
	FUZZ_ASSERT(fixture_equals(db, copy));
	ovsdb_db_destroy(db);
	ovsdb_db_destroy(copy);
}

static void run_json(struct input *in)
{
	struct ovsdb_db *db = fixture_db_of(json_schema);

	while (in->pos < in->size) {
		const uint8_t *line = in->data + in->pos,
			      *end = memchr(line, '\n', in->size - in->pos);
		size_t len = end != NULL ? (size_t)(end - line) : in->size - in->pos;
		in->pos += len + 1;
		json_t *params = json_loadb(
		    (const char *)line, len < LINE_MAX_LEN ? len : 0, JSON_DECODE_ANY, NULL);
		struct ovsdb_request request = {.params = params};
		struct ovsdb_outcome outcome;
		if (params == NULL)
			continue;
		ovsdb_execute(db, &request, &outcome);
		if (outcome.txn != NULL)
			ovsdb_changes_unref(ovsdb_txn_commit(outcome.txn));
		fixture_check(db);
		json_decref(outcome.result);
		json_decref(params);
	}
	ovsdb_db_destroy(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.data = data, .size = size};

	if (size > 0 && data[0] == '[')
		run_json(&in);
	else
		run_model(&in);
	FUZZ_ASSERT(ovsdb_text_count() == 0);
	return 0;
}
