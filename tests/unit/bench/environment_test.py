# SPDX-License-Identifier: Apache-2.0
import copy
import os
import tempfile
import unittest

import benchlib
from lib import environment, result

HERE = {"cpu": {"model": "AMD EPYC", "flags": ["avx2", "sse"], "microcode": "0x1"}, "kernel": {"release": "6.1"},
        "memory": {"hugepages": 512, "hugepage_kb": 2048}, "cores": {"map": {"switch": 1}}, "clock": {"tsc_ghz": 2.6, "core_ghz": 3.2},
        "versions": {"dpdk": "22.11"}, "sluice": {"commit": "a", "dirty": False}, "smt_test": {"siblings": False}}


def there(**changes):
    changed = copy.deepcopy(HERE)
    for path, value in changes.items():
        keys = path.split("__")
        where = changed
        for key in keys[:-1]:
            where = where[key]
        where[keys[-1]] = value
    return changed


class Collect(unittest.TestCase):
    def test_this_machine_is_recorded_and_like_itself(self):
        found = environment.collect(benchlib.TOP, {"switch": 1}, 2.6e9, 3.0, {"ovs-native": "3.1.0 -O3"})
        environment.finish(found)
        self.assertEqual(environment.unlike(found, found), [])
        self.assertEqual((found["clock"]["tsc_ghz"], found["versions"]["ovs-native"]), (2.6, "3.1.0 -O3"))
        self.assertTrue(found["kernel"]["release"] and found["cpu"]["flags"] and found["memory"]["total_kb"])
        self.assertNotIn("steal_ticks", found)
        with tempfile.TemporaryDirectory() as folder:
            result.write(os.path.join(folder, "r.json"), result.new({}, found))

    def test_steal_is_that_of_the_run(self):
        found = environment.finish({"steal_ticks": [100, 1000]}, [105, 2000])
        self.assertEqual(found["steal_percent"], 0.5)
        self.assertIsNone(environment.finish({"steal_ticks": [100, 1000]}, [100, 1000])["steal_percent"])

    def test_the_command_line_keeps_what_is_about_speed(self):
        with tempfile.NamedTemporaryFile("w") as f:
            f.write("BOOT_IMAGE=/vmlinuz root=UUID=1 isolcpus=1 mitigations=off rdinit=/x -- --secret")
            f.flush()
            self.assertEqual(environment.cmdline(f.name), "isolcpus=1 mitigations=off")

    def test_what_cannot_be_read_is_null(self):
        self.assertIsNone(environment.cmdline("/none"))
        self.assertIsNone(environment.cpu("/none")["model"])
        self.assertEqual(environment.git("/"), {"commit": None, "dirty": None})


class Smt(unittest.TestCase):
    def run_with(self, beside):
        calls = []

        def speed(core):
            calls.append(core)
            return 100.0 if len(calls) % 2 else beside
        return environment.smt_test(0, 0, speed)

    def test_a_core_that_slows_down_beside_a_busy_one_has_a_sibling(self):
        self.assertEqual(self.run_with(60.0)["siblings"], True)
        self.assertEqual(self.run_with(95.0), {"core": 0, "other": 0, "drop": 0.05, "siblings": False})

    def test_something_runs_on_the_other_core_only_while_it_should(self):
        other, seen = min(os.sched_getaffinity(0)), []

        def speed(_core):
            pinned = [pid for pid in children() if os.sched_getaffinity(pid) == {other}]
            seen.append(len(pinned))
            return 50.0 if pinned else 100.0
        self.assertTrue(environment.smt_test(other, other, speed)["siblings"])
        self.assertEqual(seen, [0, 1] * environment.SMT_ROUNDS)
        self.assertEqual(children(), [])

    def test_the_loop_measures_and_gives_its_cores_back(self):
        before = os.sched_getaffinity(0)
        self.assertGreater(environment._loop_speed(min(before)), 0)
        self.assertEqual(os.sched_getaffinity(0), before)


def children():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid, encoding="ascii", errors="replace") as f:
                if int(f.read().rpartition(")")[2].split()[1]) == os.getpid():
                    found.append(int(pid))
        except OSError:
            pass
    return found


class Unlike(unittest.TestCase):
    def test_each_decisive_difference_is_named(self):
        for change, line in (({"cpu__model": "Xeon"}, "cpu.model: AMD EPYC, Xeon"), ({"cpu__microcode": "0x2"}, "cpu.microcode: 0x1, 0x2"),
                             ({"cpu__flags": ["sse", "avx512f"]}, "cpu.flags: only in the first: avx2; only in the second: avx512f"),
                             ({"kernel__release": None}, "kernel.release: 6.1, not recorded"), ({"memory__hugepages": 0}, "memory.hugepages: 512, 0"),
                             ({"cores__map": {"switch": 0}}, "cores.map: {'switch': 1}, {'switch': 0}"),
                             ({"clock__core_ghz": 2.9}, "clock.core_ghz: 3.2, 2.9"), ({"versions__dpdk": "23.11"}, "versions.dpdk: 22.11, 23.11"),
                             ({"smt_test__siblings": True}, "smt_test.siblings: False, True")):
            self.assertEqual(environment.unlike(HERE, there(**change)), [line])

    def test_what_is_under_test_or_changes_by_itself_does_not_count(self):
        self.assertEqual(environment.unlike(HERE, there(sluice__commit="b", memory__hugepages=600, clock__core_ghz=3.3)), [])

    def test_a_merged_result_is_unlike_even_itself(self):
        self.assertEqual(len(environment.unlike(there(merged=[]), there(merged=[]))), 2)

    def test_hostile_values_do_not_break_it(self):
        for value in ([], "x", {"model": ["\x1b[31m" * 1000]}, 7):
            lines = environment.unlike(HERE, {"cpu": value, "clock": value, "kernel": value})
            self.assertTrue(lines and all(line.isprintable() and len(line) < 400 for line in lines))


if __name__ == "__main__":
    unittest.main()
