"""`python -m mutation`: lists the refusals of the compiler that no test would miss.

Run it in the folder `tests`. Each statement that reports or raises a mistake of an author is
disabled in turn, and one of the tests that reach it must fail: those of `tests/compiler`, unless others
are named with --tests. A test that draws its values at random does not count.
"""

import argparse
import sys
from pathlib import Path

import pytest

from mutation.sites import Sites, install
from mutation.trials import Trial, Trials

ROOT = Path(__file__).parents[2]
COMPILER = ROOT / "compiler" / "flowc" / "compiler"
# The tests' own output goes elsewhere.
OUT = sys.__stdout__ or sys.stdout
# The phases that refuse what an author writes.
PARTS = ("check.py", "checks", "reading", "schemas", "analysis", "definition", "expressions")


def main() -> None:
    """Try each site, and print those that survive; exit with 1 if there are any."""
    asked = _asked()
    sites = install(file for part in asked.part or PARTS for file in _files(COMPILER / part))

    def chosen(number: int) -> bool:
        return asked.only is None or asked.only in _shown(sites, number)

    def show(trial: Trial) -> None:
        if trial.killer is None:
            reason = f"{trial.tests} tests pass" if trial.tests else "no test reaches it"
            sys.stdout.write(f"{_shown(sites, trial.site)}  [{reason}]\n")
        elif asked.verbose:
            sys.stdout.write(f"{_shown(sites, trial.site)}  killed by {trial.killer}\n")
        sys.stdout.flush()

    trials = Trials(sites, chosen, show)
    tests = asked.tests or [str(ROOT / "tests" / "compiler")]
    plugins = [f"-pno:{name}" for name in ("terminal", "cacheprovider")]
    code = pytest.main([*plugins, "--capture=no", *tests], [trials])
    if not trials.trials:
        sys.exit(f"pytest ended with {code!r}: nothing was tried")
    _summarize(trials)


def _asked() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--part", action="append", help=f"Of {', '.join(PARTS)}; default: all.")
    options.add_argument("--tests", action="append", help="Folder or file with tests.")
    options.add_argument("--only", help="Only sites with this in their file, line or text.")
    options.add_argument("--verbose", action="store_true", help="Also list what is killed by what.")
    return options.parse_args()


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _shown(sites: Sites, number: int) -> str:
    site = sites.found[number]
    return f"{site.file.relative_to(COMPILER)}:{site.line}: {site.text[:100]}"


def _summarize(trials: Trials) -> None:
    survived = sum(trial.killer is None for trial in trials.trials)
    unreached = sum(not trial.tests for trial in trials.trials)
    for name in sorted(trials.broken):
        sys.stdout.write(f"{name} fails with every site in place, and was left out\n")
    sys.stdout.write(
        f"{len(trials.trials)} sites, {len(trials.trials) - survived} killed,"
        f" {survived} survived, {unreached} of them without a test that reaches them\n"
    )
    sys.exit(bool(survived))


if __name__ == "__main__":
    main()
