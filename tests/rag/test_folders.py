"""Folders list and open the files in them, and nothing outside."""

import os
from pathlib import Path

import pytest

from flowc.rag.documents import DocumentRefused
from flowc.rag.folders import Folders


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    (root / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "outside" / "sub").mkdir(parents=True)
    (tmp_path / "outside" / "sub" / "more.txt").write_text("secret")
    (tmp_path / "outside" / "secret.txt").write_text("secret")
    for name in ("a.txt", "b.md", "sub/c.txt", "sub/deep/d.txt", "sub/e.exe", ".hidden.txt"):
        (root / name).write_text(name)
    (root / "link.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (root / "inner.txt").symlink_to(root / "a.txt")
    (root / "away").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "pipe.txt")
    return root


def sources(folders: Folders, path: str, pattern: str = "*") -> list[str]:
    root = str(folders.roots[0])
    return [item.source.removeprefix(root + "/") for item in folders.items(path, pattern)]


def test_the_documents_in_a_folder_are_found_in_order(tree: Path) -> None:
    folders = Folders([tree])
    assert sources(folders, "") == ["a.txt", "b.md", "sub/c.txt", "sub/deep/d.txt"]
    assert sources(folders, str(tree)) == sources(folders, ".")
    assert sources(folders, "sub") == ["sub/c.txt", "sub/deep/d.txt"]
    assert sources(folders, "", "*.md") == ["b.md"]
    assert sources(folders, "sub/e.exe") == ["sub/e.exe"]
    for item in folders.items("sub/c.txt"):
        with item.open() as file:
            assert file.read() == b"sub/c.txt"


@pytest.mark.parametrize(
    "path",
    [
        "../outside/secret.txt", "sub/../../outside/secret.txt", "link.txt", "away/secret.txt",
        "away", "away/sub", "away/sub/more.txt", "inner.txt", "pipe.txt", "/etc/passwd", "sub/deep/../../a.txt", "a.txt\0", "//etc/passwd",
    ],
)  # fmt: skip
def test_nothing_outside_is_read(tree: Path, path: str) -> None:
    folders = Folders([tree])
    for read in (lambda: folders.open(path), lambda: list(folders.items(path))):
        with pytest.raises(DocumentRefused) as caught:
            read()
        assert caught.value.code == "document-not-allowed"
        assert "secret" not in caught.value.message.replace("secret.txt", "")


def test_missing_files_are_refused(tree: Path) -> None:
    gone = Folders([tree / "gone"])
    with pytest.raises(DocumentRefused) as caught:
        Folders([tree]).open("sub/none.txt")
    assert caught.value.code == "no-such-document"
    with pytest.raises(DocumentRefused):
        Folders([]).open("a.txt")
    for read in (lambda: gone.open("a.txt"), lambda: list(gone.items(""))):
        with pytest.raises(DocumentRefused) as caught:
            read()
        assert caught.value.code == "no-such-document"


def test_a_link_that_replaces_a_folder_is_not_followed(tree: Path) -> None:
    items = {item.source: item for item in Folders([tree]).items("sub")}
    inside = tree / "sub"
    inside.rename(tree / "was")
    (tree.parent / "outside" / "c.txt").write_text("secret")
    inside.symlink_to(tree.parent / "outside")
    with pytest.raises(DocumentRefused):
        items[str(tree / "sub" / "c.txt")].open()


def test_several_folders_are_distinguished_by_whole_paths(tree: Path, tmp_path: Path) -> None:
    folders = Folders([tree, tmp_path / "outside"])
    with folders.open(str(tmp_path / "outside" / "secret.txt")) as file:
        assert file.read() == b"secret"
    with pytest.raises(DocumentRefused):
        folders.open("a.txt")
    with pytest.raises(DocumentRefused):
        folders.open(str(tmp_path / "outsider" / "x.txt"))
