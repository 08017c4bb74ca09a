# SPDX-License-Identifier: GPL-2.0-or-later
"""Ctrl-C, a kill and a lost terminal: an exception, once; behind what must be whole, not within it."""
import signal
from contextlib import contextmanager

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """By a signal; whatever was begun is ended by the `with` blocks."""


class State:
    """How deep in `whole` it is, and the signal that waits for its end."""
    depth, came = 0, None


def end_by_signals():
    for number in ENDING:
        signal.signal(number, _end)


def _end(number, _):
    for each in ENDING:  # another, while it cleans up, would leave half of that
        signal.signal(each, signal.SIG_IGN)
    State.came = number
    if not State.depth:
        _interrupt()


def _interrupt():
    number, State.came = State.came, None
    raise Interrupted(signal.Signals(number).name)


@contextmanager
def whole():
    """Here a signal waits: what begins something is followed by what will end it, and what ends something is not left half
    way."""
    State.depth += 1
    try:
        yield
    finally:
        State.depth -= 1
        if State.came and not State.depth:
            _interrupt()
