"""The modules that code in asteval can import: names from Python's own, and what objects allow.

These lists are what is allowed, as those in `hardened.py` are: no name leads to a file, to the
network, to an attribute by a computed name, or to a class that code could use to reach others.
Names that return iterators return lists here.
"""

import base64
import binascii
import bisect
import collections
import copy
import csv
import datetime
import decimal
import difflib
import enum
import functools
import hashlib
import heapq
import html
import io
import itertools
import json
import math
import operator
import random
import re
import statistics
import string
import textwrap
import time
import typing
import unicodedata
import urllib.parse
import uuid
import zoneinfo
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

_ZONES: dict[str, bytes] = {}
# Longest result of `range`-like functions of itertools, in items.
_MOST = 1_000_000


class SuppliedModule:
    """The names that code can use of one module."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = dict(names)


def read_zones() -> None:
    """Read the time zones, which are files, while files can still be read."""
    for folder, name in itertools.product(zoneinfo.TZPATH, zoneinfo.available_timezones()):
        path = Path(folder, name)
        if name not in _ZONES and path.is_file():
            _ZONES[name] = path.read_bytes()


def _zone(key: str) -> zoneinfo.ZoneInfo:
    if key not in _ZONES:
        raise KeyError(f"No time zone found with key {key[:60]}")
    return zoneinfo.ZoneInfo.from_file(io.BytesIO(_ZONES[key]), key=key)


def _of(module: ModuleType, names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names.split()}


def _listing(function: Callable[..., Any]) -> Callable[..., list[Any]]:
    def work(*given: Any, **named: Any) -> list[Any]:
        return list(itertools.islice(function(*given, **named), _MOST))

    return work


def _lists(module: ModuleType, names: str) -> dict[str, Any]:
    return {name: _listing(getattr(module, name)) for name in names.split()}


def _loaded(text: Any, **options: Any) -> Any:
    return json.loads(text)


def _written(value: Any, indent: Any = None, ensure_ascii: bool = True, **options: Any) -> str:
    allowed = {k: options[k] for k in ("sort_keys", "separators", "default") if k in options}
    return json.dumps(value, indent=indent, ensure_ascii=ensure_ascii, **allowed)


def _enumeration(name: str, members: Mapping[str, Any], kind: str) -> Any:
    """Return an enumeration with these members; none is a method that Python would call itself."""
    plain = {str(each): value for each, value in dict(members).items()}
    if any(each.startswith("_") for each in plain):
        raise ValueError("names of members begin with a letter")
    if kind == "str":
        return enum.Enum(name, plain, type=str)
    kinds = {"IntEnum": enum.IntEnum, "StrEnum": enum.StrEnum}
    return kinds.get(kind, enum.Enum)(name, plain)


def _made_of_names(kind: str) -> Callable[[str, Any], Any]:
    """Return what makes an enumeration of names, or of an object with their values."""

    def made(name: str, names: Any) -> Any:
        if isinstance(names, str):
            names = names.replace(",", " ").split()
        if not isinstance(names, dict):
            names = {each: number for number, each in enumerate(names, 1)}
        return _enumeration(name, names, kind)

    return made


def _copied(value: Any) -> Any:
    """Return a copy of lists and objects, and of what is in them."""
    if type(value) is dict:
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if type(value) is list else copy.copy(value)


def _partial(function: Any, *given: Any, **named: Any) -> Any:
    return lambda *more, **others: function(*given, *more, **{**named, **others})


def _itself(value: Any, *more: Any) -> Any:
    return value


_TYPING = (
    "Any Callable Dict Iterable Iterator List Literal Mapping Optional Sequence Set Tuple Union"
)
_MATH = " ".join(name for name in dir(math) if not name.startswith("_") and name != "factorial")
MODULES: Mapping[str, Mapping[str, Any]] = {
    "asyncio": {"gather": lambda *found, **more: list(found), "run": _itself, "sleep": _itself},
    "base64": _of(base64, "b64decode b64encode urlsafe_b64decode urlsafe_b64encode"),
    "binascii": _of(binascii, "hexlify unhexlify"),
    "bisect": _of(bisect, "bisect bisect_left bisect_right insort insort_left insort_right"),
    "collections": _of(collections, "Counter OrderedDict defaultdict deque"),
    "copy": {"copy": copy.copy, "deepcopy": _copied},
    "csv": {
        **_of(csv, "DictWriter QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE QUOTE_NONNUMERIC writer"),
        **_lists(csv, "DictReader reader"),
    },
    "datetime": _of(datetime, "UTC date datetime time timedelta timezone"),
    "decimal": _of(decimal, "Decimal ROUND_DOWN ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP"),
    "difflib": {
        **_of(difflib, "SequenceMatcher get_close_matches"),
        **_lists(difflib, "context_diff ndiff unified_diff"),
    },
    "enum": {
        **{kind: _made_of_names(kind) for kind in ("Enum", "IntEnum", "StrEnum")},
        "auto": enum.auto,
        "made": _enumeration,
        "unique": _itself,
    },
    "functools": {"partial": _partial, "reduce": functools.reduce},
    "hashlib": _of(hashlib, "md5 sha1 sha224 sha256 sha384 sha512"),
    "heapq": {
        **_of(heapq, "heapify heappop heappush heappushpop heapreplace nlargest nsmallest"),
        **_lists(heapq, "merge"),
    },
    "html": _of(html, "escape unescape"),
    "io": _of(io, "BytesIO StringIO"),
    "itertools": {
        **_lists(
            itertools,
            "accumulate chain combinations dropwhile islice pairwise permutations product repeat"
            " starmap takewhile zip_longest",
        ),
        "groupby": lambda items, key=None: [(k, list(g)) for k, g in itertools.groupby(items, key)],
    },
    "json": {"dumps": _written, "loads": _loaded},
    "math": _of(math, _MATH),
    "operator": _of(operator, "add contains eq getitem gt itemgetter lt neg sub truediv"),
    "random": _of(
        random,
        "betavariate choice choices gauss getrandbits randint random randrange sample seed shuffle"
        " uniform",
    ),
    "re": {
        **_of(
            re,
            "DOTALL I IGNORECASE M MULTILINE S VERBOSE X compile escape findall fullmatch match"
            " search split sub subn",
        ),
        **_lists(re, "finditer"),
    },
    "statistics": _of(
        statistics,
        "correlation fmean geometric_mean harmonic_mean mean median median_high median_low mode"
        " multimode pstdev pvariance quantiles stdev variance",
    ),
    "string": _of(
        string,
        "Template ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits"
        " octdigits printable punctuation whitespace",
    ),
    "textwrap": _of(textwrap, "dedent fill indent shorten wrap"),
    "time": _of(time, "monotonic perf_counter time"),
    "typing": _of(typing, _TYPING),
    "unicodedata": _of(unicodedata, "category combining name normalize"),
    "urllib": {},
    "urllib.parse": _of(
        urllib.parse,
        "parse_qs parse_qsl quote quote_plus unquote unquote_plus urldefrag urlencode urljoin"
        " urlparse urlsplit urlunparse urlunsplit",
    ),
    "uuid": _of(
        uuid, "NAMESPACE_DNS NAMESPACE_OID NAMESPACE_URL NAMESPACE_X500 UUID uuid3 uuid4 uuid5"
    ),
    "zoneinfo": {"ZoneInfo": _zone, "available_timezones": lambda: set(_ZONES)},
}


def _supplied() -> dict[str, SuppliedModule]:
    """Return the modules at the top, by the names that code has for them; others are in these."""
    found = {name: SuppliedModule(names) for name, names in MODULES.items()}
    for name, module in found.items():
        above, _, last = name.rpartition(".")
        if above:
            found[above].names[last] = module
    return {f"_flowc_{name}": module for name, module in found.items() if "." not in name}


SUPPLIED = _supplied()


def _allowed(names: str) -> frozenset[str]:
    return frozenset(names.split())


_DATE = (
    "ctime day fromisoformat isocalendar isoformat isoweekday month replace strftime timetuple"
    " toordinal weekday year"
)
_TIME = "fold hour isoformat microsecond minute replace second strftime tzinfo tzname utcoffset"
_FILE = "close getvalue read readline readlines seek tell truncate write writelines"
_URL = "fragment geturl hostname netloc params password path port query scheme username"
_DICT = "clear copy get items keys pop setdefault update values"
# What code can read of objects of these types.
ATTRIBUTES: Mapping[type, frozenset[str]] = {
    bytes: _allowed("decode hex startswith endswith split strip"),
    collections.Counter: _allowed(f"{_DICT} elements most_common subtract total"),
    collections.OrderedDict: _allowed(f"{_DICT} move_to_end popitem"),
    collections.defaultdict: _allowed(_DICT),
    collections.deque: _allowed(
        "append appendleft clear count extend extendleft pop popleft remove rotate"
    ),
    csv.DictWriter: _allowed("writeheader writerow writerows"),
    type(csv.writer(io.StringIO())): _allowed("writerow writerows"),
    datetime.date: _allowed(_DATE),
    datetime.datetime: _allowed(f"{_DATE} {_TIME} astimezone date time timestamp"),
    datetime.time: _allowed(_TIME),
    datetime.timedelta: _allowed("days microseconds seconds total_seconds"),
    decimal.Decimal: _allowed("as_tuple is_finite is_nan quantize to_integral_value"),
    difflib.SequenceMatcher: _allowed(
        "find_longest_match get_matching_blocks get_opcodes quick_ratio ratio set_seq1 set_seq2"
    ),
    difflib.Match: _allowed("a b size"),
    io.BytesIO: _allowed(_FILE),
    io.StringIO: _allowed(_FILE),
    re.Match: _allowed("end expand group groupdict groups lastgroup span start string"),
    re.Pattern: _allowed("findall flags fullmatch groups match pattern search split sub subn"),
    string.Template: _allowed("safe_substitute substitute template"),
    type(hashlib.sha256()): _allowed("digest hexdigest update"),
    urllib.parse.ParseResult: _allowed(_URL),
    urllib.parse.SplitResult: _allowed(_URL),
    urllib.parse.DefragResult: _allowed("fragment geturl url"),
    uuid.UUID: _allowed("bytes hex int urn variant version"),
    zoneinfo.ZoneInfo: _allowed("key"),
}
# What it can read of these classes themselves.
OF_CLASSES: Mapping[type, frozenset[str]] = {
    datetime.date: _allowed("fromisoformat fromordinal fromtimestamp max min today"),
    datetime.datetime: _allowed(
        "combine fromisoformat fromtimestamp max min now strptime today utcnow"
    ),
    datetime.time: _allowed("fromisoformat max min"),
    datetime.timezone: _allowed("utc"),
    itertools.chain: _allowed("from_iterable"),
}


def is_readable(owner: Any, name: str) -> bool:
    """Return whether code can read this name of an object of a module."""
    if isinstance(owner, enum.EnumType):
        return name in owner.__members__
    if isinstance(owner, enum.Enum):
        return name in {"name", "value"}
    if isinstance(owner, type):
        return name in OF_CLASSES.get(owner, frozenset())
    return name in ATTRIBUTES.get(type(owner), frozenset())
