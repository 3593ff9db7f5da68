"""One photo of a batch, from its file to its result, in whatever process and on whatever machine."""

import time
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

import cv2
from PIL import Image

from facemend import imaging
from facemend.backends import open_backend
from facemend.batch.plan import Item
from facemend.batch.records import Record, Records, Row
from facemend.batch.settings import Settings
from facemend.batch.sheet import draw_thumbnails
from facemend.errors import FacemendError, ImageError, MaskError, OutputError
from facemend.imaging import Hole
from facemend.imaging.writing import FORMATS
from facemend.pipeline import NO_FACE, Inpainter
from facemend.whole_files import sha256_of

_NO_FACE = (
    "no face found: took what lies round the mask for one; "
    "`facemend inpaint` takes the face's box (--box), or that there is none (--box none)"
)


class Restorer:
    """Restores one photo after another; loads the network when the first one needs it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.output_dir = Path(settings.output_dir)
        self.records = Records(self.output_dir)
        cv2.setNumThreads(1)  # more would take other processes' cores

    def __call__(self, item: Item) -> Row:
        """Restore one photo, whatever may be wrong with it, and say what became of it."""
        facts: dict[str, Any] = {"photo": item.photo, "mask": item.mask, "output": item.output, "seed": item.seed}
        try:
            return self._restore(item, facts)
        except FacemendError as error:
            note = str(error)
        except Exception as error:  # whatever one file does to us, the next ones are waiting
            note = f"{type(error).__name__}: {error}"
        return Row(**facts, status="failed", note=" ".join(note.split()))

    @cached_property
    def _inpainter(self) -> Inpainter:
        # Always one thread: another number could change a result's last bit.
        return Inpainter(open_backend(self.settings.model, self.settings.device, self.settings.backend, num_threads=1))

    @cached_property
    def _finder_sha256(self) -> str:
        from facemend.damage.finding import NET_PATH  # a photo with its mask needs none of it

        return sha256_of(NET_PATH)

    def _restore(self, item: Item, facts: dict[str, Any]) -> Row:
        """Restore one photo; `facts` grows as they become known, so that a failure is reported with them."""
        made_from = self._made_from(item, facts)
        before = self._done_before(item, made_from, facts)
        if before is not None:
            return before

        started = time.perf_counter()
        photo = imaging.load_photo(Path(item.photo))
        facts |= {"width": photo.width, "height": photo.height}
        hole, doubts = self._find_hole(item, photo)
        facts["hole_area"] = round(float(hole.mean()), 6)
        if not hole.any():
            return self._leave_alone(item, made_from, facts)
        output = self.output_dir / item.output
        output.parent.mkdir(parents=True, exist_ok=True)
        quality = self._quality(item)
        imaging.check_output(output, imaging.file_mode(photo), overwrite=True, quality=quality, size=photo.size)

        ready = time.perf_counter()
        inpainter = self._inpainter
        started += time.perf_counter() - ready  # the first photo is not to be told slower than the others
        result = inpainter(photo, hole, seed=item.seed)
        with self.records.writing(self.records.thumbnails(item.output)) as path:
            draw_thumbnails(photo, hole, result.image).save(path)
        with self.records.writing(output) as path:
            imaging.save_image(result.image, path, quality=quality, provenance=self.settings.provenance)
            facts |= {"output_sha256": sha256_of(path), "seconds": round(time.perf_counter() - started, 3)}
            row = Row(**facts, status="restored", note="; ".join([*map(_in_batch, result.notes), *doubts]))
            self.records.write(Record(made_from, row))  # before the result is there: see records.py
        return row

    def _leave_alone(self, item: Item, made_from: dict[str, Any], facts: dict[str, Any]) -> Row:
        """Report that there is nothing to restore; a result that an earlier run made, of another hole, is removed."""
        output, reason = self.output_dir / item.output, "no damage found" if item.mask is None else "the mask is black"
        note = f"{reason}, nothing written"
        if output.exists():
            record = self.records.read(item.output)
            if record is not None and record.row.output_sha256 == _sha256(output, OutputError):
                output.unlink()
            else:
                note = f"{reason}; in the result's place is a file that no batch made: kept"
        row = Row(**facts, status="clean", note=note)
        self.records.write(Record(made_from, row))
        return row

    def _made_from(self, item: Item, facts: dict[str, Any]) -> dict[str, Any]:
        """Say all that a result depends on."""
        facts["photo_sha256"] = _sha256(Path(item.photo), ImageError)
        if item.mask is not None:
            facts["mask_sha256"] = _sha256(Path(item.mask), MaskError)
        return {
            "photo": facts["photo_sha256"],
            "mask": facts.get("mask_sha256") or f"found with strictness {self.settings.strictness} by {self._finder_sha256}",
            "weights": self.settings.weights_sha256,
            "backend": self.settings.backend,
            "seed": item.seed,
            "quality": self._quality(item),
            "provenance": self.settings.provenance,
        }

    def _quality(self, item: Item) -> int | None:
        """Say at which quality a result is written: PNG beside JPEG has none."""
        return self.settings.quality if FORMATS[PurePath(item.output).suffix.lower()].has_quality else None

    def _done_before(self, item: Item, made_from: dict[str, Any], facts: dict[str, Any]) -> Row | None:
        """Find what an earlier run made of this photo; None where it is to be restored now.

        Raises:
            OutputError: A file is in the result's place that no batch put there, or that was changed since.
        """
        output = self.output_dir / item.output
        there = _sha256(output, OutputError) if output.exists() else None
        record = self.records.read(item.output)
        if record is not None:
            # What a record does not name yet, as older ones no backend, counts as unchanged.
            changed = [key for key, value in made_from.items() if record.made_from.get(key, value) != value]
            made = record.row.output_sha256  # None: there was no damage, and is none whatever lies in the result's place
            if not changed and made in (there, None):
                return replace(record.row, **facts, status="skipped" if made else "clean")
            if there is not None and made == there and not self.settings.overwrite:
                note = f"{', '.join(changed)} changed since it was restored; pass --overwrite to restore it again"
                return Row(**facts, status="outdated", note=note, output_sha256=there)
        if there is not None and not self.settings.overwrite:
            raise OutputError(f"{output}: exists, and is not what a batch left there; pass --overwrite to replace it")
        return None

    def _find_hole(self, item: Item, photo: Image.Image) -> tuple[Hole, list[str]]:
        """Find what is to be repainted, and what makes one doubt that it is what was meant."""
        if item.mask is None:
            from facemend.damage import find_damage  # a photo with its mask needs none of it

            return find_damage(imaging.to_rgb(photo), strictness=self.settings.strictness), []
        mask = imaging.load_mask(Path(item.mask))
        try:
            hole = imaging.read_hole(mask, photo.size, may_be_black=True)
        except MaskError as error:
            raise MaskError(f"{item.mask}: {error}") from None
        doubts: list[str] = []
        if hole.mean() > imaging.MUCH:
            doubts.append(f"the mask covers {hole.mean():.0%} of the photo: if that is the part to keep, invert the mask")
        if imaging.looks_like_photo(mask):
            doubts.append("the mask looks like a photo: all that is bright in it was repainted")
        return hole, doubts


def _in_batch(note: str) -> str:
    """Put what a restoration tells of a missing face into terms of the command line."""
    return _NO_FACE if note == NO_FACE else note


def failed_row(item: Item, note: str) -> Row:
    """Report a photo of which nothing more is known."""
    return Row(item.photo, item.mask, item.output, "failed", note, seed=item.seed)


def pending_row(item: Item) -> Row:
    """Report a photo that nothing was heard of before the user stopped the batch."""
    return Row(item.photo, item.mask, item.output, "pending", "not done yet; the same command goes on", seed=item.seed)


def _sha256(path: Path, kind: type[FacemendError]) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise kind(f"{path}: cannot be read: {error.strerror or error}") from None
