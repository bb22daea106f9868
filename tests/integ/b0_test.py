#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The fast path takes no more instructions per packet than the stored figures allow.

  sluice-bench-path b0 --stage …  ── under callgrind ──►  tools/bench/results/b0.json
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/bench/lib"))

import layer_b0  # noqa: E402


def the_gate_sees_a_slower_stage():
    stored = {"compiler": "c", "libc": "l", "instructions_per_packet": {"hit": 100.0, "miss": 1000.0}}
    now = {"compiler": "c", "libc": "l", "instructions_per_packet": {"hit": 102.1, "miss": 1019.0}}
    assert layer_b0.compare(stored, now)[1] == ["hit"]
    assert layer_b0.compare(stored, stored)[1] == []
    try:
        layer_b0.compare(stored, dict(now, compiler="another"))
    except layer_b0.Unmeasurable:
        return
    raise AssertionError("figures of another compiler were compared")


the_gate_sees_a_slower_stage()
sys.exit(layer_b0.main([]))
