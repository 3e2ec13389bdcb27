"""Tallies of runs that ended, as rows: each is written with the end, and waits to be counted.

No two runs write to one row, so that ends of the same workflow never wait for each other.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Integer, String, Text, bindparam, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from flowc.server.store.compact_json import compact_json
from flowc.server.store.tables import Table


class TallyRow(Table):
    """What is to be counted of a run that ended; `data` is JSON, of `RunTally.as_json`."""

    __tablename__ = "tallies"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    tenant: Mapped[str] = mapped_column(String(64))
    data: Mapped[str] = mapped_column(Text)


TALLIES = Table.metadata.tables["tallies"]
# With the id that the database gives, which no one asks for.
TALLY_INSERTION = (
    insert(TALLIES)
    .values(tenant=bindparam("owner", type_=String()), data=bindparam("tally", type_=Text()))
    .inline()
)


def tally_values(tenant: str, tally: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of the insertion of a tally."""
    return {"owner": tenant, "tally": compact_json(tally)}


def put_tally(session: Session, tenant: str, tally: Mapping[str, Any]) -> None:
    """Store a tally, within a transaction."""
    session.execute(TALLY_INSERTION, tally_values(tenant, tally))
