"""A node type that checks bank account numbers."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler import Context, Node, NodeError, Outcome


class Iban(Node):
    """Check a bank account number (IBAN), and branch: `valid` or `invalid`.

    Spaces and small letters are allowed. The output has the number in its compact form.
    """

    type: ClassVar = "iban"
    group: ClassVar = "data"
    is_pure: ClassVar = True

    number: str = Field(description="Such as {{input.account}}.")
    countries: list[str] = Field(
        default_factory=list, description="The country codes that are valid; all, if empty."
    )

    @classmethod
    def branches(cls, config: Mapping[str, Any]) -> Mapping[str, str | None]:
        """Return the two branches; edges name their targets."""
        return {"valid": None, "invalid": None}

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON Schema of the output."""
        properties = {"iban": {"type": "string"}, "country": {"type": "string"}}
        return {"type": "object", "properties": properties, "required": list(properties)}

    async def run(self, context: Context) -> Outcome:
        """Check the number, and choose a branch."""
        iban = "".join(self.number.split()).upper()
        if not iban:
            raise NodeError("no-account", "There is no account number.")
        country = iban[:2]
        is_valid = has_check_digits(iban) and (not self.countries or country in self.countries)
        output = {"iban": iban, "country": country}
        return Outcome(output, branch="valid" if is_valid else "invalid")


def has_check_digits(iban: str) -> bool:
    """Return whether the check digits fit: the number, its start moved to its end, is 1 modulo 97.

    >>> has_check_digits("GB82WEST12345698765432")
    True
    >>> has_check_digits("GB83WEST12345698765432")
    False
    """
    if not (iban.isascii() and iban.isalnum() and 15 <= len(iban) <= 34):
        return False
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1


NODE_TYPES = (Iban,)
