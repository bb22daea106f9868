# SPDX-License-Identifier: Apache-2.0
"""Frames, byte for byte: a packet socket on a device in another namespace, and what is put into it."""

import contextlib
import ctypes
import os
import select
import socket
import struct
import time

ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 3, 263, 8, 23
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 1 << 4, 1 << 6
TEST_TYPE = 0x88b5  # for experiments (IEEE 802)
LIBC = ctypes.CDLL(None, use_errno=True)


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def frame(dst, src, payload, ether_type=TEST_TYPE, tags=()):
    """An Ethernet frame; tags are (TPID, TCI), the outer one first."""
    return mac(dst) + mac(src) + b"".join(struct.pack("!HH", *t) for t in tags) + struct.pack("!H", ether_type) + payload


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def udp4(src, dst, src_port, dst_port, payload):
    """An IPv4 packet with a UDP datagram, checksums made."""
    addresses = socket.inet_aton(src) + socket.inet_aton(dst)
    size = 8 + len(payload)
    udp = struct.pack("!HHHH", src_port, dst_port, size, 0) + payload
    udp = udp[:6] + struct.pack("!H", checksum(addresses + struct.pack("!HH", 17, size) + udp) or 0xffff) + udp[8:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 0, 0x4000, 64, 17, 0) + addresses
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + udp


@contextlib.contextmanager
def in_netns(netns):
    """What this thread opens meanwhile is the namespace's."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    away = os.open("/run/netns/" + netns, os.O_RDONLY)
    try:
        _enter(away)
        yield
    finally:
        _enter(home)
        os.close(home)
        os.close(away)


def _enter(fd):
    if LIBC.setns(fd, 0x40000000) != 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns")


class Wire:
    """Sends and receives on a device of a namespace, from this process."""

    def __init__(self, netns, device):
        with in_netns(netns):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
            self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self.sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self.sock.bind((device, ETH_P_ALL))

    def send(self, data):
        self.sock.send(data)

    def receive(self, wanted=lambda data: True, timeout_s=3.0):
        """The next frame that is wanted, or None. A tag that the kernel took off is put back."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = max(0, deadline - time.monotonic())
            if not select.select([self.sock], [], [], left)[0]:
                return None
            try:
                data, control, _, _ = self.sock.recvmsg(65536, 64)
            except OSError:  # the device went down
                continue
            data = self._with_tag(data, control)
            if wanted(data):
                return data

    def drain(self, wanted=lambda data: True):
        """All wanted frames that wait."""
        return list(iter(lambda: self.receive(wanted, 0), None))

    @staticmethod
    def _with_tag(data, control):
        for _, kind, value in control:
            if kind != PACKET_AUXDATA:
                continue
            status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", value[:20])
            if status & TP_STATUS_VLAN_VALID:
                tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                return data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
        return data

    def close(self):
        self.sock.close()
