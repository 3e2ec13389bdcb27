"""The store of variables: each write is made once, apart for each tenant, also at the same time."""

import asyncio

import pytest

from fakes.written_store import WrittenStore
from flowc.nodes.services.lasting import VariableComparison
from flowc.server.store.lasting import StoredVariables, VariableOwner

OWNER = VariableOwner("workflow", "counter")
DEFAULTS = {"n": 0}


def adding(seen: int) -> VariableComparison:
    return VariableComparison({"n": seen + 1}, {"n": seen}, DEFAULTS)


async def test_a_write_that_is_repeated_after_a_crash_has_its_first_result(
    store: WrittenStore,
) -> None:
    variables = StoredVariables(store.database, "one")
    first = await variables.write(OWNER, adding(0), "run/add#0", "run")
    assert (first.is_stored, first.current) == (True, {"n": 1})
    await variables.write(OWNER, adding(1), "other/add#0", "other")
    again = await variables.write(OWNER, adding(0), "run/add#0", "run")
    assert (again.is_stored, again.current) == (True, {"n": 1})
    assert await variables.read(OWNER, ["n", "m"]) == {"n": 2}


async def test_of_writers_that_expect_the_same_one_is_first(store: WrittenStore) -> None:
    variables = StoredVariables(store.database, "two")
    done = await asyncio.gather(
        *(variables.write(OWNER, adding(0), f"run {n}", "run") for n in range(6))
    )
    assert [each.is_stored for each in done].count(True) == 1
    assert {each.current["n"] for each in done} == {1}
    assert await variables.read(OWNER, ["n"]) == {"n": 1}


@pytest.mark.parametrize("expected", [1, True, "0", None, [0]])
async def test_values_are_compared_as_json(store: WrittenStore, expected: object) -> None:
    variables = StoredVariables(store.database, "three")
    wanted = VariableComparison({"n": 9}, {"n": expected}, DEFAULTS)
    assert not (await variables.write(OWNER, wanted, f"run {expected}", "run")).is_stored
    assert await variables.read(OWNER, ["n"]) == {}


async def test_tenants_scopes_and_owners_are_apart(store: WrittenStore) -> None:
    variables = StoredVariables(store.database, "four")
    for value in ({"a": [1, None]}, None):
        await variables.write(OWNER, VariableComparison({"n": value}, {}, {}), f"{value}", "run")
        assert await variables.read(OWNER, ["n"]) == {"n": value}
    for owner in (VariableOwner("workflow", "other"), VariableOwner("user", "counter")):
        assert await variables.read(owner, ["n"]) == {}
    assert await StoredVariables(store.database, "five").read(OWNER, ["n"]) == {}
