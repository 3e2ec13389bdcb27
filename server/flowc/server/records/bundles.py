"""A bundle: workflows with their texts in one file, to move from one server to another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

BundleAction = Literal["create", "change", "unchanged"]


@dataclass(frozen=True)
class BundledWorkflow:
    """One workflow of a bundle: its text, in a `format` (`yaml` or `json`), and its labels.

    `cases` is the text of its case file; without it, the cases that are there stay.
    """

    id: str
    source: str
    format: str
    message: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    cases: str | None = None
