"""Makes a backup of all that the settings name, and restores one."""

import tempfile
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock, Timeout

from flowc.server.backups.archive import BackupRefused, Manifest, pack, unpack
from flowc.server.backups.folders import copy_folder, put_folder
from flowc.server.backups.postgres import dump, load
from flowc.server.records.times import as_text, now
from flowc.server.settings import Settings, is_sqlite
from flowc.server.store.schema import newest_revision


def back_up(settings: Settings, file: Path) -> Manifest:
    """Save the database and the documents in a file; servers may run. Raises BackupRefused.

    Not saved: what is not in the database, such as the keys that seal secrets, and the files that
    settings name.
    """
    if file.exists():
        raise BackupRefused(f"{file} exists.")
    kind = "sqlite" if is_sqlite(settings.database) else "postgresql"
    with tempfile.TemporaryDirectory(prefix="flowc-backup", dir=file.parent) as name:
        folder = Path(name)
        if kind == "sqlite":
            copy_folder(settings.data_dir, folder)
        else:
            dump(settings.database, folder)
        about = {
            "database": kind,
            "flowc": version("flowc"),
            "schema": newest_revision(),
            "created_at": as_text(now()),
        }
        return pack(file, folder, about)


def restore(settings: Settings, file: Path) -> Manifest:
    """Put a backup where the settings name an empty database; raise BackupRefused.

    A newer flowc migrates it when it starts.
    """
    kind = "sqlite" if is_sqlite(settings.database) else "postgresql"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restoring", dir=settings.data_dir) as name:
        folder = Path(name)
        manifest = unpack(file, folder)
        if manifest.database != kind:
            raise BackupRefused(
                f"It is a backup of {manifest.database}, and FLOWC_DATABASE_URL names {kind}."
            )
        if manifest.schema > newest_revision():
            raise BackupRefused(f"A newer flowc made it ({manifest.flowc}): restore it with that.")
        if kind == "postgresql":
            load(settings.database, folder)
            return manifest
        lock = FileLock(settings.data_dir / "flowc.lock")
        try:
            with lock.acquire(timeout=2):
                put_folder(folder, settings.data_dir)
        except Timeout:
            raise BackupRefused(f"A server uses {settings.data_dir}: stop it first.") from None
        return manifest
