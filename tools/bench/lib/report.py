# SPDX-License-Identifier: Apache-2.0
"""Makes the report of one or several results: a table on the terminal and one self-contained HTML file."""

import os
import sys
import tempfile
import time

from lib import environment, headline, page, plots, result, text

EXIT_REFUSED = 2


def add_arguments(parser):
    parser.add_argument("results", nargs="+", metavar="RESULT.json", help="results; several become one report")
    parser.add_argument("-o", "--output", metavar="FILE.html", help="the report (default: beside the first result, .html instead of .json)")
    parser.add_argument("--text", action="store_true", help="only the table on the terminal")
    parser.add_argument("--force", action="store_true", help="one report although the environments of the results are unlike")


def main_report(args, out=sys.stdout, err=sys.stderr):
    """0, or 2 when a result is unreadable, they do not fit together, or the report cannot be written."""
    try:
        merged = load(args.results, args.force, err)
    except result.ResultError as e:
        print("sluice-bench: %s" % text.clean(e), file=err)
        return EXIT_REFUSED
    print("\n".join(headline.text_table(merged)), file=out)
    if args.text:
        return 0
    path = args.output or os.path.splitext(args.results[0])[0] + ".html"
    try:
        missing = write_html(path, merged)
    except OSError as e:
        print("sluice-bench: %s: %s" % (text.clean(path), e.strerror), file=err)
        return EXIT_REFUSED
    if missing:
        print("sluice-bench: %s" % missing, file=err)
    print("\nreport: %s" % path, file=out)
    return 0


def load(paths, force, err):
    """The results as one."""
    read = [result.read(path) for path in paths]
    for path, other in zip(paths[1:], read[1:]):
        differences = environment.unlike(read[0]["environment"], other["environment"])
        if differences and not force:
            raise result.ResultError("%s and %s were measured in unlike environments (%s); --force reports them together all the same" % (
                paths[0], path, "; ".join(differences)))
        if differences:
            print("sluice-bench: unlike environments, reported together: %s" % text.clean("; ".join(differences)), file=err)
    return read[0] if len(read) == 1 else result.merge(read)


def write_html(path, shown, gnuplot="gnuplot"):
    """Writes the page in one step. Returns why plots are missing, or None."""
    drawn, missing = plots.draw(shown, gnuplot)
    document = page.page(shown, drawn, missing, time.strftime("%Y-%m-%d", time.gmtime()))
    folder = os.path.dirname(os.path.abspath(path))
    fd, temporary = tempfile.mkstemp(prefix=".report.", dir=folder)
    try:
        with os.fdopen(fd, "w", encoding="utf-8", errors="replace") as f:
            f.write(document)
            os.fchmod(f.fileno(), 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    failed = [plot.error for plot in drawn if plot.error]
    return missing or (failed[0] if failed else None)
