"""Seeds derived from named parts; there is no global random state anywhere.

Two callers that name the same parts get the same numbers, in whatever order and process they ask.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive(*parts: str | int) -> int:
    """Hash named parts to a seed.

    Parameters
    ----------
    *parts : str or int
        What the randomness is for, e.g. ``derive("split", "credit-g", 3)``. Order and type count:
        ``"1"`` and ``1`` differ, and so do ``("ab", "c")`` and ``("a", "bc")``.

    Returns
    -------
    int
        In ``[0, 2**63)``.

    Raises
    ------
    TypeError
        If no part is given, or a part is neither a string nor an integer.

    Examples
    --------
    >>> derive("split", "credit-g", 3) == derive("split", "credit-g", 3)
    True
    >>> derive("split", "credit-g", 3) == derive("split", "credit-g", "3")
    False
    """
    if not parts:
        raise TypeError("A seed needs at least one named part.")
    digest = hashlib.sha256()
    for part in parts:
        digest.update(_encode(part))
    return int.from_bytes(digest.digest()[:8], "big") >> 1


def generator(*parts: str | int) -> np.random.Generator:
    """A fresh NumPy generator, seeded with `derive`."""
    return np.random.default_rng(derive(*parts))


def _encode(part: str | int) -> bytes:
    """Type, length, content: no two lists of parts share an encoding."""
    # NumPy's integers count as integers, so that a loop over an array names the same seed.
    if isinstance(part, (int, np.integer)) and not isinstance(part, bool):
        kind, text = "i", str(int(part))
    elif isinstance(part, str):
        kind, text = "s", part
    else:
        raise TypeError(f"A seed's part is a string or an integer, not {type(part).__name__}.")
    content = text.encode()
    return f"{kind}{len(content)}:".encode() + content
