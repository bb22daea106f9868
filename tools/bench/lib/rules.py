# SPDX-License-Identifier: Apache-2.0
"""A rule of a scenario, and the same rule as each switch wants it. Equal by construction: one text, two renderings."""

from lib.process import BenchError

# Names of ports that are no guest's: the device under the overlay, and the overlay's own port that rules see.
WIRE, TUNNEL = "wire", "tunnel"

# Sluice's field: (OVS's field). Fields that only select a protocol become OVS's own prerequisite words.
OVS_FIELDS = {
    "ipv4_src": "nw_src", "ipv4_dst": "nw_dst", "udp_src": "udp_src", "udp_dst": "udp_dst", "tcp_src": "tcp_src",
    "tcp_dst": "tcp_dst", "eth_src": "dl_src", "eth_dst": "dl_dst", "eth_type": "eth_type", "ip_proto": "nw_proto",
    "in_port": "in_port",
}


class Rule:
    """match: {field: value} in the API's words; to: a port's name, "drop", or a list of (field, value) settings before a port."""

    def __init__(self, match, to, priority=100, table=0):
        self.match, self.to, self.priority, self.table = match, to, priority, table
        for field in match:
            if field not in OVS_FIELDS:
                raise BenchError("a rule matches %s, which this program cannot say in OVS's words" % field,
                                 "use one of " + ", ".join(sorted(OVS_FIELDS)))

    def for_sluice(self, bridge):
        actions = ["drop"] if self.to == "drop" else [{"output": self.to}]
        return {"bridge": bridge, "table": self.table, "priority": self.priority, "match": dict(self.match), "actions": actions}

    def for_ovs(self, ofports):
        """ofports: {name: number}."""
        words = ["table=%d" % self.table, "priority=%d" % self.priority]
        for field, value in self.match.items():
            words.append("%s=%s" % (OVS_FIELDS[field], ofports[value] if field == "in_port" else value))
        words.append("actions=" + ("drop" if self.to == "drop" else "output:%d" % ofports[self.to]))
        return ",".join(words)


def looks_above_l2(rules):
    """False when some rule forwards by the port of arrival alone: OVS has a short cut for such, and the race would be of short cuts."""
    return all(set(rule.match) - {"in_port", "eth_src", "eth_dst", "eth_type"} for rule in rules if rule.to != "drop")
