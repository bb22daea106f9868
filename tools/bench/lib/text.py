# SPDX-License-Identifier: Apache-2.0
"""Figures and tables as text: what the terminal shows, and the words that the HTML report shares with it."""

import math

UNITS = {"cycles_per_packet": "cycles/packet", "instructions_per_packet": "instructions/packet", "mpps": "Mpps", "gbps": "Gbit/s",
         "ratio": "×", "rules_per_second": "rules/s", "connections_per_second": "connections/s", "latency_ns": "ns", "latency_us": "µs",
         "blocked_ms": "ms", "bytes_per_rule": "bytes/rule", "bytes_per_session": "bytes/session", "percent": "%"}
PEERS = {"sluice": "Sluice", "ovs": "OVS", "ovs-native": "OVS native", "testpmd": "testpmd"}


def clean(text):
    """Text from a file, safe on a terminal: no control characters, one line."""
    return "".join(c if c.isprintable() else "?" for c in str(text))


def unit_of(run):
    return run.get("unit") or UNITS.get(run["metric"], run["metric"].replace("_", " "))


def peer_name(peer, config=None):
    """A peer with its configuration, unless that is the only one it has by nature."""
    name = PEERS.get(peer, peer)
    return name if config in (None, "default") else "%s, %s" % (name, config)


def colour(peer):
    """The name of a peer's colour in page and plots: its own, or one of the three that all others share."""
    return peer if peer in PEERS else "other-%d" % (1 + sum(map(ord, peer)) % 3)


def figure(value):
    """A measured value: three digits that mean something, no exponent."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 1e12:
        return "%.2e" % value
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    if decimals > 9:
        return "%.2e" % value
    return "{:,.{}f}".format(value, decimals)


def goal(value):
    """A target: as it was written."""
    return "{:,.10g}".format(value)


def times(value):
    return "–" if value is None else "%s×" % ("%.2f" % value if value < 10 else "%.1f" % value if value < 100 else figure(value))


def interval(ratio):
    """The interval of a ratio, or its range when there were too few pairs for one."""
    if ratio["low"] is not None:
        return "%s–%s" % (times(ratio["low"])[:-1], times(ratio["high"])[:-1])
    return "range %s–%s" % (times(ratio["min"])[:-1], times(ratio["max"])[:-1])


def table(header, rows, right=()):
    """Lines of a table; right is the set of columns that hold numbers."""
    cells = [[clean(c) for c in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]

    def line(row):
        return "  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip()

    return [line(cells[0]), "  ".join("-" * w for w in widths)] + [line(row) for row in cells[1:]]
