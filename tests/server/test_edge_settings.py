"""What is wrong with settings, or with what they name, is one sentence."""

from pathlib import Path

import pytest

from fakes.command import flowc_here
from fakes.processes import PATIENCE, start


def served(data: Path, **env: str) -> tuple[int, str]:
    """Return the exit code and the log of a server that cannot start."""
    code = start(data, ["serve", "--port", "0"], env).wait(PATIENCE)
    return code, (data.parent / f"{data.name}.log").read_text()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLOWC_BODY_SECONDS", "soon"),
        ("FLOWC_MAX_CONNECTIONS", "0"),
        ("FLOWC_CORS_ORIGINS", "app.example"),
        ("FLOWC_CORS_ORIGINS", "*"),
        ("FLOWC_DATABASE_URL", "mysql://x"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_variable(
    tmp_path: Path, name: str, value: str
) -> None:
    done = flowc_here("serve", FLOWC_DATA_DIR=str(tmp_path / "d"), **{name: value})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"flowc: {name}: ")


def test_an_unknown_variable_is_a_warning_with_the_one_that_is_meant(tmp_path: Path) -> None:
    env = {"FLOWC_DATA_DIR": str(tmp_path), "FLOWC_DATABSE_URL": "x", "FLOWC_SECRET_ANY": "x"}
    done = flowc_here("runs", "list", **env)
    assert done.returncode == 0
    assert "FLOWC_DATABSE_URL is no setting" in done.stderr
    assert "FLOWC_DATABASE_URL" in done.stderr
    assert "FLOWC_SECRET_ANY" not in done.stderr


def test_a_database_that_cannot_be_reached_is_one_sentence(tmp_path: Path) -> None:
    url = "postgresql://flowc:hidden@127.0.0.1:1/flowc"
    code, log = served(tmp_path / "d", FLOWC_DATABASE_URL=url)
    assert code != 0
    assert "The database of FLOWC_DATABASE_URL cannot be used: " in log
    assert "Traceback" not in log
    assert "hidden" not in log


def test_a_damaged_database_is_one_sentence(tmp_path: Path) -> None:
    data = tmp_path / "d"
    data.mkdir()
    (data / "flowc.db").write_bytes(b"not a database" * 1_000)
    code, log = served(data)
    assert code != 0
    assert f"The database in {data} cannot be used: " in log
    assert "Traceback" not in log


def test_a_data_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = flowc_here("serve", FLOWC_DATA_DIR=str(tmp_path / "file" / "d"))
    assert done.returncode == 2
    assert done.stderr.startswith("flowc: FLOWC_DATA_DIR: ")
