"""How tokens are checked; apart from the check itself, which loads the libraries for it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TokenRules:
    """How tokens are checked: by a shared `secret`, or by the public keys at `keys_url`.

    `role_claim` and `tenant_claim` name the claims with the role and the tenant of the holder; a
    path such as `realm.role` goes into objects. `default_role` is that of holders without one.
    """

    algorithm: str
    secret: str | None = field(default=None, repr=False)
    keys_url: str | None = None
    issuer: str | None = None
    audience: str | None = None
    role_claim: str = "role"
    tenant_claim: str = "tenant"
    name_claim: str = "sub"
    groups_claim: str = "groups"
    default_role: str | None = None
