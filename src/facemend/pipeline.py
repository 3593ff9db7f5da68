"""`Inpainter`: a photo and a mask in, the restored photo out, of any size and colour mode."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facemend import imaging
from facemend.backends import Backend, BackendName, open_backend
from facemend.errors import ConfigError
from facemend.face_classes import HAIR
from facemend.imaging import Floats, Hole, Layout, Pixels
from facemend.painting import Painter, share_out, write_ids
from facemend.photo import aligning, planning
from facemend.photo.aligning import Box, Look
from facemend.photo.compression import match_compression
from facemend.photo.detectors import Face, FaceDetector
from facemend.photo.framing import Window
from facemend.photo.grain import match_grain
from facemend.photo.print_border import find_border

MAX_SEED = 2**63 - 1
MAX_VARIANTS = 1000  # all of them are held in memory
NO_FACE = (
    "no face found: took what lies round the mask for one; "
    "give the face's box (boxes=, --box), or say that there is none (boxes=[], --box none)"
)

OnRun = Callable[[int], None]


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
        rgb = imaging.cover_hole(imaging.to_rgb(photo), hole)  # reduced, its edge would tell of what lies under it
        unknown, wanted = hole, hole
        if (border := find_border(rgb, hole)) is not None:
            # Paper is as little for the network to see as what lies beyond a photo, but not to be painted by it.
            rgb, unknown, wanted = border.fill(rgb, hole), hole | (border.share > 0), hole & (border.share < 1)
        if boxes is not None:
            windows = aligning.given_windows(boxes, wanted)
        else:
            windows = self._find_windows(rgb, wanted, on_run) if wanted.any() else []
        faceless = boxes is not None and not isinstance(boxes, str) and not len(boxes)
        views = planning.plan_views(wanted, windows, faceless=faceless) if wanted.any() else []
        tasks = share_out(rgb, unknown, wanted, views)

        coding = imaging.jpeg_coding(photo) if photo.mode in ("L", "RGB") else None
        images: list[Image.Image] = []
        layouts = [] if given is None else [given]
        for variant, latent in enumerate(latents, 1):
            painted, ids = Painter(self.backend, latent, partial(on_run, variant), given).paint(rgb, unknown, tasks)
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
        hole = np.zeros(photo.size[::-1], np.bool_) if mask is None else imaging.read_hole(mask, photo.size)
        rgb = imaging.cover_hole(imaging.to_rgb(photo), hole)
        painter = self._likeliest(partial(on_run, 1))
        layout: Layout = np.zeros(hole.shape, np.uint8)
        for view in planning.plan_faces(hole.shape, self._find_windows(rgb, hole, on_run)):
            write_ids(layout, painter.run(rgb, hole, view.window), view)
            on_face(layout[view.region][view.area])
        return layout

    def find_faces(self, rgb: Pixels, hole: Hole, on_run: OnRun = lambda variant: None) -> list[Face]:
        """Find faces in a photo, uint8 [H, W, 3], even where the hole, bool [H, W], hides most of one: `search.find_faces`.

        `on_run` is told of each run of the network, as in `__call__`. A face has landmarks in the photo's pixels: see `Face`.
        """
        rgb = imaging.cover_hole(rgb, hole)
        return aligning.find_faces(rgb, hole, self.detector, self._look(rgb, hole, on_run))

    def _find_windows(self, rgb: Pixels, hole: Hole, on_run: OnRun) -> list[Window]:
        return aligning.find_windows(rgb, hole, self.detector, self._look(rgb, hole, on_run))

    def _look(self, rgb: Pixels, hole: Hole, on_run: OnRun) -> Look:
        return partial(self._likeliest(partial(on_run, 0)).run, rgb, hole)

    def _likeliest(self, on_run: Callable[[], None]) -> Painter:
        """Return the painter of the single most likely variant."""
        return Painter(self.backend, np.zeros(self.backend.latent_size, np.float32), on_run)

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
