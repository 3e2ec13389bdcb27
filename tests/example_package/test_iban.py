"""The node type keeps the promises of node types, and does its work."""

import asyncio
from typing import Any

import pytest
from flowc_iban import Iban

from flowc.compiler import Context, NodeError, Outcome
from flowc.compiler.testing import check_node_type

GOOD = "gb82 west 1234 5698 7654 32"


def run(**config: Any) -> Outcome:
    return asyncio.run(Iban(**config).run(Context()))


def test_it_keeps_the_promises_of_node_types() -> None:
    outcome = asyncio.run(check_node_type(Iban, {"number": GOOD}))
    assert outcome.output == {"iban": "GB82WEST12345698765432", "country": "GB"}


@pytest.mark.parametrize(
    ("number", "countries", "branch"),
    [
        (GOOD, [], "valid"),
        (GOOD, ["DE", "GB"], "valid"),
        (GOOD, ["DE"], "invalid"),
        ("GB83 WEST 1234 5698 7654 32", [], "invalid"),
        ("not a number", [], "invalid"),
    ],
)
def test_it_branches(number: str, countries: list[str], branch: str) -> None:
    assert run(number=number, countries=countries).branch == branch


def test_an_empty_number_fails_the_node() -> None:
    with pytest.raises(NodeError) as failed:
        run(number=" ")
    assert failed.value.code == "no-account"
