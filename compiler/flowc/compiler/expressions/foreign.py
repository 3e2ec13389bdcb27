"""Recognises what other languages write in expressions, and how it is written here."""

import re
from dataclasses import dataclass

from flowc.compiler.expressions.errors import ExpressionError

_INPUT_OR_NODE = (
    "Write {{input.name}} for the workflow's input, {{id.output.name}} for a node's output."
)
_NODE = r"(?:\.(?:item|first\(\)|last\(\)|all\(\)))?(?:\.json)?"
_NO_FUNCTIONS = "Expressions define no functions: use |map, |selectattr or {% for %}."


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something that another language writes: how it looks, and what to write instead.

    In the message and the hint, `<1>` stands for the first group of the pattern.
    """

    pattern: re.Pattern[str]
    message: str
    hint: str


def _foreign(pattern: str, message: str, hint: str) -> Foreign:
    return Foreign(re.compile(pattern), message, hint)


# Texts in quotes are blanks when the patterns are searched; none of these is right outside them.
FOREIGN = (
    _foreign(
        rf"\$(?:node)?[(\[]\s*['\"](.*?)['\"]\s*[)\]]{_NODE}((?:\.\w+)*)",
        "$ has no meaning",
        "Write {{<id>.output<2>}}, with the id of the node.",
    ),
    _foreign(r"\$vars?((?:\.\w+)+)", "$vars has no meaning", "Write {{variables<1>}}."),
    _foreign(r"\$(?:env|secrets)((?:\.\w+)+)", "$env has no meaning", "Write {{secrets<1>}}."),
    _foreign(r"\$(now|today)\b", "$<1> has no meaning", "Write <1>()."),
    _foreign(r"\$(?:execution|workflow)\b", "$ has no meaning", "Write {{run.id}}."),
    _foreign(r"\$(?:json|input)\b", "$json and $input have no meaning", _INPUT_OR_NODE),
    _foreign(r"\$\{", "${ } has no meaning inside {{ }}", "Write the name alone."),
    _foreign(r"\$(\w*)", "$ has no meaning", _INPUT_OR_NODE),
    _foreign(r"#\s*sys\.(\w+)\s*#", "# # has no meaning", "Write {{input.<1>}}."),
    _foreign(r"#\s*env\.(\w+)\s*#", "# # has no meaning", "Write {{secrets.<1>}}."),
    _foreign(r"#\s*conversation\.(\w+)\s*#", "# # has no meaning", "Write {{variables.<1>}}."),
    _foreign(r"#\s*([\w-]+)\.([\w.]+)\s*#", "# # has no meaning", "Write {{<1>.output.<2>}}."),
    _foreign(r"#", "# has no meaning", "Write comments as {# … #}, outside {{ }}."),
    _foreign(r"(=>|\blambda\b|\bfunction\b)", "'<1>' defines a function", _NO_FUNCTIONS),
    _foreign(r"===", "there is no operator '==='", "Write ==."),
    _foreign(r"!==", "there is no operator '!=='", "Write !=."),
    _foreign(r"<>", "there is no operator '<>'", "Write !=."),
    _foreign(r"=~", "there is no operator '=~'", "Write text|regex_search('pattern')."),
    _foreign(r"&&", "there is no operator '&&'", "Write and."),
    _foreign(r"\|\|", "there is no operator '||'", "Write or; for a default, |default('text')."),
    _foreign(r"\?\?", "there is no operator '??'", "Write value|default('text')."),
    _foreign(r"\?[.\[]", "there is no operator '?.'", "Write a.b|default(none)."),
    _foreign(r"\?:", "there is no operator '?:'", "Write value|default('text', true)."),
    _foreign(r"\?", "there is no operator '?'", "Write a if condition else b."),
    _foreign(r"!(?!=)", "there is no operator '!'", "Write not."),
    _foreign(
        r"(\+\+|--|[-+*/|&]=)", "'<1>' changes a value", "Write {% set name = … %} in a text."
    ),
    _foreign(r"`", "'`' does not quote a text", "Write 'text', and join texts with ~."),
    _foreign(r"&(?!&)", "there is no operator '&'", "Write and; to join texts, ~."),
    _foreign(
        r"\[[^\[\]]*\bfor\b[^\[\]]*\bin\b",
        "there are no list comprehensions",
        "Write list|map(attribute='name')|list, list|selectattr('name') or {% for %}.",
    ),
    _foreign(
        r"[({][^(){}]*\bfor\b[^(){}]*\bin\b",
        "there are no comprehensions",
        "Write list|map(attribute='name'), list|selectattr('name') or {% for %}.",
    ),
    _foreign(r"\b(AND|OR|NOT|IN|IS)\b", "'<1>' is not an operator", "Write it in lower case."),
    _foreign(r"\bnew\s+Date\b", "'new' has no meaning", "Write now()."),
    _foreign(r"\b(new|await|async)\s", "'<1>' has no meaning", "Leave it out."),
    _foreign(r"\btypeof\s+([\w.]+)", "'typeof' is not an operator", "Write <1>|type."),
    _foreign(
        r"\b(let|const|var|return)\s", "'<1>' is a statement", "Write {% set name = … %} in a text."
    ),
    _foreign(r"\bnot\s*=(?!=)", "'not =' is not an operator", "Write !=."),
    _foreign(r"(?<=[\w)\]])\s+(?:eq|equals)\s+['\"\w(]", "'eq' is not an operator", "Write ==."),
    _foreign(r"(?<=[\w)\]])\s+ne\s+['\"\w(]", "'ne' is not an operator", "Write !=."),
    _foreign(r"(?<=[\w)\]])\s+gt\s+['\"\w(]", "'gt' is not an operator", "Write >."),
    _foreign(r"(?<=[\w)\]])\s+ge\s+['\"\w(]", "'ge' is not an operator", "Write >=."),
    _foreign(r"(?<=[\w)\]])\s+lt\s+['\"\w(]", "'lt' is not an operator", "Write <."),
    _foreign(r"(?<=[\w)\]])\s+le\s+['\"\w(]", "'le' is not an operator", "Write <=."),
    _foreign(
        r"(?<=[\w)\]])\s+(?:contains|includes)\s+(['\"]\w*['\"]|\w+)",
        "'contains' is not an operator",
        "Write <1> in value.",
    ),
    _foreign(
        r"(?<=[\w)\]])\s+(?:like|matches)\s",
        "'like' is not an operator",
        "Write text|regex_search('…').",
    ),
    _foreign(
        r"(?<=[\w)\]])\s+(startswith|endswith)\s", "'<1>' is a filter", "Write text|<1>('…')."
    ),
    _foreign(
        r"\bbetween\b", "'between' is not an operator", "Write low <= value and value <= high."
    ),
    _foreign(
        r"\b[fru]b?['\"]", "a text has no letter before its quote", "Join texts with ~: 'n = ' ~ n."
    ),
    _foreign(r";", "';' has no meaning", "Leave it out."),
    _foreign(r"@", "'@' has no meaning", _INPUT_OR_NODE),
)
ASSIGNMENT = ("'=' does not compare", "Write ==; {% set name = … %} sets a variable.")

_CODE = re.compile(r"\{\{(.*?)(?:\}\}|\Z)|\{%(.*?)(?:%\}|\Z)", re.DOTALL)
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_NOT_OF_IDS = re.compile(r"\W+")


def find_foreign(source: str) -> ExpressionError | None:
    """Return what is foreign in a template that cannot be parsed, with the right spelling.

    >>> found = find_foreign("Hi {{ a === b }}")
    >>> print(found, found.hint, sep=": ")
    there is no operator '===': Write ==.
    """
    for code in _CODE.finditer(source):
        inside = code[1] if code[1] is not None else code[2]
        blanked = _QUOTED.sub(_blank, inside)
        for foreign in FOREIGN:
            match = foreign.pattern.search(blanked)
            if match is not None:
                found = _error(foreign, match, inside)
                blanks = len(match[0]) - len(match[0].lstrip())
                start = code.start(1 if code[1] is not None else 2)
                found.offset = start + match.start() + blanks
                return found
    return None


def _blank(quoted: re.Match[str]) -> str:
    return quoted[0][0] + "_" * (len(quoted[0]) - 2) + quoted[0][-1]


def _error(foreign: Foreign, match: re.Match[str], inside: str) -> ExpressionError:
    # The groups are those of the source, in which texts in quotes are not blanks.
    groups = [inside[slice(*match.span(n))] for n in range(1, len(match.groups()) + 1)]
    return ExpressionError(_filled(foreign.message, groups), _filled(foreign.hint, groups))


def _filled(sentence: str, groups: list[str]) -> str:
    for number, group in enumerate(groups, 1):
        sentence = sentence.replace(f"<{number}>", group[:60])
    return sentence.replace(
        "<id>", _NOT_OF_IDS.sub("_", groups[0][:60]).strip("_") if groups else ""
    )
