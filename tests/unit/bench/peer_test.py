#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What OVS and testpmd print, read from captured text; counters and their differences; machine and command line."""

import os
import tempfile
import unittest

import benchlib  # noqa: F401
from lib import cli, machine, ovs_text, process
from lib.peer import Counters, Peer

PMD_STATS = """pmd thread numa_id 0 core_id 1:
  packets received: 8473632
  packet recirculations: 0
  avg. datapath passes per packet: 1.00
  phwol hits: 0
  mfex opt hits: 0
  simple match hits: 0
  emc hits: 8473600
  smc hits: 0
  megaflow hits: 31
  avg. subtable lookups per megaflow hit: 1.00
  miss with success upcall: 1
  miss with failed upcall: 0
  avg. packets per output batch: 31.99
  idle cycles: 302770968 (13.98%)
  processing cycles: 1862344017 (86.02%)
  avg cycles per packet: 255.51 (2165114985/8473632)
  avg processing cycles per packet: 219.78 (1862344017/8473632)
pmd thread numa_id 0 core_id 11:
  packets received: 5
  idle cycles: 1 (50.00%)
  processing cycles: 1 (50.00%)
main thread:
  packets received: 0
  emc hits: 7
"""

DPCTL = """netdev@ovs-netdev:
  lookups: hit:8473631 missed:1 lost:0
  flows: 1
  port 0: ovs-netdev (tap)
    RX packets:0 errors:0 dropped:0 overruns:0 frame:0
    TX packets:0 errors:0 dropped:0 aborted:0 carrier:0
    collisions:0
  port 2: in (dpdk: configured_rx_queues=1, configured_rxq_descriptors=2048)
    RX packets:8479520 errors:0 dropped:0 overruns:? frame:?
    TX packets:0 errors:0 dropped:0 aborted:? carrier:?
    collisions:?
    RX bytes:542689280 (517.5 MiB)  TX bytes:0
  port 3: out (dpdkvhostuserclient: configured_rx_queues=1)
    RX packets:0 errors:? dropped:? overruns:? frame:?
    TX packets:8479400 errors:? dropped:120 aborted:? carrier:?
"""

TESTPMD = """testpmd> show fwd stats all

  ---------------------- Forward statistics for port 0  ----------------------
  RX-packets: 26330336       RX-dropped: 2             RX-total: 26330338
  TX-packets: 0              TX-dropped: 0             TX-total: 0
  ----------------------------------------------------------------------------

  ---------------------- Forward statistics for port 1  ----------------------
  RX-packets: 0              RX-dropped: 0             RX-total: 0
  TX-packets: 26330300       TX-dropped: 36            TX-total: 26330336
  ----------------------------------------------------------------------------

  +++++++++++++++ Accumulated forward statistics for all ports+++++++++++++++
  RX-packets: 26330336       RX-dropped: 2             RX-total: 26330338
  TX-packets: 26330300       TX-dropped: 36            TX-total: 26330336
  ++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++

  CPU cycles/packet=42.80 (total cycles=1127066257 / total io packets=26330336) at 2600 MHz Clock
"""


class OvsText(unittest.TestCase):
    def test_a_threads_counters_are_its_own(self):
        found = ovs_text.pmd_stats(PMD_STATS, 1)
        self.assertEqual(found, {"packets": 8473632, "emc_hits": 8473600, "smc_hits": 0, "megaflow_hits": 31, "upcalls": 1,
                                 "upcalls_failed": 0, "idle_cycles": 302770968, "busy_cycles": 1862344017})
        self.assertEqual(ovs_text.pmd_stats(PMD_STATS, 11)["packets"], 5)

    def test_a_thread_that_is_not_there_is_an_error(self):
        for text in (PMD_STATS, "", "main thread:\n"):
            with self.assertRaises(process.BenchError):
                ovs_text.pmd_stats(text, 2)

    def test_ports_are_read_with_their_unknown_counters(self):
        found = ovs_text.dpctl_ports(DPCTL)
        self.assertEqual(found["in"], {"rx": 8479520, "tx": 0, "drops": 0})
        self.assertEqual(found["out"], {"rx": 0, "tx": 8479400, "drops": 120})

    def test_testpmd_is_read_when_all_of_it_is_there(self):
        found = ovs_text.testpmd_stats(TESTPMD)
        self.assertEqual((found["busy_cycles"], found["packets"]), (1127066257, 26330336))
        self.assertEqual(found["ports"], {0: {"rx": 26330336, "tx": 0, "drops": 2}, 1: {"rx": 0, "tx": 26330300, "drops": 36}})
        self.assertIsNone(ovs_text.testpmd_stats(TESTPMD[:TESTPMD.index("CPU")]))
        self.assertIsNone(ovs_text.testpmd_stats(""))

    def test_of_two_answers_the_last_counts(self):
        later = TESTPMD.replace("1127066257", "2227066257").replace("RX-packets: 26330336 ", "RX-packets: 46330336 ")
        found = ovs_text.testpmd_stats(TESTPMD + later)
        self.assertEqual((found["busy_cycles"], found["ports"][0]["rx"]), (2227066257, 46330336))


class Differences(unittest.TestCase):
    def test_counters_are_subtracted_port_by_port(self):
        before = Counters(10, 1, 100, {"a": {"rx": 5, "tx": 0, "drops": 1}}, {"upcalls": 2})
        after = Counters(30, 4, 150, {"a": {"rx": 9, "tx": 0, "drops": 1}, "b": {"rx": 0, "tx": 4, "drops": 0}}, {"upcalls": 2})
        found = after.since(before)
        self.assertEqual((found.busy_cycles, found.idle_cycles, found.packets, found.more), (20, 3, 50, {"upcalls": 0}))
        self.assertEqual(found.ports, {"a": {"rx": 4, "tx": 0, "drops": 0}, "b": {"rx": 0, "tx": 4, "drops": 0}})

    def test_a_counter_below_zero_wraps(self):
        before, after = (Counters(v, 0, 0, {}) for v in ((1 << 64) - 5, 15))
        self.assertEqual(after.since(before).busy_cycles, 20)

    def test_a_switch_without_a_configuration_refuses_it(self):
        with self.assertRaises(ValueError):
            Peer("emc")


class Machine(unittest.TestCase):
    def test_the_switch_has_a_core_of_its_own(self):
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < 2:
            self.skipTest("one core")
        cores = machine.Cores()
        self.assertNotEqual(cores.dut, cores.other)
        with self.assertRaises(process.BenchError):
            machine.Cores(allowed[0], allowed[0])
        with self.assertRaises(process.BenchError):
            machine.Cores(4096, allowed[0])

    def test_steal_is_the_eighth_number_of_a_cpu_line(self):
        self.assertEqual(machine.parse_cpu_line("cpu1 1 2 3 4 5 6 7 8 9 10"), (8, 36))


class Processes(unittest.TestCase):
    def test_a_stopped_group_leaves_nothing_even_when_it_was_paused(self):
        group = process.Group("test")
        child = group.spawn("sleep", ["sleep", "60"], os.sched_getaffinity(0))
        group.pause()
        group.stop()
        group.stop()
        self.assertIsNotNone(child.poll())
        self.assertFalse(os.path.exists(group.dir))

    def test_an_error_says_what_where_and_what_next(self):
        with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
            log.write("one\ntwo\n")
            log.flush()
            error = process.BenchError("it broke", "mend it", log.name)
        self.assertEqual(error.text().splitlines(), ["it broke", "  try: mend it", "  its last lines:", "    one", "    two"])

    def test_a_program_that_is_not_there_is_named(self):
        with self.assertRaises(process.BenchError) as caught:
            process.run("no-such-program-of-sluice")
        self.assertIn("no-such-program-of-sluice is not installed", caught.exception.what)


class CommandLine(unittest.TestCase):
    def test_unknown_peers_and_pairs_are_refused(self):
        for words in (["run", "b2", "--peer", "vpp"], ["run", "b2", "--pairs", "0"], ["run"], []):
            with self.assertRaises(SystemExit) as caught, open(os.devnull, "w", encoding="ascii") as null:
                os.sys.stderr, stderr = null, os.sys.stderr
                try:
                    cli.parser().parse_args(words)
                finally:
                    os.sys.stderr = stderr
            self.assertEqual(caught.exception.code, 2)

    def test_quick_is_made_of_cases_that_exist(self):
        self.assertEqual([c.name for c in cli.scenario.find(cli.QUICK)], list(cli.QUICK))


if __name__ == "__main__":
    unittest.main()
