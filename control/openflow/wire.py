#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OpenFlow's wire structures and numbers, from Debian's openvswitch-source: wire.py TARBALL DIRECTORY

Headers are extracted as they are. Fields, errors, actions and messages have their numbers in comments of a form that the package's own
build reads; they become tables, one row each, for the preprocessor:
  ofp_fields.def   OXM(name, class, number, experimenter, size in bytes, maskable, first OpenFlow version)
  ofp_errors.def   OFPERR(name, first version, last version, experimenter, type, code)
  ofp_actions.def  OFPAT(name, first version, last version, experimenter, type)
  ofp_msgs.def     OFPMSG(name, first version, last version, class, number, bytes of its body at least, bytes that may follow in multiples of; 0: none)
Nothing of it is typed in again or kept in the repository. Versions are those of the header: OpenFlow 1.3 is 4.
"""
import os
import re
import sys
import tarfile

TOP = "openvswitch/"
FOLDER = TOP + "include/"
WANTED = {"openvswitch/types.h", "openvswitch/compiler.h"}  # what the headers of openflow/ include
NICIRA, ONF, NSH = 0x2320, 0x4f4e4600, 0x5ad650
LAST = 6

# Prefix of an OXM's name: class, experimenter.
CLASSES = [("OXM_OF_PKT_REG", 0x8001, 0), ("OXM_OF_", 0x8000, 0), ("NXM_OF_", 0, 0), ("NXM_NX_", 1, 0),
           ("ONFOXM_ET_", 0xffff, ONF), ("NXOXM_ET_", 0xffff, NICIRA), ("NXOXM_NSH_", 0xffff, NSH), ("ERICOXM_OF_", 0x1000, 0)]
SIZES = {"u8": 1, "be16": 2, "be32": 4, "MAC": 6, "be64": 8, "be128": 16, "tunnelMD": 124}
VENDORS = {"OF": 0, "NX": NICIRA, "ONF": ONF, "OFPT": 0, "OFPST": 0, "NXT": NICIRA, "NXST": NICIRA, "ONFT": ONF, "ONFST": ONF}


def comments(text, enum):
    """(comment, name) of each member of an enum; stars and line ends are gone."""
    body = re.search(r"enum\s+(?:OVS_PACKED_ENUM\s+)?%s\s*\{(.*?)\n\};" % enum, text, re.S).group(1)
    for comment, name in re.findall(r"/\*((?:[^*]|\*(?!/))*)\*/\s*(?:#if[^\n]*\n\s*)?([A-Z][A-Z0-9_<>]*)(?:\s*=[^,]*)?,", body):
        yield re.sub(r"\n\s*\*", "\n", comment), name


def versions(text):
    """"1.0-1.3", "1.2+", "1.0", "<all>" as first and last."""
    if text == "<all>":
        return 1, LAST
    first, last = re.fullmatch(r"1\.(\d)(?:\+|-1\.(\d))?", text).groups()
    return int(first) + 1, int(last) + 1 if last else LAST if text.endswith("+") else int(first) + 1


def fields(text):
    # Members that share a comment (REG0, REG1…) follow one another: "<N>" in it is the number in their names.
    body = re.search(r"enum\s+OVS_PACKED_ENUM\s+mf_field_id\s*\{(.*?)\n\};", text, re.S).group(1)
    for comment, members in re.findall(r"/\*((?:[^*]|\*(?!/))*)\*/((?:\s*(?:#[^\n]*\n|case[^\n]*\n|MFF_[A-Z0-9_]+,?[ \t]*\n))+)", body):
        comment = re.sub(r"\n\s*\*", "\n", comment)
        for member in re.findall(r"MFF_([A-Z0-9_]+)", members):
            yield from field(comment, member)


def field(comment, member):
    number = re.search(r"\d+$", member)
    numbered = number and "<N>" in comment
    text = comment.replace("<N>", number.group()) if numbered else comment
    name = re.search(r'"(\w+)"', text)
    kind = re.search(r"Type:\s*(\w+)", text)
    if not name or not kind:
        return
    maskable = 0 if re.search(r"Maskable:\s*no", text) else 1
    # A line that ends in <3> is REG3's alone.
    mine = "\n".join(line for line in text.split("\n") if not re.search(r"<\d+>\s*$", line) or (number and line.rstrip().endswith("<%s>" % number.group())))
    for assigned in re.findall(r"^\s*(?:NXM|OXM):((?:.|\n(?!\s*(?:\n|[A-Z][\w. ]*:)))*)", mine, re.M):
        for oxm, value, since in re.findall(r"(\w+)\((\d+)\)\s+since(?:\s+OF1\.(\d)\s+and)?", assigned):
            cls = next((c for c in CLASSES if oxm.startswith(c[0])), None)
            if cls is None:
                sys.exit("the class of %s is not known" % oxm)
            yield 'OXM("%s", 0x%04x, %s, 0x%x, %d, %d, %d)' % (
                name.group(1), cls[1], value, cls[2], SIZES[kind.group(1)], maskable, int(since) + 1 if since else 1)


def errors(text):
    for comment, name in comments(text, "ofperr"):
        for vendor, range_, kind, code in re.findall(r"\b(OF|NX|ONF)(1\.\d(?:\+|-1\.\d)?)\((\d+)(?:,(\d+))?\)", comment.split(".  ")[0] + "."):
            if code:
                first, last = versions(range_)
                yield "OFPERR(%s, %d, %d, 0x%x, %s, %s)" % (name.removeprefix("OFPERR_"), first, last, VENDORS[vendor], kind, code)
            else:  # errors of experimenters have one number
                first, last = versions(range_)
                yield "OFPERR(%s, %d, %d, 0x%x, %s, 0)" % (name.removeprefix("OFPERR_"), first, last, VENDORS[vendor], kind)


def actions(text):
    for comment, name in comments(text, "ofp_raw_action_type"):
        for vendor, range_, kind in re.findall(r"\b(OF|NX|ONF)(1\.\d(?:\+|-1\.\d)?)\((\d+)\)", comment):
            first, last = versions(range_)
            yield "OFPAT(%s, %d, %d, 0x%x, %s)" % (name, first, last, VENDORS[vendor], kind)


def sizes(arguments):
    """C's expressions for the sizes of "struct a, struct b up to c, uint8_t[8][]"."""
    fixed, more = ["0"], "0"
    for argument in re.sub(r"\s+", " ", arguments).strip().split(", "):
        up_to = re.fullmatch(r"(.*) up to (\w+)", argument)
        if up_to:
            fixed.append("offsetof(%s, %s)" % up_to.groups())
        elif argument.endswith("[]"):
            more = "sizeof(%s)" % argument.removesuffix("[]")
        elif argument != "void":
            fixed.append("sizeof(%s)" % argument)
    return " + ".join(fixed), more


def messages(text):
    for comment, name in comments(text, "ofpraw"):
        kind, range_, number, arguments = re.search(
            r"\b(OFPT|OFPST|NXT|NXST|ONFT|ONFST)\s+(<all>|1\.\d(?:\+|-1\.\d)?)\s+\((\d+)\):\s*([^.]*)\.", comment).groups()
        if kind.endswith("ST"):
            kind += "_REPLY" if name.endswith("_REPLY") else "_REQUEST"
        yield "OFPMSG(%s, %d, %d, %s, %s, %s, %s)" % ((name.removeprefix("OFPRAW_"),) + versions(range_) + (kind, number) + sizes(arguments))


TABLES = [("include/openvswitch/meta-flow.h", fields, "ofp_fields.def", 150), ("include/openvswitch/ofp-errors.h", errors, "ofp_errors.def", 150),
          ("lib/ofp-actions.c", actions, "ofp_actions.def", 80), ("include/openvswitch/ofp-msgs.h", messages, "ofp_msgs.def", 150)]


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.exists(path) or open(path, "rb").read() != text:
        with open(path, "wb") as out:
            out.write(text)


def main(tarball, directory):
    try:
        archive = tarfile.open(tarball)
    except (OSError, tarfile.TarError) as e:
        sys.exit("%s: %s\n  OpenFlow's structures come from it: install Debian's package openvswitch-source." % (tarball, e))
    with archive:
        found = {}
        for member in archive.getmembers():
            name = member.name.removeprefix(FOLDER)
            if member.isfile() and (name in WANTED or (name.startswith("openflow/") and name.endswith(".h"))):
                found[name] = archive.extractfile(member).read()
        for source, read, table, at_least in TABLES:
            rows = list(read(archive.extractfile(TOP + source).read().decode()))
            if len(rows) < at_least:
                sys.exit("%s: only %d rows in its %s" % (tarball, len(rows), source))
            found[table] = ("\n".join(rows) + "\n").encode()
    if len(found) < 10 + len(TABLES):
        sys.exit("%s: not all of the OpenFlow headers are in it" % tarball)
    for name, text in found.items():
        write(os.path.join(directory, name), text)


if __name__ == "__main__":
    main(*sys.argv[1:])
