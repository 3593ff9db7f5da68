"""The files that `facemend inpaint` writes: whether they may be there, and what is put into them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facemend.cli.options import check_mask_suffix, check_places

if TYPE_CHECKING:
    from PIL.Image import Image

    from facemend.imaging import Hole
    from facemend.pipeline import InpaintResult


@dataclass(frozen=True)
class WrittenFiles:
    """Where to write what, and how."""

    variants: list[Path]
    layout: Path | None
    mask: Path | None
    contact_sheet: Path | None
    overwrite: bool
    quality: int | None
    provenance: bool

    @property
    def beside(self) -> list[Path]:
        """All but the variants."""
        return [path for path in (self.layout, self.mask, self.contact_sheet) if path is not None]

    def check(self, photo: Path, image: "Image", given: Sequence[Path | str]) -> None:
        """Refuse, before the work, what could not be written after it.

        Args:
            photo: Path of the photo, which the first variant may be meant to replace.
            image: The photo.
            given: Other files that are read.

        Raises:
            OutputError: A file is there, takes another's place, or cannot hold what is to be written into it.
        """
        from facemend import imaging

        check_places(self.variants, given)
        check_places(self.variants[1:], [photo])
        check_places(self.beside, [*self.variants, photo, *given])
        for path in self.variants:
            mode = imaging.file_mode(image)
            imaging.check_output(path, mode, overwrite=self.overwrite, quality=self.quality, size=image.size)
        own_size = (1, 1)  # the sheet has one: it is never too large
        for path, mode, size in (
            (self.layout, "P", image.size),
            (self.mask, "L", image.size),
            (self.contact_sheet, "RGB", own_size),
        ):
            if path is not None:
                imaging.check_output(path, mode, overwrite=self.overwrite, size=size)
        if self.mask is not None:
            check_mask_suffix(self.mask)

    def write(self, image: "Image", hole: "Hole", result: "InpaintResult") -> None:
        """Write what became of a photo and its hole [H, W]. Raises OutputError."""
        from facemend import imaging

        for restored, path in zip(result.images, self.variants, strict=True):
            imaging.save_image(restored, path, overwrite=self.overwrite, quality=self.quality, provenance=self.provenance)
        if self.layout is not None:
            imaging.save_image(imaging.color_layout(result.layout), self.layout, overwrite=self.overwrite)
        if self.mask is not None:
            imaging.save_image(imaging.mask_picture(hole), self.mask, overwrite=self.overwrite)
        if self.contact_sheet is not None:
            from facemend.contact_sheet import draw_contact_sheet

            sheet = draw_contact_sheet(image, hole, result.images)
            imaging.save_image(sheet, self.contact_sheet, overwrite=self.overwrite, provenance=self.provenance)
