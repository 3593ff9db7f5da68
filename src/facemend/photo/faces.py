"""Faces in photos: found although they are damaged, and framed as the network knows them. Needs no torch."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from facemend.imaging import Hole, Pixels
from facemend.photo import framing
from facemend.photo.detectors import Face, FaceDetector, MtcnnDetector
from facemend.photo.framing import Matrix, Window

SEARCH_SIDE = 1024  # pixels of the copy in which faces are searched
TURNED_SEARCH_SIDE = 512
TURNS = (-90, 90, 180, -45, 45, -135, 135)  # degrees; the detector bears 30 either way
SURE = 0.99  # of a face's score, above which little but faces is found
LIKELY = 0.9  # of a face's score, above which it is one if more than that speaks for it
TURNED_SURE = 0.9  # what a turned face must reach: many angles see many things
CLOSE_UP = 1.25  # times the face's square
CLOSE_UP_SIZE = 256
CROOKED = 10  # degrees by which a close-up must have been off to be taken again
NUM_PARTS = 6  # of a hole, near which faces are looked for
PART_FACTORS = (2.0, 3.5)  # times the part's extent that such a look takes in
PORTRAIT_SHIFT, PORTRAIT_SCALE = 0.2, 1.35  # by how much of its side, and what factor, a portrait's face may miss its frame
LEAST_HIDING = 0.1  # of a sure face's square: a part of less area hides no other face about as large
LEAST_FILLED = 0.15  # of the square round a part is damaged, or it is a scratch, which hides no face
LEAST_EXTENT, LEAST_PART = 40, 1 / 16  # pixels, and of the photo's short side: smaller parts are specks
NUM_GUESSED = 2  # of the parts: each takes the painter 11 views at most
GUESS_FACTOR, OTHER_FACTORS = 1.5, (1.0, 2.2)  # times the part's extent that a face painted for a trial takes in
GUESS_TURNS = (0, -45, 45, 90, -90)  # degrees
LEAST_PROMISE = 0.7  # of the painter in the best of the first views, one for each turn, or there is nothing to detect
NUM_LOOKED_AT = 2  # turns, those of which the painter is surest, that are tried further
NUM_FITS = 2  # views to bring the best of them into frame
LEAST_CERTAINTY = 0.83  # of the painter, in a view framed by a face that is there: where there is none it is hardly ever as sure
LEAST_SEEN = 0.2  # of such a face, or the painter is sure of what it painted into a speck
SCORE_SHARE = 0.1  # of the detector's score, beside that certainty, in the choice of a turn
FACE_SHARE = 0.6  # of the side of a face's square is the face itself
FILL_RADIUS = 3
FILL_SIDE = 512  # pixels of the copy in which holes are filled
SAME_FACE = 0.25  # of the side of a face's square: two findings whose middles are nearer are one
BOX_WIDTH, BOX_HEIGHT, BOX_DROP = 0.54, 0.72, 0.05  # of a detector's box, in the side of the face's square


@dataclass(frozen=True)
class Trial:
    """A window of the photo, painted as if an upright face lay there."""

    picture: NDArray[np.float32]  # [3, S, S] in [-1, 1]
    certainty: float  # 0 to 1: how sure the painter is which part of a person each pixel shows
    seen: float  # 0 to 1: the share of what it takes for a person that is no paint of its own


class FacePainter(Protocol):
    """Paints what the hole hides."""

    def __call__(self, window: Window) -> Trial:
        """Paint one window."""
        ...


def find_faces(
    rgb: Pixels, hole: Hole | None = None, detector: FaceDetector | None = None, *, paint: FacePainter | None = None
) -> list[Face]:
    """Find faces in a photo, though it lies on its side, they are tilted, or part of them is missing.

    Holes are filled from their edges before the detector sees them. What it finds on a reduced copy is looked at
    again from near by and turned upright, because landmarks are only as good as the picture they are read off.

    Args:
        rgb: uint8 [H, W, 3].
        hole: bool [H, W], True = damaged. Where it meets no upright face, turned ones are looked for.
        detector: by default `MtcnnDetector`.
        paint: where a hole may hide most of a face, faces are painted into it for a trial: as a likely one was found there, as in
            a portrait, or of several sizes and turns; one that fits what is known there counts as found.

    Returns:
        The faces, surest first.
    """
    detector = detector or _default_detector()
    hole = np.zeros(rgb.shape[:2], np.bool_) if hole is None else hole
    found = _look_closely(_search(rgb, hole, detector, SEARCH_SIDE, (0,)), rgb, hole, detector)
    closer = (Window(part.middle, x * part.extent, CLOSE_UP_SIZE) for part in _unexplained(hole, found) for x in PART_FACTORS)
    hidden = [face for window in closer for face in _detect_in(window, rgb, hole, detector)]
    found = _distinct(found + _look_closely(hidden, rgb, hole, detector))
    sought = [face for face in found if not hole.any() or meets(face_window(face), hole)]
    if max((face.score for face in sought), default=0) < SURE:
        turned = _search(rgb, hole, detector, TURNED_SEARCH_SIDE, TURNS)
        turned = [face for face in _look_closely(turned, rgb, hole, detector) if face.score >= TURNED_SURE]
        found = _distinct(found + turned)
    if paint is not None:
        found = _distinct(found + _guess_faces(hole, found, paint, detector))
    return found


def measure_again(face: Face, restored: NDArray[np.float32], window: Window, detector: FaceDetector | None = None) -> Face:
    """Detect a face once more in a restored view of it, [3, S, S] in [-1, 1]; the old one if it is not found there."""
    found = [_moved(candidate, window.to_photo) for candidate in (detector or _default_detector())(_to_pixels(restored))]
    return max((candidate for candidate in found if _is_same(candidate, face)), key=lambda same: same.score, default=face)


def hides_landmarks(hole: Hole, face: Face) -> bool:
    """Whether some of a face's landmarks lie under a hole, where a detector can only guess them."""
    columns, rows = np.clip(face.landmarks.T.astype(int), 0, [[hole.shape[1] - 1], [hole.shape[0] - 1]])
    return bool(hole[rows, columns].any())


def face_window(face: Face) -> Window:
    """Lay the square round a face in which the network knows faces: FFHQ's, by the recipe of Karras et al. 2018, appendix C.

    It is upright on the line between the eyes and across that to the mouth, and as wide as four times the one or 3.6 times the
    other, whichever is more.
    """
    left_eye, right_eye, _, left_mouth, right_mouth = face.landmarks.astype(np.float64)
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    eye_to_eye, eye_to_mouth = right_eye - left_eye, mouth - eyes
    across = eye_to_eye + np.array([eye_to_mouth[1], -eye_to_mouth[0]])
    side = float(max(4 * np.hypot(*eye_to_eye), 3.6 * np.hypot(*eye_to_mouth), 1))
    x, y = eyes + 0.1 * eye_to_mouth
    return Window((float(x), float(y)), side, framing.working_size(side), math.degrees(math.atan2(across[1], across[0])))


def box_window(box: Sequence[float]) -> Window:
    """Lay the same square round an upright face of which only the box is known: left, top, right, bottom."""
    left, top, right, bottom = box
    side = math.sqrt((right - left) * (bottom - top) / (BOX_WIDTH * BOX_HEIGHT))
    return Window(((left + right) / 2, (top + bottom) / 2 - BOX_DROP * side), side, framing.working_size(side))


def meets(window: Window, hole: Hole) -> bool:
    """Whether a window holds some of a hole."""
    region = window.region(hole.shape)
    return bool((hole[region] & window.inside(region)).any())


@cache
def _default_detector() -> FaceDetector:
    return MtcnnDetector()


def _search(rgb: Pixels, hole: Hole, detector: FaceDetector, side: int, turns: Sequence[int]) -> list[Face]:
    """Detect on a copy of at most `side` pixels, with its hole filled, turned by several angles in degrees."""
    touched, _ = _reduced(hole, side)
    (height, width), size = hole.shape, touched.shape[::-1]
    copy = _filled(cast(Pixels, cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)), touched)
    to_photo = np.array([[width / size[0], 0, 0], [0, height / size[1], 0]])
    found: list[Face] = []
    for turn in turns:
        faces = _detect_turned(copy, turn, detector) if turn else detector(copy)
        found += [_moved(face, to_photo) for face in faces]
    return found


def _reduced(hole: Hole, side: int) -> tuple[Hole, float]:
    """Shrink a hole to at most `side` pixels, each of which belongs to it that it touches; returns the scale, too."""
    height, width = hole.shape
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(hole.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 0, scale


def _filled(rgb: Pixels, hole: Hole) -> Pixels:
    """Fill a hole from its edge (Telea 2004), in a large picture no finer than it takes to find a face."""
    if not hole.any():
        return rgb
    coarse, _ = _reduced(hole, FILL_SIDE)
    smaller = cv2.resize(rgb, coarse.shape[::-1], interpolation=cv2.INTER_AREA)
    filled = cv2.inpaint(smaller, coarse.astype(np.uint8), FILL_RADIUS, cv2.INPAINT_TELEA)
    return np.where(hole[..., None], cv2.resize(filled, hole.shape[::-1], interpolation=cv2.INTER_LINEAR), rgb)


def _detect_turned(copy: Pixels, turn: int, detector: FaceDetector) -> list[Face]:
    height, width = copy.shape[:2]
    size = math.ceil(math.hypot(width, height) / 16) * 16
    window = Window((width / 2, height / 2), size, size, turn)
    seen, _ = framing.view_photo(copy, np.zeros((height, width), np.bool_), window)
    return [_moved(face, window.to_photo) for face in detector(_to_pixels(seen))]


def _look_closely(faces: list[Face], rgb: Pixels, hole: Hole, detector: FaceDetector) -> list[Face]:
    """Detect each face again in a view of its own, upright and of a size that suits the detector; drop what is none there."""
    seen_again: list[Face] = []
    for face in _distinct(faces):
        closer = _close_up(face, rgb, hole, detector)
        if closer and abs(face_window(closer).angle - face_window(face).angle) > CROOKED:
            closer = _close_up(closer, rgb, hole, detector) or closer
        if closer:
            seen_again.append(closer)
    return _distinct(seen_again)


def _close_up(face: Face, rgb: Pixels, hole: Hole, detector: FaceDetector) -> Face | None:
    window = replace(face_window(face).scaled(CLOSE_UP), size=CLOSE_UP_SIZE)
    same = [candidate for candidate in _detect_in(window, rgb, hole, detector) if _is_same(candidate, face)]
    return max(same, key=lambda candidate: candidate.score, default=None)


def _detect_in(window: Window, rgb: Pixels, hole: Hole, detector: FaceDetector) -> list[Face]:
    """Detect in a window of the photo, its hole filled as finely as the window sees it."""
    seen, unknown = framing.view_photo(rgb, hole, window)
    picture = _filled(_to_pixels(seen), unknown[0] > 0)
    return [_moved(candidate, window.to_photo) for candidate in detector(picture)]


@dataclass(frozen=True)
class _Part:
    """A part of a hole."""

    middle: tuple[float, float]
    extent: float  # pixels, the longer side of the box round it
    filled: float  # share of a square of that side


def _unexplained(hole: Hole, found: list[Face]) -> Iterator[_Part]:
    """Go through the largest parts of a hole beside the faces surely found: they may hide all of another one."""
    touched, scale = _reduced(hole, TURNED_SEARCH_SIDE)
    sure = [face_window(face) for face in found if _is_sure(face, hole.shape)]
    explained = np.zeros_like(touched)
    for window in sure:
        x, y = window.center
        smaller = replace(window, center=(x * scale, y * scale), side=window.side * scale)
        region = smaller.region(touched.shape)
        explained[region] |= smaller.inside(region)
    _, _, boxes, middles = cv2.connectedComponentsWithStats((touched & ~explained).astype(np.uint8))
    largest = [i for i in np.argsort(-boxes[:, cv2.CC_STAT_AREA]) if i > 0][:NUM_PARTS]  # 0 is what is no hole
    least_area = LEAST_HIDING * min((window.side * scale for window in sure), default=0) ** 2
    for i in largest:
        x, y = float(middles[i, 0]), float(middles[i, 1])
        area = int(boxes[i, cv2.CC_STAT_AREA])
        extent = int(max(boxes[i, cv2.CC_STAT_WIDTH], boxes[i, cv2.CC_STAT_HEIGHT]))
        if area >= least_area and not explained[int(y), int(x)]:  # a ring round a face has its middle there
            yield _Part((x / scale, y / scale), extent / scale, area / extent**2)


def _is_sure(face: Face, shape: tuple[int, ...]) -> bool:
    """Whether a face is there beyond doubt: by its score, or because it fills a square photo as a portrait does."""
    window, (height, width) = face_window(face), shape
    off, ratio = math.dist(window.center, (width / 2, height / 2)) / width, window.side / width
    is_portrait = height == width and off <= PORTRAIT_SHIFT and 1 / PORTRAIT_SCALE <= ratio <= PORTRAIT_SCALE
    return face.score >= (LIKELY if is_portrait else SURE)


def _holds(window: Window, point: tuple[float, float]) -> bool:
    x, y = point
    return bool(window.inside((slice(int(y), int(y) + 1), slice(int(x), int(x) + 1))).any())


def _guess_faces(hole: Hole, found: list[Face], paint: FacePainter, detector: FaceDetector) -> list[Face]:
    """Find faces of which so little is left that only the painter makes one of it."""
    least = max(LEAST_EXTENT, LEAST_PART * min(hole.shape))
    broad = [part for part in _unexplained(hole, found) if part.filled >= LEAST_FILLED and part.extent >= least]
    likely = [face_window(face) for face in found if face.score >= LIKELY and not _is_sure(face, hole.shape)]
    if hole.shape[0] == hole.shape[1]:  # it is perhaps a portrait
        likely.append(Window((hole.shape[1] / 2, hole.shape[0] / 2), hole.shape[1], CLOSE_UP_SIZE))
    guesses: list[Face] = []
    looked_at: list[Window] = []
    for part in broad[:NUM_GUESSED]:
        if any(_holds(window, part.middle) for window in looked_at):
            continue
        fits = (_fit(window, 1, paint, detector) for window in likely if _holds(window, part.middle))
        guess = next((face for face in fits if face), None) or _guess_face(part, paint, detector)
        if guess is not None and meets(face_window(guess).scaled(FACE_SHARE), hole):
            guesses.append(guess)
        looked_at.append(face_window(guess) if guess else Window(part.middle, GUESS_FACTOR * part.extent, CLOSE_UP_SIZE))
    return guesses


def _guess_face(part: _Part, paint: FacePainter, detector: FaceDetector) -> Face | None:
    """Paint a face into a part of a hole at several turns and sizes; returns the one that fits, if any does.

    A painter of faces sees one in anything. But one that is turned wrongly, or is not there, is at odds with the pixels that are
    known, which makes the painter unsure of the parts: that, more than the detector's score, tells the right turn.
    """

    def painted(factor: float, turn: float) -> tuple[Window, Trial]:
        window = Window(part.middle, factor * part.extent, CLOSE_UP_SIZE, turn)
        return window, paint(window)

    first = sorted((painted(GUESS_FACTOR, turn) for turn in GUESS_TURNS), key=lambda pair: -pair[1].certainty)
    if first[0][1].certainty < LEAST_PROMISE:
        return None
    best: Face | None = None
    most = 0.0
    for window, trial in first[:NUM_LOOKED_AT]:
        tries = [(window, trial), *(painted(factor, window.angle) for factor in OTHER_FACTORS)]
        looks = [(trial.certainty, _detect_best(trial, window, detector)) for window, trial in tries]
        merits = [certainty + (SCORE_SHARE * face.score if face else 0) for certainty, face in looks]
        faces = [(merit, face) for merit, (_, face) in zip(merits, looks, strict=True) if face]
        if faces and sum(merits) > most:
            most = sum(merits)
            best = max(faces, key=lambda pair: pair[0])[1]
    return None if best is None else _fit(face_window(best), NUM_FITS, paint, detector)


def _fit(window: Window, num_runs: int, paint: FacePainter, detector: FaceDetector) -> Face | None:
    """Paint a face into a window, and bring it into frame by what came of it; returns it if it fits what is known there."""
    window = replace(window, size=CLOSE_UP_SIZE)
    trial = paint(window)
    face = _detect_best(trial, window, detector)
    if face is None or num_runs > 1:
        return face and _fit(face_window(face), num_runs - 1, paint, detector)
    fits = face.score >= SURE and trial.certainty >= LEAST_CERTAINTY and trial.seen >= LEAST_SEEN
    return face if fits else None


def _detect_best(trial: Trial, window: Window, detector: FaceDetector) -> Face | None:
    best = max(detector(_to_pixels(trial.picture)), key=lambda face: face.score, default=None)
    return None if best is None else _moved(best, window.to_photo)


def _to_pixels(image: NDArray[np.float32]) -> Pixels:
    """[3, S, S] in [-1, 1] -> uint8 [S, S, 3]."""
    return np.ascontiguousarray(np.round((np.clip(image, -1, 1) + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0))


def _moved(face: Face, matrix: Matrix) -> Face:
    """Take a face to where an affine map puts it, box and all."""
    left, top, right, bottom = face.box
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) @ matrix[:, :2].T + matrix[:, 2]
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    landmarks = (face.landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return Face((float(left), float(top), float(right), float(bottom)), landmarks, face.score)


def _distinct(faces: list[Face]) -> list[Face]:
    """Keep the surest of those that are the same face."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not any(_is_same(face, other) for other in kept):
            kept.append(face)
    return kept


def _is_same(face: Face, other: Face) -> bool:
    first, second = face_window(face), face_window(other)
    return math.dist(first.center, second.center) < SAME_FACE * max(first.side, second.side)
