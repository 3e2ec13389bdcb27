"""Every chunk of any text has exactly the tokens and the place in the document that it states."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flowc.rag.chunking import Chunker, Chunking, TextChunk, chunks_of
from flowc.rag.chunking.chunk import By
from flowc.rag.documents import Section
from flowc.rag.tokens import ENCODINGS, Tokens

WAYS: tuple[By, ...] = get_args(By)
TEXT = st.text(
    st.one_of(
        st.sampled_from(list(" \n\t.!?。\"'()ab1Ä漢🙂\u0301\u200d\ufe0f👩🏽\ud800")),
        st.characters(codec="utf-8", exclude_characters="\0"),
    ),
    max_size=400,
)
SECTIONS = st.lists(
    st.builds(
        Section,
        TEXT,
        st.one_of(st.none(), st.integers(1, 3)),
        st.lists(st.sampled_from(["A", "B"]), max_size=2).map(tuple),
    ),
    max_size=6,
)


def whole(sections: list[Section]) -> str:
    return "".join(section.text for section in sections).encode(errors="replace").decode()


def require_exact(sections: list[Section], chunking: Chunking) -> list[TextChunk]:
    """Assert the promises of every chunk, and that only blanks are left out."""
    chunks = list(chunks_of(sections, chunking))
    text, count = whole(sections), Tokens(chunking.encoding).count
    places, at = [], 0
    for section in sections:
        places.append((at, section))
        at += len(section.text)
    done = 0
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text
        assert 0 < count(chunk.text) == chunk.tokens
        # One character can be more tokens than a chunk may have.
        assert chunk.tokens <= chunking.size or len(chunk.text) == 1
        assert not text[done : chunk.start].strip() or chunk.start <= done
        assert chunk.end > done
        done = chunk.end
        section = next(s for place, s in reversed(places) if place <= chunk.start and s.text)
        assert (chunk.page, chunk.headings) == (section.page, section.headings)
        last = next(s for place, s in reversed(places) if place < chunk.end and s.text)
        assert chunk.last_page == last.page
    assert not text[done:].strip()
    return chunks


@settings(max_examples=300, deadline=None)
@given(
    SECTIONS,
    st.sampled_from(WAYS),
    st.integers(8, 40),
    st.floats(0, 0.5),
    st.sampled_from(ENCODINGS),
)
# Beside the overlap, there is no room for new text.
@example([Section("ࠂࠂ ࠂເ")], "recursive", 8, 0.5, "cl100k_base")
def test_every_chunk_is_exact(
    sections: list[Section], by: By, size: int, overlap: float, encoding: Any
) -> None:
    chunking = Chunking(by=by, size=size, overlap=int(size * overlap), encoding=encoding)
    require_exact(sections, chunking)


def english(words: int) -> str:
    sentence = "The quick brown fox jumps over the lazy dog, and then it rests for a while. "
    return ((sentence * 5).strip() + "\n\n") * (words // 75)


@pytest.mark.parametrize("by", WAYS)
def test_chunks_are_filled_and_overlap(by: By) -> None:
    chunking = Chunking(by=by, size=100, overlap=20)
    chunks = require_exact([Section(english(3_000), 1, ("A",))], chunking)
    sizes = [chunk.tokens for chunk in chunks[:-1]]
    assert min(sizes) >= 45
    overlaps = [one.end - two.start for one, two in pairwise(chunks)]
    assert all(0 <= overlap < 150 for overlap in overlaps)
    assert sum(overlap > 0 for overlap in overlaps) > len(overlaps) // 2
    none = require_exact([Section(english(3_000))], Chunking(by=by, size=100, overlap=0))
    assert all(one.end <= two.start for one, two in pairwise(none))


def test_cutting_by_tokens_fills_every_chunk() -> None:
    chunks = require_exact([Section(english(3_000))], Chunking(by="tokens", size=64, overlap=0))
    assert {chunk.tokens for chunk in chunks[:-1]} == {64}


def test_text_is_cut_at_the_best_boundary() -> None:
    text = english(600)
    for chunk in chunks_of([Section(text)], Chunking(size=100, overlap=0)):
        assert chunk.text.startswith("The quick") and chunk.text.endswith("while.")
    sentences = "Dr. Smith paid 3.50 to J. Doe, e.g. for tea. Then he left! Why? 漢字。次。 " * 20
    for chunk in chunks_of([Section(sentences)], Chunking(by="sentences", size=60, overlap=0)):
        assert chunk.text[0] in "DTW漢次" and chunk.text[-1] in ".!?。"
        assert not chunk.text.startswith("Doe") and not chunk.text.endswith("Dr.")


def test_chunks_do_not_cross_pages_or_headings() -> None:
    sections = [Section(f"text of page {i}. " * 30, i, (f"H{i // 2}",)) for i in range(1, 6)]
    ways: dict[By, Callable[[Section], object]] = {
        "pages": lambda section: section.page,
        "headings": lambda section: section.headings,
    }
    for by, of in ways.items():
        chunks = require_exact(sections, Chunking(by=by, size=1_000, overlap=100))
        assert len(chunks) == len({of(section) for section in sections})
    assert len(require_exact(sections, Chunking(size=1_000, overlap=100))) == 1


def test_special_tokens_of_models_are_plain_text() -> None:
    text = "a <|endoftext|> b <|fim_prefix|> " * 50
    chunks = require_exact([Section(text)], Chunking(size=32, overlap=4))
    assert "<|endoftext|>" in chunks[0].text


def test_empty_text_has_no_chunks() -> None:
    assert list(chunks_of([])) == []
    assert list(chunks_of([Section(""), Section(" \n\t ")])) == []


def test_accents_and_emoji_are_not_split() -> None:
    for cluster in ("e\u0301", "👩\u200d👩\u200d👧", "👍🏽", "नि"):
        for chunk in chunks_of([Section(cluster * 500)], Chunking(by="tokens", size=20, overlap=0)):
            assert len(chunk.text) % len(cluster) == 0


def test_the_size_of_sections_hardly_changes_the_chunks() -> None:
    text = english(2_000)
    chunking = Chunking(size=80, overlap=16)
    expected = len(list(chunks_of([Section(text)], chunking)))
    # A token across two pieces may be counted twice, so a cut may be a little earlier.
    for size in (33, 777, 4_096):
        pieces = [Section(text[i : i + size]) for i in range(0, len(text), size)]
        assert abs(len(require_exact(pieces, chunking)) - expected) <= expected // 20


def characters_encoded(text: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many characters were encoded to cut a text."""
    encoded = 0

    def counting(method: Callable[[Tokens, str], Any]) -> Callable[[Tokens, str], Any]:
        def counted(self: Tokens, text: str) -> Any:
            nonlocal encoded
            encoded += len(text)
            return method(self, text)

        return counted

    with monkeypatch.context() as patch:
        patch.setattr(Tokens, "count", counting(Tokens.count))
        patch.setattr(Tokens, "ends", counting(Tokens.ends))
        chunker = Chunker(Chunking())
        for begin in range(0, len(text), 65_536):
            for _ in chunker.feed(Section(text[begin : begin + 65_536])):
                pass
            assert len(chunker._window.text) < 400_000
        assert list(chunker.end())
    return encoded


@pytest.mark.parametrize("piece", ["x", "word ", "\n", "é", "one line\n", "。", "<|endoftext|>"])
def test_work_is_linear_and_memory_is_bounded(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    half, whole = (piece + "a" + piece * (n // len(piece)) + "b" for n in (250_000, 500_000))
    assert characters_encoded(whole, monkeypatch) < 2.3 * characters_encoded(half, monkeypatch)
    assert characters_encoded(whole, monkeypatch) < 4 * len(whole)


@pytest.mark.parametrize(
    "wrong", [{"size": 4}, {"overlap": -1}, {"size": 10, "overlap": 6}, {"by": "x"}]
)
def test_invalid_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Chunking(**wrong)
