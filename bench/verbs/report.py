"""`python -m bench report`: which records, read how."""

from __future__ import annotations

import sys

from bench.errors import BAD_INPUT, BadInput
from bench.verbs._folder import folder

USAGE = "report [results_dir | experiment=NAME] [analysis.KEY=VALUE ...]"


def main(arguments: list[str]) -> int:
    """Report on a results folder; give the exit code."""
    from bench.analysis.settings import PREFIX, settings
    from bench.report.write import report

    own = [a for a in arguments if a.startswith(PREFIX)]
    try:
        root = folder([a for a in arguments if not a.startswith(PREFIX)], USAGE)
        reading = settings(own)
    except BadInput as reason:
        print(f"bench: {reason}", file=sys.stderr)
        return BAD_INPUT
    print("Making tables and figures …", flush=True)
    return report(root, reading)
