"""What made a record: the code, the libraries, the machine; and how it went wrong, if it did."""

from __future__ import annotations

import platform
import traceback
from importlib.metadata import version
from typing import Any

import torch
from threadpoolctl import threadpool_info

from bench.finetune.loop import is_bfloat16
from bench.finetune.settings import Precision
from bench.process import generation, processor

LONGEST_MESSAGE, LONGEST_TRACEBACK = 4_000, 100_000  # characters that a record keeps
LIBRARIES = (
    *("torch", "numpy", "scipy", "pandas", "scikit-learn", "autogluon.tabular"),
    *("causal-learn", "dowhy", "networkx", "ctgan", "copulas", "imbalanced-learn"),
)


def provenance(
    code: str, scores: dict[str, str], threads: int, device: torch.device, precision: Precision
) -> dict[str, Any]:
    """The record's ``provenance``; ``precision`` is that of the training steps."""
    return {
        "code": code,
        "scores": scores,
        "versions": versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor_of(device),
        "kernels": kernels(),
        "threads": threads,
        "device": str(device),
        "precision": "bfloat16" if is_bfloat16(precision, device) else "float32",
    }


def versions() -> dict[str, str]:
    """Versions of the libraries whose arithmetic or choices are in the numbers."""
    return {name: version(name) for name in LIBRARIES}


def _processor_of(device: torch.device) -> str:
    """What computes: the GPU's name, or the processor's."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else processor()


def kernels() -> str:
    """Which kernels the libraries choose on this processor: others round otherwise.

    Processors of one name differ ("AMD EPYC" is several generations), and so does what a
    library is told by its environment; torch and OpenBLAS say what they settled on.
    """
    blas = {
        str(pool["architecture"])
        for pool in threadpool_info()
        if pool.get("internal_api") == "openblas" and pool.get("architecture")
    }
    chosen = [f"torch {torch.backends.cpu.get_cpu_capability()}"]
    chosen += [f"OpenBLAS {name}" for name in sorted(blas)]
    return ", ".join([*chosen, *generation()])


def error_of(reason: BaseException) -> dict[str, str]:
    """What a record keeps of an error: text that can be written, and no more than can be read."""
    told = traceback.TracebackException.from_exception(reason)  # bears one that cannot tell itself
    # Torch puts the frames of its C++ behind; they stay in the traceback.
    message = str(told).partition("\nException raised from ")[0]
    return {
        "type": type(reason).__name__,
        "message": _written(message, LONGEST_MESSAGE),
        "traceback": _written("".join(told.format()), LONGEST_TRACEBACK),
    }


def _written(text: str, most: int) -> str:
    """Text in UTF-8, which names of files need not be; of a long one the begin and the end."""
    if len(text) > most:
        text = f"{text[: most // 2]} … {text[-most // 2 :]}"
    return text.encode(errors="backslashreplace").decode()
