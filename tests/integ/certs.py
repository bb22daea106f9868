# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests: two authorities, "ca" and "other"; "server" and "client" are of the first, "stranger" of the second."""
import subprocess


def openssl(directory, *words):
    subprocess.run(["openssl"] + list(words), cwd=directory, capture_output=True, check=True)


def make_keys(directory):
    for ca in ("ca", "other"):
        openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", ca + ".key", "-days", "2",
                "-subj", "/CN=" + ca, "-out", ca + ".pem")
    for name, ca in (("server", "ca"), ("client", "ca"), ("stranger", "other")):
        openssl(directory, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key", "-subj", "/CN=" + name,
                "-out", name + ".csr")
        openssl(directory, "x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial", "-days", "2",
                "-out", name + ".pem")
