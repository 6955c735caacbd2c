"""Who is told that the process is to stop, and in which order."""

from __future__ import annotations

import signal
import threading

import pytest

from app.adapters.stop_signals import SIGNALS, stop_signals


@pytest.mark.parametrize("number", SIGNALS)
def test_the_callback_is_told_before_the_handler_that_was_there(number):
    told = []
    before = signal.signal(number, lambda *_: told.append("handler"))
    try:
        with stop_signals(lambda: told.append("callback")):
            signal.raise_signal(number)
        assert told == ["callback", "handler"]
        signal.raise_signal(number)
        assert told == ["callback", "handler", "handler"]
    finally:
        signal.signal(number, before)


def test_a_handler_that_came_later_stays():
    before = signal.getsignal(signal.SIGTERM)
    try:
        with stop_signals(lambda: None):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_in_another_thread_nothing_is_changed():
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def within():
        with stop_signals(lambda: None):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=within)
    thread.start()
    thread.join()
    assert seen == [before]
