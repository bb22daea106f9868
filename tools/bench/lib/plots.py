# SPDX-License-Identifier: Apache-2.0
"""The plots of a report: what can be drawn from a result, drawn by gnuplot as SVG that takes its colours from the page.

gnuplot is given sentinel colours, which become CSS variables; text of the file reaches it only through label(), since a gnuplot
script is a program. A plot that cannot be drawn is an error text, never an exception.
"""

import math
import re
import subprocess

from lib import stats, text

# Blue component of the sentinel colour rgb(0,0,N): the page's variable.
COLOURS = {1: "--ink", 2: "--grid", 3: "--muted", 11: "--sluice", 12: "--ovs", 13: "--ovs-native", 14: "--testpmd", 15: "--other-1",
           16: "--other-2", 17: "--other-3"}
SENTINELS = {variable: blue for blue, variable in COLOURS.items()}
MARKS = {11: 7, 12: 5, 13: 9, 14: 13, 15: 11, 16: 6, 17: 4}
# Parameters that a family of cases may vary: (parameter, axis, title).
SWEEPS = (("flows", "flows", "Cost against number of flows"), ("masks", "masks", "Cost against number of masks"),
          ("rules", "rules", "Cost against number of rules"), ("tables", "tables", "Cost against number of tables"),
          ("sessions", "sessions", "Cost against number of sessions"), ("ports", "idle ports", "Cost against number of ports"))
PERCENTILES = (("p50", "P50"), ("p90", "P90"), ("p99", "P99"), ("p99_9", "P99.9"), ("max", "max"))
GNUPLOT_TIMEOUT_S = 60
MAX_PLOTS = 60
MAX_BARS = 200
WIDTH, WIDTH_HALF = 900, 520


class Plot:
    """title and caption are text, svg is markup, error says why there is none; full: as wide as the page."""

    def __init__(self, title, caption, script, height=300, full=False):
        self.title, self.caption, self.script, self.height, self.full = title, caption, script, height, full
        self.svg = self.error = None


def draw(result, gnuplot="gnuplot"):
    """The plots of a result, drawn; and a text that says why some or all are missing, or None."""
    plots = describe(result)
    left_out = len(plots) - MAX_PLOTS
    plots = plots[:MAX_PLOTS]
    for i, plot in enumerate(plots):
        try:
            plot.svg = _render(plot, "p%d" % i, gnuplot)
        except FileNotFoundError:
            return [], "Plots are missing: gnuplot is not installed (apt-get install gnuplot-nox)."
        except (OSError, subprocess.SubprocessError, ValueError) as e:
            plot.error = "This plot could not be drawn: %s" % text.clean(e)[:300]
    return plots, "%d more plots are left out." % left_out if left_out > 0 else None


def describe(result):
    return [*_sweeps(result), *_ratio_bars(result), *_latencies(result), *_victims(result)]


def _sweeps(result):
    """Cases that differ in one parameter only are the points of a plot."""
    for parameter, axis, title in SWEEPS:
        families = {}
        for run in result["runs"]:
            parameters = run.get("parameters", {})
            if run["better"] == "lower" and _is_number(parameters.get(parameter)) and parameters[parameter] > 0:
                rest = tuple(sorted((k, str(v)) for k, v in parameters.items() if k != parameter))
                families.setdefault((run["metric"], rest), []).append(run)
        families = {key: runs for key, runs in families.items() if len({run["parameters"][parameter] for run in runs}) >= 2}
        for (_, rest), runs in families.items():
            # Only what tells the families apart, and the layer, needs saying.
            about = [(k, v) for k, v in rest if k == "layer" or any((k, v) not in other for _, other in families)]
            runs.sort(key=lambda r: r["parameters"][parameter])
            series = _sweep_series(parameter, runs)
            if series:
                yield _sweep(axis, title, about, series, text.unit_of(runs[0]))


def _sweep_series(parameter, runs):
    """{peer: [[parameter, median, min, max], …]} of the peers that have figures."""
    series = {}
    for run in runs:
        for peer, figures in run["summary"].items():
            if peer != "ratios" and figures["median"]:
                series.setdefault(peer, []).append([run["parameters"][parameter], figures["median"], figures["min"], figures["max"]])
    return series


def _sweep(axis, title, about, series, unit):
    values = [v for points in series.values() for _, *vs in points for v in vs]
    script = ["set logscale x", "set xlabel %s" % label(axis), "set ylabel %s" % label(unit), "set xtics format '%.0s%c'"]
    script += _y_axis(values)
    about = ", ".join(v if k == "layer" else "%s %s" % (k, v) for k, v in about)
    return Plot(title + (" (%s)" % about if about else ""),
                "Each peer in its best configuration; median, bars from the fastest to the slowest trial. Lower is better.",
                script + _lines(series, "using 1:2:3:4 with yerrorlines"))


def _y_axis(values):
    """From zero, unless the values span too much for that."""
    if min(values) > 0 and max(values) / min(values) > 20:
        low, high = min(values) / 1.5, max(values) * 1.5
        steps = (1,) if high / low > 300 else (1, 2, 5)
        tics = ["'%s' %g" % (text.goal(v), v) for v in (m * 10.0 ** e for e in range(-6, 13) for m in steps) if low <= v <= high]
        return ["set logscale y", "set yrange [%g:%g]" % (low, high), "set ytics (%s)" % ", ".join(tics)]
    return ["set yrange [0:%g]" % (max(values) * 1.08 or 1)]


def _lines(series, how):
    """Data blocks and a plot command, a series a peer."""
    script, parts = [], []
    for i, peer in enumerate(sorted(series, key=_order)):
        script += _data("d%d" % i, series[peer])
        colour = _colour(peer)
        parts.append("$d%d %s lc rgb '#0000%02x' lw 2 pt %d ps 0.8 title %s" % (i, how, colour, MARKS[colour], label(text.peer_name(peer))))
    return script + ["plot " + ", ".join(parts)]


def _order(peer):
    return peer != stats.SLUICE, peer in stats.FLOOR_PEERS, peer


def _ratio_bars(result):
    """One bar a case and peer, with the interval, and the target as a tick."""
    bars = [(run, peer) for run in result["runs"] for peer in sorted(set(run["summary"]["ratios"]) - set(stats.FLOOR_PEERS))]
    if not bars:
        return
    more, bars = len(bars) - MAX_BARS, bars[:MAX_BARS]
    tics, rows, targets, y = [], {}, [], 0.0
    for i, (run, peer) in enumerate(bars):
        first = i == 0 or bars[i - 1][0] is not run
        y += 1.7 if first else 1.0
        tics.append("%s %g" % (label(run["case"] if first else ""), y))
        rows.setdefault(peer, []).append(_bar(run["summary"]["ratios"][peer], y))
        target = run["target"]
        if target and target.get("of", "ratio") == "ratio" and peer in target.get("against", [peer]) and target["must"] > 0:
            targets.append([target["must"], y])
    caption = ("Median of paired ratios against each peer's best configuration, with its 95 %% interval (or its range, below %d pairs). Bars start "
               "at 1×: equally good.%s" % (stats.MIN_PAIRS, " %d more are left out." % more if more > 0 else ""))
    script = ["set yrange [%g:0.4]" % (y + 1), "set ytics (%s) scale 0" % ", ".join(tics)]
    script += _ratio_axis([v for points in rows.values() for p in points for v in p[1:2] + p[3:5]] + [t[0] for t in targets] + [1])
    yield Plot("How many times better is Sluice", caption, script + _bar_commands(rows, targets),
               height=90 + 20 * len(bars) + 14 * len({id(run) for run, _ in bars}), full=True)


def _bar(ratio, y):
    """Columns: where the bar starts, median, y, low and high of the interval or range, where it ends."""
    low, high = (ratio["low"], ratio["high"]) if ratio["low"] is not None else (ratio["min"], ratio["max"])
    return [min(1, ratio["median"]), ratio["median"], y, low, high, max(1, ratio["median"])]


def _ratio_axis(values):
    """A ratio's natural scale is logarithmic and its origin is 1: half as good is as far from it as twice as good."""
    left, right = min(values) / 1.25, max(values) * 1.35
    tics = ["'%g×' %g" % (v, v) for v in (m * 10.0 ** e for e in range(-3, 7) for m in (1, 2, 5)) if left <= v <= right]
    return ["set xlabel 'times better is Sluice, logarithmic'", "set logscale x", "set xtics (%s)" % ", ".join(tics),
            "set xrange [%g:%g]" % (left, right), "unset grid", "set grid xtics lc rgb '#000002' lt 1 lw 0.5", "set border 1 lc rgb '#000003'",
            "set arrow from 1, graph 0 to 1, graph 1 nohead front lc rgb '#000001' lw 1"]


def _bar_commands(rows, targets):
    script, parts = ["set style fill solid 0.75 noborder"], []
    for i, peer in enumerate(sorted(rows, key=_order)):
        script += _data("d%d" % i, rows[peer])
        parts.append("$d%d using 2:3:1:6:($3-0.38):($3+0.38) with boxxyerror lc rgb '#0000%02x' title %s" % (
            i, _colour(peer), label(text.peer_name(peer))))
        parts.append("$d%d using 2:3:4:5 with xerrorbars lc rgb '#000001' lw 1.2 pt 0 notitle" % i)
    if targets:
        script += _data("t", targets)
        parts.append("$t using 1:($2-0.46):(0):(0.92) with vectors nohead lc rgb '#000001' lw 2.5 title 'must reach'")
    return script + ["plot " + ", ".join(parts)]


def _latencies(result):
    drawn = set()
    for run in result["runs"]:
        series = {}
        title = run.get("title") or run["case"]
        if title in drawn:
            continue  # another metric of the same trials
        for peer, figures in run["summary"].items():
            if peer == "ratios" or figures["config"] is None:
                continue
            points = latency_points([t["raw"] for t in stats.valid(run["trials"], peer, figures["config"])])
            if points:
                series[peer] = [[i, value / 1000] for i, value in enumerate(points)]
        if series:
            tics = ", ".join("'%s' %d" % (name, i) for i, (_, name) in enumerate(PERCENTILES))
            script = ["set xtics (%s)" % tics, "set xrange [-0.3:%g]" % (len(PERCENTILES) - 0.7), "set ylabel 'latency, µs'",
                      *_y_axis([v for points in series.values() for _, v in points])]
            drawn.add(title)
            yield Plot("Latency: %s" % title, "Median over the valid trials of each percentile. Lower is better.",
                       script + _lines(series, "using 1:2 with linespoints"))


def latency_points(raws):
    """The median over trials of each percentile, in ns, of every stream that has them all."""
    found = {key: [] for key, _ in PERCENTILES}
    for raw in raws:
        streams = raw.get("streams")
        for stream in streams if isinstance(streams, list) else []:
            latency = stream.get("latency") if isinstance(stream, dict) else None
            if isinstance(latency, dict) and all(_is_number(latency.get(key)) and latency[key] > 0 for key in found):
                for key, values in found.items():
                    values.append(latency[key])
    return [stats.median(found[key]) for key, _ in PERCENTILES] if found["p50"] else None


def _victims(result):
    for run in result["runs"]:
        series, unit = {}, "Mpps"
        for peer, figures in run["summary"].items():
            raws = [t["raw"].get("victim") for t in stats.valid(run["trials"], peer, figures["config"])] if peer != "ratios" else []
            points = timeline(raws)
            if points:
                series[peer] = points
                unit = next((r["unit"] for r in raws if isinstance(r, dict) and isinstance(r.get("unit"), str)), unit)
        if series:
            script = ["set xlabel 'seconds'", "set ylabel %s" % label("victim's throughput, " + unit),
                      *_y_axis([0] + [v for points in series.values() for _, v in points])]
            caption = "The victim's throughput before and during the attack, median over the valid trials. Higher is better."
            yield Plot(run.get("title") or run["case"], caption, script + _lines(series, "using 1:2 with linespoints"))


def timeline(victims):
    """[[seconds, median], …] of the victims' timelines; without them, before and during as two levels."""
    at = {}
    for victim in [v for v in victims if isinstance(v, dict)]:
        points = victim.get("timeline")
        if not isinstance(points, list):
            points = [[-1, victim.get("before")], [0, victim.get("before")], [0.1, victim.get("during")], [1, victim.get("during")]]
        for point in points:
            if isinstance(point, list) and len(point) == 2 and all(_is_number(v) for v in point):
                at.setdefault(point[0], []).append(point[1])
    return [[s, stats.median(at[s])] for s in sorted(at)]


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _colour(peer):
    """The sentinel of a peer's colour."""
    return SENTINELS["--" + text.colour(peer)]


def label(words):
    """A string of a gnuplot script. In single quotes nothing is evaluated; what could end them or be markup is replaced."""
    words = text.clean(words)[:80]
    return "'%s'" % words.translate(str.maketrans({"'": "’", "`": "’", "\\": "/", "<": "‹", ">": "›", "&": "+", "@": "(at)"}))


def _data(name, rows):
    return ["$%s << EOD" % name] + [" ".join("%.10g" % v for v in row) for row in rows] + ["EOD"]


def _render(plot, name, gnuplot):
    script = ["set terminal svg size %d,%d dynamic noenhanced font 'sans-serif,12' linewidth 1 rounded" % (
                  WIDTH if plot.full else WIDTH_HALF, plot.height),
              "set encoding utf8", "set border 3 lc rgb '#000003'", "set tics nomirror textcolor rgb '#000003'", "set xlabel textcolor rgb '#000003'",
              "set ylabel textcolor rgb '#000003'", "set grid ytics lc rgb '#000002' lt 1 lw 0.5", "set bars 0.6",
              "set key outside top left horizontal Left reverse textcolor rgb '#000001' samplen 1.5 width 1"] + plot.script
    done = subprocess.run([gnuplot, "-d"], input="\n".join(script) + "\n", capture_output=True, text=True, timeout=GNUPLOT_TIMEOUT_S, check=False)
    if done.returncode != 0 or "</svg>" not in done.stdout:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise ValueError("gnuplot: %s" % (said[-1] if said else "exit code %d" % done.returncode))
    return _of_the_page(done.stdout, name, plot.title)


def _of_the_page(svg, name, title):
    """Ids of its own, colours of the page, no prolog."""
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"<title>.*?</title>|<desc>.*?</desc>|<filter.*?</filter>", "", svg, flags=re.S)
    svg = re.sub(r"\bid=(['\"])", r"id=\1%s-" % name, svg)
    svg = re.sub(r"href=(['\"])#", r"href=\1#%s-" % name, svg)
    svg = re.sub(r"url\(#", "url(#%s-" % name, svg)
    svg = re.sub(r"rgb\(\s*0,\s*0,\s*(\d+)\)", lambda m: "var(%s)" % COLOURS.get(int(m.group(1)), "--ink"), svg)
    svg = svg.replace('color="black"', 'color="var(--ink)"').replace("fill='black'", "fill='var(--ink)'").replace("'sans-serif'", "'inherit'")
    return svg.replace('"sans-serif"', '"inherit"').replace("<svg", '<svg role="img" aria-label="%s"' % _attribute(title), 1)


def _attribute(words):
    return text.clean(words).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
