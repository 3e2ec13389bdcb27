"""What keeps a process from its start, as one sentence for its operator."""

from flowc.server.process_services import SettingsRefused
from flowc.server.settings import Settings, is_sqlite
from flowc.server.store.database import DATABASE_PROBLEMS


def start_problem(problem: BaseException | None, settings: Settings) -> str | None:
    """Return what is wrong with settings, the database or the data folder; None for the rest."""
    if isinstance(problem, SettingsRefused):
        return str(problem)
    if isinstance(problem, DATABASE_PROBLEMS):
        said = " ".join(str(getattr(problem, "orig", problem)).split())
        if is_sqlite(settings.database):
            return f"The database in {settings.data_dir} cannot be used: {said.removesuffix('.')}."
        return f"The database of FLOWC_DATABASE_URL cannot be used: {said.removesuffix('.')}."
    if isinstance(problem, OSError) and problem.strerror is not None:
        where = problem.filename or settings.data_dir
        return f"FLOWC_DATA_DIR: {where} cannot be used: {problem.strerror}."
    return None
