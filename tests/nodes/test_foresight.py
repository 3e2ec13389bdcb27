"""Addresses that the guard refuses in any case are known before it is asked to connect."""

from ipaddress import ip_address

import pytest

from flowc.nodes.services.egress import EgressDenied, EgressPolicy, HttpClient
from flowc.nodes.services.egress.addresses import Address
from flowc.nodes.services.egress.foresight import refusal_of

ALLOWING = EgressPolicy.of_rules({"10.0.0.0/8": [8080], "127.0.0.1": []})
OWN = EgressPolicy.of_rules({}, own_addresses=["93.184.215.14"])
NAT64 = EgressPolicy.of_rules({}, nat64=True)
CASES: list[tuple[EgressPolicy, str, str | None]] = [
    (EgressPolicy(), "https://example.com/", None),
    (EgressPolicy(), "https://93.184.215.14/", None),
    (EgressPolicy(), "https://example.com:8443/a?b#c", None),
    (EgressPolicy(), "http://10.1.2.3/", "not a public address"),
    (EgressPolicy(), "http://localhost:3000/", "not a public address"),
    (EgressPolicy(), "http://LOCALHOST./", "not a public address"),
    (EgressPolicy(), "http://[::1]:3000/", "not a public address"),
    (EgressPolicy(), "http://[::ffff:10.0.0.1]/", "not a public address"),
    (EgressPolicy(), "http://169.254.169.254/", "metadata"),
    (EgressPolicy(), "http://metadata.google.internal/", "metadata"),
    (EgressPolicy(), "http://example.com:6379/", "port"),
    (EgressPolicy(), "http://93.184.215.14:22/", "port"),
    (EgressPolicy(ports=frozenset({443})), "http://example.com/", "port"),
    (EgressPolicy(ports=frozenset({443})), "https://example.com/", None),
    (ALLOWING, "http://10.1.2.3:8080/", None),
    (ALLOWING, "http://10.1.2.3:8081/", "port"),
    (ALLOWING, "http://localhost:6379/", None),
    # It may lead to an address at which this port is allowed.
    (ALLOWING, "http://db.test:6379/", None),
    (ALLOWING, "http://169.254.169.254/", "metadata"),
    (OWN, "http://93.184.215.14/", "own address"),
    (NAT64, "http://[64:ff9b::5db8:d70e]/", None),
    (EgressPolicy(), "http://[64:ff9b::5db8:d70e]/", "not a public address"),
    (EgressPolicy(), "ftp://example.com/", "the URL must begin with http:// or https://"),
    (EgressPolicy(), "http://me@example.com/", "the URL needs a plain host, without user name"),
    (EgressPolicy(), "http://example.com:0/", "the URL has the port 0, which does not exist"),
    (EgressPolicy(), "http://[::1/", "the URL cannot be read"),
]


@pytest.mark.parametrize(("policy", "url", "reason"), CASES)
def test_a_refusal_is_foreseen_if_it_is_sure(
    policy: EgressPolicy, url: str, reason: str | None
) -> None:
    found = refusal_of(policy, url)
    assert (found.reason if found is not None else None) == reason


@pytest.mark.parametrize(("policy", "url"), [(p, url) for p, url, reason in CASES if reason])
async def test_what_is_foreseen_is_what_the_guard_does(policy: EgressPolicy, url: str) -> None:
    async def resolve(host: str, port: int) -> list[Address]:
        local = [ip_address("127.0.0.1")] if host == "localhost" else []
        return local or [ip_address("93.184.215.14")]

    client = HttpClient(policy, resolve)
    with pytest.raises(EgressDenied):
        await client.request("GET", url)
    await client.aclose()
