# SPDX-License-Identifier: Apache-2.0
"""A JSON-RPC client for sluiced in a page: what a cloud controller needs to start with."""

import json
import socket
import time
import uuid


class ApiError(Exception):
    """What sluiced refused, with the place and the hint it gave."""

    def __init__(self, error):
        data = error.get("data") or {}
        hint = data.get("hint")
        where = data.get("object") or data.get("path") or ""
        super().__init__("%s%s%s" % (where + ": " if where else "", error["message"], " (%s)" % hint if hint else ""))
        self.error = error


class Api:
    def __init__(self, path, timeout_s=10.0):
        self.path = path
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout_s)
        self.sock.connect(path)
        self.buffer = b""
        self.next_id = 0
        self.notifications = []

    @classmethod
    def wait(cls, path, timeout_s=15.0):
        """Connects as soon as sluiced listens."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return cls(path)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _line(self):
        while b"\n" not in self.buffer:
            data = self.sock.recv(1 << 20)
            if not data:
                raise ConnectionError("sluiced closed " + self.path)
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def call(self, method, **params):
        return self.run(self.encode(method, **params))

    def encode(self, method, **params):
        """A request to run later: for who measures the daemon, and not this program."""
        self.next_id += 1
        request = {"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params}
        return self.next_id, json.dumps(request, separators=(",", ":")).encode() + b"\n"

    def run(self, request):
        request_id, line = request
        self.sock.sendall(line)
        while True:
            reply = self._line()
            if reply.get("id") == request_id and ("result" in reply or "error" in reply):
                break
            self.notifications.append(reply)
        if "error" in reply:
            raise ApiError(reply["error"])
        return reply["result"]

    def commit(self, ops, owner="demo", **more):
        return self.run(self.encode_commit(ops, owner, **more))

    def encode_commit(self, ops, owner="demo", **more):
        return self.encode("txn.commit", txn_id=str(uuid.uuid4()), owner=owner, ops=ops, wait=more.pop("wait", "applied"), **more)

    def put(self, table, name, /, **columns):
        return {"op": "put", "table": table, "name": name, "object": columns}

    def close(self):
        self.sock.close()
