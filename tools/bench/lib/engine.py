# SPDX-License-Identifier: Apache-2.0
"""Client of sluice-bench-engine, the generator and sink: one JSON object a line, each answered by one line."""

import json
import os
import select
import subprocess
import time

from lib.process import BenchError, Group

ENGINE = "tools/bench/engine/sluice-bench-engine"
START_S = 60.0
SLACK_S = 30.0  # on top of what a command takes by itself


class Engine:
    """One process with its ports on one core. ports: {name: devargs}."""

    def __init__(self, build, core, ports, huge, memory_mb=512, netns=None):
        self.group = Group("engine")
        self.buffer = b""
        cmd = [os.path.join(build, ENGINE), "--core", str(core), "--memory", str(memory_mb), "--prefix", os.path.basename(self.group.dir)]
        cmd += [] if huge else ["--no-huge"]
        for name, devargs in ports.items():
            cmd += ["--port", "%s=%s" % (name, devargs)]
        try:
            self.process = self.group.spawn("engine", cmd, {core}, netns=netns, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            env=dict(os.environ, RUNTIME_DIRECTORY=self.group.dir))
            self.ready = self._answer(START_S)
        except BaseException:
            self.stop()
            raise

    def call(self, cmd, timeout_s=SLACK_S, **members):
        line = json.dumps({"cmd": cmd, **members}, separators=(",", ":")).encode() + b"\n"
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
        except OSError as e:
            raise BenchError("the engine is gone: %s" % e, log=self.group.log("engine")) from None
        return self._answer(timeout_s)

    def _answer(self, timeout_s):
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
            if not data:
                why = "did not answer in %g s" % timeout_s if not ready else "ended with %s" % self.process.wait(5)
                raise BenchError("the engine " + why, log=self.group.log("engine"))
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        reply = json.loads(line)
        if "error" in reply:
            error = reply["error"]
            raise BenchError("the engine refused%s: %s" % (" at " + error["where"] if error.get("where") else "", error.get("what")),
                             error.get("hint"), self.group.log("engine"))
        return reply

    def load(self, streams):
        return self.call("load", timeout_s=120, streams=streams)

    def trial(self, duration_ms, drain_ms=100, rates=None, only=None, packets=None):
        members = {"duration_ms": duration_ms, "drain_ms": drain_ms, "rates": {str(k): v for k, v in (rates or {}).items()}}
        if only is not None:
            members["only"] = only
        if packets is not None:
            members["packets"] = packets
        return self.call("trial", timeout_s=(duration_ms + drain_ms) / 1000 + SLACK_S, **members)

    def wait_link(self, timeout_ms=20000):
        return self.call("wait_link", timeout_s=timeout_ms / 1000 + SLACK_S, timeout_ms=timeout_ms)

    def pause(self):
        self.group.pause()

    def resume(self):
        self.group.resume()

    def stop(self):
        self.group.stop()
