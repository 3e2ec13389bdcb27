"""`flowc backup` and `flowc restore`: all that a server stores, in one file, and back."""

from pathlib import Path
from typing import Annotated

import typer

from flowc.server.cli.local_settings import read_settings
from flowc.server.cli.output import wrong

BackupFile = Annotated[Path, typer.Argument(help="The backup, such as flowc.tar.gz.")]


def backup(file: BackupFile) -> None:
    """Save workflows, runs, documents and all else of the database in a file; servers may run.

    It has everything that the settings name as the database: SQLite and the documents beside it, or
    PostgreSQL, for which `pg_dump` must be installed. Runs that wait continue after a restore.
    """
    from flowc.server.backups.archive import BackupRefused  # noqa: PLC0415 - loads the database
    from flowc.server.backups.backups import back_up  # noqa: PLC0415

    try:
        manifest = back_up(read_settings(), file)
    except BackupRefused as refused:
        wrong(str(refused))
    size = file.stat().st_size / 1_000_000
    typer.echo(f"{file}: {manifest.database}, {len(manifest.files)} files, {size:.1f} MB")
    typer.echo(
        "Not in it: the keys that seal secrets (FLOWC_SEALING_KEYS), without which stored secrets"
        " cannot be opened, and the files that settings name."
    )


def restore(file: BackupFile) -> None:
    """Put a backup into an empty data folder or database; no server may run on it.

    A newer flowc than the one that made the backup migrates it when it starts.
    """
    from flowc.server.backups import backups  # noqa: PLC0415 - loads the database
    from flowc.server.backups.archive import BackupRefused  # noqa: PLC0415

    try:
        manifest = backups.restore(read_settings(), file)
    except BackupRefused as refused:
        wrong(str(refused))
    typer.echo(f"{file}: restored what was saved at {manifest.created_at}")
