#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every element that OVN sends is taken: ovn_elements_test.py CODEC OXM_DEF ELEMENTS

An OpenFlow error makes ovn-controller throw its rules away and send them all again, for ever. Each line of ELEMENTS becomes a match or an
action of OpenFlow 1.5; the codec must take it and write it as something that it takes again.
"""
import re
import subprocess
import sys

VERSION = 6
CLASSES = {"NXM_0": 0, "NXM_1": 1, "ERICSSON": 0x1000, "BASIC": 0x8000, "PACKET_REGS": 0x8001}
ETH_TYPE, IP_PROTO, ICMPV6_TYPE = "80000a02%04x", "80001401%02x", "80003a01%02x"


class Fields:
    def __init__(self, path):
        rows = re.findall(r"^OXM\((\w+), (\w+), (\d+), 0, \w+, (\d+), (\d+),", open(path, encoding="utf-8").read(), re.M)
        self.rows = {name: (CLASSES[c], int(number), int(size), int(bits)) for name, c, number, size, bits in rows if c in CLASSES}

    def header(self, name, mask=False):
        c, number, size, _ = self.rows[name]
        return "%08x" % (c << 16 | number << 9 | mask << 8 | size * (1 + mask))

    def entry(self, name, mask):
        _, _, size, bits = self.rows[name]
        value = 0x1001 if name == "OXM_OF_VLAN_VID" else 1
        return self.header(name, mask) + "%0*x" % (2 * size, value) + ("%0*x" % (2 * size, (1 << bits) - 1) if mask else "")

    def bits(self, name):
        return self.rows[name][3]

    def of_stack(self, word):
        return next(n for n in ("NXM_NX_" + word, "NXM_OF_" + word, "NXM_OF_" + word.replace("IPV4", "IP")) if n in self.rows)


def prerequisites(name):
    """What must be matched before the field."""
    ip = [(r"_TCP_", 6), (r"_UDP_", 17), (r"_SCTP_", 132)]
    for part, proto in ip:
        if part in name:
            return ETH_TYPE % 0x0800 + IP_PROTO % proto
    if "_ARP_" in name:
        return ETH_TYPE % 0x0806
    if "ICMPV4" in name:
        return ETH_TYPE % 0x0800 + IP_PROTO % 1
    if "ICMPV6" in name:
        return ETH_TYPE % 0x86dd + IP_PROTO % 58
    if "_ND_" in name:
        return ETH_TYPE % 0x86dd + IP_PROTO % 58 + ICMPV6_TYPE % (136 if "TLL" in name else 135)
    if re.search(r"_OF_IPV6|_OF_IPV6_FLABEL", name):
        return ETH_TYPE % 0x86dd
    if re.search(r"_OF_IP|_NX_IP_", name):
        return ETH_TYPE % 0x0800
    return "80000c021001" if name.endswith("VLAN_PCP") else ""


def action(kind, body):
    size = 4 + len(body) // 2
    padding = -size % 8
    return "%04x%04x%s%s" % (kind, size + padding, body, "00" * padding)


def nicira(subtype, body):
    return action(0xffff, "00002320%04x" % subtype + body)


def ct(inner, flags=1, zone="000000000000", table="ff", alg=0):
    return nicira(35, "%04x" % flags + zone + table + "000000%04x" % alg + inner)


def nat(flags, present):
    parts = ["0a000001", "0a000009", "fd" + "00" * 14 + "01", "fd" + "00" * 14 + "09", "03e8", "07d0"]
    return nicira(36, "0000%04x%04x" % (flags, present) + "".join(p for i, p in enumerate(parts) if present >> i & 1))


def case(line, fields):
    """kind, hexadecimal"""
    words = line.split()
    if words[0] == "match":
        name, _, mask = words[1].partition("/")
        return "oxm_match", prerequisites(name) + fields.entry(name, bool(mask))
    if words[0] in ("set_field-dst", "copy_field"):
        if words[0] == "copy_field":
            name, source = words[3], words[1]
            made = action(28, "%04x000000000000" % min(fields.bits(source), fields.bits(name)) + fields.header(source) + fields.header(name))
        else:
            name, _, mask = words[1].partition("/")
            made = action(25, fields.entry(name, bool(mask)))
        return "actions", ct(made) if name.startswith("NXM_NX_CT_") else made
    if words[0] == "stack":
        name = fields.of_stack(words[2])
        body = "0000" + fields.header(name) + "%04x" % fields.bits(name)
        return "actions", nicira(27 if words[1] == "push" else 28, body + "0000000000" + "00")
    if words[0] == "ct":
        given = dict(w.split("=") for w in words[1:] if "=" in w)
        return "actions", ct("", int(given["flags"], 16), fields.header(given["zone_src"]) + "000f", "ff" if "no-recirc" in words else "05", int(given["alg"]))
    given = dict(w.split("=") for w in words[1:])
    flags, present = int(given["flags"], 16), int(given["range_present"], 16)
    return "actions", ct(nat(flags, present), flags=1 if flags or present else 0)


def run(codec, cases):
    text = "".join("%d %s %s\n" % (VERSION, kind, data) for kind, data in cases)
    return subprocess.run([codec], input=text, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


def main(codec, oxm_def, elements):
    fields = Fields(oxm_def)
    lines = [line.strip() for line in open(elements, encoding="utf-8") if line.strip() and not line.startswith("#")]
    cases = [case(line, fields) for line in lines]
    answers = run(codec, cases)
    faults = ["%s\n  %s: %s" % (line, data, answer) for line, (_, data), answer in zip(lines, cases, answers) if not answer.startswith("OK ")]
    again = run(codec, [(kind, answer[3:]) for (kind, _), answer in zip(cases, answers)]) if not faults else []
    faults += ["%s: written as %s, then as %s" % f for f in zip(lines, answers, again) if f[1] != f[2]]
    print("%d elements, %d refused" % (len(lines), len(faults)))
    print("\n".join(faults))
    sys.exit(1 if faults or len(lines) < 200 or len(answers) != len(lines) else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
