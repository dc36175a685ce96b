"""Names of accounts, checked in one way wherever they come in: budgets, headers, keys, limits, commands, the ledger."""

import unicodedata

from leeroo.errors import ConfigError

LONGEST = 400
"""Characters; twice as many bytes in UTF-8, which is what the ledgers' indexes have room for."""
DEEPEST = 32
"""Parts: every one of them may have limits, which every call looks up."""


def check_scope(scope: object) -> str:
    """The scope as it is kept: in Unicode's form NFC, so that what looks the same is the same account.

    Raises:
        ConfigError: It is no text, empty, too long or too deep, has a part that is empty or begins or ends with a
            space, or a character that cannot be seen: control and format characters, halves of surrogate pairs.
    """
    if not isinstance(scope, str):
        raise ConfigError(f"scope is a {type(scope).__name__}; give names parted by '/', such as acme/team-a/user-7.")
    if len(scope) > LONGEST or len(scope.encode("utf-8", "surrogatepass")) > 2 * LONGEST:
        raise ConfigError(f"scope has {len(scope)} characters; {LONGEST} are the most.")
    if not scope.isprintable():
        raise ConfigError(f"scope is {scope!a}; it may hold no characters that cannot be seen.")
    scope = unicodedata.normalize("NFC", scope)
    parts = scope.split("/")
    if any(not part or part != part.strip() for part in parts) or len(parts) > DEEPEST:
        raise ConfigError(f"scope is {scope!r}; give names parted by '/', such as acme/team-a/user-7.")
    return scope
