"""Completes files, test cases, node types, filters, diagnostic codes and runs in a shell."""

from pathlib import Path

import typer

# What is completed is imported where that is done: commands import this module to run.


def complete_definition(incomplete: str) -> list[str]:
    """Return the definition files whose paths start with this text."""
    from flowc.server.cases import case_files  # noqa: PLC0415
    from flowc.server.cli import definition_files  # noqa: PLC0415

    files = _files(incomplete, definition_files.SUFFIXES)
    return [file for file in files if not file.endswith((*case_files.SUFFIXES, ".recorded.json"))]


def complete_cases(incomplete: str) -> list[str]:
    """Return the files of test cases whose paths start with this text."""
    from flowc.server.cases import case_files  # noqa: PLC0415

    return _files(incomplete, case_files.SUFFIXES)


def complete_node_type(incomplete: str) -> list[str]:
    """Return the node types whose names start with this text."""
    from flowc.compiler.node.registry import Registry  # noqa: PLC0415

    return [word for word in Registry.installed().words() if word.startswith(incomplete)]


def complete_filter(incomplete: str) -> list[str]:
    """Return the filters, tests and functions whose names start with this text."""
    from flowc.compiler.reports.vocabulary import word_names  # noqa: PLC0415

    return sorted(name for name in word_names() if name.startswith(incomplete))


def complete_code(incomplete: str) -> list[str]:
    """Return the diagnostic codes that start with this text."""
    from flowc.compiler.reports.explanations import explanations  # noqa: PLC0415

    return sorted(code for code in explanations() if code.startswith(incomplete))


def complete_run(context: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of recent runs that start with this text, newest first."""
    from flowc.server.cli.run_sources import open_runs  # noqa: PLC0415

    with open_runs(context.params.get("server")) as runs:
        found = [str(run["id"]) for run in runs.runs(None, None, 50)]
    return [id for id in found if id.startswith(incomplete)]


def _files(incomplete: str, suffixes: tuple[str, ...]) -> list[str]:
    # Folders are not listed: when nothing matches, the shell completes paths on its own.
    folder, separator, start = incomplete.rpartition("/")
    try:
        names = [each.name for each in Path(folder + separator).iterdir() if each.is_file()]
    except OSError:
        return []
    if not start:
        names = [name for name in names if not name.startswith(".")]
    found = [name for name in names if name.startswith(start) and name.endswith(suffixes)]
    return sorted(f"{folder}{separator}{name}" for name in found)
