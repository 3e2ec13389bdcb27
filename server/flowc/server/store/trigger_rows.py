"""The tables of webhooks, subscriptions with their deliveries, and dependencies."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from flowc.server.store.tables import Table


class WebhookRow(Table):
    """A path at which messages start a workflow; `secret` names a secret, and is "" for none."""

    __tablename__ = "webhooks"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    path: Mapped[str] = mapped_column(String(128), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(String(128))
    secret: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime]
    verification: Mapped[str] = mapped_column(String(16))
    header: Mapped[str | None] = mapped_column(String(128))
    methods: Mapped[list[str]] = mapped_column(JSON)
    input: Mapped[str] = mapped_column(String(16))
    response: Mapped[str] = mapped_column(String(16))


class SubscriptionRow(Table):
    """A URL notified when runs end or wait, of one workflow or all; `secret` is a secret's name."""

    __tablename__ = "subscriptions"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    kinds: Mapped[Any]
    workflow_id: Mapped[str | None] = mapped_column(String(128))
    secret: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime]


class DeliveryRow(Table):
    """One message to a subscriber; `problem` is why its last attempt failed."""

    __tablename__ = "deliveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "subscription_id"],
            ["subscriptions.tenant", "subscriptions.id"],
            ondelete="CASCADE",
        ),
        Index("deliveries_by_time", "tenant", "subscription_id", "created_at"),
    )

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    subscription_id: Mapped[str] = mapped_column(String(36))
    status: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    payload: Mapped[Any]
    problem: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class DependencyRow(Table):
    """A workflow that starts when runs of others have ended; one row for each of those others.

    `run_id` is the other workflow's run that has ended so since the last start, if any, and
    `completed_at` is when the newest such run ended. `input` also has how a run must end, unless
    it must complete.
    """

    __tablename__ = "dependencies"
    __table_args__ = (Index("dependencies_by_other", "tenant", "depends_on"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    depends_on: Mapped[str] = mapped_column(String(128), primary_key=True)
    input: Mapped[Any]
    run_id: Mapped[str | None] = mapped_column(String(36))
    completed_at: Mapped[datetime | None]
