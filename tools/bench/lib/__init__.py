# SPDX-License-Identifier: Apache-2.0
"""The parts of sluice-bench that are written in Python. README.md has them in reading order."""
