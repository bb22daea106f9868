/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole messages for ofp_envelopes_test.py: each line of input is a message in hexadecimal; the answer is the name of the message, or of
 * the error, and the message that is written with the same body.
 */
#include <stdio.h>
#include <string.h>

#include "control/openflow/ofp_raw.h"
#include "datapath/base/net_types.h"

enum { MAX_SIZE = 65536 };

static size_t read_line(const char *line, uint8_t *ret)
{
	size_t n = 0;

	for (; hex_digit(line[0]) >= 0 && hex_digit(line[1]) >= 0 && n < MAX_SIZE; line += 2)
		ret[n++] = (uint8_t)(hex_digit(line[0]) << 4 | hex_digit(line[1]));
	return n;
}

static void answer(const uint8_t *data, size_t size)
{
	struct ofp_msg msg;
	struct buf_writer w;
	enum ofp_err err = ofp_msg_decode(data, size, &msg);

	if (err != OFP_OK) {
		printf("%s\n", ofp_err_name(err));
		return;
	}
	// Hello and its like are read of versions that are not written.
	if (!ofp_raw_has_version(msg.raw, msg.version)) {
		printf("%s\n", ofp_raw_name(msg.raw));
		return;
	}
	buf_writer_init(&w, MAX_SIZE);
	struct ofp_mark mark = ofp_begin(&w, msg.raw, msg.version, msg.xid);
	buf_put(&w, msg.body.data, msg.body.size);
	ofp_end(&w, mark);
	printf("%s ", ofp_raw_name(msg.raw));
	for (size_t i = 0; i < w.size; i++)
		printf("%02x", w.data[i]);
	printf("\n");
	buf_writer_fini(&w);
}

int main(void)
{
	static char line[2 * MAX_SIZE + 2];
	static uint8_t data[MAX_SIZE];

	while (fgets(line, sizeof(line), stdin) != NULL)
		answer(data, read_line(line, data));
	return 0;
}
