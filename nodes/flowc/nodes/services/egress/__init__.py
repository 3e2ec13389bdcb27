"""Outgoing HTTP: every connection is checked against the operator's policy when it is opened."""

from flowc.nodes.services.egress.policy import EgressDenied, EgressPolicy
from flowc.nodes.services.egress.request import (
    HttpClient,
    Response,
    ResponseTooLarge,
    check_url,
)
from flowc.nodes.services.egress.transport import GuardedBackend, GuardedTransport, Resolver

__all__ = [
    "EgressDenied",
    "EgressPolicy",
    "GuardedBackend",
    "GuardedTransport",
    "HttpClient",
    "Resolver",
    "Response",
    "ResponseTooLarge",
    "check_url",
]
