#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OVS's own action and instruction vectors through our codec: ofp_vectors_test.py CODEC TARBALL

They are read from Debian's openvswitch-source when the test runs: tests/ofp-actions.at, whose vectors have bytes and what OVS makes of them, a text
or an error, and the flow messages of tests/ofp-print.at. Ours must take the same, refuse the rest with the same error, and write what it took with the same bytes, but for the cases
below, each with its reason.
"""
import re
import subprocess
import sys
import tarfile

# Text of a vector (or a part of it): why ours differs.
OTHER_BYTES = [
    ("actions=LOCAL", "max_len counts for the controller alone, and is kept for it alone"),
    ("set_tunnel64:0x885f3298", "an id of 32 bits is written in the short form"),
    ("learn(table=2,priority=0,NXM_OF_VLAN_TCI[0..11]", "learn2 without what it adds is written as learn"),
    ("write_metadata:0xfedcba9876543210/0x", "bits outside the mask are not kept"),
]
OTHER_ERROR = [
    ("NXM_OF_VLAN_TCI[] ", "the bit that says that there is a tag cannot be copied"),
    ("actions: OFPBIC_UNSUP_INST ffff00200000232000160000", "in a flow-mod of 1.0 it is the instruction; without one it writes the field"),
    (",ct)", "needs connection tracking"),
    ("tun_metadata10", "this switch has eight tunnel options"),
    ("experimenter OXM", "dp_hash is of a group's inside, which is not shown"),
    ("encap(", "needs other packets than Ethernet"),
]


def vectors(at):
    """(version, kind, hexadecimal, text OVS prints, whether OVS writes it with the same bytes)"""
    for setup in re.split(r"^AT_SETUP\(", at, flags=re.M)[1:]:
        command = re.search(r"parse-(actions|instructions) (OpenFlow1\d)", setup)
        data = re.search(r"AT_DATA\(\[test-data\], \[dnl\n(.*?)\n\]\)", setup, re.S)
        if not command or not data:
            continue
        version = int(command.group(2)[-1]) + 1
        text, same = None, True
        for line in data.group(1).replace("dnl\n", " ").replace("[[", "[").replace("]]", "]").split("\n"):
            difference = re.match(r"# +\d+: [0-9a-f()]+ -> ", line)
            if difference:
                same = False
            elif line.startswith("# ") and (text is None or not same or line.startswith("# actions") or line.startswith("# bad")):
                text, same = line[2:], True
            elif re.match(r"^[0-9a-fA-F ]+$", line) and line.strip():
                yield version, command.group(1), re.sub(r"\s", "", line).lower(), text, same
                text = None
    # A difference stands behind the text and before the bytes.


def messages(at):
    """(version, kind, hexadecimal of the body, name, True) of each flow message that ofp-print.at prints"""
    for name, text in re.findall(r"^AT_SETUP\(\[([^\n]*)\]\)\n(.*?)^AT_CLEANUP", at, re.S | re.M):
        for data, output in re.findall(r"ofp-print \"\s*([0-9a-fA-F\s\\]+)\"(.*?)(?=ofp-print|\Z)", text, re.S):
            bad = re.search(r"decode error: ([A-Z0-9_]+)", output)
            m = bytes.fromhex(re.sub(r"[\s\\]", "", data))
            if len(m) < 8 or len(m) < int.from_bytes(m[2:4], "big"):
                continue
            m = m[:int.from_bytes(m[2:4], "big")]
            kind, body = flow_body(m)
            if kind:
                yield m[0], kind, body.hex(), bad.group(1).join(("bad message: ", " in " + name)) if bad else name, True


def flow_body(m):
    """Kind and body of a flow message, by its header."""
    version, kind, word = m[0], m[1], lambda at, n: int.from_bytes(m[at:at + n], "big")
    if kind == 14:
        return "flow_mod", m[8:]
    if kind == 11:
        return "flow_removed", m[8:]
    if kind == 4 and word(8, 4) == 0x2320 and word(12, 4) in (13, 14):
        return {13: "nx_flow_mod", 14: "nx_flow_removed"}[word(12, 4)], m[16:]
    if kind == 29 and version > 3:
        return "meter_mod", m[8:]
    if kind in ((16, 17) if version == 1 else (18, 19)):
        which, at = ("flow_request" if kind % 2 == 0 else "flow_stats"), 12 if version == 1 else 16
        if word(8, 2) == 1:
            return which, m[at:]
        if version > 3 and kind == 19 and word(8, 2) in (9, 10):
            return {9: "meter_stats", 10: "meter_config"}[word(8, 2)], m[at:]
        monitor = "monitor_request" if kind % 2 == 0 else "monitor_reply"
        if version > 4 and word(8, 2) == 16:
            return monitor, m[at:]
        if word(8, 2) == 0xffff and (word(at, 4), word(at + 4, 4)) in ((0x2320, 2), (0x4f4e4600, 1870)):
            return monitor, m[at + (8 if version > 1 else 12):]
        if word(8, 2) == 0xffff and word(at, 4) == 0x2320 and word(at + 4, 4) == 0:
            return "nx_" + which, m[at + (8 if version > 1 else 12):]
    return None, b""


def run(codec, cases):
    wanted = "".join("%d %s %s\n" % c for c in cases)
    return subprocess.run([codec], input=wanted, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


def excuse(table, text):
    return next((why for part, why in table if part in text), None)


def main(codec, tarball):
    with tarfile.open(tarball) as archive:
        at = archive.extractfile("openvswitch/tests/ofp-actions.at").read().decode()
        printed = archive.extractfile("openvswitch/tests/ofp-print.at").read().decode()
    cases = [v for v in vectors(at) if v[3]] + list(messages(printed))
    got = run(codec, [v[:3] for v in cases])
    # Messages have other spellings of the same (fields that do not count, orders, doubles): what we write of them we write again.
    twice = iter(run(codec, [(v[0], v[1], g.partition(" ")[2]) for v, g in zip(cases, got) if g.startswith("OK ")]))
    faults, excused = [], 0
    for (version, kind, data, text, same), answer in zip(cases, got):
        error, _, again = answer.partition(" ")
        bad = re.match(r"bad (?:OpenFlow1\d (?:actions|instructions)|message): (\S+)", text)
        want = bad.group(1) if bad else "OK"
        fault = why = None
        if error != want:
            fault, why = "%s, not %s" % (error, want), excuse(OTHER_ERROR, text + " " + data)
        elif want == "OK" and same and again != data and kind in ("actions", "instructions"):
            fault, why = "written as %s" % again, excuse(OTHER_BYTES, text)
        if error == "OK" and next(twice) != answer:
            fault, why = "written as %s, and then as something else" % again, None
        if fault and not why:
            faults.append("OpenFlow 1.%d %s %s\n  %s\n  %s" % (version - 1, kind, text, data, fault))
        excused += bool(fault and why)
    print("%d vectors, %d as OVS, %d differ for a reason, %d differ" % (len(cases), len(cases) - excused - len(faults), excused, len(faults)))
    print("\n".join(faults))
    sys.exit(1 if faults or len(cases) < 150 or len(got) != len(cases) else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
