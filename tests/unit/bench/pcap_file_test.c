/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "tests/unit/bench/stream_fixture.h"

enum { HEADER = 24, RECORD = 16 };

static uint8_t file[4096];
static size_t size;

static void put32(size_t at, uint32_t v, bool swapped)
{
	v = swapped ? __builtin_bswap32(v) : v;
	memcpy(file + at, &v, sizeof(v));
}

/* Frames of 60, 61… bytes; all bytes of the i-th are i. */
static void make_file(unsigned int n, uint32_t magic, bool swapped)
{
	memset(file, 0, sizeof(file));
	put32(0, magic, swapped);
	put32(20, 1, swapped);
	size = HEADER;
	for (unsigned int i = 0; i < n; i++) {
		put32(size + 8, 60 + i, swapped);
		memset(file + size + RECORD, (int)i, 60 + i);
		size += RECORD + 60 + i;
	}
}

static void both_byte_orders_and_precisions_are_read(void **)
{
	static const uint32_t magics[] = {0xa1b2c3d4, 0xa1b23c4d};
	for (unsigned int k = 0; k < 4; k++) {
		struct pcap_file p;
		struct err err = {0};
		make_file(3, magics[k / 2], k % 2);
		assert_int_equal(pcap_file_decode(&p, file, size, &err), 0);
		assert_int_equal(p.n, 3);
		assert_int_equal(p.max_size, 62);
		for (unsigned int i = 0; i < 3; i++) {
			assert_int_equal(p.frames[i].size, 60 + i);
			assert_int_equal(p.bytes[p.frames[i].ofs], i);
			assert_int_equal(p.bytes[p.frames[i].ofs + 59 + i], i);
		}
		pcap_file_fini(&p);
	}
}

static void broken_files_are_refused(void **)
{
	struct pcap_file p;
	struct err err = {0};
	make_file(2, 0xa1b2c3d4, false);
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *part = malloc(cut); // the sanitizer watches its end
		memcpy(part, file, cut);
		bool is_whole = cut == HEADER + RECORD + 60;
		assert_int_equal(pcap_file_decode(&p, part, cut, &err) == 0, is_whole);
		if (is_whole)
			pcap_file_fini(&p);
		free(part);
	}
	make_file(1, 0x0a0d0d0a, false);
	assert_true(pcap_file_decode(&p, file, size, &err) < 0);
	assert_non_null(strstr(err.hint, "pcapng"));
	make_file(1, 0xa1b2c3d4, false);
	put32(20, 101, false); // raw IP
	assert_true(pcap_file_decode(&p, file, size, &err) < 0);
	make_file(1, 0xa1b2c3d4, false);
	put32(HEADER + 8, 0xffffffff, false);
	assert_true(pcap_file_decode(&p, file, size, &err) < 0);
	put32(HEADER + 8, 13, false);
	assert_true(pcap_file_decode(&p, file, size, &err) < 0);
}

static void a_captured_stream_goes_round_in_order(void **)
{
	char path[] = "/tmp/sluice-pcap-test-XXXXXX", members[128];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	make_file(5, 0xa1b2c3d4, false);
	assert_int_equal(write(fd, file, size), size);
	close(fd);
	snprintf(members, sizeof(members), "'kind': 'pcap', 'file': '%s'", path);
	struct source *s = source_new(members);
	assert_false(source_keeps_pattern(s));
	for (unsigned int i = 0; i < 12; i++) {
		uint8_t *buffer = pattern_buffer();
		assert_int_equal(make_packet(s, buffer, 0), 60 + i % 5);
		assert_int_equal(buffer[10], i % 5);
	}
	source_delete(s);
	unlink(path);
}

static void a_file_that_is_not_there_or_no_file_is_refused(void **)
{
	struct pcap_file p;
	struct err err = {0};
	assert_true(pcap_file_load(&p, "/nonexistent/x.pcap", &err) < 0);
	assert_true(pcap_file_load(&p, "/dev/zero", &err) < 0);
	assert_true(pcap_file_load(&p, "/", &err) < 0);
	assert_non_null(strstr(err.what, "no file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_byte_orders_and_precisions_are_read),
	    cmocka_unit_test(broken_files_are_refused),
	    cmocka_unit_test(a_captured_stream_goes_round_in_order),
	    cmocka_unit_test(a_file_that_is_not_there_or_no_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
