"""Our modules for Monty return what Python's own modules return."""

import difflib
import heapq
import html
import importlib
import io
import statistics
import string
import textwrap
import urllib.parse
import uuid
from html.entities import name2codepoint
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

LIBRARY = "flowc.nodes.services.sandbox.library"
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=60)  # fmt: skip
NUMBERS = st.lists(st.integers(-1000, 1000), min_size=2, max_size=20)
WORDS = st.lists(st.sampled_from(["a", "bb", "ccc", "dd-ee", "ffffffffffff"]), max_size=8)


def ours(name: str) -> Any:
    return importlib.import_module(f"{LIBRARY}.{name}")


@given(TEXTS)
def test_addresses_are_as_in_python(text: str) -> None:
    own = ours("urllib_parse")
    assert own.quote(text) == urllib.parse.quote(text)
    assert own.quote_plus(text) == urllib.parse.quote_plus(text)
    assert own.unquote(own.quote(text)) == text
    assert own.unquote(text) == urllib.parse.unquote(text)
    assert own.parse_qsl(text) == urllib.parse.parse_qsl(text)
    assert own.urlencode({"a": text}) == urllib.parse.urlencode({"a": text})


ADDRESSES = [
    "https://user:p@x.test:8080/a/b;c?d=e&f=#g", "//x.test/a", "/a/b", "a/b", "mailto:a@x.test",
    "http://[::1]:80/", "?a=b", "#f", "", "HTTP://X.test", "a:b", "http://x.test",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_parts_of_addresses_are_as_in_python(address: str) -> None:
    own, real = ours("urllib_parse").urlparse(address), urllib.parse.urlparse(address)
    assert list(own) == list(real)
    names = ("scheme", "netloc", "path", "params", "query", "fragment", "hostname", "port")
    for name in (*names, "username", "password"):
        assert getattr(own, name) == getattr(real, name), name
    assert own.geturl() == real.geturl()
    for base in ("http://x.test/a/b/c", "http://x.test"):
        assert ours("urllib_parse").urljoin(base, address) == urllib.parse.urljoin(base, address)


@given(NUMBERS)
def test_statistics_are_as_in_python(numbers: list[int]) -> None:
    own = ours("statistics")
    for name in ("mean", "fmean", "median", "median_low", "median_high", "mode", "multimode"):
        assert getattr(own, name)(numbers) == pytest.approx(getattr(statistics, name)(numbers))
    for name in ("stdev", "pstdev", "variance", "pvariance", "quantiles"):
        assert getattr(own, name)(numbers) == pytest.approx(getattr(statistics, name)(numbers))
    inclusive = statistics.quantiles(numbers, n=5, method="inclusive")
    assert own.quantiles(numbers, n=5, method="inclusive") == pytest.approx(inclusive)


@given(WORDS, st.integers(3, 20))
def test_lines_are_as_in_python(words: list[str], width: int) -> None:
    own, text = ours("textwrap"), " ".join(words)
    assert own.wrap(text, width) == textwrap.wrap(text, width)
    assert own.fill(text, width) == textwrap.fill(text, width)
    assert own.indent(text, "> ") == textwrap.indent(text, "> ")
    if width > 6:
        assert own.shorten(text, width) == textwrap.shorten(text, width)


@given(TEXTS)
def test_texts_of_pages_are_as_in_python(text: str) -> None:
    own = ours("html")
    own.ENTITIES.update({name: chr(each) for name, each in name2codepoint.items()})
    assert own.escape(text) == html.escape(text)
    assert own.unescape(html.escape(text.replace("&", ""))) == text.replace("&", "")
    assert ours("string").capwords(text) == string.capwords(text)


@pytest.mark.parametrize("text", ["  a\n    b\n", "\n\ta\n\t b", "a\n  b", "  \n   x\n", ""])
def test_margins_are_as_in_python(text: str) -> None:
    assert ours("textwrap").dedent(text) == textwrap.dedent(text)


@given(st.text("abcd", max_size=30), st.text("abcd", max_size=30))
def test_differences_are_as_in_python(a: str, b: str) -> None:
    own = ours("difflib")
    matcher, real = own.SequenceMatcher(None, a, b), difflib.SequenceMatcher(None, a, b)
    assert matcher.ratio() == real.ratio()
    assert matcher.quick_ratio() == real.quick_ratio()
    assert matcher.get_opcodes() == real.get_opcodes()
    lines = (list(a), list(b), "x", "y")
    assert list(own.unified_diff(*lines, n=2)) == list(difflib.unified_diff(*lines, n=2))
    words = [a, b, a[1:], b[:-1]]
    assert own.get_close_matches(a, words) == difflib.get_close_matches(a, words)


@given(NUMBERS)
def test_heaps_are_as_in_python(numbers: list[int]) -> None:
    own, heap = ours("heapq"), list[int]()
    for number in numbers:
        own.heappush(heap, number)
    assert own.heappushpop(heap, 5) == min([*numbers, 5])
    rest = sorted([*numbers, 5])[1:]
    own.heapify(heap)
    assert [own.heappop(heap) for _ in rest] == rest
    assert own.nlargest(2, numbers) == heapq.nlargest(2, numbers)


@given(st.lists(TEXTS, max_size=5))
def test_texts_like_files_are_as_in_python(pieces: list[str]) -> None:
    files = (ours("io").StringIO("ab\ncd"), io.StringIO("ab\ncd"))
    for own in files:
        own.write("x")
        own.seek(0, 2)
        own.writelines(pieces)
        own.seek(1)
    own, real = files
    assert (own.readline(), own.read(2), own.tell()) == (real.readline(), real.read(2), real.tell())
    assert (own.getvalue(), list(own)) == (real.getvalue(), list(real))


def test_ids_are_as_in_python() -> None:
    own = ours("uuid")
    for name in ("", "a", "https://x.test/é"):
        space = own.NAMESPACE_DNS
        assert str(own.uuid5(space, name)) == str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        assert str(own.uuid3(space, name)) == str(uuid.uuid3(uuid.NAMESPACE_DNS, name))
    assert {own.uuid4().version for _ in range(20)} == {4}
