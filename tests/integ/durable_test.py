#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Either daemon is killed (-9) at every step of a transaction; flows time out while daemons are down.

   client ─ api.sock ─ sluiced ─ switch.sock: the test, which passes messages on ─ switch/switch.sock ─ sluice-switch      (host a)
"""
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from api import ApiError  # noqa: E402

# dp_proto.h
TXN, ERROR, PREPARE, COMMIT = 2, 9, 10, 11
NAMES = {PREPARE: "prepare", COMMIT: "commit"}
SNAP = 1 << 17


class Between:
    """Passes the messages of switch.sock on. at(direction, type, when) decides whether somebody dies there."""

    def __init__(self, rundir):
        # The switch has a directory of its own: nobody finds it but through here.
        self.path, self.rundir = os.path.join(rundir, "switch.sock"), os.path.join(rundir, "switch")
        self.real = os.path.join(self.rundir, "switch.sock")
        os.mkdir(self.rundir)
        self.at = lambda *point: None
        self.refuse = None  # type of message that is answered with an error
        self.seen = []      # types that sluiced sent
        self.waiting = []   # requests without a reply, in their order: the number of one, or our answer to it
        self.listener = self.thread = None
        self.stop = False

    def open(self):
        wait_for("switch.sock", lambda: os.path.exists(self.real))
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(4)
        self.stop = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        self.stop = True
        self.thread.join()
        self.listener.close()
        os.unlink(self.path)

    def run(self):
        while not self.stop:
            if not select.select([self.listener], [], [], 0.05)[0]:
                continue
            control = self.listener.accept()[0]
            self.waiting = []
            switch = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                switch.connect(self.real)
                while not self.stop and self.pass_on(control, switch):
                    pass
            except OSError:
                pass
            control.close()
            switch.close()

    def pass_on(self, control, switch):
        for source in select.select([control, switch], [], [], 0.05)[0]:
            to, direction = (switch, "request") if source is control else (control, "reply")
            data, fds, _, _ = socket.recv_fds(source, SNAP, 1)
            if not data:
                return False
            kind, seq = struct.unpack_from("=II", data)
            if source is control:
                self.seen.append(kind)
            if source is control and kind == self.refuse:
                error = struct.pack("=iI256s", 28, 0xffffffff, b"no room, says the test")
                self.waiting.append(struct.pack("=IIII", ERROR, seq, len(error), 0) + error)
                self.answer(control)
                continue
            if self.at(direction, kind, "before"):
                return False
            socket.send_fds(to, [data], fds)
            for fd in fds:
                os.close(fd)
            if source is control:
                self.waiting.append(seq)
            elif seq != 0:
                self.waiting.remove(seq)
                self.answer(control)
            if self.at(direction, kind, "after"):
                return False
        return True

    def answer(self, control):
        """Replies come in the order of the requests, ours too."""
        while self.waiting and isinstance(self.waiting[0], bytes):
            control.send(self.waiting.pop(0))


def kill(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def flow(api, name, number, **more):
    return api.put("flow", name, bridge="br0", match={"reg1": number}, actions=[{"output": "n1"}], **more)


def in_state(host):
    return {o["name"] for o in host.api.call("state.list", table="flow")["objects"]}


def in_switch(host):
    return {f["name"] for f in host.api.call("stats.get", table="flow")["flows"]}


def set_up(lab):
    a = lab.create()[0]
    between = Between(a.rundir)
    a.start_switch(0, rundir=between.rundir)
    between.open()
    a.start_daemon()
    a.connect()
    a.api.commit([a.api.put("bridge", "br0"), a.api.put("port", "n1", kind="null", bridge="br0")])
    return a, between


def restart_daemon(a):
    if a.daemon.poll() is None:
        kill(a.daemon)
    a.api = None
    a.start_daemon()
    a.connect()


def restart_switch(a, between):
    if a.switch.poll() is None:
        kill(a.switch)
    between.close()
    a.start_switch(0, rundir=between.rundir)
    between.open()
    wait_for("the switch is connected again", lambda: a.api.call("sys.health")["switch_connected"])


def commit_with_death(a, between, victim, point, pair):
    """The reply, or None; the victim is dead afterwards, and only because of the point."""
    died = threading.Event()

    def at(*here):
        if here != point or died.is_set():
            return False
        kill(a.daemon if victim == "sluiced" else a.switch)
        died.set()
        return True

    between.at = at
    reply = None
    try:
        reply = a.api.commit([flow(a.api, name, int(name[1:])) for name in pair])
    except (ApiError, OSError) as e:
        print("  client: %s" % e)
    wait_for("%s dies %s" % (victim, point), died.is_set)
    between.at = lambda *point: None
    return reply


def killed_at_every_step(lab):
    a, between = set_up(lab)
    points = [(direction, kind, when) for kind in (PREPARE, COMMIT) for direction in ("request", "reply") for when in ("before", "after")]
    number, kept = 0, set()
    for victim in ("sluiced", "switch"):
        for point in points:
            direction, kind, when = point
            pair = ["f%d" % (number + i) for i in range(2)]
            number += 2
            reply = commit_with_death(a, between, victim, point, pair)
            if victim == "sluiced":
                restart_daemon(a)
            else:
                restart_switch(a, between)
            now = in_state(a) & set(pair)
            print("%s killed %s the %s of %s: %s, %d of 2 in the state" %
                  (victim, when, direction, NAMES[kind], "acknowledged" if reply else "no answer", len(now)))
            expect(len(now) in (0, 2), "half of a transaction is there")
            expect(not reply or len(now) == 2, "an acknowledged transaction is lost")
            # Up to the answer of prepare nothing was written; from commit on it was.
            if kind == PREPARE and (direction, when) != ("reply", "after"):
                expect(not now, "a transaction is there that was never journalled")
            if kind == COMMIT:
                expect(len(now) == 2, "a journalled transaction is lost")
            kept |= now
            health = a.api.call("sys.health")
            expect(health["ok"], "not healthy: %s" % health)
            expect(in_state(a) == kept and in_switch(a) == kept, "state %s, switch %s, wanted %s" % (in_state(a), in_switch(a), kept))
    between.close()


def a_refused_change_is_not_offered_again(lab):
    a, between = set_up(lab)
    between.refuse = PREPARE
    try:
        a.api.commit([flow(a.api, "f1", 1)])
        raise Failure("it was accepted")
    except ApiError as e:
        expect(e.error["data"]["name"] == "dataplane_refused" and "no room, says the test" in e.error["message"], "refused with %s" % e.error)
    between.refuse = None
    between.seen.clear()
    restart_daemon(a)
    expect(not in_state(a) and TXN not in between.seen and PREPARE not in between.seen, "sluiced sent %s" % between.seen)
    a.api.commit([flow(a.api, "f1", 1)])
    # What it is refused when it is not asked first is said, and offered until it is taken.
    kill(a.switch)
    between.close()
    between.refuse = TXN
    a.start_switch(0, rundir=between.rundir)
    between.open()
    why = wait_for("the refusal is said", lambda: a.api.call("sys.health")["switch"].get("last_error"))
    print("health: %s" % why)
    wait_for("its words", lambda: "no room, says the test" in a.api.call("sys.health")["switch"].get("last_error", ""))
    between.refuse = None
    wait_for("it is taken", lambda: a.api.call("sys.health")["ok"])
    expect(in_switch(a) == {"f1"}, "in the switch: %s" % in_switch(a))
    between.close()


def passed(seconds, since):
    wait_for("%g s have passed" % seconds, lambda: time.monotonic() >= since + seconds, seconds + 5)


def flows_that_timed_out_do_not_come_back(lab):
    a, between = set_up(lab)
    start = time.monotonic()
    a.api.commit([flow(a.api, "idle", 1, idle_timeout_s=1), flow(a.api, "hard", 2, hard_timeout_s=1),
                  flow(a.api, "stays", 3, hard_timeout_s=3600), flow(a.api, "forever", 4)])
    kill(a.daemon)
    passed(6, start)  # counters settle in some seconds: an idle rule may stay that much longer
    restart_daemon(a)
    left = {"stays", "forever"}
    wait_for("the flows are out of the state: %s" % in_state(a), lambda: in_state(a) == left)
    expect(in_switch(a) == left, "in the switch: %s" % in_switch(a))
    restart_daemon(a)  # and the switch was told that this is known
    expect(in_state(a) == left and in_switch(a) == left and a.api.call("sys.health")["switch"]["repairs"] == 0, "they are said again")

    # Both die: the time goes on, from the installation.
    start = time.monotonic()
    a.api.commit([flow(a.api, "over", 5, hard_timeout_s=1), flow(a.api, "soon", 6, hard_timeout_s=6)])
    kill(a.daemon)
    kill(a.switch)
    passed(2, start)
    between.close()
    a.start_switch(0, rundir=between.rundir)
    between.open()
    restart_daemon(a)
    wait_for("only one is left", lambda: in_state(a) == left | {"soon"}, 2)
    expect(in_switch(a) == left | {"soon"}, "in the switch: %s" % in_switch(a))
    wait_for("its time is over too", lambda: in_state(a) == left)
    took = time.monotonic() - start
    print("a flow of 6 s, both daemons restarted after 2 s: gone after %.1f s" % took)
    expect(5.9 < took < 8.5, "gone after %.1f s" % took)
    between.close()


if __name__ == "__main__":
    main(killed_at_every_step, a_refused_change_is_not_offered_again, flows_that_timed_out_do_not_come_back)
