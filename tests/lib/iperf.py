# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's iperf3 between a root that serves and a guest: to be in /share of either, as lib.programs brings it."""
import re

from lib.programs import run_in

PROGRAM = "/usr/bin/iperf3"
IPERF = run_in("/share", "iperf3")
BYTES = 4 << 20


def serve(root):
    """At all of the root's addresses."""
    root.tell(f"({IPERF} -s >/tmp/iperf 2>&1 &)")


def transfer(guest, options, there, most=BYTES):
    """That many bytes go, by four connections; -R: to the guest. As iperf3 stops, the server counts no more, though there
    are still some on the way: all 4 MiB where buffers are as large as Linux likes. These hold 64 KiB at either end of
    each connection, so no more than half a MiB is left out of the count."""
    told = guest.tell(f"{IPERF} -c {there} -P 4 -w 64K -n {most} -i 0 -J {options} >/tmp/iperf;"
                      " grep -A 5 '\"sum_[sr]e[nc]' /tmp/iperf | grep '\"bytes\"'"
                      " || cat /tmp/iperf", 400)
    figures = [int(figure) for figure in re.findall(r'"bytes":\s*(\d+)', told)]
    print(f"# iperf3 {options or 'there'}: bytes sent and received: {figures}")
    assert len(figures) == 2 and figures[0] >= most and figures[1] >= most * 3 // 4, told
