"""asteval with our own names, with allowed attributes by type, and with limits on growing values.

The interpreter is the first wall, the locks of the worker process are the second. Names and
attributes are lists of what is allowed: what is new in Python or asteval is not allowed by default.
Operations that can make a huge value from a small one are checked before they run, since the limit
on memory would only kill the process without a message.
"""

import ast
import functools
import io
import math
import random
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import asteval.asteval
import asteval.astutils
import modules  # type: ignore[import-not-found] # in the same folder
from asteval import Interpreter
from asteval.astutils import Procedure

MAX_ITEMS = 1_000_000
MAX_BITS = 200_000
MAX_TEXT = 1 << 20
MAX_PRINTED = 64_000
MAX_CODE = 20_000
MAX_NODES = 20_000
MAX_CODE_DEPTH = 80
MAX_RESULT_DEPTH = 40
MAX_RESULT_VALUES = 200_000
MAX_RESULT_BITS = 1024


class LimitExceeded(RuntimeError):
    """The code uses something that is not available, or makes a value that is too large."""


_SEQUENCES = (str, bytes, bytearray, list, tuple)


def _multiply(a: Any, b: Any) -> Any:
    for sequence, times in ((a, b), (b, a)):
        is_repeated = isinstance(sequence, _SEQUENCES) and isinstance(times, int)
        if is_repeated and len(sequence) * max(times, 0) > MAX_ITEMS:
            raise LimitExceeded("repetition beyond the limit")
    if isinstance(a, int) and isinstance(b, int) and a.bit_length() + b.bit_length() > MAX_BITS:
        raise LimitExceeded("a whole number beyond the limit")
    return a * b


def _power(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int) and b > 0 and a.bit_length() * b > MAX_BITS:
        raise LimitExceeded("a whole number beyond the limit")
    return a**b


def _add(a: Any, b: Any) -> Any:
    sizes = [len(value) for value in (a, b) if isinstance(value, _SEQUENCES)]
    if sum(sizes) > MAX_ITEMS:
        raise LimitExceeded("a sequence beyond the limit")
    return a + b


def _shift_left(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int) and a.bit_length() + b > MAX_BITS:
        raise LimitExceeded("a whole number beyond the limit")
    return a << b


def _remainder(a: Any, b: Any) -> Any:
    if isinstance(a, (str, bytes, bytearray)):
        raise LimitExceeded("formatting with % is not available")
    return a % b


def _range(*bounds: Any) -> range:
    found = range(*bounds)
    if len(found) > MAX_ITEMS:
        raise LimitExceeded("a range beyond the limit")
    return found


def _factorial(n: Any) -> int:
    if not isinstance(n, int) or n > 2000:
        raise LimitExceeded("a factorial beyond the limit")
    return math.factorial(n)


def _pow(a: Any, b: Any, modulo: Any = None) -> Any:
    if modulo is None:
        return _power(a, b)
    if all(isinstance(n, int) and n.bit_length() < 4096 for n in (a, b, modulo)):
        return pow(a, b, modulo)
    raise LimitExceeded("a power beyond the limit")


def _filter(test: Any, items: Iterable[Any]) -> list[Any]:
    return [item for item in items if (test(item) if test else item)]


def _text(value: Any = "") -> str:
    return str(value)


def _is_instance(value: Any, kinds: Any) -> bool:
    classes = kinds if isinstance(kinds, tuple) else (kinds,)
    return isinstance(value, tuple(str if each is _text else each for each in classes))


# Lists in place of iterators, which could hold back work until after the checks; no `getattr`,
# and a `type` that returns a name, since a class leads to all others.
_FUNCTIONS: Mapping[str, Any] = {
    "abs": abs, "all": all, "any": any, "bool": bool, "chr": chr, "dict": dict, "divmod": divmod,
    "enumerate": lambda items, start=0: list(enumerate(items, start)), "filter": _filter,
    "float": float, "int": int, "len": len, "list": list,
    "map": lambda f, *items: [f(*row) for row in zip(*items, strict=False)],
    "max": max, "min": min, "ord": ord, "range": _range, "repr": repr,
    "reversed": lambda items: list(reversed(items)), "round": round, "set": set,
    "sorted": sorted, "str": _text, "sum": sum, "tuple": tuple,
    "type": lambda value: type(value).__name__,
    "zip": lambda *items: list(zip(*items, strict=False)),
    "isinstance": _is_instance, "iter": iter, "next": next, "hex": hex, "bin": bin, "oct": oct,
    "factorial": _factorial, "pow": _pow, "floor": math.floor, "ceil": math.ceil,
    "sqrt": math.sqrt, "log": math.log, "exp": math.exp, "sin": math.sin, "cos": math.cos,
    "tan": math.tan, "isnan": math.isnan, "isinf": math.isinf, "pi": math.pi, "e": math.e,
    "Exception": Exception, "ValueError": ValueError, "KeyError": KeyError,
    "TypeError": TypeError, "IndexError": IndexError, "ZeroDivisionError": ZeroDivisionError,
    "RuntimeError": RuntimeError, "StopIteration": StopIteration,
}  # fmt: skip

_ATTRIBUTES: Mapping[type, frozenset[str]] = {
    str: frozenset(
        {
            "lower", "upper", "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines",
            "startswith", "endswith", "find", "rfind", "index", "count", "join", "replace",
            "title", "capitalize", "casefold", "isdigit", "isalpha", "isalnum", "isspace",
            "islower", "isupper", "isnumeric", "removeprefix", "removesuffix", "partition",
            "rpartition", "swapcase", "encode",
        }
    ),
    list: frozenset(
        {
            "append", "extend", "insert", "pop", "remove", "index", "count", "sort", "reverse",
            "copy", "clear",
        }
    ),
    dict: frozenset(
        {"get", "keys", "values", "items", "pop", "setdefault", "update", "copy", "clear"}
    ),
    set: frozenset(
        {
            "add", "remove", "discard", "union", "intersection", "difference",
            "symmetric_difference", "issubset", "issuperset", "copy", "pop", "clear", "update",
        }
    ),
    tuple: frozenset({"index", "count"}),
    int: frozenset({"bit_length"}),
    float: frozenset({"is_integer"}),
    bool: frozenset(),
}  # fmt: skip

# Kinds of exceptions from calls that the code can see; all others become RuntimeError.
_PASSED_ON = (
    ValueError, TypeError, KeyError, IndexError, RuntimeError, ZeroDivisionError, StopIteration
)  # fmt: skip

_REFUSED_SYNTAX = (
    ast.ClassDef, ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield,
    ast.YieldFrom, ast.GeneratorExp, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom,
    ast.With, ast.Delete,
)  # fmt: skip

_REFUSED_HANDLERS = (
    "import", "importfrom", "with", "delete", "raise", "print", "assert", "interrupt", "repr"
)  # fmt: skip


def prepare() -> None:
    """Put the limits into asteval's table of operators, and cache its slow check of names."""
    modules.read_zones()
    asteval.asteval.valid_symbol_name = functools.lru_cache(4096)(asteval.asteval.valid_symbol_name)
    asteval.astutils.OPERATORS.update(
        {
            ast.Mult: _multiply,
            ast.Pow: _power,
            ast.Add: _add,
            ast.LShift: _shift_left,
            ast.Mod: _remainder,
        }
    )
    # So that the children, which are forks of this process, find all names in the cache.
    _interpreter({}, _Printed())


class _Printed(io.StringIO):
    """What code prints, up to a limit."""

    def write(self, text: str) -> int:
        if self.tell() + len(text) > MAX_PRINTED:
            raise LimitExceeded("printed beyond the limit")
        return super().write(text)


class _Interpreter(Interpreter):  # type: ignore[misc] # asteval has no types
    """asteval, with our rules for attributes, formats and calls."""

    def value_of(self, node: ast.AST) -> Any:
        """Return the value of a part of the code."""
        return self.run(node)

    def on_attribute(self, node: ast.Attribute) -> Any:
        if not isinstance(node.ctx, ast.Load):
            self.raise_exception(node, exc=AttributeError, msg="attributes are read only")
        owner, name = self.value_of(node.value), node.attr
        if isinstance(owner, modules.SuppliedModule) and name in owner.names:
            return owner.names[name]
        if modules.is_readable(owner, name):
            return getattr(owner, name)
        if name not in _ATTRIBUTES.get(type(owner), frozenset()):
            # So that `item.name` works on JSON, as it does in expressions.
            if type(owner) is dict and not name.startswith("_") and name in owner:
                return owner[name]
            kind = type(owner).__name__
            self.raise_exception(node, exc=AttributeError, msg=f"no {name[:40]!r} for {kind}")
        if type(owner) is str and name in _GUARDED:
            return functools.partial(_GUARDED[name], owner)
        return getattr(owner, name)

    def on_formattedvalue(self, node: ast.FormattedValue) -> str:
        conversions: dict[int, Callable[[Any], Any]] = {115: str, 114: repr, 97: ascii}
        value = conversions.get(node.conversion, lambda plain: plain)(self.value_of(node.value))
        form = self.value_of(node.format_spec) if node.format_spec is not None else ""
        if len(form) > 16 or any(len(digits) > 3 for digits in re.findall(r"\d+", form)):
            raise LimitExceeded("a format beyond the limit")
        return format(value, form)

    def on_call(self, node: ast.Call) -> Any:
        function = self.value_of(node.func)
        if not (isinstance(function, Procedure) or callable(function)):
            self.raise_exception(node, exc=TypeError, msg="this cannot be called")
        positional, named = self._arguments(node)
        is_own = isinstance(function, Procedure)
        self._calldepth += is_own
        try:
            return function(*positional, **named)
        except Exception as problem:
            # Without the exception's text: it can repeat arguments, which may be secrets.
            kind = type(problem) if isinstance(problem, _PASSED_ON) else RuntimeError
            self.raise_exception(node, exc=kind, msg=f"{type(problem).__name__} in a call")
        finally:
            self._calldepth -= is_own

    def _arguments(self, node: ast.Call) -> tuple[list[Any], dict[str, Any]]:
        positional: list[Any] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                positional.extend(self.value_of(argument.value))
            else:
                positional.append(self.value_of(argument))
        named: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.value_of(keyword.value)
            named.update(value if keyword.arg is None else {keyword.arg: value})
        return positional, named


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    times = text.count(old) if count < 0 else min(count, text.count(old))
    if len(text) + times * max(len(new) - len(old), 0) > MAX_TEXT:
        raise LimitExceeded("a text beyond the limit")
    return text.replace(old, new, count)


def _join(separator: str, items: Iterable[str]) -> str:
    parts = list(items)
    if sum(map(len, parts)) + len(separator) * len(parts) > MAX_TEXT:
        raise LimitExceeded("a text beyond the limit")
    return separator.join(parts)


_GUARDED: Mapping[str, Callable[..., str]] = {"replace": _replace, "join": _join}


def run(code: str, inputs: dict[str, Any], call: str | None) -> dict[str, Any]:
    """Run code, and return the worker's answer: `ok` with the `result`, or an `error`.

    `call` is the function that is called with the inputs; without it, the variable `result` is the
    result.
    """
    printed, interpreter = _Printed(), None
    random.seed()  # a fork begins with the same numbers as all others
    try:
        tree = _parsed(code)
        interpreter = _interpreter(inputs, printed)
        interpreter.expr = ""
        interpreter.run(tree, expr="", with_raise=True)
        if call and not interpreter.error:
            called = ast.parse(f"result = {call}(**inputs)")
            interpreter.run(called, expr="", with_raise=True)
        if interpreter.error:
            return _error_of(interpreter.error[-1], printed)
        value = plain(interpreter.symtable.get("result"), 0, [MAX_RESULT_VALUES])
        return {"ok": True, "result": value, "stdout": printed.getvalue()}
    except MemoryError:
        return _failed("MemoryError", "memory beyond the limit")
    except RecursionError:
        return _failed("RecursionError", "nested too deeply")
    except Exception as problem:
        holders = interpreter.error if interpreter is not None else ()
        line = getattr(holders[-1].node, "lineno", None) if holders else None
        return _failed(type(problem).__name__, str(problem)[:300], printed, line)


def _failed(
    kind: str, message: str, printed: _Printed | None = None, line: int | None = None
) -> dict[str, Any]:
    stdout = printed.getvalue() if printed else ""
    error = {"type": kind, "message": message, "line": line}
    return {"ok": False, "error": error, "stdout": stdout}


def _error_of(holder: Any, printed: _Printed) -> dict[str, Any]:
    kind = getattr(holder.exc, "__name__", "Error")
    line = getattr(holder.node, "lineno", None)
    return _failed(kind, str(holder.msg)[:300], printed, line)


def _interpreter(inputs: dict[str, Any], printed: _Printed) -> _Interpreter:
    def show(*values: Any, sep: Any = " ", end: Any = "\n") -> None:
        print(*values, sep=str(sep)[:20], end=str(end)[:20], file=printed)

    names = {**_FUNCTIONS, **modules.SUPPLIED, "inputs": inputs}
    interpreter = _Interpreter(
        symtable=names,
        use_numpy=False,
        minimal=False,
        config=dict.fromkeys(_REFUSED_HANDLERS, False),
        writer=printed,
        err_writer=io.StringIO(),
        max_statement_length=MAX_CODE,
        readonly_symbols={*_FUNCTIONS, *modules.SUPPLIED, "inputs", "print"},
    )
    interpreter.symtable["print"] = show
    return interpreter


def _parsed(code: str) -> ast.Module:
    if len(code) > MAX_CODE:
        raise LimitExceeded("code beyond the limit")
    tree = ast.parse(code, mode="exec")
    # With a list of its own: a recursion could overflow on deeply nested code.
    count, todo = 0, [(tree, 0)]
    while todo:
        node, depth = todo.pop()
        count += 1
        if depth > MAX_CODE_DEPTH or count > MAX_NODES:
            raise LimitExceeded("the code is too deep or too large")
        _require_allowed(node)
        todo.extend((child, depth + 1) for child in ast.iter_child_nodes(node))  # type: ignore[misc]
    return tree


def _require_allowed(node: ast.AST) -> None:
    if isinstance(node, _REFUSED_SYNTAX):
        raise LimitExceeded(f"{type(node).__name__} is not available")
    if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
        raise LimitExceeded("private attributes are not available")
    if isinstance(node, ast.Name) and node.id.startswith("__"):
        raise LimitExceeded("private names are not available")
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        raise LimitExceeded("decorators are not available")


def plain(value: Any, depth: int, budget: list[int]) -> Any:
    """Return a value as plain JSON; raise LimitExceeded if it is not plain, or too large."""
    budget[0] -= 1
    if depth > MAX_RESULT_DEPTH or budget[0] < 0:
        raise LimitExceeded("the result is too deep or too large")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        return _plain_number(value)
    if isinstance(value, (list, tuple, deque)):
        return [plain(item, depth + 1, budget) for item in value]
    if type(value) is set:
        return [plain(item, depth + 1, budget) for item in sorted(value, key=repr)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain(item, depth + 1, budget) for key, item in value.items()}
    raise LimitExceeded(f"{type(value).__name__} cannot be a result, or has keys that are not text")


def _plain_number(value: int | float) -> int | float:
    if isinstance(value, int) and value.bit_length() > MAX_RESULT_BITS:
        raise LimitExceeded("a whole number too large for a result")
    if isinstance(value, float) and not math.isfinite(value):
        raise LimitExceeded("NaN and infinity cannot be a result")
    return value
