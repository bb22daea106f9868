# SPDX-License-Identifier: Apache-2.0
"""A result file of sluice-bench, format 1: built from trials, validated on read, written atomically, merged. README.md describes it.

Whoever reads a result (compare, report) may rely on what validate() checks and on nothing else: scenario, environment and a
trial's raw are free-form.
"""

import json
import math
import os
import tempfile

from lib import environment, stats

FORMAT = 1
MAX_BYTES = 256 << 20
MAX_RUNS = 10000
MAX_TRIALS = 100000  # of a run
MAX_NAME = 200
FIGURES = ("median", "min", "max")


class ResultError(Exception):
    """A result that cannot be used. Its text has the file and the path inside the JSON."""


def new(scenario, measured_on):
    """Without runs. measured_on: of environment.collect()."""
    return {"format": FORMAT, "scenario": scenario, "environment": measured_on, "runs": []}


def trial(peer, config, pair, order, value, raw, void=None):
    """A trial's record. Voids the trial when the rules of stats do; a reason given wins."""
    reason = void if void is not None else stats.void_reason(value, raw)
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return {"peer": peer, "config": config, "pair": pair, "order": order, "value": value if usable else None, "raw": raw,
            "void": reason}


def add_run(result, case, metric, better, trials, command, *, target=None, title=None, unit=None, parameters=None,
            seed=stats.SEED, resamples=stats.RESAMPLES):
    """Adds a case with its trials, summarised, and returns it. parameters are what the plots use: {"layer": "B2", "flows": 1000}."""
    run = {"case": case, "metric": metric, "better": better, "trials": trials,
           "summary": stats.summarise(trials, better, seed, resamples), "target": target, "command": command}
    run.update({k: v for k, v in (("title", title), ("unit", unit), ("parameters", parameters)) if v is not None})
    _run(run, "runs[%d]" % len(result["runs"]))
    result["runs"].append(run)
    return run


def write(path, result):
    """Validates, then replaces the file in one step: a reader sees the old file or the new one."""
    validate(result)
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    fd, temporary = tempfile.mkstemp(prefix=".%s." % os.path.basename(path), dir=folder)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as f:
            json.dump(result, f, indent=1, allow_nan=False)
            f.write("\n")
            f.flush()
            os.fsync(f.fileno())
            os.fchmod(f.fileno(), 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read(path):
    try:
        with open(path, "rb") as f:
            text = f.read(MAX_BYTES + 1)
    except OSError as e:
        raise ResultError("%s: %s" % (path, e.strerror)) from e
    try:
        if len(text) > MAX_BYTES:
            raise ResultError("larger than %d MB" % (MAX_BYTES >> 20))
        return validate(_parse(text))
    except ResultError as e:
        raise ResultError("%s: %s" % (path, e)) from e


def _parse(text):
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant, parse_float=_float,
                          parse_int=_int)
    except UnicodeDecodeError as e:
        raise ResultError("not UTF-8 at byte %d" % e.start) from e
    except json.JSONDecodeError as e:
        cut = ": the file is truncated" if e.pos >= len(e.doc.rstrip()) else ""
        raise ResultError("not JSON at line %d, column %d (%s)%s" % (e.lineno, e.colno, e.msg, cut)) from e
    except RecursionError as e:
        raise ResultError("nested too deeply") from e


def _object(pairs):
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        raise ResultError("an object has the key %r twice" % next(n for n in names if names.count(n) > 1)[:MAX_NAME])
    return made


def _constant(word):
    raise ResultError("%s is not a number in JSON" % word)


def _int(text):
    if len(text) > 20:
        raise ResultError("%s… is too large a number" % text[:20])
    return int(text)


def _float(text):
    value = float(text)
    if not math.isfinite(value):
        raise ResultError("%s is too large a number" % text[:40])
    return value


def validate(result):
    """Returns the result, or raises ResultError naming the first thing wrong and where it is."""
    _keys(result, "", ("format", "scenario", "environment", "runs"))
    if result["format"] != FORMAT or isinstance(result["format"], bool):
        raise ResultError("format: is %s, this program reads %d" % (_show(result["format"]), FORMAT))
    _expect(result["scenario"], dict, "scenario", "an object")
    _expect(result["environment"], dict, "environment", "an object")
    _expect(result["runs"], list, "runs", "an array", MAX_RUNS)
    cases = {}
    for i, run in enumerate(result["runs"]):
        where = "runs[%d]" % i
        _run(run, where)
        if run["case"] in cases:
            raise ResultError("%s.case: %s is also runs[%d]" % (where, _show(run["case"]), cases[run["case"]]))
        cases[run["case"]] = i
    return result


def _run(run, where):
    _keys(run, where, ("case", "metric", "better", "trials", "summary", "target", "command"), ("title", "unit", "parameters"))
    for key in ("case", "metric"):
        _name(run[key], "%s.%s" % (where, key))
    for key in ("command", "title", "unit"):
        _expect(run.get(key, ""), str, "%s.%s" % (where, key), "a string", 4096)
    if run["better"] not in ("lower", "higher"):
        raise ResultError('%s.better: must be "lower" or "higher", not %s' % (where, _show(run["better"])))
    _expect(run["trials"], list, where + ".trials", "an array", MAX_TRIALS)
    for i, one in enumerate(run["trials"]):
        _trial(one, "%s.trials[%d]" % (where, i))
    _parameters(run.get("parameters", {}), where + ".parameters")
    _target(run["target"], where + ".target")
    _summary(run, where + ".summary")


def _trial(one, where):
    _keys(one, where, ("peer", "config", "pair", "order", "value", "raw", "void"))
    for key in ("peer", "config"):
        _name(one[key], "%s.%s" % (where, key))
    if one["peer"] == "ratios":
        raise ResultError("%s.peer: no peer can be called ratios" % where)
    if not _is_number(one["pair"], int) or one["pair"] < 0:
        raise ResultError("%s.pair: must be a whole number from 0, not %s" % (where, _show(one["pair"])))
    if not isinstance(one["order"], str) and not _is_number(one["order"], int):
        raise ResultError("%s.order: must be a string or a whole number, not %s" % (where, _show(one["order"])))
    _expect(one["raw"], dict, where + ".raw", "an object")
    if one["void"] is not None and (not isinstance(one["void"], str) or not one["void"]):
        raise ResultError("%s.void: must be null or a reason, not %s" % (where, _show(one["void"])))
    if one["value"] is None and one["void"] is not None:
        return
    _number(one["value"], where + ".value")
    if one["value"] < 0:
        raise ResultError("%s.value: is negative: %s" % (where, _show(one["value"])))


def _parameters(parameters, where):
    _expect(parameters, dict, where, "an object", 64)
    for key, value in parameters.items():
        if not isinstance(value, (str, bool)) and not _is_number(value, (int, float)):
            raise ResultError("%s.%s: must be a string, number or boolean, not %s" % (where, key[:MAX_NAME], _show(value)))


def _target(target, where):
    if target is None:
        return
    _keys(target, where, ("must",), ("aim", "of", "against", "what"))
    for key in ("must", "aim"):
        if target.get(key) is not None or key == "must":
            _number(target[key], "%s.%s" % (where, key))
    if target.get("of", "ratio") not in ("ratio", "value"):
        raise ResultError('%s.of: must be "ratio" or "value", not %s' % (where, _show(target["of"])))
    _expect(target.get("what", ""), str, where + ".what", "a string", 4096)
    _expect(target.get("against", []), list, where + ".against", "an array of peers", 16)
    for i, peer in enumerate(target.get("against", [])):
        _name(peer, "%s.against[%d]" % (where, i))


def _summary(run, where):
    """A summary must be there for every peer, and its figures must be those of the trials."""
    summary = run["summary"]
    _keys(summary, where, ("ratios",), sorted({t["peer"] for t in run["trials"]}))
    for peer in {t["peer"] for t in run["trials"]}:
        at = "%s.%s" % (where, peer)
        if peer not in summary:
            raise ResultError("%s: is missing" % at)
        figures = summary[peer]
        _keys(figures, at, ("config",) + FIGURES + ("n", "void"))
        values = [t["value"] for t in stats.valid(run["trials"], peer, figures["config"])] if figures["config"] is not None else []
        expected = stats.describe(values) if values else {"median": None, "min": None, "max": None, "n": 0}
        for key, value in expected.items():
            _same(figures[key], value, "%s.%s" % (at, key))
    _ratios(run, summary["ratios"], where + ".ratios")


def _ratios(run, ratios, where):
    _expect(ratios, dict, where, "an object")
    summary = run["summary"]
    for peer, ratio in ratios.items():
        at = "%s.%s" % (where, peer[:MAX_NAME])
        if peer in (stats.SLUICE, "ratios") or peer not in summary or stats.SLUICE not in summary:
            raise ResultError("%s: no pairs of sluice and this peer are in the trials" % at)
        _keys(ratio, at, ("config",) + FIGURES + ("low", "high", "pairs", "zero_pairs", "seed", "resamples"))
        if ratio["config"] != summary[peer]["config"]:
            raise ResultError("%s.config: is %s, the summary of the peer has %s" % (at, _show(ratio["config"]),
                                                                                  _show(summary[peer]["config"])))
        pairs = stats.paired_ratios(run["trials"], peer, ratio["config"], run["better"], summary[stats.SLUICE]["config"])
        values = [v for v in pairs.values() if v is not None]
        if not values:
            raise ResultError("%s: no complete pair is in the trials" % at)
        for key, value in (("median", stats.median(values)), ("min", min(values)), ("max", max(values)), ("pairs", len(values))):
            _same(ratio[key], value, "%s.%s" % (at, key))
        for key in ("low", "high"):
            if ratio[key] is not None:
                _number(ratio[key], "%s.%s" % (at, key))
        if (ratio["low"] is None) != (ratio["high"] is None) or (ratio["low"] is not None and ratio["low"] > ratio["high"]):
            raise ResultError("%s: low and high are no interval: %s, %s" % (at, _show(ratio["low"]), _show(ratio["high"])))


def _same(found, expected, where):
    if expected is None or found is None or not _is_number(found, (int, float)):
        same = found is expected
    else:
        same = math.isclose(found, expected, rel_tol=1e-6, abs_tol=1e-12)
    if not same:
        raise ResultError("%s: is %s, its trials give %s" % (where, _show(found), _show(expected)))


def _keys(value, where, required, optional=()):
    _expect(value, dict, where or "the file", "an object")
    for key in required:
        if key not in value:
            raise ResultError("%s: is missing" % ".".join(filter(None, (where, key))))
    for key in value:
        if key not in required and key not in optional:
            raise ResultError("%s: is not a key of format %d" % (".".join(filter(None, (where, key[:MAX_NAME]))), FORMAT))


def _expect(value, kind, where, what, limit=None):
    if not isinstance(value, kind):
        raise ResultError("%s: must be %s, not %s" % (where, what, _show(value)))
    if limit is not None and len(value) > limit:
        raise ResultError("%s: has %d entries or characters, at most %d" % (where, len(value), limit))


def _name(value, where):
    _expect(value, str, where, "a string", MAX_NAME)
    if not value:
        raise ResultError("%s: is empty" % where)


def _number(value, where):
    if not _is_number(value, (int, float)):
        raise ResultError("%s: must be a number, not %s" % (where, _show(value)))


def _is_number(value, kinds):
    return isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)


def _show(value):
    """A value in an error text: short, and on one line whatever it holds."""
    try:
        text = json.dumps(value, ensure_ascii=True)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def merge(results):
    """One result of several, whose cases must be different. The first one's environment stands; what belongs to each run (times,
    steal, commit) is kept as "parts", and whole environments as "merged" when they are unlike. Whether those may be mixed at
    all is the caller's decision."""
    if not results:
        raise ResultError("nothing to merge")
    first, environments = results[0], [r["environment"] for r in results]
    merged = new(first["scenario"], dict(first["environment"]))
    if any(r["scenario"] != first["scenario"] for r in results):
        merged["scenario"] = {"merged": [r["scenario"] for r in results]}
    if len(results) > 1:
        merged["environment"]["parts"] = [{key: e.get(key) for key in ("started", "ended", "steal_percent", "sluice")} for e in environments]
    if any(environment.unlike(environments[0], e) for e in environments):
        merged["environment"]["merged"] = environments
    merged["runs"] = [run for r in results for run in r["runs"]]
    return validate(merged)
