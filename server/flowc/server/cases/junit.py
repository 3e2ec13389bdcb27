"""Writes the results of cases as JUnit XML."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as XML

from flowc.server.cases.runner import CaseResult


def write_junit(results: Sequence[CaseResult], path: Path) -> None:
    """Write results, with one test suite for each case file."""
    root = XML.Element("testsuites")
    for file, group in groupby(results, key=lambda result: result.file):
        found = list(group)
        failures = sum(bool(result.problems) for result in found)
        counts = {"name": file, "tests": str(len(found)), "failures": str(failures)}
        suite = XML.SubElement(root, "testsuite", counts)
        for result in found:
            named = {"classname": file, "name": result.name, "time": f"{result.seconds:.3f}"}
            case = XML.SubElement(suite, "testcase", named)
            if result.problems:
                first = result.problems[0].splitlines()[0]
                XML.SubElement(case, "failure", message=first).text = "\n".join(result.problems)
    XML.indent(root)
    XML.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
