"""The node type `respond`: the HTTP answer to the message that began the run."""

import re
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from flowc.compiler.node import Context, Incoming, Node, NodeError

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")


class Respond(Node):
    """Answer the message to a webhook that began the run, while the run continues.

    The webhook must have `response: respond`. Only the first answer of a run is sent, from the
    workflow itself or from a body inside it. Where no one waits for it, the node only returns the
    answer, as its output: `status`, `headers` and `body`.
    """

    type: ClassVar = "respond"
    group: ClassVar = "flow"

    status: int = Field(default=200, ge=200, le=599, description="Status code of the answer.")
    headers: dict[str, str] = Field(default={}, description="Headers of the answer, by name.")
    body: Annotated[
        Any,
        Incoming(),
        Field(description="A text is sent as it is, everything else as JSON."),
    ] = None
    redirect: str | None = Field(
        default=None, description="Address that the sender is led to, with status 303 or its own."
    )

    @model_validator(mode="after")
    def _check_redirect(self) -> Self:
        if self.redirect and "status" in self.model_fields_set and not 300 <= self.status <= 308:
            raise ValueError("`redirect` needs a status from 300 to 308, or none")
        return self

    async def run(self, context: Context) -> dict[str, Any]:
        """Return the answer; raise NodeError for a header that HTTP does not allow."""
        for name, text in {**self.headers, "location": self.redirect or ""}.items():
            if not _NAME.fullmatch(name) or not text.isprintable():
                raise NodeError("bad-header", f"The header {name[:60]!r} cannot be sent.")
        if not self.redirect:
            return {"status": self.status, "headers": self.headers, "body": self.body}
        status = self.status if "status" in self.model_fields_set else 303
        headers = {**self.headers, "location": self.redirect}
        return {"status": status, "headers": headers, "body": self.body}
