#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The messages that OVS's own tests print, through our envelope: ofp_envelopes_test.py CODEC TARBALL

They are read from tests/ofp-print.at of Debian's openvswitch-source when the test runs. Ours must find the message that OVS names, and write
its envelope with the same bytes.
"""
import re
import subprocess
import sys
import tarfile

AT_LEAST = 200


def messages(at):
    """(title, bytes, what OVS prints) of each whole message"""
    for title, text in re.findall(r"^AT_SETUP\(\[([^\n]*)\]\)\n(.*?)^AT_CLEANUP", at, re.S | re.M):
        for data, output in re.findall(r"ofp-print [\"']\s*\\?\s*([0-9a-fA-F\s\\]+)[\"'][^\[]*\[0\],\s*(?:\[dnl\n|\[)(.*?)\n", text, re.S):
            m = bytes.fromhex(re.sub(r"[\s\\]", "", data))
            if len(m) >= 8 and len(m) >= int.from_bytes(m[2:4], "big") >= 8:
                yield title, m[:int.from_bytes(m[2:4], "big")], output


def plain(name):
    """OFPT11_PORT_MOD and OFPT_PORT_MOD are the same message of two versions."""
    return re.sub(r"^([A-Z]+?)\d*_", r"\1_", name)


def printed(output):
    """"OFPST_QUEUE request (OF1.1) (xid=0x2):" as the table has it; the name of an error as it is"""
    error = re.match(r"\*\*\*decode error: (\w+)", output)
    m = re.match(r"\[?(\w+?)( request| reply)? (?:\(|$)", output)
    return error.group(1) if error else plain(m.group(1) + (m.group(2) or "").replace(" ", "_").upper()) if m else ""


def normal(m):
    """What our writer leaves zero: flags of multipart messages, padding behind them."""
    first = 16 if m[0] == 1 else 18
    if m[1] in (first, first + 1):
        return m[:10] + bytes(6 if m[0] > 1 else 2) + m[16 if m[0] > 1 else 12:]
    return m


def main(codec, tarball):
    with tarfile.open(tarball) as archive:
        found = list(messages(archive.extractfile("openvswitch/tests/ofp-print.at").read().decode()))
    lines = subprocess.run([codec], input="".join(m.hex() + "\n" for _, m, _ in found), capture_output=True, text=True, check=True).stdout.splitlines()
    if len(found) < AT_LEAST or len(lines) != len(found):
        sys.exit("%d messages in %s, %d answers" % (len(found), tarball, len(lines)))
    faults = 0
    for (title, m, output), line in zip(found, lines):
        name, _, hexadecimal = line.partition(" ")
        want = printed(output)
        if plain(name) != want or (hexadecimal and hexadecimal != normal(m).hex()):
            faults += 1
            print("%s: %s\n  OVS:  %s %s\n  ours: %s %s" % (title, output, want, normal(m).hex(), plain(name), hexadecimal))
    print("%d messages, %d not alike" % (len(found), faults))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
