"""What the network made of one square of a photo, at the size at which it saw it. Needs no torch."""

from dataclasses import dataclass

import cv2
import numpy as np

from facemend.imaging import Floats, Hole, Layout
from facemend.photo.framing import Window

_SOFTNESS = 0.8  # standard deviation, in the network's pixels, of a blur that takes off what its fills lack


@dataclass(frozen=True)
class NetworkView:
    """What the network made of a window of the photo."""

    window: Window
    completed: Floats  # [3, S, S] in [-1, 1], known pixels included
    unknown: Floats  # [1, S, S], 1 where nothing was known
    scores: Floats  # [heads, T, T], attention of stage 2 over a square grid of T places
    layout: Floats  # [K, h, w], probabilities of the face's parts

    def softened(self) -> Floats:
        """Return `completed`, its known part blurred to be as soft as what the network paints."""
        blurred = cv2.GaussianBlur(np.ascontiguousarray(self.completed.transpose(1, 2, 0)), (0, 0), _SOFTNESS)
        return np.where(self.unknown > 0, self.completed, np.asarray(blurred, np.float32).transpose(2, 0, 1))

    def person(self) -> Hole:
        """Return which pixels of the view are more likely a person's than the background's, bool [S, S]."""
        size = self.completed.shape[1:]
        return np.asarray(cv2.resize(self.layout[0], size, interpolation=cv2.INTER_LINEAR), np.float32) < 0.5

    def ids(self) -> Layout:
        """Return the class ids of the likeliest parts at the view's own size, uint8 [S, S]."""
        size = self.completed.shape[1:]
        ids, likelihood = np.zeros(size, np.uint8), np.zeros(size, np.float32)
        for number, part in enumerate(self.layout):  # one by one: a fifth of the time of `argmax` over all
            enlarged = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR), np.float32)
            np.putmask(ids, enlarged > likelihood, number)
            np.maximum(likelihood, enlarged, out=likelihood)
        return ids
