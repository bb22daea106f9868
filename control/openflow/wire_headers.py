#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Extracts OpenFlow's wire structures from Debian's openvswitch-source: wire_headers.py TARBALL DIRECTORY

They are never typed in again and never copied into the repository: what the peer's tools are built with is what we build with.
"""
import os
import sys
import tarfile

FOLDER = "openvswitch/include/"
WANTED = {"openvswitch/types.h", "openvswitch/compiler.h"}  # what the headers of openflow/ include


def main(tarball, directory):
    try:
        archive = tarfile.open(tarball)
    except (OSError, tarfile.TarError) as e:
        sys.exit("%s: %s\n  The OpenFlow headers come from it: install Debian's package openvswitch-source." % (tarball, e))
    with archive:
        found = 0
        for member in archive.getmembers():
            name = member.name[len(FOLDER):] if member.name.startswith(FOLDER) else ""
            if not member.isfile() or not (name in WANTED or (name.startswith("openflow/") and name.endswith(".h"))):
                continue
            found += 1
            path = os.path.join(directory, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            text = archive.extractfile(member).read()
            if not os.path.exists(path) or open(path, "rb").read() != text:
                with open(path, "wb") as out:
                    out.write(text)
    if found < 10:
        sys.exit("%s: only %d of the OpenFlow headers are in it" % (tarball, found))


if __name__ == "__main__":
    main(*sys.argv[1:])
