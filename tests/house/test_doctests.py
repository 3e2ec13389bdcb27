"""The examples in docstrings give what they show."""

import doctest
import importlib.util
from pathlib import Path

import pytest

from fakes.places import ROOT
from house.sources import modules, name_of


def module_name(path: Path) -> str:
    """Return the name that a module of the four roots is imported by."""
    inner = path.relative_to(ROOT).with_suffix("").parts[1:]
    return ".".join(inner).removesuffix(".__init__")


# Only these are imported: all modules together take seconds.
WITH_EXAMPLES = [path for path in modules() if ">>> " in path.read_text()]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=name_of)
def test_the_examples_of_a_module_give_what_they_show(path: Path) -> None:
    module = importlib.import_module(module_name(path))
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
