# SPDX-License-Identifier: Apache-2.0
"""Scenario files: what is sent, by which rules it is switched, what is measured. TOML; a key that is not known is refused.

A file holds cases that share its settings. `[traffic]` and `[[rule]]` at the top are every case's; a case's own keys come
over them. A scenario is named by its file, a case by its name, and both may be given to `sluice-bench run`.
"""

import dataclasses
import difflib
import os
import tomllib

from lib.process import BenchError
from lib.rules import TUNNEL, Rule

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scenarios")
LAYERS = ("b0", "b1", "b2", "b3", "api")
ALONE = ("b0", "b1")  # layers without other switches
METRICS = {  # metric: (which way is better, unit)
    "cycles_per_packet": ("lower", "cycles/packet"),
    "mpps": ("higher", "Mpps"),
    "share": ("higher", "of clean"),
    "blocked_ms": ("lower", "ms"),
    "rules_per_s": ("higher", "rules/s"),
    "instructions_per_packet": ("lower", "instructions/packet"),
    "growth": ("lower", "times as much"),
    "bytes": ("lower", "bytes"),
    "ndr_mpps": ("higher", "Mpps"),
    "pdr_mpps": ("higher", "Mpps"),
    "burst_packets": ("higher", "packets"),
    "latency_us": ("lower", "µs"),
    "loss_ppm": ("lower", "lost of a million"),
}


@dataclasses.dataclass
class Traffic:
    """One stream. sizes count the FCS. Names as in the engine's protocol."""
    name: str = "main"
    tx: str = "in"
    rx: str | None = "out"
    kind: str = "udp"
    sizes: list = dataclasses.field(default_factory=lambda: [[64, 1]])
    eth_src: str = "02:00:00:00:00:01"
    eth_dst: str = "02:00:00:00:00:02"
    src: str = "10.0.0.1"
    dst: str = "192.168.0.1"
    sport: int = 1024
    dport: int = 80
    flows: int = 1
    vary: list = dataclasses.field(default_factory=lambda: ["src", "sport"])
    distribution: str = "sequential"
    zipf_s: float = 1.0
    seed: int = 1
    vxlan: dict | None = None
    expect_vxlan: bool = False
    rate: float = 0.0  # packets a second; 0: as many as go
    load: float = 0.0  # instead: of the measured maximum of this switch


@dataclasses.dataclass
class Case:
    name: str
    file: str
    layer: str
    title: str
    shows: str = ""
    metric: str = "cycles_per_packet"
    method: str = "throughput"
    trial_ms: int = 700
    warmup_ms: int = 300
    pairs: int = 10
    target: dict | None = None
    ports: list = dataclasses.field(default_factory=lambda: ["in", "out"])
    overlay: dict | None = None  # {local, remote, mac, vni}: port "wire" carries VXLAN, port "tunnel" is what comes out of it
    idle_ports: int = 0
    commit_rules: int = 0
    one_config: bool = False  # caches make no difference: only each switch's default
    call: list = dataclasses.field(default_factory=list)  # B0, B1: of sluice-bench-path
    against: list = dataclasses.field(default_factory=list)  # B1: the value is how many times as much as this call's
    figure: str = ""  # B1: of the answer
    soak_s: int = 30
    memory_mb: int = 1024
    peers: list = dataclasses.field(default_factory=list)  # none named: all that can
    traffic: list = dataclasses.field(default_factory=list)
    rules: list = dataclasses.field(default_factory=list)
    raw: dict = dataclasses.field(default_factory=dict)  # as it stands in the file
    word: str = ""  # what `sluice-bench run` takes for it

    @property
    def better(self):
        return METRICS[self.metric][0]

    @property
    def unit(self):
        return METRICS[self.metric][1]

    @property
    def flows(self):
        return sum(t.flows for t in self.traffic)

    def seconds(self, subjects, pairs):
        """About how long it takes: start-up of each switch, then the trials."""
        if self.alone:
            return (self.trial_ms / 1000 + 1) * (2 if self.against else 1) * pairs
        one_s = SEARCH_S.get(self.method) or (self.soak_s if self.method == "soak" else 0) or (self.trial_ms + self.warmup_ms) / 1000 + 0.1
        return (min(subjects, 2) if self.one_config else subjects) * (3 + one_s * pairs)

    @property
    def alone(self):
        return self.layer in ALONE


CASE_KEYS = {"name", "title", "shows", "metric", "method", "trial_ms", "warmup_ms", "pairs", "target", "ports", "overlay", "idle_ports",
             "commit_rules", "one_config", "memory_mb", "peers", "traffic", "rule", "call", "against", "figure", "soak_s"}
TOP_KEYS = {"name", "title", "shows", "layer", "case"} | (CASE_KEYS - {"name", "title", "shows"})
RULE_KEYS = {"match", "to", "priority", "table"}
OVERLAY_KEYS = {"local", "remote", "mac", "vni"}
TARGET_KEYS = {"must", "aim", "of", "against", "what"}
TRAFFIC_KEYS = {f.name for f in dataclasses.fields(Traffic)}
METHODS = {"throughput": ("b0", "b1", "b2", "b3"), "victim": ("b3",), "idle": ("b3",), "neighbour": ("b3",), "updates": ("b3",), "rules": ("api",),
           "ndr_pdr": ("b3",), "max_receive": ("b3",), "back_to_back": ("b3",), "latency": ("b3",), "soak": ("b3",)}
SEARCH_S = {"ndr_pdr": 75, "max_receive": 6, "back_to_back": 30, "latency": 60}  # about, of one switch


def names():
    """Of all scenario files."""
    return sorted(f[:-5] for f in os.listdir(FOLDER) if f.endswith(".toml"))


def load_all():
    return [case for name in names() for case in load(os.path.join(FOLDER, name + ".toml"))]


def find(words):
    """The cases that the words name: a file's name means all of its cases; a path means that file. In order, each once."""
    cases, found = None, {}
    for word in words:
        if word.endswith(".toml"):
            chosen = load(word)
        else:
            cases = load_all() if cases is None else cases
            chosen = [c for c in cases if word in (c.name, c.file)]
        if not chosen:
            known = sorted({c.name for c in cases} | {c.file for c in cases})
            raise BenchError("there is no scenario %s%s" % (word, did_you_mean(word, known)), "sluice-bench list")
        for case in chosen:
            case.word = word if word.endswith(".toml") else case.name
        found.update((c.name, c) for c in chosen)
    return list(found.values())


def did_you_mean(word, known):
    close = difflib.get_close_matches(word, known, 1)
    return ": did you mean %s?" % close[0] if close else ""


def load(path):
    try:
        with open(path, "rb") as f:
            return parse(tomllib.load(f), os.path.basename(path))
    except OSError as e:
        raise BenchError("cannot read %s: %s" % (path, e.strerror)) from None
    except tomllib.TOMLDecodeError as e:
        raise BenchError("%s: %s" % (path, e)) from None


def parse(data, where):
    """The cases of a file's content."""
    check_keys(data, TOP_KEYS, where)
    for key in ("name", "layer", "case"):
        if key not in data:
            raise BenchError("%s: %s is missing" % (where, key))
    if data["layer"] not in LAYERS:
        raise BenchError("%s: layer is %s, not one of %s" % (where, data["layer"], ", ".join(LAYERS)))
    shared = {k: v for k, v in data.items() if k not in ("name", "layer", "case", "title", "shows")}
    cases = [parse_case(c, shared, data, "%s: case %d" % (where, i + 1)) for i, c in enumerate(data["case"])]
    seen = [c.name for c in cases]
    for name in seen:
        if seen.count(name) > 1:
            raise BenchError("%s: two cases are called %s" % (where, name))
    return cases


def parse_case(own, shared, data, where):
    check_keys(own, CASE_KEYS, where)
    if "name" not in own:
        raise BenchError("%s: name is missing" % where)
    where = "%s (%s)" % (where, own["name"])
    merged = {**shared, **own}
    traffic = own.get("traffic", shared.get("traffic", []))
    base = shared.get("traffic") if isinstance(shared.get("traffic"), dict) else {}
    streams = traffic if isinstance(traffic, list) else [traffic]
    merged["traffic"] = [parse_traffic({**base, **t}, where) for t in streams]
    rules = merged.pop("rule", [])
    merged["rules"] = [parse_rule(r, "%s: rule %d" % (where, i + 1)) for i, r in enumerate(rules)]
    case = build(Case, {**merged, "file": data["name"], "layer": data["layer"], "title": own.get("title", own["name"]),
                        "shows": own.get("shows", data.get("shows", "")), "raw": {**data, "case": [own]}}, where)
    check_case(case, where)
    return case


def check_case(case, where):
    if case.metric not in METRICS:
        raise BenchError("%s: metric is %s%s" % (where, case.metric, did_you_mean(case.metric, METRICS) or ", not one of " + ", ".join(METRICS)))
    if case.layer not in METHODS.get(case.method, ()):
        raise BenchError("%s: the method %s is none of layer %s" % (where, case.method, case.layer))
    if case.target is not None:
        check_keys(case.target, TARGET_KEYS, where + ": target")
        if "must" not in case.target:
            raise BenchError("%s: target: must is missing" % where)
    if case.overlay is not None:
        check_keys(case.overlay, OVERLAY_KEYS, where + ": overlay")
        if set(case.overlay) != OVERLAY_KEYS:
            raise BenchError("%s: overlay needs %s" % (where, ", ".join(sorted(OVERLAY_KEYS))))
    if case.layer == "b1" and not case.figure:
        raise BenchError("%s: figure is missing: which member of the answer counts" % where)
    ruled = case.ports + ([TUNNEL] if case.overlay else [])
    for traffic in case.traffic:
        for port in (traffic.tx, traffic.rx):
            if port is not None and port not in case.ports:
                raise BenchError("%s: traffic goes by port %s%s" % (where, port, did_you_mean(port, case.ports) or ", which is not in ports"))
    for rule in case.rules:
        for port in [rule.match.get("in_port")] + ([rule.to] if rule.to != "drop" else []):
            if port is not None and port not in ruled:
                raise BenchError("%s: a rule names port %s%s" % (where, port, did_you_mean(port, ruled) or ", which is not in ports"))


def parse_traffic(data, where):
    check_keys(data, TRAFFIC_KEYS, where + ": traffic")
    traffic = build(Traffic, data, where + ": traffic")
    if not 1 <= traffic.flows <= 1_000_000:
        raise BenchError("%s: flows is %d, not in 1..1,000,000" % (where, traffic.flows))
    return traffic


def parse_rule(data, where):
    check_keys(data, RULE_KEYS, where)
    if "to" not in data:
        raise BenchError("%s: to is missing: a port or drop" % where)
    return Rule(data.get("match", {}), data["to"], data.get("priority", 100), data.get("table", 0))


def build(cls, data, where):
    """A dataclass from a table; a value of another type than the default's is refused."""
    for field in dataclasses.fields(cls):
        if field.name not in data or field.type not in (int, float, str, bool):
            continue
        value = data[field.name]
        kinds = (int, float) if field.type is float else (field.type,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and field.type is not bool):
            raise BenchError("%s: %s must be of type %s, is %r" % (where, field.name, field.type.__name__, value))
    return cls(**data)


def check_keys(data, known, where):
    for key in data:
        if key not in known:
            raise BenchError("%s: unknown key %s%s" % (where, key, did_you_mean(key, known) or "; known: " + ", ".join(sorted(known))))
