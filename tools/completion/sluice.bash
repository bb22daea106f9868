# SPDX-License-Identifier: Apache-2.0
# Bash completion for sluice; the words come from the program itself and, for live names, from sluiced.
complete -o nospace -C 'sluice --bash-complete' sluice
