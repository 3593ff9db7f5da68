"""`Inpainter`: a photo and a mask in, the restored photo out, of any size and colour mode."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facemend import imaging
from facemend.backends import Backend, BackendName, Floats, MaskedView, open_backend
from facemend.errors import ConfigError
from facemend.face_classes import HAIR
from facemend.imaging import Hole, Layout, Pixels
from facemend.photo import faces, framing, planning, search
from facemend.photo.coloring import calm_colors
from facemend.photo.compression import match_compression
from facemend.photo.detectors import Face, FaceDetector
from facemend.photo.fading import find_levels
from facemend.photo.framing import Window
from facemend.photo.grain import match_grain
from facemend.photo.guessing import Trial
from facemend.photo.joining import RIM, fade_in, fading
from facemend.photo.network_view import NetworkView
from facemend.photo.planning import View
from facemend.photo.print_border import find_border
from facemend.photo.renaming import without_faces
from facemend.photo.residuals import carry_residuals
from facemend.photo.sharpness import match_sharpness
from facemend.photo.toning import Tones, measure_face_tones, measure_tones

MAX_SEED = 2**63 - 1
MAX_VARIANTS = 1000  # all of them are held in memory
NUM_FITS = 2  # runs of the network that may be spent on finding out how a damaged face lies
NO_FACE = (
    "no face found: took what lies round the mask for one; "
    "give the face's box (boxes=, --box), or say that there is none (boxes=[], --box none)"
)

OnRun = Callable[[int], None]
Box = Sequence[float]  # left, top, right, bottom of a face in the photo's pixels, forehead to chin


@dataclass(frozen=True, eq=False)
class InpaintResult:
    """What `Inpainter` returns."""

    images: list[Image.Image]  # one per variant, of the photo's size and mode (see `Inpainter`); known pixels identical
    layout: Layout  # [H, W] class ids of what was restored: the first variant's, or the one that was given
    notes: tuple[str, ...] = ()  # for the user: what was found, or was not

    @property
    def image(self) -> Image.Image:
        """The first variant."""
        return self.images[0]


class Inpainter:
    """Restores faces in photos with one network.

    The network sees each face that the mask touches in a view of its own, turned upright and framed as it learnt faces; what the
    mask covers beyond the faces is then filled in views round it, which see the faces restored. What was painted is brought back
    to the photo's own place and size. A portrait that is framed so already is seen as it is.

    Args:
        backend: The network, ready to run.
        detector: Finds the faces; by default MTCNN, loaded when it is first needed.
    """

    def __init__(self, backend: Backend, *, detector: FaceDetector | None = None) -> None:
        self.backend = backend
        self.detector = detector

    @classmethod
    def from_pretrained(
        cls,
        name_or_dir: str | Path = "default",
        device: str = "auto",
        *,
        backend: BackendName = "auto",
        detector: FaceDetector | None = None,
    ) -> Self:
        """Load a model by bundled name, folder or hub id.

        Args:
            name_or_dir: see `load_model`.
            device: `auto` (the first there is of cuda, mps, cpu), or any device PyTorch knows, such as `cuda:1`.
            backend: `auto` (PyTorch on a GPU, else ONNX Runtime, which needs no torch), `torch`, `onnx` or `onnx-int8`.
            detector: what finds faces, instead of MTCNN.

        Raises:
            WeightsError: The model is missing, damaged, or another network's.
            ConfigError: There is no such device, or the backend is not installed.
        """
        return cls(open_backend(name_or_dir, device, backend), detector=detector)

    def __call__(
        self,
        image: Image.Image,
        mask: Image.Image | NDArray[Any],
        *,
        seed: int = 0,
        num_variants: int = 1,
        layout: Image.Image | NDArray[Any] | None = None,
        boxes: Sequence[Box | Face] | Literal["portrait"] | None = None,
        on_run: OnRun = lambda variant: None,
    ) -> InpaintResult:
        """Repaint what the mask covers, and nothing else.

        Args:
            image: The photo, W x H, of any mode; palettes come back as RGB or RGBA, bilevel as grey.
            mask: Where to repaint: from 128 up, or True; of the photo's shape (`imaging.read_hole` has the rules).
            seed: With 0 the first variant is the single most likely completion (its latent is zero) and the further ones are
                drawn; with any other seed all of them are drawn. The same seed gives the same variants on the same machine,
                however many are asked for.
            num_variants: How many completions, 1 to 1,000.
            layout: Class ids 0 to 18 for the whole photo, an image of mode L or P or an array [H, W], that replaces the
                network's own idea of where the face's parts are.
            boxes: Where the faces are, if they are not to be searched for: boxes of upright ones, or what a detector found. An
                empty list: there is none, and none is painted. `portrait`: the photo is one face, framed about as FFHQ's are.
            on_run: Told before each run of the network which variant it is for, counted from 1, or 0 while faces are looked
                for; what it raises ends the work.

        Returns:
            The restored variants, and the layout of what was painted: background beyond the views that were.

        Raises:
            ImageError: A photo or a layout that cannot be used.
            MaskError: A mask of another shape, that is empty, or that covers everything.
            ConfigError: A seed, number of variants or box out of range or of another kind.
        """
        photo = imaging.check_photo(image)
        hole = imaging.read_hole(mask, photo.size)
        given = None if layout is None else imaging.read_layout(layout, photo.size)
        latents = self._latents(seed, num_variants)
        rgb = imaging.to_rgb(photo)
        unknown, wanted = hole, hole
        if (border := find_border(rgb, hole)) is not None:
            # Paper is as little for the network to see as what lies beyond a photo, but not to be painted by it.
            rgb, unknown, wanted = border.fill(rgb, hole), hole | (border.share > 0), hole & (border.share < 1)
        windows = self._choose_windows(rgb, wanted, boxes, on_run)
        faceless = boxes is not None and not isinstance(boxes, str) and not len(boxes)
        views = planning.plan_views(wanted, windows, faceless=faceless) if wanted.any() else []
        tones = _measure_tones(rgb, unknown, views)

        coding = imaging.jpeg_coding(photo) if photo.mode in ("L", "RGB") else None
        images: list[Image.Image] = []
        layouts = [] if given is None else [given]
        for variant, latent in enumerate(latents, 1):
            painted, ids = self._paint(
                rgb, unknown, wanted, views, latent, tones=tones, layout=given, on_run=lambda variant=variant: on_run(variant)
            )
            if border is not None:
                painted = border.fill(painted, hole)
            painted = match_grain(painted, rgb, hole, textured=ids == HAIR)
            if coding is not None:
                painted = match_compression(painted, rgb, hole, coding, photo.mode)
            images.append(imaging.paste(photo, painted, hole))
            layouts = layouts or [ids]  # the first variant's: as large as a photo, they are not all kept
        notes = (NO_FACE,) if boxes is None and views and not windows else ()
        return InpaintResult(images, layouts[0], notes)

    def parse(
        self,
        image: Image.Image,
        mask: Image.Image | NDArray[Any] | None = None,
        *,
        on_run: OnRun = lambda variant: None,
        on_face: Callable[[NDArray[np.uint8]], None] = lambda ids: None,
    ) -> Layout:
        """Tell the parts of every face in a photo, those under the mask as the network would paint them.

        Args:
            image: The photo, W x H.
            mask: What is damaged; as for `__call__`.
            on_run: As for `__call__`.
            on_face: Told of each face the class ids of its pixels, uint8 [N].

        Returns:
            Class ids, uint8 [H, W]: 0 (background) beyond the faces. A photo without faces is taken for one.

        Raises:
            ImageError, MaskError: As for `__call__`.
        """
        photo = imaging.check_photo(image)
        rgb = imaging.to_rgb(photo)
        hole = np.zeros(rgb.shape[:2], np.bool_) if mask is None else imaging.read_hole(mask, photo.size)
        (latent,) = self._latents(0, 1)
        layout: Layout = np.zeros(hole.shape, np.uint8)
        for view in planning.plan_faces(hole.shape, self._find_windows(rgb, hole, on_run)):
            on_run(1)
            _write_ids(layout, self._run(rgb, hole, view.window, latent, None), view)
            on_face(layout[view.region][view.area])
        return layout

    def find_faces(self, rgb: Pixels, hole: Hole, on_run: OnRun = lambda variant: None) -> list[Face]:
        """Find faces in a photo, uint8 [H, W, 3], even where the hole, bool [H, W], hides most of one: `search.find_faces`.

        `on_run` is told of each run of the network, as in `__call__`. A face has landmarks in the photo's pixels: see `Face`.
        """
        latent = self._latents(0, 1)[0]

        def paint(window: Window) -> Trial:
            on_run(0)
            seen = self._run(rgb, hole, window, latent, None)
            person, sure = 1 - seen.layout[0], seen.layout.max(axis=0)  # [h, w]: all but the background; of the likeliest part
            unknown = np.asarray(cv2.resize(seen.unknown[0], person.shape[::-1], interpolation=cv2.INTER_AREA), np.float32)
            certainty = float((sure * unknown).sum() / max(1.0, unknown.sum()))
            return Trial(seen.completed, certainty, float((person * (1 - unknown)).sum() / person.sum()))

        return search.find_faces(rgb, hole, self.detector, paint=paint)

    def _choose_windows(
        self, rgb: Pixels, hole: Hole, boxes: Sequence[Box | Face] | Literal["portrait"] | None, on_run: OnRun
    ) -> list[Window]:
        """Lay squares round the faces that are given, or else found."""
        if boxes is None:
            return self._find_windows(rgb, hole, on_run) if hole.any() else []
        if isinstance(boxes, str):  # an array of boxes would be compared number by number
            if boxes != "portrait":  # pyright: ignore[reportUnnecessaryComparison] - words are mistyped
                raise ConfigError(f"boxes is {boxes!r}: give boxes, or 'portrait'")
            return [framing.choose_window(hole)] if hole.any() else []
        return [_given_window(box, (hole.shape[1], hole.shape[0])) for box in boxes]

    def _find_windows(self, rgb: Pixels, hole: Hole, on_run: OnRun) -> list[Window]:
        return [self._frame(face, rgb, hole, on_run) for face in self.find_faces(rgb, hole, on_run)]

    def _frame(self, face: Face, rgb: Pixels, hole: Hole, on_run: OnRun) -> Window:
        """Lay the square round a face; one that lacks eyes or mouth is restored first, to be measured by that."""
        window = faces.face_window(face)
        if not faces.hides_landmarks(hole, face):
            return planning.portrait_window(window, hole) or window
        is_seen = face.score >= faces.SURE or hole.shape[0] != hole.shape[1]
        guess = planning.LOOSELY_ALIGNED if is_seen else planning.HARDLY_ALIGNED
        window = planning.portrait_window(window, hole, guess) or window
        for _ in range(NUM_FITS):
            on_run(0)
            restored = self._run(rgb, hole, window, self._latents(0, 1)[0], None)
            again = search.measure_again(face, restored.completed, restored.window, self.detector)
            if again is face:
                break
            face, window = again, faces.face_window(again)
            if (portrait := planning.portrait_window(window, hole)) is not None:
                return portrait
        return window

    def _paint(
        self,
        rgb: Pixels,
        unknown: Hole,
        wanted: Hole,
        views: list[View],
        latent: Floats,
        *,
        tones: list[Tones | None],
        layout: Layout | None,
        on_run: Callable[[], None],
    ) -> tuple[Pixels, Layout]:
        """Fill what is wanted of the unknown, view by view, each knowing what those before it painted."""
        painted, rest = rgb.copy(), unknown.copy()
        layout_found: Layout = np.zeros(unknown.shape, np.uint8)
        for i, (view, tones_there) in enumerate(zip(views, tones, strict=True), 1):
            photo, left = painted[view.region], rest[view.region]
            damaged = wanted[view.region]
            mended = damaged & ~left & view.window.inside(view.region)
            share = fading(damaged & view.area, mended, RIM * min(each.window.side for each in views[:i]))
            left |= share > 0
            seen = self._see(painted, rest, view, latent, layout, on_run=on_run)
            soft = framing.unview_photo(seen.softened(), seen.window, view.region)
            detailed = carry_residuals(photo, left, share > 0, soft, seen, region=view.region)
            fade_in(photo, tones_there.match(detailed, share > 0) if tones_there else detailed, share)
            left &= share == 0
            _write_ids(layout_found, seen, view)
        return painted, layout_found

    def _see(
        self, rgb: Pixels, hole: Hole, view: View, latent: Floats, layout: Layout | None, *, on_run: Callable[[], None]
    ) -> NetworkView:
        """Run the network on one view; its fill is made no sharper than the photo.

        Beside all faces its colours glitter, and are calmed. If it dreams up a face there, it runs again, told of neck and cloth.
        """
        on_run()
        given = None if layout is None else framing.view_layout(layout, view.window)
        seen = self._run(rgb, hole, view.window, latent, given, unfade=not view.beside)
        if not view.beside:
            return replace(seen, completed=match_sharpness(seen.completed, seen.unknown, seen.person()))
        if given is None and (renamed := without_faces(seen.ids(), seen.unknown[0] > 0)) is not None:
            on_run()
            seen = self._run(rgb, hole, view.window, latent, renamed)
        calm = calm_colors(seen.completed, seen.unknown)
        return replace(seen, completed=match_sharpness(calm, seen.unknown))

    def _latents(self, seed: int, num_variants: int) -> list[Floats]:
        """Draw one latent [Z] per variant."""
        for name, number in (("seed", seed), ("num_variants", num_variants)):
            if not isinstance(number, Integral):
                raise ConfigError(f"{name} is {number!r}: give a whole number")
        if not 1 <= num_variants <= MAX_VARIANTS:
            raise ConfigError(f"num_variants is {num_variants}: ask for 1 to {MAX_VARIANTS:,}")
        if not 0 <= seed <= MAX_SEED:
            raise ConfigError(f"seed {seed} is out of range: take 0 to 2^63 - 1")
        size = self.backend.latent_size
        random = np.random.default_rng(seed)
        first = [np.zeros(size, np.float32)] if seed == 0 else []
        return first + [random.standard_normal(size, np.float32) for _ in range(num_variants - len(first))]

    def _run(
        self, rgb: Pixels, hole: Hole, window: Window, latent: Floats, layout: Layout | None, *, unfade: bool = False
    ) -> NetworkView:
        """Run the network on one window of a photo; the layout, if one is given, is that of the view, [S, S].

        With `unfade` it sees a faded face in full contrast; a wall, which is no face, is plain rather than faded.
        """
        image, mask = framing.view_photo(rgb, hole, window)
        levels = find_levels(image, mask) if unfade else None
        seen = image if levels is None else levels.spread(image, mask)
        (painted,) = self.backend([MaskedView(seen, mask, latent, layout)])
        completed = painted.completed if levels is None else levels.fade(painted.completed, image, mask)
        return NetworkView(window, completed, mask, painted.scores, painted.layout)


def _measure_tones(rgb: Pixels, unknown: Hole, views: list[View]) -> list[Tones | None]:
    """Measure by which colours each view's fill goes: a face's by its own, if they tell, else by the whole photo's."""
    of_all = measure_tones(rgb, ~unknown)
    return [(None if view.beside else measure_face_tones(rgb, unknown, view.window)) or of_all for view in views]


def _write_ids(layout: Layout, seen: NetworkView, view: View) -> None:
    """Write the class ids a view shows into the part of the photo that is its own."""
    layout[view.region][view.area] = framing.unview_layout(seen.ids(), seen.window, view.region)[view.area]


def _given_window(box: Box | Face, size: tuple[int, int]) -> Window:
    if isinstance(box, Face):
        return faces.face_window(box)
    try:
        left, top, right, bottom = map(float, box)
    except (TypeError, ValueError):  # no four numbers
        left = top = right = bottom = 0.0
    width, height = size
    is_box = -width <= left <= right - 1 < 2 * width and -height <= top <= bottom - 1 < 2 * height
    meets_photo = left < width and right > 0 and top < height and bottom > 0  # which may cut the face off
    if not (is_box and meets_photo):
        raise ConfigError(f"box {box!r} is no box in a photo of {size[0]}x{size[1]}: give left, top, right, bottom in pixels")
    return faces.box_window((left, top, right, bottom))
