"""Batches what several threads ask of one network."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future

from facemend.backends.contract import Backend, MaskedView, Painted

MAX_BATCH = 4  # views; more take memory and hardly save time


class BatchingBackend:
    """A backend that threads share: what is asked while the network runs goes together into its next run.

    Nothing waits for company: a lone call runs at once. Rounding differs with the size of the batch, in the last bits.

    Args:
        backend: Runs one batch at a time.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._waiting: list[_Call] = []
        self._changes = threading.Lock()  # to `_waiting`
        self._turn = threading.Lock()  # to run the network

    @property
    def device(self) -> str:
        """Where it runs."""
        return self._backend.device

    @property
    def latent_size(self) -> int:
        """Numbers in a latent."""
        return self._backend.latent_size

    def __call__(self, views: Sequence[MaskedView]) -> list[Painted]:
        """Repaint views; see `Backend`. Raises what the run raises that they were in."""
        call = _Call(views)
        with self._changes:
            self._waiting.append(call)
        with self._turn:
            if not call.result.done():  # else another thread's turn did it
                self._run(self._take(call))
        return call.result.result()

    def _take(self, first: "_Call") -> list["_Call"]:
        """Choose, for one run, a call and as many that fit it as there is room for."""
        with self._changes:
            chosen, size = [first], len(first.views)
            for call in self._waiting:
                if call is not first and call.kind == first.kind and size + len(call.views) <= MAX_BATCH:
                    chosen.append(call)
                    size += len(call.views)
            self._waiting = [call for call in self._waiting if call not in chosen]
        return chosen

    def _run(self, calls: list["_Call"]) -> None:
        try:
            painted = iter(self._backend([view for call in calls for view in call.views]))
            for call in calls:
                call.result.set_result([next(painted) for _ in call.views])
        except Exception as error:  # it is every caller's
            for call in calls:
                call.result.set_exception(error)


class _Call:
    """What one thread asked, and what it is to get."""

    def __init__(self, views: Sequence[MaskedView]) -> None:
        self.views = views
        self.kind = views[0].image.shape, views[0].layout is None  # only the same go together
        self.result: Future[list[Painted]] = Future()
