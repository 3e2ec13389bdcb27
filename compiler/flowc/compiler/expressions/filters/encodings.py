"""Filters that read and write other notations: JSON, YAML, CSV, HTML, URLs, base64, digests."""

import base64
import binascii
import csv
import hashlib
import hmac
import html
import io
import json
import math
import re
import shlex
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.filters.word import Word
from flowc.compiler.expressions.filters.yaml_values import from_yaml
from flowc.compiler.expressions.frame import Frame
from flowc.compiler.expressions.values import (
    as_text,
    bounded,
    is_scalar,
    items_of,
    limited,
    require_few,
    text,
    to_json,
    whole,
)


def _to_json(value: Any, indent: Any = None) -> str:
    if is_scalar(value):
        return json.dumps(value, ensure_ascii=False)
    return to_json(value, None if indent is None else whole(indent, "indent", 16))


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _from_json(frame: Frame, value: Any) -> Any:
    frame.budget.spend(len(limited(text(value))) >> 3)
    try:
        return json.loads(value, parse_constant=_no_number, parse_int=_int, parse_float=_float)
    except RecursionError:
        raise ExpressionError("the values are nested too deeply") from None
    except ValueError as problem:
        raise ExpressionError(f"the text is not JSON: {str(problem)[:100]}") from None


def _int(digits: str) -> int:
    if len(digits) > 78:
        raise ValueError("a number is too large")
    return int(bounded(int(digits)))


def _float(digits: str) -> float:
    found = float(digits)
    if not math.isfinite(found):
        raise ValueError("a number is too large")
    return found


def _from_csv(frame: Frame, value: Any, delimiter: Any = ",", header: Any = True) -> list[Any]:
    frame.budget.spend(len(limited(text(value))) >> 2)
    if not isinstance(delimiter, str) or len(delimiter) != 1:
        raise ExpressionError("the delimiter must be one character")
    try:
        rows = [row for row in csv.reader(io.StringIO(value), delimiter=delimiter) if row]
    except csv.Error as problem:
        raise ExpressionError(f"the text is not CSV: {problem}") from None
    require_few(len(rows))
    if not header:
        return rows
    names, *rest = rows or [[]]
    return [dict(zip(names, row, strict=False)) for row in rest]


def _to_csv(frame: Frame, value: Any, delimiter: Any = ",", header: Any = True) -> str:
    rows = items_of(value, "tocsv")
    out = io.StringIO()
    try:
        writer = csv.writer(out, delimiter=text(delimiter), lineterminator="\n")
    except TypeError:
        raise ExpressionError("the delimiter must be one character") from None
    names = list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row))
    if names and header:
        writer.writerow(names)
    for row in rows:
        cells = (
            [row.get(name) for name in names] if isinstance(row, dict) else items_of(row, "tocsv")
        )
        frame.budget.spend(1 + len(cells))
        writer.writerow([as_text(cell) for cell in cells])
        limited(out.getvalue() if out.tell() > 1 << 20 else "")
    return limited(out.getvalue())


_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&#34;"})


def _escape(value: Any) -> str:
    return limited(as_text(value).translate(_ENTITIES))


_COMMENT_OR_TAG = re.compile(r"<!--|<")


def _striptags(frame: Frame, value: Any) -> str:
    source, out, at = as_text(value), list[str](), 0
    frame.budget.spend(len(source) >> 1)
    # After an unclosed comment or tag the text stays; each end is searched for once.
    last = {"-->": source.rfind("-->"), ">": source.rfind(">")}
    while found := _COMMENT_OR_TAG.search(source, at):
        end = "-->" if found[0] == "<!--" and last["-->"] >= found.end() else ">"
        if last[end] < found.end():
            break
        out.append(source[at : found.start()])
        at = source.index(end, found.end()) + len(end)
    out.append(source[at:])
    return html.unescape(" ".join("".join(out).split()))


def _html2text(frame: Frame, value: Any) -> str:
    source = limited(text(value))
    if not source.strip():
        return ""
    frame.budget.spend(len(source))
    from inscriptis import get_text  # noqa: PLC0415 - most workflows read no HTML
    from lxml.etree import LxmlError  # noqa: PLC0415 - as above

    try:
        return limited("\n".join(line.rstrip() for line in get_text(source).strip().splitlines()))
    except RecursionError:
        raise ExpressionError("the HTML is nested too deeply") from None
    except (LxmlError, ValueError) as problem:
        raise ExpressionError(f"the text is not HTML: {str(problem)[:100]}") from None


def _urlencode(frame: Frame, value: Any, safe: Any = "/") -> str:
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = value
        if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            raise ExpressionError("urlencode needs text, an object, or a list of pairs")
    else:
        frame.budget.spend(len(as_text(value)))
        return limited(quote(as_text(value), safe=text(safe)))
    frame.budget.spend(sum(len(as_text(key)) + len(as_text(item)) for key, item in pairs))
    parts = [f"{_query(key)}={_query(item)}" for key, item in pairs]
    return limited("&".join(parts))


def _query(value: Any) -> str:
    return quote_plus(as_text(value))


def _quote(value: Any) -> str:
    return limited(shlex.quote(as_text(value)))


def _b64encode(value: Any, url: Any = False) -> str:
    encode = base64.urlsafe_b64encode if url else base64.b64encode
    return limited(encode(as_text(value).encode()).decode())


def _b64decode(value: Any) -> str:
    # Both alphabets, with or without the signs at the end.
    plain = text(value).strip().translate({ord("-"): "+", ord("_"): "/"})
    try:
        found = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        return found.decode()
    except UnicodeDecodeError:
        raise ExpressionError("what is encoded here is not text") from None
    except (binascii.Error, ValueError):
        raise ExpressionError("the text is not base64") from None


def _sha256(value: Any) -> str:
    return hashlib.sha256(as_text(value).encode()).hexdigest()


_DIGESTS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"sha256": hashlib.sha256, "sha512": hashlib.sha512, "sha1": hashlib.sha1}
)


def _hmac(value: Any, key: Any, algorithm: Any = "sha256", encoding: Any = "hex") -> str:
    if algorithm not in _DIGESTS:
        raise ExpressionError(f"the algorithm of hmac is one of {', '.join(_DIGESTS)}")
    if encoding not in ("hex", "base64"):
        raise ExpressionError("the encoding of hmac is 'hex' or 'base64'")
    found = hmac.new(text(key).encode(), as_text(value).encode(), _DIGESTS[algorithm])
    return found.hexdigest() if encoding == "hex" else base64.b64encode(found.digest()).decode()


WORDS = (
    Word("b64decode", _b64decode, "the text that is encoded in base64, in either alphabet",
         (("'SGk='|b64decode", '"Hi"'),), takes="text", gives="text"),
    Word("b64encode", _b64encode, "the text in base64; with `url`, in the alphabet for addresses",
         (("'Hi'|b64encode", '"SGk="'), ("'<<??>>'|b64encode(url=true)", '"PDw_Pz4-"')),
         gives="text"),
    Word("escape", _escape, "the text with the signs of HTML as entities",
         (("'<a & b>'|escape", '"&lt;a &amp; b&gt;"'), ("'it\\'s'|e", '"it&#39;s"')),
         gives="text", also=("e",), is_jinjas=True),
    Word("fromcsv", _from_csv,
         "the rows of CSV text as objects, with the names of its first row; without `header`, as "
         "lists",
         (("'a,b\\n1,2'|fromcsv", '[{"a": "1", "b": "2"}]'),
          ("'1;2'|fromcsv(';', header=false)", '[["1", "2"]]')), takes="text", gives="list"),
    Word("fromjson", _from_json, "the value of JSON text", (("'[1, true]'|fromjson", "[1, true]"),),
         takes="text"),
    Word("fromyaml", from_yaml, "the value of YAML text", (("'a: [1, 2]'|fromyaml",
         '{"a": [1, 2]}'),), takes="text"),
    Word("hmac", _hmac, "the signature of the text with a key, as HMAC; `algorithm` is 'sha256', "
         "'sha512' or 'sha1', `encoding` 'hex' or 'base64'",
         (("'text'|hmac('key', encoding='base64')",
           '"avqQRqlXnK0UOjhMG1ZLmiUNJ9b2pj+fIL86dZTJ4sY="'),), gives="text"),
    Word("html2text", _html2text, "the text that a browser would show for HTML",
         (("'<h1>Hi</h1><p>a &amp; b</p>'|html2text", '"Hi\\n\\na & b"'),),
         takes="text", gives="text"),
    Word("quote", _quote, "the text as one word of a shell command",
         (("'two words'|quote", "\"'two words'\""),), gives="text"),
    Word("sha256", _sha256, "the SHA-256 digest of the text, in hexadecimal digits",
         (("('abc'|sha256)[:16]", '"ba7816bf8f01cfea"'),), gives="text"),
    Word("striptags", _striptags, "the text without HTML tags, with single spaces",
         (("'<b>a</b>\\n &lt; b'|striptags", '"a < b"'),), gives="text", is_jinjas=True),
    Word("tocsv", _to_csv, "a list of objects or of lists as CSV text",
         (("[{'a': 1, 'b': 'x,y'}]|tocsv", '"a,b\\n1,\\"x,y\\"\\n"'),),
         takes="list or object", gives="text"),
    Word("tojson", _to_json, "the value as JSON text; on several lines with `indent`",
         (("'say \"hi\"'|tojson", '"\\"say \\\\\\"hi\\\\\\"\\""'),
          ("{'a': 1}|tojson(indent=2)", '"{\\n  \\"a\\": 1\\n}"')), gives="text", is_jinjas=True),
    Word("urlencode", _urlencode, "the text as part of an address, with the characters of `safe` as"
         " they are; an object as its query",
         (("'a b/c'|urlencode", '"a%20b/c"'), ("'a b/c'|urlencode('')", '"a%20b%2Fc"'),
          ("{'q': 'a b', 'n': 1}|urlencode", '"q=a+b&n=1"')),
         gives="text", is_jinjas=True),
)  # fmt: skip
