"""Decodes texts in the charsets of the web, whose decoding takes no longer for odd texts."""

import codecs

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


def charset_of(content_type: str) -> str:
    """Return the charset that a media type names, as Python writes it; else utf-8.

    >>> charset_of("text/plain; charset=Latin-1"), charset_of("text/plain; charset=punycode")
    ('iso8859-1', 'utf-8')
    """
    _, _, rest = content_type.lower().partition("charset=")
    name = rest.partition(";")[0].strip().strip("\"'")
    if not name or len(name) > _LONGEST_NAME or not name.isascii():
        return "utf-8"
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return "utf-8"
    return found if found in _SAFE else "utf-8"


def decoded(content: bytes, charset: str) -> str:
    """Return the text of a content, with a mark in place of what is none.

    It is decoded in pieces, between which other threads get their turn.

    >>> decoded(b"a\\xff", "utf-8")
    'a\ufffd'
    """
    if len(content) <= _PIECE:
        return content.decode(charset, errors="replace")
    decoder = codecs.getincrementaldecoder(charset)(errors="replace")
    starts = range(0, len(content), _PIECE)
    parts = [decoder.decode(content[start : start + _PIECE]) for start in starts]
    return "".join([*parts, decoder.decode(b"", final=True)])
