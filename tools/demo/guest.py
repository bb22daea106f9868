# SPDX-License-Identifier: Apache-2.0
"""A small real VM: Debian's cloud kernel, a busybox initramfs, one virtio-net card on vhost-user.

The guest runs commands sent over its second serial port, which is a unix socket on the host:
one command a line in, its output, then "@@rc N". QEMU emulates the CPU (accel=tcg), so it runs anywhere.
"""

import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

MODULES = ["virtio_pci", "virtio_net"]  # what they depend on comes with them

INIT = """#!/bin/sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for m in %(modules)s; do insmod /lib/modules/$m.ko; done
ip link set lo up
echo 1 > /proc/sys/net/ipv6/conf/default/accept_ra
for arg in $(cat /proc/cmdline); do case $arg in sluice.*)
    key=${arg%%%%=*}; val=${arg#*=}
    case $key in
    sluice.mtu) mtu=$val ;;
    sluice.ip) addrs="$addrs $val" ;;
    esac ;;
esac; done
i=0; while [ ! -e /sys/class/net/eth0 ] && [ $i -lt 100 ]; do i=$((i+1)); usleep 50000; done
echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad
[ -n "$mtu" ] && ip link set eth0 mtu $mtu
for a in $addrs; do ip addr add $a dev eth0; done
ip link set eth0 up
stty -F /dev/ttyS1 raw -echo
exec 3<>/dev/ttyS1
echo "@@ready" >&3
while read -r cmd <&3; do
    sh -c "$cmd" >&3 2>&1 </dev/null; echo "@@rc $?" >&3
done
"""


class GuestError(Exception):
    pass


def find_kernel():
    """The newest cloud kernel that has its modules, or GuestError saying what to install."""
    for image in sorted(glob.glob("/boot/vmlinuz-*cloud*"), reverse=True):
        release = os.path.basename(image)[len("vmlinuz-"):]
        if os.path.isdir("/lib/modules/" + release):
            return image, release
    raise GuestError("no guest kernel: apt-get install linux-image-cloud-amd64")


def _copy_binary(root, path):
    """Copies a program and the libraries it is linked with into the image."""
    libs = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    for lib in re.findall(r"(/\S+)", libs):
        dst = root + lib
        os.makedirs(os.path.dirname(dst), exist_ok=True)
        if not os.path.exists(dst):
            shutil.copy(lib, dst)
    shutil.copy(path, root + "/bin/" + os.path.basename(path))


def _module_files(release):
    """Files of MODULES and what they need, in loading order (modules.dep lists the deepest last)."""
    base = "/lib/modules/" + release
    deps = {}
    with open(base + "/modules.dep", encoding="ascii") as f:
        for line in f:
            target, needs = line.split(":")
            deps[re.sub(r"\.ko.*", "", os.path.basename(target))] = [target] + needs.split()
    files = []
    for module in MODULES:
        for path in reversed(deps.get(module, [])):  # absent: built into the kernel
            if path not in files:
                files.append(path)
    return [os.path.join(base, path) for path in files]


def build_initramfs(out, extra_programs=()):
    """Writes a gzip-compressed cpio image to out; returns the kernel to boot it with."""
    kernel, release = find_kernel()
    busybox = shutil.which("busybox")
    if busybox is None:
        raise GuestError("no busybox: apt-get install busybox-static")
    with tempfile.TemporaryDirectory(prefix="sluice-guest-") as root:
        for d in ("bin", "proc", "sys", "dev", "tmp", "lib/modules", "etc"):
            os.makedirs(os.path.join(root, d))
        shutil.copy(busybox, root + "/bin/busybox")
        os.symlink("busybox", root + "/bin/sh")
        names = []
        for path in _module_files(release):
            name = re.sub(r"\.ko.*", "", os.path.basename(path))
            names.append(name)
            if path.endswith(".xz"):
                with open("%s/lib/modules/%s.ko" % (root, name), "wb") as f:
                    subprocess.run(["xz", "-dc", path], stdout=f, check=True)
            else:
                shutil.copy(path, "%s/lib/modules/%s.ko" % (root, name))
        for program in extra_programs:
            path = shutil.which(program)
            if path is None:
                raise GuestError("no %s: apt-get install %s" % (program, program))
            _copy_binary(root, path)
        with open(root + "/init", "w", encoding="ascii") as f:
            f.write(INIT % {"modules": " ".join(names)})
        os.chmod(root + "/init", 0o755)
        subprocess.run("find . | cpio -o -H newc --quiet | gzip -1 > '%s'" % os.path.abspath(out),
                       shell=True, cwd=root, check=True)
    return kernel


class Guest:
    """One VM. start() returns at once; wait_ready() waits until it takes commands."""

    def __init__(self, name, kernel, initramfs, vhost_socket, mac, addresses, rundir, netns=None, mtu=None,
                 memory_mb=160, queues=1, server=True):
        self.name, self.kernel, self.initramfs = name, kernel, initramfs
        self.vhost_socket, self.mac, self.addresses = vhost_socket, mac, addresses
        self.netns, self.mtu, self.memory_mb, self.queues, self.server = netns, mtu, memory_mb, queues, server
        self.serial = os.path.join(rundir, name + ".serial")
        self.console = os.path.join(rundir, name + ".console.log")
        self.process = None
        self.conn = None
        self.buffer = b""

    def command_line(self):
        args = "console=ttyS0 quiet panic=-1 " + " ".join("sluice.ip=" + a for a in self.addresses)
        if self.mtu:
            args += " sluice.mtu=%d" % self.mtu
        server = ",server=on,wait=off" if self.server else ""
        device = "virtio-net-pci,netdev=n0,mac=%s,vectors=0,romfile=" % self.mac
        if self.queues > 1:
            device += ",mq=on"
        cmd = ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-m", str(self.memory_mb),
               "-object", "memory-backend-memfd,id=mem,size=%dM,share=on" % self.memory_mb,
               "-numa", "node,memdev=mem", "-nodefaults", "-display", "none", "-no-reboot",
               "-kernel", self.kernel, "-initrd", self.initramfs, "-append", args,
               "-chardev", "file,id=s0,path=" + self.console, "-serial", "chardev:s0",
               "-chardev", "socket,id=s1,path=%s,server=on,wait=off" % self.serial, "-serial", "chardev:s1",
               "-chardev", "socket,id=c0,path=%s%s" % (self.vhost_socket, server),
               "-netdev", "vhost-user,id=n0,chardev=c0,queues=%d" % self.queues, "-device", device]
        return cmd

    def start(self):
        if self.server and os.path.exists(self.vhost_socket):
            os.unlink(self.vhost_socket)
        if os.path.exists(self.serial):
            os.unlink(self.serial)
        cmd = self.command_line()
        if self.netns:
            cmd = ["ip", "netns", "exec", self.netns] + cmd
        with open(self.console + ".qemu", "wb") as log:
            self.process = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)

    def _check_alive(self):
        if self.process.poll() is not None:
            with open(self.console + ".qemu", encoding="utf-8", errors="replace") as f:
                raise GuestError("%s: QEMU ended with %d: %s" % (self.name, self.process.returncode, f.read()[-2000:]))

    def _read_until(self, pattern, deadline):
        while True:
            match = re.search(pattern, self.buffer)
            if match:
                text = self.buffer[:match.start()]
                self.buffer = self.buffer[match.end():]
                return text, match
            left = deadline - time.monotonic()
            if left <= 0:
                raise GuestError("%s: no answer in time; so far: %r" % (self.name, self.buffer[-500:]))
            self._check_alive()
            self.conn.settimeout(min(left, 1.0))
            try:
                data = self.conn.recv(65536)
            except socket.timeout:
                continue
            if not data:
                raise GuestError("%s: serial line closed" % self.name)
            self.buffer += data

    def wait_ready(self, timeout_s=90):
        deadline = time.monotonic() + timeout_s
        while self.conn is None:
            self._check_alive()
            conn = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                conn.connect(self.serial)
                self.conn = conn
            except OSError:
                conn.close()
                if time.monotonic() > deadline:
                    raise GuestError("%s: QEMU did not open its serial line" % self.name) from None
                time.sleep(0.05)
        # The guest may have said it before we were connected: ask, rather than rely on having heard it.
        while True:
            try:
                self.conn.sendall(b"echo @@up\n")
                self._read_until(rb"@@up\r?\n@@rc 0\r?\n", min(deadline, time.monotonic() + 2))
                self.buffer = b""
                return
            except GuestError:
                self._check_alive()
                if time.monotonic() > deadline:
                    with open(self.console, encoding="utf-8", errors="replace") as f:
                        raise GuestError("%s: not up in %d s: %s" % (self.name, timeout_s, f.read()[-1500:])) from None

    def run(self, command, timeout_s=30):
        """Runs a shell command in the guest; returns (exit code, output)."""
        self.buffer = b""
        self.conn.sendall(command.encode() + b"\n")
        text, match = self._read_until(rb"@@rc (\d+)\r?\n", time.monotonic() + timeout_s)
        return int(match.group(1)), text.decode(errors="replace").replace("\r\n", "\n")

    def ping(self, address, count=3, size=56, wait_s=1, dont_fragment=False):
        """Round-trip times in ms of the answered probes."""
        tool = "ping6" if ":" in address else "ping"
        _, out = self.run("%s -c %d -i 0.2 -W %d -s %d %s" % (tool, count, wait_s, size, address),
                          timeout_s=count * (wait_s + 1) + 10)
        return [float(t) for t in re.findall(r"time=([\d.]+) ms", out)]

    def stop(self):
        if self.conn is not None:
            self.conn.close()
            self.conn = None
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None
