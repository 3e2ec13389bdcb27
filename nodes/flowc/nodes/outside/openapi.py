"""Reads one operation of an OpenAPI 3 document: its address, its arguments, its response."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.schemas.soundness import require_sound
from flowc.nodes.outside.http_calls import Method
from flowc.nodes.outside.openapi_bodies import BodyForm, as_files, body_form
from flowc.nodes.outside.openapi_parameters import Parameter, described_parameter, joined
from flowc.nodes.outside.openapi_schemas import as_json_schema
from flowc.nodes.services.calls.bodies import BodyType

_METHODS: Mapping[str, Method] = {
    "get": "GET", "put": "PUT", "post": "POST", "delete": "DELETE", "options": "OPTIONS",
    "head": "HEAD", "patch": "PATCH",
}  # fmt: skip
# Most values in one schema once its references are resolved: they can grow exponentially.
_MOST_VALUES = 10_000
BODY = "body"
# How often a server and the proxies before it decode a path.
_MOST_DECODED = 4


class ArgumentOutOfPlace(ValueError):
    """An argument would leave its place in the path, and so call another operation."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: it would leave its place in the path of the operation")
        self.name = name


class BadDocument(ValueError):
    """The document does not have the operation, or does not describe it as OpenAPI 3 requires."""


@dataclass(frozen=True)
class Security:
    """The security scheme of an operation: its kind, and for an API key its name and place."""

    kind: str
    scheme: str = ""
    name: str = ""
    place: str = ""


class OperationRequest(NamedTuple):
    """The request of an operation; a caller may add to its query and headers."""

    url: str
    query: dict[str, Any]
    headers: dict[str, Any]
    body: Any
    body_type: BodyType = "auto"


@dataclass(frozen=True)
class Operation:
    """One operation. Its arguments are its parameters, and the fields of its JSON body.

    If the body is not an object, or a field has the name of a parameter, the whole body is the
    argument `body`.
    """

    method: Method
    base: str
    path: str
    description: str
    parameters: tuple[Parameter, ...]
    form: BodyForm | None
    needs_body: bool
    answer: Schema
    security: Security | None

    @property
    def body(self) -> Schema | None:
        """The schema of the body, if there is one."""
        return self.form.schema if self.form is not None else None

    @property
    def spreads_body(self) -> bool:
        """Whether the fields of the body are arguments; else it is one as a whole."""
        fields = (self.body or {}).get("properties", {})
        names = {parameter.name for parameter in self.parameters}
        return bool(fields) and not names & set(fields)

    @property
    def arguments(self) -> Schema:
        """The JSON Schema of all arguments."""
        properties = {each.name: each.schema for each in self.parameters}
        required = [each.name for each in self.parameters if each.is_required]
        body = self.body
        if body is not None and self.spreads_body:
            properties |= body["properties"]
            required += body.get("required", []) if self.needs_body else []
        elif body is not None:
            properties[BODY] = body
            required += [BODY] if self.needs_body else []
        closed = {"additionalProperties": False}
        return {"type": "object", "properties": properties, "required": required, **closed}

    def require_sound(self) -> None:
        """Raise BadSchema if arguments cannot be checked against the document."""
        require_sound(self.arguments, is_foreign=True)

    def request(self, arguments: Mapping[str, Any]) -> OperationRequest:
        """Return the request with these arguments; raise ArgumentOutOfPlace."""
        cookies = list[str]()
        query: dict[str, Any] = {}
        headers: dict[str, Any] = {}
        for each in self.parameters:
            if each.name not in arguments or arguments[each.name] is None:
                continue
            value = arguments[each.name]
            if each.place == "query":
                query |= each.query_of(value)
            elif each.place == "header":
                headers[each.name] = joined(value)
            elif each.place == "cookie":
                cookies.append(f"{each.name}={quote(joined(value))}")
        if cookies:
            headers["cookie"] = "; ".join(cookies)
        url = f"{self.base.rstrip('/')}{self._path(arguments)}"
        return self._with_body(OperationRequest(url, query, headers, self._body(arguments)))

    def _with_body(self, request: OperationRequest) -> OperationRequest:
        """Return the request with its body in the form that the document describes."""
        if self.form is None or request.body is None:
            return request
        if self.form.media_type is not None:
            request.headers["content-type"] = self.form.media_type
        body = request.body
        if self.form.body_type == "multipart":
            body = as_files(body, self.form.schema)
        return request._replace(body=body, body_type=self.form.body_type)

    def _path(self, arguments: Mapping[str, Any]) -> str:
        segments = self.path.split("/")
        for each in self.parameters:
            if each.place != "path" or arguments.get(each.name) is None:
                continue
            name, text = f"{{{each.name}}}", joined(arguments[each.name])
            for number, segment in enumerate(segments):
                if name in segment:
                    if not text or _leaves_segment(segment.replace(name, text)):
                        raise ArgumentOutOfPlace(each.name)
                    segments[number] = segment.replace(name, quote(text, safe=""))
        return "/".join(segments)

    def _body(self, arguments: Mapping[str, Any]) -> Any:
        if self.body is None:
            return None
        if not self.spreads_body:
            return arguments.get(BODY)
        names = {parameter.name for parameter in self.parameters}
        return {name: value for name, value in arguments.items() if name not in names}


def find_operation(document: Mapping[str, Any], id: str, server: str | None = None) -> Operation:
    """Return the operation of a document that has this `operationId`; raise BadDocument.

    `server` is the URL to call if the document names none, or the base of a relative one.
    """
    if not str(document.get("openapi", "")).startswith("3."):
        raise BadDocument("this is not an OpenAPI 3 document")
    known: list[str] = []
    for path, item, word, operation in _operations(document):
        if operation.get("operationId") == id:
            try:
                return _operation(document, path, item, word, operation, server)
            except (KeyError, TypeError, AttributeError) as problem:
                what = f"{type(problem).__name__}: {problem}"
                message = f"the operation is not described as OpenAPI 3 requires ({what[:100]})"
                raise BadDocument(message) from None
        known.append(str(operation.get("operationId") or ""))
    names = ", ".join(sorted(filter(None, known))[:20])
    raise BadDocument(f"the document has no operation {id!r}; it has {names or 'none'}")


def _operations(
    document: Mapping[str, Any],
) -> Iterator[tuple[str, Mapping[str, Any], str, Mapping[str, Any]]]:
    for path, item in (document.get("paths") or {}).items():
        for word in _METHODS:
            if isinstance(item, dict) and isinstance(item.get(word), dict):
                yield path, item, word, item[word]


def _operation(
    document: Mapping[str, Any],
    path: str,
    item: Mapping[str, Any],
    word: str,
    operation: Mapping[str, Any],
    server: str | None,
) -> Operation:
    given = [*(item.get("parameters") or []), *(operation.get("parameters") or [])]
    parameters = {
        (each["name"], each["in"]): each for each in (_resolved(document, one) for one in given)
    }
    request = _resolved(document, operation.get("requestBody") or {})
    form = body_form(_schemas(document, request))
    if request and form is None:
        raise BadDocument("the operation's body has no media type")
    return Operation(
        method=_METHODS[word],
        base=_base(document, item, operation, server),
        path=path,
        description=str(operation.get("description") or operation.get("summary") or ""),
        parameters=tuple(_parameter(document, each) for each in parameters.values()),
        form=form,
        needs_body=bool(request.get("required")),
        answer=_answer(document, operation),
        security=_security(document, operation),
    )


def _parameter(document: Mapping[str, Any], given: Mapping[str, Any]) -> Parameter:
    schema = _schema(document, next(iter((given.get("content") or {}).values()), given))
    if given.get("description") and "description" not in schema:
        schema = {**schema, "description": given["description"]}
    return described_parameter(given, schema)


def _base(
    document: Mapping[str, Any],
    item: Mapping[str, Any],
    operation: Mapping[str, Any],
    server: str | None,
) -> str:
    servers = operation.get("servers") or item.get("servers") or document.get("servers") or []
    found = str(servers[0].get("url", "")) if servers else ""
    for name, variable in (servers[0].get("variables") or {}).items() if servers else ():
        found = found.replace(f"{{{name}}}", str(variable.get("default", "")))
    url = urljoin(server, found) if server else found
    if urlsplit(url).scheme not in {"http", "https"}:
        raise BadDocument("the document names no server; set `server_url`")
    return url


def _answer(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Schema:
    """Return the schema of the first response with a status of 2xx."""
    for status, given in sorted((operation.get("responses") or {}).items()):
        if str(status).startswith("2"):
            return _json_schema(document, _resolved(document, given)) or {}
    return {}


def _schemas(document: Mapping[str, Any], holder: Mapping[str, Any]) -> dict[str, Schema]:
    content = (holder.get("content") or {}).items()
    return {str(kind): _schema(document, each) for kind, each in content}


def _json_schema(document: Mapping[str, Any], holder: Mapping[str, Any]) -> Schema | None:
    for kind, content in (holder.get("content") or {}).items():
        if kind.split(";")[0].strip() == "application/json" or kind.endswith("+json"):
            return _schema(document, content)
    return None


def _schema(document: Mapping[str, Any], holder: Mapping[str, Any]) -> Schema:
    """Return the JSON Schema of a parameter or a body; OpenAPI 3.1 has no other kind."""
    found: Schema = _resolved(document, holder.get("schema") or {})
    return as_json_schema(found) if str(document["openapi"]).startswith("3.0") else found


def _security(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Security | None:
    required = operation.get("security", document.get("security")) or []
    schemes = (document.get("components") or {}).get("securitySchemes") or {}
    for requirement in required:
        for name in requirement:
            scheme = _resolved(document, schemes.get(name) or {})
            if scheme.get("type") == "apiKey":
                return Security("apiKey", name=str(scheme["name"]), place=str(scheme["in"]))
            if scheme.get("type") == "http":
                return Security("http", scheme=str(scheme.get("scheme", "")).lower())
            if scheme.get("type") in {"oauth2", "openIdConnect"}:
                return Security("http", scheme="bearer")
    return None


class _Resolver:
    """Resolves references within a document; a schema that refers to itself becomes {}."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document, self._left = document, _MOST_VALUES

    def resolve(self, value: Any, within: frozenset[str] = frozenset()) -> Any:
        """Return a value without references; raise BadDocument if it grows too large."""
        self._left -= 1
        if self._left < 0:
            raise BadDocument("the operation's schemas are too large")
        if isinstance(value, list):
            return [self.resolve(item, within) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            reference = str(value["$ref"])
            if reference in within:
                return {}
            return self.resolve(_at(self._document, reference), within | {reference})
        return {key: self.resolve(item, within) for key, item in value.items()}


def _resolved(document: Mapping[str, Any], value: Any) -> Any:
    return _Resolver(document).resolve(value)


def _at(document: Mapping[str, Any], reference: str) -> Any:
    if not reference.startswith("#/"):
        raise BadDocument(f"the reference {reference[:100]!r} leads out of the document")
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        # The escapes of a JSON Pointer, in this order: "~01" is "~1", not "/".
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or name not in found:
            raise BadDocument(f"the reference {reference[:100]!r} does not exist in the document")
        found = found[name]
    return found


def _leaves_segment(text: str) -> bool:
    r"""Return whether a server could read a segment of a path as one above it, or as several.

    Some servers decode twice, take backslashes for slashes, or cut off what follows a semicolon.

    >>> [_leaves_segment(text) for text in ("..", "%252e.", r"a\b", "a/../b", "..;x")]
    [True, True, True, True, True]
    >>> [_leaves_segment(text) for text in ("a..b", "a/b")]
    [False, False]
    """
    for _ in range(_MOST_DECODED):
        steps = {step.partition(";")[0].strip() for step in text.split("/")}
        if "\\" in text or steps & {".", ".."} or "\0" in text:
            return True
        text = unquote(text)
    return False
