# SPDX-License-Identifier: Apache-2.0
"""A connection that speaks JSON-RPC to a database server, without a library between the test and the wire."""

import json
import socket

ZERO_UUID = "00000000-0000-0000-0000-000000000000"


class Wire:
    def __init__(self, path, timeout_s=20.0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout_s)
        self.socket.connect(path)
        self.text, self.decoder, self.next_id = "", json.JSONDecoder(), 0
        self.partial = b""
        self.notifications = []

    def close(self):
        self.socket.close()

    def send(self, message):
        self.socket.sendall(json.dumps(message).encode())

    def receive(self):
        """The next message; a request to echo is answered meanwhile."""
        while True:
            message = self.decode()
            if message is None:
                data = self.socket.recv(1 << 16)
                if not data:
                    raise EOFError("the server closed the connection")
                self.take(data)
            elif message.get("method") == "echo" and message.get("id") is not None:
                self.send({"id": message["id"], "result": message["params"], "error": None})
            else:
                return message

    def take(self, data):
        data = self.partial + data
        try:
            self.text, self.partial = self.text + data.decode(), b""
        except UnicodeDecodeError as e:  # cut inside of a character
            self.text, self.partial = self.text + data[:e.start].decode(), data[e.start:]

    def decode(self):
        self.text = self.text.lstrip()
        try:
            message, end = self.decoder.raw_decode(self.text)
        except json.JSONDecodeError:
            return None
        self.text = self.text[end:]
        return message

    def call(self, method, *params):
        """The reply; notifications that come before it are kept, in order."""
        self.next_id += 1
        self.send({"method": method, "params": list(params), "id": self.next_id})
        while True:
            message = self.receive()
            if message.get("id") == self.next_id and "method" not in message:
                return message
            self.notifications.append(message)

    def taken(self):
        taken, self.notifications = self.notifications, []
        return taken
