/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/server.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "datapath/base/clock.h"
#include "tests/unit/ovsdb-lite/server_fixture.h"
#include "tests/unit/test.h"

#define INSERT(id, i) \
	"{'id':" #id  \
	",'method':'transact','params':['t',{'op':'insert','table':'r','row':{'i':" #i "}}]}"
#define INSERTED(id) "{'error':null,'id':" #id ",'result':[{'uuid':['uuid','U']}]}"
#define MONITOR(id, name, columns)                                                             \
	"{'id':" #id ",'method':'monitor','params':['t','" #name "',{'r':{'columns':[" columns \
	"]}}]}"
#define WAIT(id, until_i, timeout)                                                                 \
	"{'id':" #id                                                                               \
	",'method':'transact','params':['t',{'op':'wait','table':'r','where':[['i','=='," #until_i \
	"]],'columns':['i'],'until':'==','rows':[{'i':" #until_i "}]" timeout "}]}"

static struct server_fixture f;
static unsigned int n_syncs;
static int sync_fault; // errno of the next sync

static int count_sync(int fd)
{
	n_syncs++;
	if (sync_fault == 0)
		return fdatasync(fd);
	errno = sync_fault;
	return -1;
}

static int sync_dir(int fd)
{
	return fsync(fd);
}

static const struct ovsdb_journal_io counting = {.write = pwrite,
    .sync = count_sync,
    .truncate = ftruncate,
    .rename = rename,
    .sync_dir = sync_dir};

static struct ovsdb_server_limits tight(void)
{
	struct ovsdb_server_limits l = ovsdb_server_default_limits;
	l.sessions = 3;
	l.monitors = 2;
	l.waiting = 2;
	l.monitors_total = 3;
	l.waiting_total = 3;
	l.locks = 2;
	l.message_size = 4096;
	l.output_size = 20000;
	l.history_txns = 3;
	return l;
}

static void requests_are_answered_as_ovsdb_server_does(void **)
{
	server_fixture_init(&f, NULL, NULL, false, NULL);
	server_connect(&f, 0);
	server_ask(
	    &f, 0, "{'id':1,'method':'nope','params':[]}", "{'error':'unknown method','id':1}");
	server_ask(&f, 0, "{'id':'x','method':'list_dbs','params':[]}",
	    "{'error':null,'id':'x','result':['_Server','t']}");
	server_ask(&f, 0, "{'id':2,'method':'get_schema','params':['q']}",
	    "{'error':{'details':'get_schema request specifies unknown database q',"
	    "'error':'unknown database','syntax':'[\\'q\\']'},'id':2}");
	server_ask(&f, 0, "{'id':3,'method':'echo','params':[{'a':1}]}",
	    "{'error':null,'id':3,'result':[{'a':1}]}");
	server_ask(&f, 0, "{'id':4,'method':'get_server_id','params':[]}",
	    "{'error':null,'id':4,'result':'U'}");
	server_ask(&f, 0,
	    "{'id':5,'method':'transact','params':['_Server',{'op':'select','table':'Database',"
	    "'where':[['name','==','t']],'columns':['model','connected','leader','cid']}]}",
	    "{'error':null,'id':5,'result':[{'rows':[{'cid':['set',[]],'connected':true,"
	    "'leader':true,'model':'standalone'}]}]}");
	server_send(&f, 0, "{'id':6,'result':[],'error':null}");
	server_expect_closed(&f, 0);
	server_fixture_fini(&f);
}

static void an_update_comes_before_its_authors_answer(void **)
{
	server_fixture_init(&f, NULL, NULL, true, NULL);
	server_connect(&f, 0);
	server_connect(&f, 1);
	server_ask(&f, 0, MONITOR(1, m, "'i'"), "{'error':null,'id':1,'result':{}}");
	server_ask(&f, 1, MONITOR(1, m, "'s'"), "{'error':null,'id':1,'result':{}}");
	server_send(&f, 0, INSERT(2, 7));
	server_expect(
	    &f, 0, "{'id':null,'method':'update','params':['m',{'r':{'U':{'new':{'i':7}}}}]}");
	server_expect(&f, 0, INSERTED(2));
	server_expect(
	    &f, 1, "{'id':null,'method':'update','params':['m',{'r':{'U':{'new':{'s':''}}}}]}");
	/* A column that it does not look at. */
	server_ask(&f, 1,
	    "{'id':2,'method':'transact','params':['t',{'op':'update','table':'r','where':[],'row':"
	    "{'i':8}}]}",
	    "{'error':null,'id':2,'result':[{'count':1}]}");
	server_expect(&f, 0,
	    "{'id':null,'method':'update','params':['m',{'r':{'U':{'new':{'i':8},'old':{'i':7}}}}]"
	    "}");
	server_fixture_fini(&f);
}

static void all_requests_of_a_pass_cost_one_sync(void **)
{
	server_fixture_init(&f, NULL, NULL, true, &counting);
	for (size_t i = 0; i < 20; i++)
		server_connect(&f, i);
	n_syncs = 0;
	for (size_t i = 0; i < 20; i++)
		server_send(&f, i,
		    "{'id':1,'method':'transact','params':['t',{'op':'insert','table':'r','row':{'"
		    "i':%zu}}]}"
		    "{'id':2,'method':'transact','params':['t',{'op':'insert','table':'r','row':{'"
		    "i':%zu}}]}",
		    i, i + 100);
	for (size_t i = 0; i < 20; i++) {
		server_expect(&f, i, INSERTED(1));
		server_expect(&f, i, INSERTED(2));
	}
	assert_int_equal(n_syncs, 1);
	/* What changes nothing, or nothing that is kept, costs none. */
	server_ask(&f, 0,
	    "{'id':3,'method':'transact','params':['t',{'op':'update','table':'r','where':[],'row':"
	    "{'e':'x'}}]}",
	    "{'error':null,'id':3,'result':[{'count':40}]}");
	server_ask(&f, 0,
	    "{'id':3,'method':'transact','params':['t',{'op':'select','table':'r','where':[['i','=="
	    "',3]],'columns':['e']}]}",
	    "{'error':null,'id':3,'result':[{'rows':[{'e':'x'}]}]}");
	assert_int_equal(n_syncs, 1);
	server_fixture_fini(&f);
}

static void what_cannot_be_synced_was_never_there(void **)
{
	server_fixture_init(&f, NULL, NULL, true, &counting);
	server_connect(&f, 0);
	server_connect(&f, 1);
	server_ask(&f, 1, MONITOR(1, m, "'i'"), "{'error':null,'id':1,'result':{}}");
	server_ask(&f, 0, INSERT(1, 1), INSERTED(1));
	server_expect(
	    &f, 1, "{'id':null,'method':'update','params':['m',{'r':{'U':{'new':{'i':1}}}}]}");
	sync_fault = EIO;
	server_send(&f, 0,
	    "{'id':2,'method':'transact','params':['t',{'op':'insert','table':'r','row':{'i':2}},{'"
	    "op':'select','table':'r','where':[]}]}");
	json_t *answer = server_receive(&f, 0);
	json_t *results = json_object_get(answer, "result");
	assert_int_equal(json_array_size(results), 3);
	assert_true(json_is_null(json_array_get(results, 1)));
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(results, 2), "error")), "I/O error");
	json_decref(answer);
	sync_fault = 0;
	server_expect_nothing(&f, 1);
	server_ask(&f, 1,
	    "{'id':2,'method':'transact','params':['t',{'op':'select','table':'r','where':[],'"
	    "columns':['i']}]}",
	    "{'error':null,'id':2,'result':[{'rows':[{'i':1}]}]}");
	/* Reads go on; changes are refused until the file is opened again. */
	server_send(&f, 0, INSERT(3, 3));
	answer = server_receive(&f, 0);
	results = json_object_get(answer, "result");
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(results, 1), "error")), "I/O error");
	json_decref(answer);
	server_fixture_fini(&f);
}

static void a_wait_ends_with_a_change_its_time_or_cancel(void **)
{
	server_fixture_init(&f, NULL, NULL, true, NULL);
	server_connect(&f, 0);
	server_connect(&f, 1);
	server_send(&f, 0, WAIT(1, 5, ""));
	server_expect_nothing(&f, 0);
	server_ask(&f, 0, WAIT(1, 6, ""),
	    "{'error':{'details':'transact: duplicate request ID','error':'syntax error',"
	    "'syntax':'[\\'t\\',{\\'columns\\':[\\'i\\'],\\'op\\':\\'wait\\',"
	    "\\'rows\\':[{\\'i\\':6}],\\'table\\':\\'r\\',\\'until\\':\\'==\\',"
	    "\\'where\\':[[\\'i\\',\\'==\\',6]]}]'},'id':1}");
	server_ask(&f, 1, INSERT(1, 4), INSERTED(1));
	server_expect_nothing(&f, 0);
	server_ask(&f, 1, INSERT(2, 5), INSERTED(2));
	server_expect(&f, 0, "{'error':null,'id':1,'result':[{}]}");
	server_send(&f, 0, WAIT(2, 9, ",'timeout':30"));
	json_t *answer = server_receive(&f, 0);
	const json_t *result = json_array_get(json_object_get(answer, "result"), 0);
	assert_string_equal(json_string_value(json_object_get(result, "error")), "timed out");
	json_decref(answer);
	server_send(&f, 0, WAIT(3, 9, ",'timeout':100000"));
	server_send(&f, 0, "{'id':null,'method':'cancel','params':[3]}");
	server_expect(&f, 0, "{'error':'canceled','id':3}");
	server_send(&f, 0, WAIT(4, 9, ""));
	server_disconnect(&f, 0);
	server_ask(&f, 1, INSERT(3, 9), INSERTED(3));
	server_fixture_fini(&f);
}

static void a_lock_passes_on_when_its_owner_goes(void **)
{
	server_fixture_init(&f, NULL, NULL, false, NULL);
	for (size_t i = 0; i < 3; i++)
		server_connect(&f, i);
	server_ask(&f, 0, "{'id':1,'method':'lock','params':['l']}",
	    "{'error':null,'id':1,'result':{'locked':true}}");
	server_ask(&f, 1, "{'id':1,'method':'lock','params':['l']}",
	    "{'error':null,'id':1,'result':{'locked':false}}");
	server_ask(&f, 1, "{'id':2,'method':'transact','params':['t',{'op':'assert','lock':'l'}]}",
	    "{'error':null,'id':2,'result':[{'details':'Asserted lock l not held.','error':'not "
	    "owner'}]}");
	server_disconnect(&f, 0);
	server_expect(&f, 1, "{'id':null,'method':'locked','params':['l']}");
	server_ask(&f, 2, "{'id':1,'method':'steal','params':['l']}",
	    "{'error':null,'id':1,'result':{'locked':true}}");
	server_expect(&f, 1, "{'id':null,'method':'stolen','params':['l']}");
	server_ask(&f, 2, "{'id':2,'method':'unlock','params':['l']}",
	    "{'error':null,'id':2,'result':{}}");
	server_expect(&f, 1, "{'id':null,'method':'locked','params':['l']}");
	ovsdb_server_hold_lock(f.server, "ours");
	server_ask(&f, 2, "{'id':3,'method':'steal','params':['ours']}",
	    "{'error':null,'id':3,'result':{'locked':false}}");
	server_fixture_fini(&f);
}

static void limits_are_answered(void **)
{
	struct ovsdb_server_limits l = tight();
	server_fixture_init(&f, &l, NULL, false, NULL);
	for (size_t i = 0; i < 4; i++)
		server_connect(&f, i);
	server_expect_closed(&f, 3);
	server_ask(&f, 0, MONITOR(1, a, "'i'"), "{'error':null,'id':1,'result':{}}");
	server_ask(&f, 0, MONITOR(2, b, "'i'"), "{'error':null,'id':2,'result':{}}");
	server_ask(&f, 0, MONITOR(3, c, "'i'"),
	    "{'error':{'details':'the limit of monitors of a client is reached','error':'resources "
	    "exhausted'},'id':3}");
	server_send(&f, 1, WAIT(1, 1, ""));
	server_send(&f, 1, WAIT(2, 2, ""));
	server_ask(&f, 1, WAIT(3, 3, ""),
	    "{'error':{'details':'the limit of waiting transactions of a client is "
	    "reached','error':'resources exhausted'},'id':3}");
	server_ask(&f, 1, "{'id':4,'method':'lock','params':['a']}",
	    "{'error':null,'id':4,'result':{'locked':true}}");
	server_ask(&f, 1, "{'id':5,'method':'lock','params':['b']}",
	    "{'error':null,'id':5,'result':{'locked':true}}");
	server_ask(&f, 1, "{'id':6,'method':'lock','params':['c']}",
	    "{'error':{'details':'the limit of locks of a client is reached','error':'resources "
	    "exhausted'},'id':6}");
	server_ask(&f, 1, MONITOR(7, a, "'i'"), "{'error':null,'id':7,'result':{}}");
	server_ask(&f, 2, MONITOR(1, a, "'i'"),
	    "{'error':{'details':'the limit of monitors of all clients is reached',"
	    "'error':'resources exhausted'},'id':1}");
	server_send(&f, 2, WAIT(2, 1, ""));
	server_ask(&f, 2, WAIT(3, 1, ""),
	    "{'error':{'details':'the limit of waiting transactions of all clients is reached',"
	    "'error':'resources exhausted'},'id':3}");
	server_send(&f, 2, "{'id':1,'method':'echo','params':['%05000d']}", 1);
	server_expect_closed(&f, 2);
	char *text = ovsdb_server_format_limits(f.server);
	assert_non_null(strstr(text, "sessions"));
	free(text);
	server_fixture_fini(&f);
}

/* Its updates are merged while it does not read: no more than the output limit and one update wait. */
static void a_slow_reader_costs_a_bounded_amount(void **)
{
	struct ovsdb_server_limits l = tight();
	char usage[512];
	server_fixture_init(&f, &l, NULL, false, NULL);
	server_connect(&f, 0);
	server_connect(&f, 1);
	server_ask(&f, 0, MONITOR(1, m, "'i','s'"), "{'error':null,'id':1,'result':{}}");
	server_ask(&f, 1, INSERT(1, 0), INSERTED(1));
	for (int i = 1; i <= 3000; i++) {
		server_send(&f, 1,
		    "{'id':2,'method':'transact','params':['t',{'op':'update','table':'r','where':["
		    "],"
		    "'row':{'i':%d,'s':'%0300d'}}]}",
		    i, i);
		json_decref(server_receive(&f, 1));
	}
	ovsdb_server_format_usage(f.server, usage, sizeof(usage));
	unsigned long backlog = strtoul(strstr(usage, "backlog:") + 8, NULL, 10);
	assert_true(backlog > 0 && backlog < l.output_size + 2000);
	json_int_t last = -1;
	unsigned int n = 0;
	while (last < 3000) {
		json_t *update = server_receive(&f, 0);
		assert_non_null(update);
		json_t *rows =
		    json_object_get(json_array_get(json_object_get(update, "params"), 1), "r");
		json_t *row = json_object_iter_value(json_object_iter(rows));
		json_int_t old =
		    json_integer_value(json_object_get(json_object_get(row, "old"), "i"));
		assert_true(n == 0 || old == last);
		last = json_integer_value(json_object_get(json_object_get(row, "new"), "i"));
		json_decref(update);
		n++;
	}
	assert_true(n < 3000);
	server_fixture_fini(&f);
}

static void a_client_that_does_not_read_its_answers_is_not_served(void **)
{
	struct ovsdb_server_limits l = tight();
	char usage[512];
	server_fixture_init(&f, &l, NULL, false, NULL);
	server_connect(&f, 0);
	for (int i = 0; i < 240; i++)
		server_send(&f, 0, "{'id':%d,'method':'echo','params':['%01500d']}", i, i);
	for (int i = 0; i < 100; i++)
		server_run(&f);
	ovsdb_server_format_usage(f.server, usage, sizeof(usage));
	assert_true(strtoul(strstr(usage, "backlog:") + 8, NULL, 10) < l.output_size + 2000);
	for (int i = 0; i < 240; i++) {
		json_t *answer = server_receive(&f, 0);
		assert_int_equal(json_integer_value(json_object_get(answer, "id")), i);
		json_decref(answer);
	}
	server_fixture_fini(&f);
}

static const char update_all[] =
    "{'id':1,'method':'transact','params':['t',{'op':'mutate','table':'r','where':[],"
    "'mutations':[['i','+=',1]]}]}";
static const char updated[] = "{'error':null,'id':1,'result':[{'count':1}]}";

/* Asks for what came after `since`; ret: the id to ask with next time. */
static void resume(size_t i, const char *since, char ret[64], const char *want)
{
	server_send(&f, i,
	    "{'id':9,'method':'monitor_cond_since','params':['t','m',{'r':[{'columns':['i']}]},'%s'"
	    "]}"
	    "{'id':10,'method':'monitor_cancel','params':['m']}",
	    since);
	json_t *answer = server_receive(&f, i);
	json_t *result = json_object_get(answer, "result");
	snprintf(ret, 64, "%s", json_string_value(json_array_get(result, 1)));
	json_t *rows = json_object_get(json_array_get(result, 2), "r");
	char *text = json_dumps(
	    json_object_iter_value(json_object_iter(rows)), JSON_COMPACT | JSON_ENCODE_ANY);
	char seen[128];
	snprintf(seen, sizeof(seen), "%d %s", json_is_true(json_array_get(result, 0)),
	    text != NULL ? text : "");
	assert_string_equal(seen, want);
	free(text);
	json_decref(answer);
	server_expect(&f, i, "{'error':null,'id':10,'result':{}}");
}

static void a_client_that_comes_back_is_told_what_it_missed(void **)
{
	struct ovsdb_server_limits l = tight();
	char first[64], next[64];
	server_fixture_init(&f, &l, NULL, true, NULL);
	server_connect(&f, 0);
	server_ask(&f, 0, INSERT(1, 1), INSERTED(1));
	resume(0, "00000000-0000-0000-0000-000000000000", first, "0 {\"initial\":{\"i\":1}}");
	resume(0, first, next, "1 ");
	assert_string_equal(first, next);
	server_ask(&f, 0, update_all, updated);
	server_ask(&f, 0, update_all, updated);
	resume(0, first, next, "1 {\"modify\":{\"i\":3}}");
	assert_string_not_equal(first, next);
	server_ask(&f, 0, update_all, updated);
	resume(0, next, next, "1 {\"modify\":{\"i\":4}}");
	/* Four transactions, three are kept, and the state before them is known by its id. */
	resume(0, first, next, "1 {\"modify\":{\"i\":4}}");
	server_ask(&f, 0, update_all, updated);
	resume(0, first, next, "0 {\"initial\":{\"i\":5}}");
	server_fixture_fini(&f);
}

static void rows_are_chosen_by_conditions_that_may_change(void **)
{
	server_fixture_init(&f, NULL, NULL, false, NULL);
	server_connect(&f, 0);
	server_ask(&f, 0, INSERT(1, 1), INSERTED(1));
	server_ask(&f, 0,
	    "{'id':2,'method':'monitor_cond','params':['t','m',{'r':[{'columns':['i'],'where':[['i'"
	    ",'>',5]]}]}]}",
	    "{'error':null,'id':2,'result':{}}");
	server_send(&f, 0,
	    "{'id':3,'method':'transact','params':['t',{'op':'update','table':'r','where':[],'row':"
	    "{'i':6}}]}");
	server_expect(
	    &f, 0, "{'id':null,'method':'update2','params':['m',{'r':{'U':{'insert':{'i':6}}}}]}");
	server_expect(&f, 0, "{'error':null,'id':3,'result':[{'count':1}]}");
	server_send(&f, 0,
	    "{'id':4,'method':'monitor_cond_change','params':['m','n',{'r':[{'where':[['i','<',5]]}"
	    "]}]}");
	server_expect(
	    &f, 0, "{'id':null,'method':'update2','params':['n',{'r':{'U':{'delete':null}}}]}");
	server_expect(&f, 0, "{'error':null,'id':4,'result':{}}");
	server_fixture_fini(&f);
}

static void a_conversion_cancels_and_disconnects(void **)
{
	server_fixture_init(&f, NULL, NULL, true, NULL);
	for (size_t i = 0; i < 3; i++)
		server_connect(&f, i);
	server_ask(&f, 0, INSERT(1, 1), INSERTED(1));
	server_ask(&f, 1, "{'id':1,'method':'set_db_change_aware','params':[true]}",
	    "{'error':null,'id':1,'result':{}}");
	server_ask(&f, 1, MONITOR(2, m, "'s'"),
	    "{'error':null,'id':2,'result':{'r':{'U':{'new':{'s':''}}}}}");
	server_send(&f, 1, WAIT(3, 5, ""));
	server_send(&f, 2, WAIT(3, 5, ""));
	server_run(&f);
	server_ask(&f, 0,
	    "{'id':5,'method':'convert','params':['t',{'name':'t','version':'2.0.0','tables':{'r':{"
	    "'columns':{'i':{'type':'integer'}}}}}]}",
	    "{'error':null,'id':5,'result':{}}");
	f.db = ovsdb_server_find_db(f.server, "t");
	server_expect_closed(&f, 0);
	server_expect_closed(&f, 2);
	server_expect(&f, 1, "{'id':null,'method':'monitor_canceled','params':['m']}");
	server_expect(&f, 1, "{'error':'canceled','id':3}");
	server_ask(&f, 1,
	    "{'id':4,'method':'transact','params':['t',{'op':'select','table':'r','where':[],'"
	    "columns':['i']}]}",
	    "{'error':null,'id':4,'result':[{'rows':[{'i':1}]}]}");
	server_fixture_fini(&f);
}

static void what_requests_keep_is_bounded_and_given_back(void **)
{
	struct ovsdb_server_limits l = ovsdb_server_default_limits;
	l.kept_size = 4000;
	server_fixture_init(&f, &l, NULL, false, NULL);
	server_connect(&f, 0);
	for (int i = 0; i < 5; i++) {
		server_send(&f, 0,
		    "{'id':1,'method':'monitor_cond','params':['t','%0600d',{'r':[{'columns':['i']}"
		    "]}]}",
		    i);
		server_expect(&f, 0, "{'error':null,'id':1,'result':{}}");
		server_ask(&f, 0,
		    "{'id':2,'method':'monitor_cond','params':['t','b',{'r':[{'columns':['i','s','"
		    "set'],"
		    "'where':[['s','==','"
		    "0123456789012345678901234567890123456789012345678901234567890123456789"
		    "012345678901234567890123456789012345678901234567890123456789012345678901234567"
		    "8901234567890123456789"
		    "012345678901234567890123456789012345678901234567890123456789012345678901234567"
		    "8901234567890123456789']]}]}]}",
		    "{'error':{'details':'the limit of bytes that a client's requests keep is "
		    "reached','error':'resources exhausted'},'id':2}");
		server_send(&f, 0,
		    "{'id':3,'method':'monitor_cond_change','params':['%0600d','%0600d',{'r':[{'"
		    "where':[['s','==','%02500d']]}]}]}",
		    i, i, 1);
		json_t *answer = server_receive(&f, 0);
		assert_non_null(json_object_get(json_object_get(answer, "error"), "details"));
		json_decref(answer);
		for (int k = 0; k < 20; k++) {
			server_send(&f, 0,
			    "{'id':4,'method':'monitor_cond_change','params':['%0600d','%0600d',{'"
			    "r':[{'where':[['s','==','%0100d']]}]}]}",
			    i, i, k);
			server_expect(&f, 0, "{'error':null,'id':4,'result':{}}");
		}
		server_send(&f, 0, "{'id':5,'method':'monitor_cancel','params':['%0600d']}", i);
		server_expect(&f, 0, "{'error':null,'id':5,'result':{}}");
	}
	server_fixture_fini(&f);
}

#define WAIT_INSERT(id, until_i, i)                                                                \
	"{'id':" #id                                                                               \
	",'method':'transact','params':['t',{'op':'wait','table':'r','where':[['i','=='," #until_i \
	"]],"                                                                                      \
	"'columns':['i'],'until':'==','rows':[{'i':" #until_i                                      \
	"}]},{'op':'insert','table':'r','row':{'i':" #i ",'set':9}}]}"

/* What a waiting transaction does because of a flush is pending again: conversion and first rows come after that, too. */
static void a_transaction_that_waited_is_durable_before_others_look(void **)
{
	server_fixture_init(&f, NULL, NULL, true, NULL);
	for (size_t i = 0; i < 3; i++)
		server_connect(&f, i);
	server_send(&f, 0, WAIT_INSERT(1, 5, 6));
	server_send(&f, 0, WAIT_INSERT(2, 6, 7));
	server_run(&f);
	server_send(&f, 1, INSERT(1, 5) MONITOR(2, m, "'i'"));
	server_expect(&f, 1, INSERTED(1));
	json_t *answer = server_receive(&f, 1);
	assert_int_equal(
	    json_object_size(json_object_get(json_object_get(answer, "result"), "r")), 3);
	json_decref(answer);
	server_expect_nothing(&f, 1);
	server_send(&f, 0, WAIT_INSERT(3, 15, 16));
	server_run(&f);
	server_send(&f, 2,
	    INSERT(1, 15) "{'id':5,'method':'convert','params':['t',{'name':'t','version':'2.0.0',"
			  "'tables':{'r':{'columns':{'i':{'type':'integer'}}}}}]}");
	server_expect(&f, 2, INSERTED(1));
	server_expect(&f, 2, "{'error':null,'id':5,'result':{}}");
	f.db = ovsdb_server_find_db(f.server, "t");
	assert_int_equal(ovsdb_db_count_rows(f.db), 5);
	server_fixture_fini(&f);
}

static void a_read_only_client_converts_nothing(void **)
{
	server_fixture_init(&f, NULL, NULL, false, NULL);
	struct ovsdb_remote_conf conf = {f.remote, {.is_read_only = true}};
	ovsdb_server_set_remotes(f.server, &conf, 1);
	server_connect(&f, 0);
	server_ask(&f, 0,
	    "{'id':5,'method':'convert','params':['t',{'name':'t','version':'2.0.0','tables':{}}]}",
	    "{'error':{'details':'convert operation not allowed when database server is in read "
	    "only mode','error':'not allowed'},'id':5}");
	server_fixture_fini(&f);
}

static void rows_that_come_and_go_cost_linear_time(void **)
{
	enum { N = 4000 };
	server_fixture_init(&f, NULL, NULL, false, NULL);
	server_connect(&f, 0);
	server_connect(&f, 1);
	server_ask(&f, 0, MONITOR(1, m, "'i'"), "{'error':null,'id':1,'result':{}}");
	json_t *ops = json_array();
	for (int i = 0; i < N; i++)
		json_array_append_new(ops,
		    json_pack("{s:s,s:s,s:{s:i}}", "op", "insert", "table", "r", "row", "i", i));
	json_decref(ovsdb_server_transact(f.server, f.db, ops));
	json_decref(ops);
	ops = json_loads(
	    "[{\"op\":\"delete\",\"table\":\"r\",\"where\":[[\"i\",\"!=\",7]]}]", 0, NULL);
	json_decref(ovsdb_server_transact(f.server, f.db, ops));
	json_decref(ops);
	uint64_t begin_ms = clock_ms();
	server_run(&f);
	assert_true(clock_ms() - begin_ms < 400);
	server_expect(
	    &f, 0, "{'id':null,'method':'update','params':['m',{'r':{'U':{'new':{'i':7}}}}]}");
	server_fixture_fini(&f);
}

static void notifications_that_are_not_read_end_the_session(void **)
{
	struct ovsdb_server_limits l = tight();
	l.locks = 1024;
	server_fixture_init(&f, &l, NULL, false, NULL);
	for (size_t i = 0; i < 2; i++)
		server_connect(&f, i);
	server_ask(&f, 0, "{'id':1,'method':'lock','params':['l']}",
	    "{'error':null,'id':1,'result':{'locked':true}}");
	char usage[512];
	size_t backlog = 0;
	for (int i = 0; i < 10000; i++) {
		server_ask(&f, 1, "{'id':1,'method':'steal','params':['l']}",
		    "{'error':null,'id':1,'result':{'locked':true}}");
		server_ask(&f, 1, "{'id':2,'method':'unlock','params':['l']}",
		    "{'error':null,'id':2,'result':{}}");
		ovsdb_server_format_usage(f.server, usage, sizeof(usage));
		backlog = strtoul(strstr(usage, "backlog:") + 8, NULL, 10);
		assert_true(backlog < (size_t)l.output_size * 2 + 1000);
	}
	assert_true(backlog > 0);
	server_fixture_fini(&f);
}

static void a_large_answer_comes_after_its_update(void **)
{
	struct ovsdb_server_limits l = tight();
	l.message_size = 1 << 20;
	server_fixture_init(&f, &l, NULL, true, NULL);
	server_connect(&f, 0);
	server_ask(&f, 0, MONITOR(1, m, "'i'"), "{'error':null,'id':1,'result':{}}");
	server_send(&f, 0,
	    "{'id':2,'method':'transact','params':['t',{'op':'insert','table':'r','row':{'i':1,'s':"
	    "'%060000d'}},"
	    "{'op':'select','table':'r','where':[]}]}",
	    1);
	server_expect(
	    &f, 0, "{'id':null,'method':'update','params':['m',{'r':{'U':{'new':{'i':1}}}}]}");
	json_t *answer = server_receive(&f, 0);
	assert_int_equal(json_integer_value(json_object_get(answer, "id")), 2);
	json_decref(answer);
	server_fixture_fini(&f);
}

static void a_transaction_is_refused_that_writes_too_much(void **)
{
	struct ovsdb_server_limits l = ovsdb_server_default_limits;
	l.txn_size = 20000;
	server_fixture_init(&f, &l, NULL, true, &counting);
	server_connect(&f, 0);
	server_connect(&f, 1);
	for (int i = 0; i < 20; i++) {
		server_send(&f, 1,
		    "{'id':1,'method':'transact','params':['t',{'op':'insert','table':'r','row':{'"
		    "i':%d}}]}",
		    i);
		server_expect(&f, 1, INSERTED(1));
	}
	server_send(&f, 1, INSERT(1, 100));
	server_send(&f, 0,
	    "{'id':2,'method':'transact','params':['t',{'op':'update','table':'r','where':[],'row':"
	    "{'s':'%01000d'}}]}",
	    1);
	server_expect(&f, 1, INSERTED(1));
	server_expect(&f, 0,
	    "{'error':null,'id':2,'result':[{'count':21},{'details':'the transaction changes too "
	    "many bytes','error':'resources exhausted'}]}");
	/* What is written at once is bounded, too. */
	n_syncs = 0;
	for (int i = 0; i < 6; i++)
		server_send(&f, 0,
		    "{'id':3,'method':'transact','params':['t',{'op':'insert','table':'r','row':{'"
		    "i':%d,'s':'%09000d'}}]}",
		    i + 200, i);
	for (int i = 0; i < 6; i++)
		server_expect(&f, 0, INSERTED(3));
	assert_in_range(n_syncs, 2, 6);
	server_fixture_fini(&f);
}

static void readers_that_are_far_behind_are_cut(void **)
{
	struct ovsdb_server_limits l = tight();
	l.behind_rows = 20;
	server_fixture_init(&f, &l, NULL, false, NULL);
	server_connect(&f, 0);
	server_connect(&f, 1);
	server_ask(&f, 0, MONITOR(1, m, "'i','s'"), "{'error':null,'id':1,'result':{}}");
	for (int i = 0; i < 3000; i++) {
		server_send(&f, 1,
		    "{'id':1,'method':'transact','params':['t',{'op':'insert','table':'r','row':{'"
		    "i':%d,'s':'%0300d'}}]}",
		    i, i);
		server_expect(&f, 1, INSERTED(1));
	}
	uint64_t end_ms = clock_ms() + 400;
	while (clock_ms() < end_ms)
		server_run(&f);
	json_t *message;
	unsigned int n = 0;
	while ((message = server_receive(&f, 0)) != NULL) {
		json_decref(message);
		n++;
	}
	assert_int_equal(f.clients[0].fd, -1);
	assert_true(n < 3000);
	server_fixture_fini(&f);
}

static void silence_is_asked_about_and_then_ended(void **)
{
	server_fixture_init(&f, NULL, NULL, false, NULL);
	struct ovsdb_remote_conf conf = {f.remote, {.probe_ms = 1000, .max_backoff_ms = 8000}};
	ovsdb_server_set_remotes(f.server, &conf, 1);
	server_connect(&f, 0);
	server_connect(&f, 1);
	server_expect(&f, 0, "{'id':'echo','method':'echo','params':[]}");
	server_expect(&f, 1, "{'id':'echo','method':'echo','params':[]}");
	server_send(&f, 1, "{'id':'echo','result':[],'error':null}");
	server_expect_closed(&f, 0);
	server_expect(&f, 1, "{'id':'echo','method':'echo','params':[]}");
	server_fixture_fini(&f);
}

static unsigned int n_told;
static json_int_t seen_i;

static void on_commit(void *, struct ovsdb_changes *changes)
{
	if (changes->array[0].new == NULL ||
	    strcmp(changes->array[0].table->schema->name, "r") != 0)
		return;
	struct ovsdb_datum d = ovsdb_row_get_named(changes->array[0].new, "i");
	n_told++;
	seen_i = ovsdb_datum_integer(&d, -1);
}

static void a_user_transacts_and_is_told_when_it_is_durable(void **)
{
	const struct ovsdb_server_events events = {.on_commit = on_commit};
	server_fixture_init(&f, NULL, &events, true, &counting);
	server_connect(&f, 0);
	server_ask(&f, 0, MONITOR(1, m, "'i'"), "{'error':null,'id':1,'result':{}}");
	n_told = n_syncs = 0;
	json_t *ops =
	    json_loads("[{\"op\":\"insert\",\"table\":\"r\",\"row\":{\"i\":42}}]", 0, NULL);
	json_t *result = ovsdb_server_transact(f.server, f.db, ops);
	assert_non_null(json_object_get(json_array_get(result, 0), "uuid"));
	assert_int_equal(n_told, 0);
	server_expect(
	    &f, 0, "{'id':null,'method':'update','params':['m',{'r':{'U':{'new':{'i':42}}}}]}");
	assert_int_equal(n_told, 1);
	assert_int_equal(seen_i, 42);
	assert_int_equal(n_syncs, 1);
	json_decref(result);
	json_decref(ops);
	server_fixture_fini(&f);
}

/* Column e is ephemeral: what a client knows of it from before is not so any more, and no transaction said so. */
static void nobody_resumes_over_lost_ephemeral_values(void **)
{
	char first[64], next[64];
	server_fixture_init(&f, NULL, NULL, true, NULL);
	server_connect(&f, 0);
	server_ask(&f, 0, INSERT(1, 1), INSERTED(1));
	resume(0, "00000000-0000-0000-0000-000000000000", first, "0 {\"initial\":{\"i\":1}}");
	server_fixture_reload(&f);
	server_disconnect(&f, 0);
	server_connect(&f, 0);
	resume(0, first, next, "0 {\"initial\":{\"i\":1}}");
	resume(0, next, next, "1 ");
	server_fixture_fini(&f);
}

static void one_text_goes_to_a_hundred_monitors(void **)
{
	server_fixture_init(&f, NULL, NULL, false, NULL);
	for (size_t i = 0; i < 100; i++) {
		server_connect(&f, i);
		server_ask(&f, i, MONITOR(1, m, "'i'"), "{'error':null,'id':1,'result':{}}");
	}
	server_connect(&f, 100);
	server_ask(&f, 100, INSERT(1, 1), INSERTED(1));
	server_disconnect(&f, 50);
	for (size_t i = 0; i < 100; i++)
		if (i != 50)
			server_expect(&f, i,
			    "{'id':null,'method':'update','params':['m',{'r':{'U':{'new':{'i':1}}}}"
			    "]}");
	server_fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_are_answered_as_ovsdb_server_does),
	    cmocka_unit_test(an_update_comes_before_its_authors_answer),
	    cmocka_unit_test(all_requests_of_a_pass_cost_one_sync),
	    cmocka_unit_test(what_cannot_be_synced_was_never_there),
	    cmocka_unit_test(a_wait_ends_with_a_change_its_time_or_cancel),
	    cmocka_unit_test(a_lock_passes_on_when_its_owner_goes),
	    cmocka_unit_test(limits_are_answered),
	    cmocka_unit_test(a_slow_reader_costs_a_bounded_amount),
	    cmocka_unit_test(a_client_that_does_not_read_its_answers_is_not_served),
	    cmocka_unit_test(a_client_that_comes_back_is_told_what_it_missed),
	    cmocka_unit_test(nobody_resumes_over_lost_ephemeral_values),
	    cmocka_unit_test(rows_are_chosen_by_conditions_that_may_change),
	    cmocka_unit_test(a_conversion_cancels_and_disconnects),
	    cmocka_unit_test(what_requests_keep_is_bounded_and_given_back),
	    cmocka_unit_test(a_transaction_that_waited_is_durable_before_others_look),
	    cmocka_unit_test(a_read_only_client_converts_nothing),
	    cmocka_unit_test(rows_that_come_and_go_cost_linear_time),
	    cmocka_unit_test(notifications_that_are_not_read_end_the_session),
	    cmocka_unit_test(a_large_answer_comes_after_its_update),
	    cmocka_unit_test(a_transaction_is_refused_that_writes_too_much),
	    cmocka_unit_test(readers_that_are_far_behind_are_cut),
	    cmocka_unit_test(silence_is_asked_about_and_then_ended),
	    cmocka_unit_test(a_user_transacts_and_is_told_when_it_is_durable),
	    cmocka_unit_test(one_text_goes_to_a_hundred_monitors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
