#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A file as a C array: embed.py FILE NAME > NAME.c"""
import sys

with open(sys.argv[1], "rb") as f:
    data = f.read()
print("#include <stddef.h>\n\nextern const char %s_text[];\nextern const size_t %s_size;\n" % (sys.argv[2], sys.argv[2]))
print("const char %s_text[] = {" % sys.argv[2])
for i in range(0, len(data), 24):
    print("\t" + ", ".join("%d" % b for b in data[i:i + 24]) + ",")
print("};\nconst size_t %s_size = %d;" % (sys.argv[2], len(data)))
