"""What one request may cost, and all of them together."""

from dataclasses import dataclass

from facemend.errors import ConfigError
from facemend.web.refusal import RefusalError

MAX_VARIANTS = 8
MAX_PATCHES = 64
MAX_FIELDS = 4 * MAX_PATCHES  # no sensible request has more
BODY_SECONDS = 60.0  # for a whole body to arrive
IDLE_SECONDS = 10.0  # without a byte of it; also for the headers
KEEP_ALIVE_SECONDS = 8  # between requests: longer than clients keep it (httpx: 5 s), or a request meets the closing
SEND_SECONDS = 60.0  # a client that takes nothing of its answer for so long is gone
MAX_CONNECTIONS = 256
VARIANTS_HELD = 4  # how many pictures of the most pixels one answer may hold
BODIES_HELD = 4  # how many bodies of the largest size may be in memory at once


@dataclass(frozen=True)
class Limits:
    """What the one who starts the server may choose."""

    max_bytes: int = 100_000_000  # of one body
    max_pixels: int = 50_000_000  # of one picture
    queue_size: int = 16  # requests that wait
    time_limit: float = 120.0  # seconds from a request's last byte to its answer
    at_once: int = 3  # requests worked on together, while their pictures have no more than `max_pixels` in all

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise ConfigError(f"--{name.replace('_', '-')} is {value}: it must be more than 0")


class Intake:
    """Counts the bytes of all bodies that are held, so that many large ones at once cannot fill the memory."""

    def __init__(self, limits: Limits) -> None:
        self._max_body = limits.max_bytes
        self.held = 0  # bytes

    def ticket(self) -> "Ticket":
        """Begin to count one body."""
        return Ticket(self)

    def check(self, total: int) -> None:
        """Refuse a body of more bytes than any may have."""
        if total > self._max_body:
            raise RefusalError(413, "bytes", f"the request is larger than {self._max_body:,} bytes: reduce the photo")

    def take(self, size: int) -> None:
        """Count `size` more bytes. Raises RefusalError."""
        if self.held + size > BODIES_HELD * self._max_body:
            raise RefusalError(429, "busy", "too many large requests at once: try again later", retry_after=5)
        self.held += size

    def give_back(self, size: int) -> None:
        """Forget bytes that are no longer held."""
        self.held -= size


class Ticket:
    """One body's share of the intake; `close` it when the body is no longer held."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._held = 0

    def check(self, size: int) -> None:
        """Refuse a body that would be `size` bytes larger than it is and thereby too large."""
        self._intake.check(self._held + size)

    def take(self, size: int) -> None:
        """Count `size` more bytes. Raises RefusalError."""
        self.check(size)
        self._intake.take(size)
        self._held += size

    def close(self) -> None:
        """Give everything back; more than once does no harm."""
        self._intake.give_back(self._held)
        self._held = 0
