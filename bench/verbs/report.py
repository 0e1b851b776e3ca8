"""`python -m bench report`: which records, read how."""

from __future__ import annotations

from bench.verbs._folder import folder

HELP = "tables, figures and a page from records: report [results_dir] [analysis.KEY=VALUE ...]"
PLACE = 4
USAGE = "report [results_dir | experiment=NAME] [analysis.KEY=VALUE ...]"


def main(arguments: list[str]) -> int:
    """Report on a results folder; give the exit code."""
    from bench.analysis.settings import PREFIX, settings
    from bench.report.write import report

    own = [a for a in arguments if a.startswith(PREFIX)]
    root = folder([a for a in arguments if not a.startswith(PREFIX)], USAGE)
    chosen = settings(own)
    print("Making tables and figures …", flush=True)
    return report(root, chosen)
