#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scenario files: what is refused and how, what a case gets from its file, and that the shipped ones are sound."""

import unittest

import benchlib  # noqa: F401
from lib import layer_b2, scenario, traffic
from lib.process import BenchError
from lib.rules import Rule, looks_above_l2

ONE = {"name": "x", "layer": "b2", "traffic": {"flows": 5, "dport": 53},
       "rule": [{"match": {"eth_type": "0x0800", "ip_proto": 17, "udp_dst": 53}, "to": "out"}], "case": [{"name": "x-1"}]}


def with_case(**keys):
    return {**ONE, "case": [{"name": "x-1", **keys}]}


class Refusals(unittest.TestCase):
    def refused(self, data, *words):
        with self.assertRaises(BenchError) as caught:
            scenario.parse(data, "x.toml")
        for word in words:
            self.assertIn(word, caught.exception.what)

    def test_an_unknown_key_is_refused_with_the_nearest_known_one(self):
        self.refused({**ONE, "trafficx": {}}, "x.toml: unknown key trafficx", "did you mean traffic?")
        self.refused(with_case(warmup=1), "case 1", "did you mean warmup_ms?")
        self.refused(with_case(traffic={"flow": 3}), "x-1", "did you mean flows?")
        self.refused(with_case(rule=[{"to": "out", "prio": 3}]), "rule 1", "did you mean priority?")
        self.refused(with_case(target={"must": 1, "aims": 2}), "did you mean aim?")

    def test_a_key_like_no_other_is_refused_with_the_list(self):
        self.refused(with_case(zzzz=1), "unknown key zzzz", "known: ", "warmup_ms")

    def test_a_value_of_another_type_is_refused(self):
        self.refused(with_case(traffic={"flows": "many"}), "flows must be of type int")
        self.refused(with_case(pairs=True), "pairs must be of type int")

    def test_limits_and_missing_parts_are_named(self):
        self.refused(with_case(traffic={"flows": 1000001}), "not in 1..1,000,000")
        self.refused({**ONE, "layer": "b9"}, "layer is b9")
        self.refused({"name": "x", "layer": "b2"}, "case is missing")
        self.refused({**ONE, "case": [{}]}, "name is missing")
        self.refused(with_case(target={"aim": 2}), "must is missing")
        self.refused(with_case(metric="mpp"), "did you mean mpps?")
        self.refused(with_case(method="victim"), "the method victim is none of layer b2")

    def test_a_port_that_is_not_there_is_refused(self):
        self.refused(with_case(rule=[{"to": "ou"}]), "a rule names port ou", "did you mean out?")
        self.refused(with_case(traffic={"tx": "inn"}), "did you mean in?")
        self.refused(with_case(rule=[{"to": "tunnel"}]), "a rule names port tunnel")

    def test_a_field_that_ovs_could_not_be_told_is_refused(self):
        self.refused(with_case(rule=[{"match": {"ct_state": "+trk"}, "to": "out"}]), "ct_state")

    def test_two_cases_of_a_name_are_refused(self):
        self.refused({**ONE, "case": [{"name": "a"}, {"name": "a"}]}, "two cases are called a")

    def test_a_scenario_that_does_not_exist_is_refused_with_the_nearest(self):
        with self.assertRaises(BenchError) as caught:
            scenario.find(["b2-1-flows"])
        self.assertIn("did you mean b2-1-flow?", caught.exception.what)


class Parsing(unittest.TestCase):
    def test_a_case_takes_the_files_settings_and_its_own_over_them(self):
        case = scenario.parse(with_case(traffic={"flows": 7}, trial_ms=50), "x.toml")[0]
        self.assertEqual((case.traffic[0].flows, case.traffic[0].dport, case.trial_ms, case.layer), (7, 53, 50, "b2"))
        self.assertEqual((case.better, case.unit), ("lower", "cycles/packet"))

    def test_all_shipped_scenarios_parse_and_have_names_of_their_own(self):
        cases = scenario.load_all()
        self.assertGreater(len(cases), 10)
        self.assertEqual(len({c.name for c in cases}), len(cases))
        for case in cases:
            self.assertFalse(case.name in scenario.names() and case.name != case.file, case.name)
            # OVS forwards by port or MAC alone in a short cut of its own.
            self.assertTrue(looks_above_l2(case.rules), case.name)

    def test_a_file_means_all_its_cases_and_each_is_run_once(self):
        found = scenario.find(["b2-1-flow", "b2"])
        self.assertEqual(len(found), len({c.name for c in found}))
        self.assertEqual(found[0].name, "b2-1-flow")
        self.assertEqual({c.file for c in found}, {"b2"})


class Rules(unittest.TestCase):
    RULE = Rule({"eth_type": "0x0800", "ipv4_src": "10.0.0.0/8", "ip_proto": 17, "udp_dst": 80, "in_port": "in"}, "out", 7, 1)

    def test_both_renderings_say_the_same(self):
        self.assertEqual(self.RULE.for_ovs({"in": 1, "out": 2}),
                         "table=1,priority=7,eth_type=0x0800,nw_src=10.0.0.0/8,nw_proto=17,udp_dst=80,in_port=1,actions=output:2")
        self.assertEqual(self.RULE.for_sluice("br0"),
                         {"bridge": "br0", "table": 1, "priority": 7, "actions": [{"output": "out"}],
                          "match": {"eth_type": "0x0800", "ipv4_src": "10.0.0.0/8", "ip_proto": 17, "udp_dst": 80, "in_port": "in"}})
        self.assertTrue(Rule({}, "drop").for_ovs({}).endswith("actions=drop"))

    def test_forwarding_by_port_alone_is_noticed(self):
        self.assertTrue(looks_above_l2([self.RULE, Rule({}, "drop")]))
        self.assertFalse(looks_above_l2([self.RULE, Rule({"in_port": "in", "eth_type": "0x0800"}, "out")]))


class Captures(unittest.TestCase):
    def spec(self, **keys):
        return scenario.parse(with_case(traffic=keys), "x.toml")[0].traffic[0]

    def test_flows_are_as_many_as_asked_for(self):
        for n, vary in ((1, ["src"]), (1000, ["src", "sport"]), (4097, ["src", "dst", "sport", "dport"]), (65536, ["sport"])):
            self.assertEqual(len(set(traffic.flow_tuples(self.spec(flows=n, vary=vary)))), n)

    def test_only_the_varied_fields_vary(self):
        found = set(traffic.flow_tuples(self.spec(flows=100, vary=["src"])))
        self.assertEqual([len({t[i] for t in found}) for i in range(4)], [100, 1, 1, 1])

    def test_frames_have_their_size_and_a_right_checksum(self):
        for size in (64, 65, 1518):
            frame = traffic.Template(self.spec(), size).frame(0x0a0000ff, 0xfffffffe, 65535, 1)
            self.assertEqual(len(frame), size - traffic.FCS_SIZE)
            self.assertEqual(traffic.checksum(frame[14:34]), 0)
            self.assertEqual(int.from_bytes(frame[16:18], "big"), size - 18)
        with self.assertRaises(ValueError):
            traffic.Template(self.spec(), 45)

    def test_a_switch_that_drops_what_its_rules_forward_is_void(self):
        ports = {"in": {"rx": 10, "tx": 0, "drops": 0}, "out": {"rx": 0, "tx": 9, "drops": 1}}
        self.assertIn("dropped 1 packets", layer_b2.no_drops(ports))
        ports["out"]["drops"] = 0
        self.assertIsNone(layer_b2.no_drops(ports))


if __name__ == "__main__":
    unittest.main()
