/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's commands as a program. */
#include "ovsdb-lite/tool.h"

int main(int argc, char *argv[])
{
	return argc < 2 ? OVSDB_TOOL_USAGE : ovsdb_tool_run(argc - 1, argv + 1);
}
