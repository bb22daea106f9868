# SPDX-License-Identifier: Apache-2.0
"""Rules a second: a batch of rules into a switch that forwards nothing, until the switch says that they are in force.

Sluice: transactions over JSON-RPC, durable and applied. OVS: one OpenFlow bundle by ovs-ofctl. What this program does to have the JSON, or the
text for ovs-ofctl, is not part of it; ovs-ofctl's parsing of that text is.
"""

import time

from lib.layer_b3 import filler_rules


class Rig:
    """One switch. open → trial* → close."""

    def __init__(self, case, peer, bench):
        self.case, self.peer, self.bench = case, peer, bench
        self.memory_mb = case.memory_mb

    @classmethod
    def prepare(cls, case, bench):
        pass

    @staticmethod
    def needed_mb(_case, memory_mb):
        return memory_mb

    def open(self):
        self.peer.start(self.bench.cores, self.bench.huge, self.memory_mb, 0)
        for name in self.case.ports:
            self.peer.add_sink(name)
        self.peer.pause()

    def trial(self):
        rules = filler_rules(self.case.commit_rules, self.case.ports[-1])
        request = self.peer.encode_rules(rules)
        self.peer.resume()
        try:
            start = time.monotonic()
            self.peer.add_encoded(request)
            took_s = time.monotonic() - start
            self.peer.remove_rules()
        finally:
            self.peer.pause()
        self.peer.check()
        return {"rules_per_s": len(rules) / took_s}, {"elapsed_ms": took_s * 1000, "rules": len(rules)}, None

    def close(self):
        self.peer.stop()
