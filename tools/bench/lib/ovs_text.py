# SPDX-License-Identifier: Apache-2.0
"""What OVS and testpmd print, as numbers. Pure: tests hold captured text against them."""

import re

from lib.process import BenchError

PMD_ROWS = {
    "packets received": "packets",
    "emc hits": "emc_hits",
    "smc hits": "smc_hits",
    "megaflow hits": "megaflow_hits",
    "miss with success upcall": "upcalls",
    "miss with failed upcall": "upcalls_failed",
    "idle cycles": "idle_cycles",
    "processing cycles": "busy_cycles",
}


def pmd_stats(text, core):
    """The counters of the PMD thread on core, out of dpif-netdev/pmd-stats-show."""
    stats, here = {}, False
    for line in text.splitlines():
        if line and not line[0].isspace():
            here = re.search(r"\bcore_id %d:" % core, line) is not None
            continue
        name, colon, value = line.strip().partition(":")
        if here and colon and name in PMD_ROWS:
            stats[PMD_ROWS[name]] = int(value.split()[0])
    missing = {"packets", "idle_cycles", "busy_cycles"} - set(stats)
    if missing:
        raise BenchError("OVS printed no %s of a PMD thread on core %d:\n%s" % (", ".join(sorted(missing)), core, text[:600]))
    return stats


def dpctl_ports(text):
    """{port: {rx, tx, drops}} out of dpctl/show -s. drops: lost at this port, either way."""
    ports, name = {}, None
    for line in text.splitlines():
        port = re.match(r"\s+port \d+: (\S+)", line)
        if port:
            name = port.group(1)
            ports[name] = {"rx": 0, "tx": 0, "drops": 0}
            continue
        row = re.match(r"\s+(RX|TX) packets:(\d+) errors:(\S+) dropped:(\d+|\?)", line)
        if row and name:
            way, packets, errors, dropped = row.groups()
            ports[name][way.lower()] = int(packets)
            ports[name]["drops"] += sum(int(v) for v in (errors, dropped) if v.isdigit())
    return ports


def datapath_masks(text):
    """Number of megaflow masks, out of dpctl/dump-flows or pmd statistics: distinct field sets. None when not printed."""
    found = re.search(r"masks:.*?total:(\d+)", text)
    return int(found.group(1)) if found else None


def testpmd_stats(text):
    """Cycles and ports out of the last `show fwd stats all` in testpmd's output; None when it has not been printed in full."""
    at = text.rfind("Accumulated forward statistics for all ports")
    if at < 0:
        return None
    cycles = re.search(r"CPU cycles/packet=\S+ \(total cycles=(\d+) / total \S+ packets=(\d+)\)", text[at:])
    ports = {}
    start = text.rfind("show fwd stats all", 0, at)
    for port, rx, rx_drop, tx, tx_drop in re.findall(
            r"Forward statistics for port (\d+).*?RX-packets:\s*(\d+)\s+RX-dropped:\s*(\d+).*?TX-packets:\s*(\d+)\s+TX-dropped:\s*(\d+)",
            text[max(start, 0):at], re.DOTALL):
        ports[int(port)] = {"rx": int(rx), "tx": int(tx), "drops": int(rx_drop) + int(tx_drop)}
    if cycles is None:
        return None
    return {"busy_cycles": int(cycles.group(1)), "packets": int(cycles.group(2)), "ports": ports}
