# SPDX-License-Identifier: Apache-2.0
"""What a run needs and may not be there: the build of this checkout, and the packages of the peers."""

import os
import shutil
import subprocess

from lib import engine, layer_b0
from lib.peer_sluice import TOP
from lib.process import BenchError

SETUP = ["-Dtests=false", "--buildtype=release", "-Db_ndebug=false"]
TARGETS = ("datapath/sluice-switch", "control/sluiced", engine.ENGINE, layer_b0.PROGRAM)


def build_of(given, note):
    """The build directory; made, and brought up to date, when it is the checkout's own."""
    path = os.path.abspath(given or os.environ.get("SLUICE_BUILD") or os.path.join(TOP, "build"))
    missing = [t for t in TARGETS if not os.path.exists(os.path.join(path, t))]
    # A directory that was given is measured as it is.
    if missing or not given:
        if missing:
            note("building in %s" % path)
        if not os.path.exists(os.path.join(path, "build.ninja")):
            _make("meson", "setup", path, TOP, *SETUP)
        _make("ninja", "-C", path, "--quiet", *TARGETS)
    return path


def _make(*cmd):
    try:
        done = subprocess.run(cmd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BenchError("%s is not installed" % cmd[0], "tools/dev/packages --install run") from None
    if done.returncode != 0:
        raise BenchError("the build failed:\n" + "\n".join((done.stdout + done.stderr).splitlines()[-20:]),
                         "%s, and see what it says" % " ".join(cmd))


def need_packages(note, what):
    """Installs Debian's packages of the class bench. A service that comes with one is not started."""
    cmd = [os.path.join(TOP, "tools", "dev", "packages"), "bench"]
    missing = subprocess.run(cmd, capture_output=True, text=True, check=False).stdout.strip()
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise BenchError("%s: %s" % (what, missing.splitlines()[0]), missing.splitlines()[-1])
    note("%s: installing Debian's packages, of which no service is started (%s)" % (what, missing.splitlines()[0]))
    done = subprocess.run(cmd[:1] + ["--install", "bench"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError("installing failed:\n" + (done.stderr or done.stdout).strip()[-600:], "apt-get update, then again")
