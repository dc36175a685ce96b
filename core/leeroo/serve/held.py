"""How many bytes of bodies all requests hold together: `Held`."""

from leeroo.serve.errors import Refusal, after

SMALL = 64_000
"""Bytes of a body that is let in beyond the bound, up to twice of it: large ones must not keep the others out."""


class Held:
    """Counts the bodies of requests that are on their way; each is held until its answer has gone.

    Args:
        most: Bytes.
    """

    def __init__(self, most: int) -> None:
        self.bytes = 0
        self._most = most

    def take(self, size: int, so_far: int) -> None:
        """Count some more of a body.

        Args:
            size: How many bytes more.
            so_far: Of this body, those included.

        Raises:
            Refusal: There would be too many.
        """
        if self.bytes + size > (2 * self._most if so_far <= SMALL else self._most):
            raise Refusal(
                503, "The server holds as many requests as it can; try again in a moment.", "server_error", "busy",
                headers=after(1),
            )  # fmt: skip
        self.bytes += size

    def give(self, size: int) -> None:
        """A request is over."""
        self.bytes -= size
