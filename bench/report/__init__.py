"""The report: tables for the terminal, Markdown and CSV, all from records."""
