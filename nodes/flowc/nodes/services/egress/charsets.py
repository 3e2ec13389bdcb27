"""Decodes texts in the charsets of the web, whose decoding takes no longer for odd texts."""

import codecs
import json
import re

# Python's names of them. Others, such as punycode and idna, are slow, or no charset at all.
_SAFE = frozenset(
    {
        "ascii", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le",
        "utf-32-be", "cp437", "cp850", "cp852", "cp855", "cp866", "cp874", "cp932", "cp949",
        "cp950", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "tis-620", "shift_jis", "euc_jp",
        "iso2022_jp", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "euc_kr",
        *(f"iso8859-{number}" for number in (*range(1, 12), *range(13, 17))),
        *(f"cp125{number}" for number in range(9)),
    }
)  # fmt: skip
_LONGEST_NAME = 40
_PIECE = 65_536


# The charset is also named in the text itself, near its beginning.
_LOOKED_AT = 4_096
_META = re.compile(rb"<meta\b[^>]{0,500}?\bcharset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.I)
_XML = re.compile(rb"^\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([A-Za-z0-9_:.-]{1,40})", re.I)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Without a mark, they are in the order of most machines.
_BY_MARK = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}


def charset_of(content_type: str) -> str:
    """Return the charset that a media type names, as Python writes it; else utf-8.

    >>> charset_of("text/plain; charset=Latin-1"), charset_of("text/plain; charset=punycode")
    ('iso8859-1', 'utf-8')
    """
    return named_charset(content_type) or "utf-8"


def named_charset(content_type: str) -> str | None:
    """Return the charset that a media type names, if it names one of the web's."""
    _, _, rest = content_type.lower().partition("charset=")
    return _known(rest.partition(";")[0].strip().strip("\"'"))


def charset_in(content: bytes, content_type: str) -> str:
    r"""Return the charset of a text: by its first bytes, the media type, or what it says itself.

    >>> charset_in(b"\xef\xbb\xbfa", "text/plain; charset=latin-1")
    'utf-8-sig'
    >>> charset_in(b"<html><meta charset='windows-1252'>", "text/html")
    'cp1252'
    >>> charset_in('{"a": 1}'.encode("utf-16-le"), "application/json")
    'utf-16-le'
    """
    for mark, charset in _MARKS:
        if content.startswith(mark):
            return charset
    named = named_charset(content_type)
    return named or _in_text(content[:_LOOKED_AT], content_type.lower())


def _in_text(start: bytes, content_type: str) -> str:
    if "json" in content_type:
        return json.detect_encoding(start)
    found = _XML.search(start) if "xml" in content_type or "html" in content_type else None
    if found is None and "html" in content_type:
        found = _META.search(start)
    # What could be searched for such a name is not UTF-16, whatever it says.
    charset = _known(found[1].decode("ascii").lower()) if found is not None else None
    return charset if charset and not charset.startswith(("utf-16", "utf-32")) else "utf-8"


def _known(name: str) -> str | None:
    if not name or len(name) > _LONGEST_NAME or not name.isascii():
        return None
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    return found if found in _SAFE else None


def decoded(content: bytes, charset: str) -> str:
    r"""Return the text of a content; a byte that is none in its charset is one of Windows'.

    It is decoded in pieces, between which other threads get their turn.

    >>> decoded(b"caf\xe9 \xe2\x82\xac", "utf-8")
    'café €'
    """
    if charset in _BY_MARK and not content.startswith(_BY_MARK[charset]):
        charset = f"{charset}-le"
    found = _in_pieces(content, charset, "replace")
    odd = found.count(_ODD)
    if not odd:
        return found
    # Replaced one by one, they would take seconds: most of it is in another charset.
    if odd > max(_FEW, len(content) // _FEW):
        pieces = (content[start : start + _PIECE] for start in range(0, len(content), _PIECE))
        return "".join(piece.decode("latin-1").translate(_WINDOWS) for piece in pieces)
    return _in_pieces(content, charset, _AS_WINDOWS)


def _in_pieces(content: bytes, charset: str, errors: str) -> str:
    decoder = codecs.getincrementaldecoder(charset)(errors=errors)
    starts = range(0, len(content), _PIECE)
    parts = [decoder.decode(content[start : start + _PIECE]) for start in starts]
    return "".join([*parts, decoder.decode(b"", final=True)])


def _as_windows(problem: UnicodeError) -> tuple[str, int]:
    """Return the characters of bytes that are none in their charset, in that of most old texts."""
    if not isinstance(problem, UnicodeDecodeError):
        raise problem
    odd = problem.object[problem.start : problem.end]
    return odd.decode("latin-1").translate(_WINDOWS), problem.end


def _windows(byte: int) -> str:
    raw = bytes([byte])
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


_WINDOWS = {byte: _windows(byte) for byte in range(0x80, 0xA0)}
_AS_WINDOWS = "flowc-as-windows"
# What stands for a byte that is none in a charset.
_ODD = "\ufffd"
_FEW = 100
codecs.register_error(_AS_WINDOWS, _as_windows)
