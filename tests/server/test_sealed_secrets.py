"""Sealed secrets: they open in their own row alone, and are rotated without a pause."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from fakes.processes import new_database
from flowc.server.records.secrets import SecretBindings, SecretText
from flowc.server.secrets.keeper import Rotation, SecretKeeper
from flowc.server.secrets.sealing import (
    BadSealingKey,
    CannotOpen,
    Seals,
    SecretPlace,
    new_sealing_key,
)
from flowc.server.store.database import Database
from flowc.server.store.secrets import NoSuchSecret, SecretTenants, StoredSecrets

OLD, NEW = new_sealing_key(), new_sealing_key()
PLACE = SecretPlace("default", "token", 2)
SECRET = SecretText("sesame-42", SecretBindings(("a.test",), ("billing",)))


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/d.db"
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("postgres"))["FLOWC_DATABASE_URL"]
    database = await Database.open(url)
    yield database
    await database.close()


def keeper(database: Database, *keys: str, tenant: str = "default") -> SecretKeeper:
    return SecretKeeper(Seals(keys), StoredSecrets(database, tenant))


async def opened(database: Database, name: str, *keys: str, tenant: str = "default") -> SecretText:
    found = await StoredSecrets(database, tenant).find(name)
    assert found is not None
    return Seals(keys).open(SecretPlace(tenant, name, found[0]), found[1])


def test_the_first_key_seals_and_all_open() -> None:
    sealed = Seals([OLD]).seal(PLACE, SECRET)
    assert Seals([NEW, OLD]).open(PLACE, sealed.text) == SECRET
    again = Seals([NEW, OLD]).seal(PLACE, SECRET)
    assert (again.key_id, sealed.key_id) == Seals([NEW, OLD]).ids
    assert "sesame-42" not in repr(SECRET)


@pytest.mark.parametrize(
    "place",
    [
        SecretPlace("acme", "token", 2),
        SecretPlace("default", "other", 2),
        SecretPlace("default", "token", 1),
    ],
)
def test_a_row_that_was_moved_does_not_open(place: SecretPlace) -> None:
    seals = Seals([OLD])
    with pytest.raises(CannotOpen):
        seals.open(place, seals.seal(PLACE, SECRET).text)


def test_nothing_opens_without_the_key_or_when_it_was_changed() -> None:
    sealed = Seals([OLD]).seal(PLACE, SECRET).text
    for seals, changed in (
        (Seals([NEW]), sealed),
        (Seals([]), sealed),
        (Seals([OLD]), sealed[:-9] + "AAAAAAAA="),
    ):
        with pytest.raises(CannotOpen):
            seals.open(PLACE, changed)


@pytest.mark.parametrize("key", ["", "sesame", "A" * 43, "é" * 44])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(BadSealingKey):
        Seals([OLD, key])


async def test_secrets_are_one_tenants(database: Database) -> None:
    await keeper(database, OLD).set("token", SECRET, "me")
    await keeper(database, OLD, tenant="acme").set("token", SecretText("other-42"), "you")
    assert (await opened(database, "token", OLD)).value == "sesame-42"
    assert (await opened(database, "token", OLD, tenant="acme")).value == "other-42"
    [record] = await StoredSecrets(database, "default").list()
    assert (record.name, record.version, record.updated_by) == ("token", 1, "me")
    assert record.bindings == SECRET.bindings
    await StoredSecrets(database, "acme").delete("token")
    assert (await opened(database, "token", OLD)).value == "sesame-42"
    with pytest.raises(NoSuchSecret):
        await StoredSecrets(database, "acme").delete("token")


async def test_what_a_row_says_beside_the_seal_is_not_trusted(database: Database) -> None:
    own = keeper(database, OLD)
    await own.set("token", SECRET, "me")
    await own.set("wide", SecretText("sesame-43"), "me")

    def change(session: Session) -> None:
        session.execute(
            text("update secrets set hosts = '[]', workflows = '[]' where name = 'token'")
        )
        swap = "update secrets set sealed = (select sealed from secrets where name = 'token') where name = 'wide'"
        session.execute(text(swap))

    await database.write(change)
    assert (await opened(database, "token", OLD)).bindings == SECRET.bindings
    with pytest.raises(CannotOpen):
        await opened(database, "wide", OLD)


async def test_a_rotation_seals_with_the_newest_key_and_counts_the_rest(database: Database) -> None:
    for number in range(230):
        await keeper(database, OLD).set(f"s{number}", SecretText(f"sesame-{number}"), "me")
    await keeper(database, OLD, tenant="acme").set("token", SECRET, "you")
    assert await SecretTenants(database).names() == ["acme", "default"]
    # Both keys open while processes have one list or the other.
    assert await keeper(database, NEW, OLD).rotate() == Rotation(230, 0)
    assert await keeper(database, NEW, OLD).rotate() == Rotation(0, 0)
    assert (await opened(database, "s17", NEW)).value == "sesame-17"
    assert await keeper(database, NEW, OLD, tenant="acme").rotate() == Rotation(1, 0)
    [record] = await StoredSecrets(database, "acme").list()
    assert (record.version, record.key_id, record.updated_by) == (1, Seals([NEW]).newest, "you")


async def test_what_a_rotation_cannot_open_is_left_and_counted(database: Database) -> None:
    await keeper(database, OLD).set("lost", SECRET, "me")
    await keeper(database, NEW).set("kept", SECRET, "me")
    assert await keeper(database, NEW).rotate() == Rotation(0, 1)
    assert (await opened(database, "lost", OLD)).value == "sesame-42"


async def test_a_secret_that_is_set_during_a_rotation_stays(database: Database) -> None:
    own, newest = keeper(database, OLD), keeper(database, NEW, OLD)
    for number in range(40):
        await own.set(f"s{number}", SecretText(f"sesame-{number}"), "me")

    async def set_all() -> None:
        for number in range(40):
            await own.set(f"s{number}", SecretText(f"changed-{number}"), "me")

    await asyncio.gather(newest.rotate(), set_all(), newest.rotate())
    for number in range(40):
        assert (await opened(database, f"s{number}", NEW, OLD)).value == f"changed-{number}"
    done = await newest.rotate()
    assert done.remaining == 0
