/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/no_memory.h"

void (*no_memory_hook)(size_t size);

void no_memory(size_t size)
{
	if (no_memory_hook != NULL)
		no_memory_hook(size);
}
