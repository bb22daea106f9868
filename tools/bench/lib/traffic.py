# SPDX-License-Identifier: Apache-2.0
"""Capture files with the frames of a scenario: what net_pcap plays to every switch alike."""

import ipaddress
import random
import struct

FCS_SIZE = 4
HEADERS_SIZE = 14 + 20 + 8
# A file of one packet would be played from one cache line: no device does that.
MIN_PACKETS = 256
VARY_BITS = {"src": 32, "dst": 32, "sport": 16, "dport": 16}


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def mac_bytes(text):
    return bytes(int(part, 16) for part in text.split(":"))


class Template:
    """A UDP frame whose addresses and ports are filled in. size counts the FCS, as RFC 2544 does."""

    def __init__(self, spec, size):
        if size < HEADERS_SIZE + FCS_SIZE:
            raise ValueError("a frame of %d bytes has no room for UDP over IPv4" % size)
        ip_len = size - FCS_SIZE - 14
        self.eth = mac_bytes(spec.eth_dst) + mac_bytes(spec.eth_src) + b"\x08\x00"
        self.ip = struct.pack("!BBHHHBB", 0x45, 0, ip_len, 0, 0, 64, 17)
        # The sum of the constant part: the addresses are added per packet.
        self.sum = ~checksum(self.ip) & 0xffff
        self.udp_tail = struct.pack("!HH", ip_len - 20, 0)
        self.payload = bytes(ip_len - 28)

    def frame(self, src, dst, sport, dport):
        total = self.sum + (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff)
        total = (total & 0xffff) + (total >> 16)
        total = (total & 0xffff) + (total >> 16)
        return b"".join((self.eth, self.ip, struct.pack("!HIIHH", ~total & 0xffff, src, dst, sport, dport), self.udp_tail, self.payload))


def flow_tuples(spec):
    """(src, dst, sport, dport) of each flow: the varied fields count up from the first flow's, each in its own share of the number."""
    base = {"src": int(ipaddress.IPv4Address(spec.src)), "dst": int(ipaddress.IPv4Address(spec.dst)),
            "sport": spec.sport, "dport": spec.dport}
    shares = split_flows(spec.flows, len(spec.vary))
    for i in range(spec.flows):
        values, rest = dict(base), i
        for field, share in zip(spec.vary, shares):
            values[field] = (base[field] + rest % share) & ((1 << VARY_BITS[field]) - 1)
            rest //= share
        yield values["src"], values["dst"], values["sport"], values["dport"]


def split_flows(flows, n_fields):
    """How many values each field takes so that their product holds all flows: roots, so that none runs out of bits."""
    shares, left = [], flows
    for k in range(n_fields, 0, -1):
        share = max(1, round(left ** (1 / k)))
        while share ** k < left:
            share += 1
        shares.append(share)
        left = -(-left // share)
    return shares


def write_pcap(path, specs):
    """The flows of all specs in an order shuffled by the first one's seed, sizes by turns. Returns the number of packets."""
    flows = []
    for spec in specs:
        sizes = [Template(spec, size) for size, weight in spec.sizes for _ in range(weight)]
        flows += [(sizes, values) for values in flow_tuples(spec)]
    random.Random(specs[0].seed).shuffle(flows)
    n = max(len(flows), MIN_PACKETS, max(len(sizes) for sizes, _ in flows))
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        chunk = []
        for i in range(n):
            sizes, values = flows[i % len(flows)]
            frame = sizes[i % len(sizes)].frame(*values)
            chunk.append(struct.pack("<IIII", 0, i % 1000000, len(frame), len(frame)) + frame)
            if len(chunk) == 4096:
                f.write(b"".join(chunk))
                chunk = []
        f.write(b"".join(chunk))
    return n
