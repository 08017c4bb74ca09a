# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev as a test calls it."""
import subprocess

from lib.paths import TOP
from lib.processes import Child

ENDS_SECONDS = 20


def dev(*words, limit=240, top=TOP):
    """Runs it to its end and gives (status, stdout, stderr). One that does not end, or whose caller
    is to end, is asked to end first, so that it cleans up, and killed only then."""
    process = Child([top / "dev", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE)
    try:
        out, errors = process.communicate(timeout=limit)
    except BaseException:
        process.terminate()
        try:
            process.wait(ENDS_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
    return subprocess.CompletedProcess(words, process.returncode, out, errors)
