"""Faces of which so little is left that only the painter makes one of it: painted for a trial where a hole may hide one."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Protocol

import cv2
import numpy as np

from facemend.imaging import Floats, Hole
from facemend.photo import framing
from facemend.photo.detectors import Face, FaceDetector
from facemend.photo.faces import LIKELY, SURE, face_window, is_same, is_sure, meets, moved, stances
from facemend.photo.framing import Window

PARTS_SIDE = 512  # pixels of the copy in which a hole is taken apart
TRIED_SIZE, FITTED_SIZE = 128, 256  # pixels of a view that is painted, and of the last of a fit: its face is what is found
NUM_PARTS = 6  # of a hole, near which faces are looked for
LEAST_HIDING = 0.1  # of a sure face's square: a part of less area hides no other face about as large
LEAST_FILLED = 0.15  # of the square round a part is damaged, or it is a scratch, which hides no face
LEAST_EXTENT, LEAST_PART = 40, 1 / 16  # pixels, and of the photo's short side: smaller parts are specks
NUM_GUESSED = 2  # of the parts: each may take the painter some seventy views
GUESS_FACTOR, OTHER_FACTORS = 1.5, (1.0, 2.2)  # times the part's extent that a face painted for a trial takes in
GUESS_TURNS = (-45, 45, 90, -90)  # degrees, beside upright, where no sure face tells how people stand
START_SIDES = (1.0, 0.7, 0.5)  # of the photo's short side: squares that are painted to find an upright face
START_STEP, START_MARGIN = 0.4, 0.1  # of a square's side: from one to the next, and how far they reach beyond the photo
MIDDLE, START_HIDDEN = 0.5, 0.25  # of the side of such a square is its middle, of which so much is hidden, or it hides no face
NUM_STARTS = 3  # of the faces painted into such squares: those of which the painter is surest are brought into frame
LEAST_PROMISE = 0.6  # of the painter in the first views, or in that at a turn, or there is nothing to detect
NUM_LOOKED_AT = 2  # turns, those of which the painter is surest, that are tried further
NUM_FITS = 2  # views to bring the best of them into frame
UPRIGHT_PROMISE = 0.82  # of the painter in one of the first upright views, or the others are left for later
LEAST_CERTAINTY = 0.82  # of the painter, in a view framed by a face that is there: where there is none it is hardly ever as sure
CLEAR_CERTAINTY = 0.87  # in a frame that is wrong, or where faces are seen beside it and none is hidden, hardly ever
FRAMED = (0.05, 1.1)  # by how much of its side, and what factor, a face painted into a window may miss it
ALIKE = (0.15, 1.25)  # and one such face another, if both would lead to the same
LEAST_SEEN = 0.2  # of such a face, or the painter is sure of what it painted into a speck
SCORE_SHARE = 0.1  # of the detector's score, beside that certainty, in the choice of a turn
FACE_SHARE = 0.6  # of the side of a face's square is the face itself


@dataclass(frozen=True)
class Trial:
    """A window of the photo, painted as if an upright face lay there."""

    picture: Floats  # [3, S, S] in [-1, 1]
    certainty: float  # 0 to 1: how sure the painter is which part of a person each pixel of the hole shows
    seen: float  # 0 to 1: the share of what it takes for a person that is no paint of its own


class FacePainter(Protocol):
    """Paints what the hole hides."""

    def __call__(self, window: Window) -> Trial:
        """Paint one window."""
        ...


@dataclass(frozen=True)
class Fit:
    """A face painted into its own frame."""

    face: Face
    certainty: float  # of the trial


@dataclass(frozen=True)
class Part:
    """A part of a hole."""

    middle: tuple[float, float]
    extent: float  # pixels, the longer side of the box round it
    filled: float  # share of a square of that side
    pixels: Hole  # [h, w] of a copy of the photo
    scale: float  # of that copy


def guess_faces(hole: Hole, found: list[Face], paint: FacePainter, detector: FaceDetector, *, turned: bool = True) -> list[Face]:
    """Find faces of which so little is left that only the painter makes one of it; not `turned`: clearly upright ones alone."""
    standing = stances(found, hole.shape)
    enough = LEAST_CERTAINTY if turned and not standing else CLEAR_CERTAINTY
    least = max(LEAST_EXTENT, LEAST_PART * min(hole.shape))
    broad = [part for part in unexplained(hole, found) if part.filled >= LEAST_FILLED and part.extent >= least]
    likely = [face_window(face) for face in found if face.score >= LIKELY and not is_sure(face, hole.shape)]
    guesses: list[Face] = []
    looked_at: list[Window] = []
    for part in broad[:NUM_GUESSED]:
        if any(_holds(window, part.middle) for window in looked_at):
            continue
        largest = _largest_window(part.middle, hole.shape)
        # A portrait fills the photo: one run tells, where the rest may take seventy.
        best = None if standing else _fit(largest, 1, paint, detector)
        is_portrait = best is not None and _are_near(face_window(best.face), largest, *FRAMED)
        if best is None or not is_portrait or (turned and best.certainty < enough):
            tries = [partial(_fit, window, 1, paint, detector) for window in likely if _holds(window, part.middle)]
            best = _surest([*tries, partial(_guess_face, part, largest, standing, paint, detector, turned=turned)])
        guess = best.face if best and best.certainty >= enough else None
        is_new = guess is not None and not any(is_same(guess, face) for face in found if is_sure(face, hole.shape))
        if guess is not None and is_new and meets(face_window(guess).scaled(FACE_SHARE), hole):
            guesses.append(guess)
        looked_at.append(face_window(guess) if guess else Window(part.middle, GUESS_FACTOR * part.extent, TRIED_SIZE))
    return guesses


def _surest(tries: Sequence[Callable[[], Fit | None]]) -> Fit | None:
    """The first of several fits that is clear, or the surest."""
    best: Fit | None = None
    for attempt in tries:
        fit = attempt()
        if fit and (best is None or fit.certainty > best.certainty):
            best = fit
        if best and best.certainty >= CLEAR_CERTAINTY:
            break
    return best


def unexplained(hole: Hole, found: list[Face]) -> Iterator[Part]:
    """Go through the largest parts of a hole beside the faces surely found: they may hide all of another one."""
    touched, scale = framing.shrink_hole(hole, PARTS_SIDE)
    sure = [face_window(face) for face in found if is_sure(face, hole.shape)]
    explained = np.zeros_like(touched)
    for window in sure:
        smaller = _copied(window, scale)
        region = smaller.region(touched.shape)
        explained[region] |= smaller.inside(region)
    _, labels, boxes, middles = cv2.connectedComponentsWithStats((touched & ~explained).astype(np.uint8))
    largest = [i for i in np.argsort(-boxes[:, cv2.CC_STAT_AREA]) if i > 0][:NUM_PARTS]  # 0 is what is no hole
    least_area = LEAST_HIDING * min((window.side * scale for window in sure), default=0) ** 2
    for i in largest:
        x, y = float(middles[i, 0]), float(middles[i, 1])
        area = int(boxes[i, cv2.CC_STAT_AREA])
        extent = int(max(boxes[i, cv2.CC_STAT_WIDTH], boxes[i, cv2.CC_STAT_HEIGHT]))
        if area >= least_area and not explained[int(y), int(x)]:  # a ring round a face has its middle there
            yield Part((x / scale, y / scale), extent / scale, area / extent**2, labels == i, scale)


def _guess_face(
    part: Part, largest: Window, standing: Sequence[int], paint: FacePainter, detector: FaceDetector, *, turned: bool
) -> Fit | None:
    """Paint faces into a part of a hole, the likeliest first, until one clearly fits; returns the surest that fits."""
    if standing:  # who is in a photo with others mostly stands as they do
        return _guess_turned(part, standing, paint, detector)
    firsts = (largest, Window(part.middle, GUESS_FACTOR * part.extent, TRIED_SIZE))
    promise = LEAST_PROMISE if turned else UPRIGHT_PROMISE
    promising = [window for window in firsts if paint(window).certainty >= promise]
    tries = [partial(_fit, window, 1 + NUM_FITS, paint, detector) for window in promising]
    if promising:
        tries.append(partial(_guess_upright, part, paint, detector))
    if turned:
        tries.append(partial(_guess_turned, part, (), paint, detector))
    return _surest(tries)


def _starts(pixels: Hole) -> list[Window]:
    """Lay squares all over a hole, into which an upright face may be painted.

    What is known mostly draws a painted face to the true one from as far as a fifth of its side and up to 1.7 times its size.
    """
    starts: list[Window] = []
    for share in START_SIDES:
        side = share * min(pixels.shape)
        for y, x in product(*(_places(length, side) for length in pixels.shape)):
            window = Window((x, y), side, TRIED_SIZE)
            if pixels[window.scaled(MIDDLE).region(pixels.shape)].mean() >= START_HIDDEN:
                starts.append(window)
    return starts


def _places(length: int, side: float) -> list[float]:
    """Middles of squares that cover a length."""
    first = (0.5 - START_MARGIN) * side
    num_steps = int((length - 2 * first) / (START_STEP * side) + 0.5)
    return [first + (length - 2 * first) * i / num_steps for i in range(num_steps + 1)] if num_steps else [length / 2]


def _guess_upright(part: Part, paint: FacePainter, detector: FaceDetector) -> Fit | None:
    """Paint upright faces all over a part of a hole, and bring those of which the painter is surest into frame."""
    starts = [_copied(window, 1 / part.scale) for window in _starts(part.pixels)]
    frames: list[Window] = []
    for window, trial in sorted(((window, paint(window)) for window in starts), key=lambda pair: -pair[1].certainty):
        face = _detect_best(trial, window, detector)
        if face and not any(_are_near(face_window(face), frame, *ALIKE) for frame in frames):
            frames.append(face_window(face))
        if len(frames) == NUM_STARTS:
            break
    return _surest([partial(_fit, frame, NUM_FITS, paint, detector) for frame in frames])


def _guess_turned(part: Part, standing: Sequence[int], paint: FacePainter, detector: FaceDetector) -> Fit | None:
    """Paint a face into a part of a hole at several turns and sizes; returns the one that fits, if any does.

    A painter of faces sees one in anything. But one that is turned wrongly, or is not there, is at odds with the pixels that are
    known, which makes the painter unsure of the parts: that, more than the detector's score, tells the right turn.
    """

    def painted(factor: float, turn: float) -> tuple[Window, Trial]:
        window = Window(part.middle, factor * part.extent, TRIED_SIZE, turn)
        return window, paint(window)

    promise = LEAST_PROMISE if standing else max(LEAST_PROMISE, painted(GUESS_FACTOR, 0)[1].certainty)
    first = sorted((painted(GUESS_FACTOR, turn) for turn in standing or GUESS_TURNS), key=lambda pair: -pair[1].certainty)
    fits: list[Callable[[], Fit | None]] = []
    for window, trial in first[:NUM_LOOKED_AT]:
        if trial.certainty < promise:
            break
        tries = [(window, trial), *(painted(factor, window.angle) for factor in OTHER_FACTORS)]
        looks = [(trial.certainty, _detect_best(trial, window, detector)) for window, trial in tries]
        merits = [(certainty + SCORE_SHARE * face.score, face) for certainty, face in looks if face]
        if merits:
            best = max(merits, key=lambda pair: pair[0])[1]
            fits.append(partial(_fit, face_window(best), NUM_FITS, paint, detector))
    return _surest(fits)


def _fit(window: Window, num_runs: int, paint: FacePainter, detector: FaceDetector) -> Fit | None:
    """Paint a face into a window, and bring it into frame by what came of it; None if none can be seen there then."""
    window = replace(window, size=FITTED_SIZE if num_runs == 1 else TRIED_SIZE)
    trial = paint(window)
    face = _detect_best(trial, window, detector)
    if face is None or num_runs > 1:
        return face and _fit(face_window(face), num_runs - 1, paint, detector)
    return Fit(face, trial.certainty) if face.score >= SURE and trial.seen >= LEAST_SEEN else None


def _detect_best(trial: Trial, window: Window, detector: FaceDetector) -> Face | None:
    best = max(detector(framing.to_pixels(trial.picture)), key=lambda face: face.score, default=None)
    return None if best is None else moved(best, window.to_photo)


def _copied(window: Window, scale: float) -> Window:
    """The same window of a copy of the photo `scale` times as large."""
    x, y = window.center
    return replace(window, center=(x * scale, y * scale), side=window.side * scale)


def _are_near(frame: Window, other: Window, shift: float, scale: float) -> bool:
    near = math.dist(frame.center, other.center) <= shift * other.side
    return near and 1 / scale <= frame.side / other.side <= scale


def _largest_window(middle: tuple[float, float], shape: tuple[int, ...]) -> Window:
    """Lay a square as large as a photo [H, W] holds, as near to a place as it can lie."""
    side = min(shape)
    x, y = (min(max(place, side / 2), length - side / 2) for place, length in zip(middle, shape[::-1], strict=True))
    return Window((x, y), side, TRIED_SIZE)


def _holds(window: Window, point: tuple[float, float]) -> bool:
    x, y = point
    return bool(window.inside((slice(int(y), int(y) + 1), slice(int(x), int(x) + 1))).any())
