"""Errors as sentences for the person at the keyboard, and the exit code that goes with them."""

from __future__ import annotations

BAD_INPUT = 2  # exit code: what was given cannot be used


class BadInput(ValueError):
    """What was given cannot be used; the message is one sentence, without a stack trace."""


def sentence(error: BaseException) -> str:
    """The gist of a library's error: its lines joined, without the frames that follow."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3]) or type(error).__name__
