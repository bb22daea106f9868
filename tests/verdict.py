# SPDX-License-Identifier: Apache-2.0
"""What a test in Python says that it found, and how it waits. Used by tests/integ/harness.py and tests/conform/stage.py."""

import time


class Failure(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failure(text)


def wait_for(what, condition, timeout_s=10.0):
    """Polls until condition() is true and returns its value; fails with what it waited for."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure("did not happen in %g s: %s" % (timeout_s, what))
        time.sleep(0.01)
