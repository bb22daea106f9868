# SPDX-License-Identifier: Apache-2.0
"""What the tests of sluice-bench's Python modules share. Import it first: it makes `from lib import …` work."""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "tools", "bench"))

from lib import result  # noqa: E402


def trials_of(values, pairs_void=()):
    """Trials from {(peer, config): [value of pair 0, value of pair 1, …]}."""
    return [result.trial(peer, config, pair, "AB"[peer != "sluice"], value, {}, "voided by the test" if pair in pairs_void else None)
            for (peer, config), row in values.items() for pair, value in enumerate(row)]


def test_size(sample, full):
    """How much of something a test does: a sample in suite `unit`, all of it in suite `long` (TEST_LONG is set)."""
    return full if os.environ.get("TEST_LONG") else sample


test_size.__test__ = False  # no test itself
