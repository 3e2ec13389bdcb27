"""Writes parameters as the name=value pairs of a query or a form."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from flowc.compiler.expressions.values import as_text

Arrays = Literal["repeat", "brackets", "indices", "comma"]
Pair = tuple[str, str]


def pairs_of(values: Mapping[str, Any], arrays: Arrays = "repeat") -> list[Pair]:
    """Return the pairs of an object; null is left out, and an object in it is `name[key]`.

    >>> pairs_of({"tag": ["a", "b"], "on": True, "no": None, "page": {"size": 2}})
    [('tag', 'a'), ('tag', 'b'), ('on', 'true'), ('page[size]', '2')]
    >>> pairs_of({"tag": ["a", "b"]}, "brackets"), pairs_of({"tag": ["a", "b"]}, "indices")
    ([('tag[]', 'a'), ('tag[]', 'b')], [('tag[0]', 'a'), ('tag[1]', 'b')])
    >>> pairs_of({"tag": ["a", "b"]}, "comma")
    [('tag', 'a,b')]
    """
    return [pair for name, value in values.items() for pair in _pairs(name, value, arrays)]


def encoded_pairs(values: Mapping[str, Any], arrays: Arrays = "repeat") -> str:
    """Return the pairs as a query or a form has them.

    >>> encoded_pairs({"scope": "a b&c=ü"})
    'scope=a+b%26c%3D%C3%BC'
    """
    return urlencode(pairs_of(values, arrays))


def with_query(url: str, values: Mapping[str, Any], arrays: Arrays = "repeat") -> str:
    """Return the URL with parameters added.

    >>> with_query("https://a.test/?x=1#top", {"tag": ["a", "b"], "on": True})
    'https://a.test/?x=1&tag=a&tag=b&on=true#top'
    """
    added = encoded_pairs(values, arrays)
    if not added:
        return url
    base, mark, fragment = url.partition("#")
    joint = "?" if "?" not in base else "" if base.endswith(("?", "&")) else "&"
    return f"{base}{joint}{added}{mark}{fragment}"


def _pairs(name: str, value: Any, arrays: Arrays) -> Iterator[Pair]:
    if value is None:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _pairs(f"{name}[{key}]", item, arrays)
    elif isinstance(value, list):
        yield from _items(name, value, arrays)
    else:
        yield name, as_text(value)


def _items(name: str, items: list[Any], arrays: Arrays) -> Iterator[Pair]:
    # Fields of objects in a list would not belong together without its indices.
    if arrays == "indices" or any(isinstance(item, Mapping | list) for item in items):
        for index, item in enumerate(items):
            yield from _pairs(f"{name}[{index}]", item, arrays)
    elif arrays == "comma":
        texts = [as_text(item) for item in items if item is not None]
        if texts:
            yield name, ",".join(texts)
    else:
        for item in items:
            yield from _pairs(f"{name}[]" if arrays == "brackets" else name, item, arrays)
