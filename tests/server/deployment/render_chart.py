"""Renders the chart with Helm's own engine and checks the objects; runs in the tools' environment.

Reads the folder of the chart, values, and versions of Kubernetes as JSON; prints the messages of the
linter, the objects of each file, and what is wrong with them.
"""

import json
import sys
from typing import Any

import helm_python  # pyright: ignore[reportMissingImports] - of the tools
import kubernetes_validate  # pyright: ignore[reportMissingImports] - as above
import yaml


def problems(thing: dict[str, Any], versions: list[str]) -> list[str]:
    """Return what does not fit the schemas of Kubernetes, strictly."""
    found = []
    for version in versions:
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as problem:
            found.append(f"{version}: {'.'.join(map(str, problem.path))}: {problem.message}")
        except kubernetes_validate.SchemaNotFoundError:
            found.append(f"{version}: no schema")
    return found


def main() -> None:
    """Print the answer to the question on standard input."""
    asked = json.load(sys.stdin)
    linted = helm_python.lint(asked["chart"])
    files: dict[str, list[Any]] = {}
    try:
        with helm_python.Chart.load(asked["chart"]) as chart:
            chart.validate_schema(asked["values"])
            texts = chart.render(asked["values"], name="demo", namespace="prod")
    except helm_python.HelmError as refused:
        json.dump({"refused": str(refused)}, sys.stdout)
        return
    for name, text in texts.items():
        if name.endswith(".yaml"):
            files[name.rpartition("/")[2]] = [each for each in yaml.safe_load_all(text) if each]
    notes = next(text for name, text in texts.items() if name.endswith("NOTES.txt"))
    wrong = {
        f"{name} {each['kind']}": found
        for name, things in files.items()
        for each in things
        if (found := problems(each, asked["versions"]))
    }
    json.dump({"linted": linted, "files": files, "notes": notes, "wrong": wrong}, sys.stdout)


if __name__ == "__main__":
    main()
