"""The only way out: HTTP whose every connection is judged when it is dialled."""

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
