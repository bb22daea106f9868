# SPDX-License-Identifier: Apache-2.0
"""A result as one HTML page: no other file, no script, nothing fetched. All text of the result is escaped here, by el() and esc()."""

import html
import json
import math

from lib import headline, stats, text

RAW_LIMIT = 2000  # characters of a trial's raw that a row shows; the JSON has it all
STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2530;--muted:#5d6b7a;--grid:#dfe4ea;--card:#f6f8fa;--good:#1a7f4b;--bad:#b42318;--warn:#8a5a00;
--sluice:#0067b1;--ovs:#d1570a;--ovs-native:#c08a00;--testpmd:#7b8794;--other-1:#7a4fb5;--other-2:#0f8a83;--other-3:#a83279}
@media (prefers-color-scheme:dark){:root{--paper:#12171d;--ink:#e4e9ee;--muted:#98a5b3;--grid:#33404c;--card:#1a2129;--good:#4cc38a;--bad:#ff8a7a;--warn:#e2b33c;
--sluice:#58a9ec;--ovs:#ff9655;--ovs-native:#e6bd4a;--testpmd:#98a5b3;--other-1:#b797ea;--other-2:#4cc5bd;--other-3:#e07ab3}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1180px;margin:0 auto;padding:40px 28px 80px}
h1{font-size:30px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em}
h2{font-size:20px;margin:48px 0 12px;padding-bottom:6px;border-bottom:1px solid var(--grid)}
h3{font-size:15px;margin:0 0 2px}
p{margin:0 0 10px;max-width:80ch}
.lead,.quiet{color:var(--muted)}
.lead{font-size:16px}
code,pre{font:12.5px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.tally{display:flex;flex-wrap:wrap;gap:10px;margin:22px 0 0;padding:0;list-style:none}
.tally li{background:var(--card);border:1px solid var(--grid);border-radius:8px;padding:9px 16px;min-width:104px}
.tally b{display:block;font-size:23px;line-height:1.2;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{font-weight:600;text-align:left;font-size:13px;color:var(--muted);vertical-align:bottom;padding:6px 12px 6px 0;border-bottom:1px solid var(--muted)}
td{vertical-align:top;padding:9px 12px 9px 0;border-bottom:1px solid var(--grid)}
th:last-child,td:last-child{padding-right:0}
.n{text-align:right;white-space:nowrap}
.n b{font-size:16px}
small{display:block;color:var(--muted);font-size:12.5px;line-height:1.45}
.ratio{display:block;margin-top:3px}.ratio i{font-style:normal;color:var(--muted);font-size:12.5px}
.case{min-width:230px}
.case code{display:block;color:var(--muted);font-size:11.5px;margin-top:2px;overflow-wrap:anywhere}
.n+td,.n+th{padding-left:10px}
.verdict{white-space:nowrap;font-weight:600}
.aim,.must{color:var(--good)}.missed{color:var(--bad)}.unknown{color:var(--warn)}
.key{display:inline-block;width:9px;height:9px;border-radius:2px;margin-right:6px}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));gap:18px}
figure{margin:0;background:var(--card);border:1px solid var(--grid);border-radius:8px;padding:14px 16px 10px;min-width:0}
figure.full{grid-column:1/-1}
figure svg{width:100%;height:auto;display:block}
figure.full svg{max-width:1000px;margin:0 auto}
figcaption{color:var(--muted);font-size:13px;margin-bottom:8px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:0 32px;margin:0 0 14px}
.facts div{display:flex;gap:12px;border-bottom:1px solid var(--grid);padding:5px 0}
.facts dt{flex:0 0 130px;color:var(--muted)}
.facts dd{margin:0;min-width:0;overflow-wrap:anywhere}
.long{font-size:12.5px;overflow-wrap:anywhere}
ul.notes{margin:0 0 14px;padding-left:20px;max-width:86ch}
ul.notes li{margin-bottom:5px}
details{border:1px solid var(--grid);border-radius:8px;margin-bottom:8px;background:var(--card)}
summary{cursor:pointer;padding:8px 14px;font-weight:600}
summary span{font-weight:400;color:var(--muted)}
details .wide{padding:0 14px 12px;max-height:480px;overflow:auto}
details td,details th{padding:3px 12px 3px 0;font-size:12.5px}
details pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:11px;color:var(--muted);max-width:70ch}
tr.void td{color:var(--warn)}
.missing{border:1px dashed var(--warn);color:var(--warn);border-radius:8px;padding:12px 16px}
@media print{main{max-width:none;padding:0}details .wide{max-height:none}.wide{overflow:visible}}
"""


def esc(words):
    return html.escape(str(words), quote=True)


def el(tag, content="", **attributes):
    """An element around markup. Attributes are escaped; class_ is class."""
    given = "".join(' %s="%s"' % (k.rstrip("_"), esc(v)) for k, v in attributes.items() if v is not None)
    return "<%s%s>%s</%s>" % (tag, given, content, tag)


def page(result, plots, plots_missing, generated):
    """The whole document. plots: drawn; plots_missing: why some or all are not there, or None."""
    title = title_of(result)
    body = [_header(result, title, generated), _headline(result), _notes(result), _plots(plots, plots_missing), _searches(result),
            _environment(result["environment"]), _void(result), _samples(result)]
    return "<!doctype html>\n" + el("html", "%s\n%s" % (
        el("head", '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">%s%s' % (
            el("title", esc(title)), el("style", STYLE))),
        el("body", el("main", "\n".join(body)))), lang="en") + "\n"


def title_of(result):
    scenario = result["scenario"]
    for key in ("title", "name"):
        if isinstance(scenario.get(key), str) and scenario[key]:
            return "Sluice benchmark: %s" % scenario[key]
    return "Sluice benchmark"


def _get(environment, *path):
    for key in path:
        environment = environment.get(key) if isinstance(environment, dict) else None
    return environment


def _header(result, title, generated):
    environment = result["environment"]
    commit, kernel, started = (_get(environment, *path) for path in (("sluice", "commit"), ("kernel", "release"), ("started",)))
    changed = " with changes" if _get(environment, "sluice", "dirty") else ""
    parts = [_get(environment, "cpu", "model"), kernel and "Linux %s" % kernel, commit and "commit %s%s" % (str(commit)[:12], changed),
             started and "measured %s" % started, "report of %s" % generated]
    counts = headline.tally(result)
    cells = [("cases", counts["cases"], None), ("reach the aim", counts["aim"], "aim"), ("reach the target", counts["must"], "must"),
             ("miss it", counts["missed"], "missed"), ("not measured", counts["unknown"], "unknown"),
             ("trials void of %d" % counts["trials"], counts["void"], None)]
    shown = [el("li", el("b", esc(n), class_=kind if n else None) + esc(what)) for what, n, kind in cells if n or what != "not measured"]
    return el("h1", esc(title)) + el("p", esc(" · ".join(str(p) for p in parts if p)), class_="lead") + el("ul", "".join(shown), class_="tally")


def _key(peer):
    return el("span", class_="key", style="background:var(--%s)" % text.colour(peer))


def _headline(result):
    peers = headline.peers_of(result)
    header = el("th", "Case, and the command that measures it again") + el("th", _key(stats.SLUICE) + "Sluice", class_="n")
    header += "".join(el("th", _key(p) + esc(text.peer_name(p)), class_="n") for p in peers) + el("th", "Target", class_="n") + el("th", "Verdict")
    lines = []
    for row in headline.rows(result):
        cells = el("td", esc(row["title"]) + el("code", esc(row["command"])), class_="case")
        cells += el("td", _figures(row["ours"], row["unit"]), class_="n")
        cells += "".join(el("td", _peer(row["peers"].get(p)), class_="n") for p in peers)
        cells += el("td", _target(row["target"]), class_="n") + el("td", _verdict(row["verdict"]))
        lines.append(el("tr", cells))
    table = el("table", el("thead", el("tr", header)) + el("tbody", "\n".join(lines)))
    legend = ("Below each median: its unit or the peer’s configuration, the range of valid trials; then how many times better Sluice is "
              "(95 % interval), and the same net of I/O.")
    return el("h2", "Results") + el("div", table, class_="wide") + el("p", esc(legend), class_="quiet")


def _figures(figures, beside):
    """A median, what it is of, and the range."""
    if not figures or figures["median"] is None:
        return "–" + (el("small", "all trials void") if figures and figures["void"] else "")
    return el("b", esc(text.figure(figures["median"]))) + el("small", esc(beside)) + el(
        "small", esc("[%s–%s]" % (text.figure(figures["min"]), text.figure(figures["max"]))))


def _peer(peer):
    if peer is None:
        return "–"
    shown = _figures(peer["figures"], peer["figures"]["config"] or "")
    if peer["floor"]:
        return shown + el("small", "floor of I/O")
    if peer["ratio"]:
        shown += el("span", el("strong", esc(text.times(peer["ratio"]["median"]))) + el("i", esc(" (%s)" % text.interval(peer["ratio"]))),
                    class_="ratio", title="%d pairs" % peer["ratio"]["pairs"])
    if peer["net"] is not None:
        shown += el("small", esc("%s net of I/O" % text.times(peer["net"])))
    return shown


def _target(target):
    must, _, aim = (target or "–").partition(" (")
    return esc(must) + (el("small", esc(aim.rstrip(")"))) if aim else "")


def _verdict(verdict):
    if verdict is None:
        return "–"
    sign = {"aim": "✔✔ ", "must": "✔ ", "missed": "✘ ", "unknown": "? "}[verdict["reached"]]
    main, _, doubt = verdict["text"].partition(", ")
    beside = [doubt, "against %s" % text.peer_name(verdict["against"]) if verdict["against"] else ""]
    return el("span", esc(sign + main), class_="verdict " + verdict["reached"]) + "".join(el("small", esc(w)) for w in beside if w)


def _notes(result):
    found = headline.notes(result)
    shown = el("h2", "How to read this")
    if found:
        shown += el("p", "This run in particular:") + _list(found) + el("p", "In general:")
    return shown + _list(headline.METHOD)


def _list(lines):
    return el("ul", "".join(el("li", esc(line)) for line in lines), class_="notes")


def _table(header, rows, right=(), kinds=None):
    """header: texts; rows: lists of markup; right: columns of numbers; kinds: a class for each row or None."""
    def line(tag, cells):
        return "".join(el(tag, cell, class_="n" if i in right else None) for i, cell in enumerate(cells))

    kinds = kinds or [None] * len(rows)
    body = "\n".join(el("tr", line("td", row), class_=kind) for row, kind in zip(rows, kinds))
    return el("table", el("thead", el("tr", line("th", map(esc, header)))) + el("tbody", body))


def _plots(plots, missing):
    if not plots and not missing:
        return ""
    shown = []
    for plot in plots:
        drawing = plot.svg if plot.svg is not None else el("p", esc(plot.error), class_="missing")
        shown.append(el("figure", el("h3", esc(plot.title)) + el("figcaption", esc(plot.caption)) + drawing, class_="full" if plot.full else None))
    return el("h2", "Plots") + el("div", "\n".join(shown), class_="plots") + (el("p", esc(missing), class_="missing") if missing else "")


def _searches(result):
    """Bounds and conditional throughput of each search, irregular results marked as RFC 9971 wants it."""
    found = headline.searches(result)
    if not found:
        return ""
    rows = []
    for s in found:
        cells = [s["case"], text.peer_name(s["peer"], s["config"]), s["pair"], s["goal"], text.figure(s["lower"]), text.figure(s["upper"]),
                 text.figure(s["throughput"]), "–" if s["n_trials"] is None else s["n_trials"]]
        mark = el("span", esc("irregular: " + s["irregular"]), class_="missed") if s["irregular"] else "regular"
        rows.append([esc(c) for c in cells] + [mark])
    header = ("Case", "Peer", "Pair", "Goal", "Relevant lower bound", "Relevant upper bound", "Conditional throughput", "Trials", "Result")
    goals = dict.fromkeys("%s: %s." % (s["goal"], s["attributes"]) for s in found)
    return el("h2", "Searches (MLRsearch, RFC 9971)") + el("p", esc(" ".join(["Loads in the unit of the search.", *goals])), class_="quiet") + el(
        "div", _table(header, rows, right={4, 5, 6, 7}), class_="wide")


FACTS = (  # label, path, unit
    ("CPU", ("cpu", "model"), ""), ("family", ("cpu", "family"), ""), ("model", ("cpu", "number"), ""), ("stepping", ("cpu", "stepping"), ""),
    ("microcode", ("cpu", "microcode"), ""), ("cache", ("cpu", "cache"), ""), ("hypervisor", ("cpu", "hypervisor"), ""),
    ("governor", ("cpu", "governor"), ""), ("boost", ("cpu", "boost"), ""), ("TSC", ("clock", "tsc_ghz"), " GHz"),
    ("core clock", ("clock", "core_ghz"), " GHz, calibrated"), ("clock source", ("clock", "source"), ""), ("cores", ("cores", "online"), ""),
    ("isolated", ("cores", "isolated"), ""), ("core map", ("cores", "map"), ""), ("sibling cores", ("smt_test", "siblings"), ""),
    ("NUMA nodes", ("numa_nodes",), ""), ("steal", ("steal_percent",), " %"), ("kernel", ("kernel", "release"), ""),
    ("hugepages before", ("memory", "hugepages"), ""), ("hugepage size", ("memory", "hugepage_kb"), " kB"),
    ("transparent pages", ("memory", "transparent_hugepages"), ""), ("commit", ("sluice", "commit"), ""), ("uncommitted", ("sluice", "dirty"), ""),
    ("started", ("started",), ""), ("ended", ("ended",), ""))


SOFTWARE = {"dpdk": "DPDK", "ovs": "OVS", "ovs-native": "OVS native", "qemu": "QEMU", "python": "Python", "sluice": "Sluice"}


def _environment(environment):
    rows = [(name, _fact(_get(environment, *path), unit)) for name, path, unit in FACTS]
    versions = environment.get("versions")
    rows += [(SOFTWARE.get(k, k), _fact(v, "")) for k, v in versions.items()] if isinstance(versions, dict) else []
    shown = "".join(el("div", el("dt", esc(k)) + el("dd", esc(v))) for k, v in rows)
    flags = _get(environment, "cpu", "flags")
    if isinstance(flags, list):
        flags = " ".join(map(str, flags))
    long = [("kernel command line", _get(environment, "kernel", "cmdline")), ("CPU flags", flags)]
    return el("h2", "Environment") + el("dl", shown, class_="facts") + "".join(
        el("p", el("span", esc(k) + ": ", class_="quiet") + esc(v), class_="long") for k, v in long if v) + _details(
            "Everything recorded", "", el("pre", esc(json.dumps(environment, indent=1, ensure_ascii=False))))


def _fact(value, unit):
    if value is None or value == "":
        return "not known" if value is None else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and math.isfinite(value):
        return "%.3g%s" % (value, unit)
    if isinstance(value, dict):
        return ", ".join("%s: %s" % item for item in value.items())
    return "%s%s" % (value, unit)


def _details(what, more, content):
    return el("details", el("summary", esc(what) + (" " + el("span", esc(more)) if more else "")) + el("div", content, class_="wide"))


def _void(result):
    found = headline.void_trials(result)
    if not found:
        return el("h2", "Void trials") + el("p", "None.")
    rows = [[esc(c) for c in (case, text.peer_name(t["peer"], t["config"]), t["pair"], t["void"])] for case, t in found]
    return el("h2", "Void trials") + el("p", "Measured, kept, and not counted.") + el(
        "div", _table(("Case", "Peer", "Pair", "Reason"), rows), class_="wide")


def _samples(result):
    shown = [el("h2", "Every sample")]
    for run in result["runs"]:
        trials = run["trials"]
        table = _table(("Pair", "Order", "Peer", "Configuration", "Value", "Void", "Measured beside it"), [_sample(t) for t in trials],
                       right={4}, kinds=["void" if t["void"] is not None else None for t in trials])
        n_void = sum(1 for t in trials if t["void"] is not None)
        about = "%d trials%s, %s" % (len(trials), ", %d void" % n_void if n_void else "", text.unit_of(run))
        shown.append(_details(run["case"], about, el("p", el("code", esc(run["command"]))) + table))
    return "\n".join(shown)


def _sample(trial):
    raw = json.dumps(trial["raw"], ensure_ascii=False)
    raw = raw if len(raw) <= RAW_LIMIT else raw[:RAW_LIMIT] + " … (%d characters more in the JSON)" % (len(raw) - RAW_LIMIT)
    value = "–" if trial["value"] is None else "%.6g" % trial["value"]
    cells = (trial["pair"], trial["order"], text.peer_name(trial["peer"]), trial["config"], value, trial["void"] or "")
    return [esc(c) for c in cells] + [el("pre", esc(raw)) if raw != "{}" else ""]
