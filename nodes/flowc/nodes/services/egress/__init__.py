"""Outgoing HTTP: every connection is checked against the operator's policy when it is opened.

What these names need of httpx is imported with the first request.
"""

from flowc.nodes.services.egress.client import (
    HttpClient,
    RequestFailed,
    Response,
    ResponseTooLarge,
    ResponseUnreadable,
)
from flowc.nodes.services.egress.policy import (
    EgressDenied,
    EgressPolicy,
    HeaderRefused,
    RedirectRefused,
)
from flowc.nodes.services.egress.resolver import Resolver, resolve

__all__ = [
    "EgressDenied",
    "EgressPolicy",
    "HeaderRefused",
    "HttpClient",
    "RedirectRefused",
    "RequestFailed",
    "Resolver",
    "Response",
    "ResponseTooLarge",
    "ResponseUnreadable",
    "resolve",
]
