"""Other libraries' complaints about odd files, which are no user's business, kept quiet in several threads at once."""

import threading
import warnings
from contextlib import ExitStack
from typing import Self

from cv2.utils import logging


class _Silence:
    """Silences Python's warnings and OpenCV's log while any thread is in it.

    Both belong to the process: threads that each saved and put back what they found would leave it silent for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._num_inside = 0
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        with self._lock:
            if self._num_inside == 0:
                self._undo.enter_context(warnings.catch_warnings(action="ignore"))
                usual = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
                self._undo.callback(logging.setLogLevel, usual)
            self._num_inside += 1
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._num_inside -= 1
            if self._num_inside == 0:
                self._undo.close()


silence = _Silence()
