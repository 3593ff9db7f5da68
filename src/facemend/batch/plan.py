"""Which photo goes with which mask and where the result goes: by the names in two folders, or by a CSV manifest."""

import csv
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from os.path import realpath
from pathlib import Path, PurePath
from unicodedata import normalize

from facemend.errors import DataError
from facemend.imaging.writing import FORMATS
from facemend.pipeline import MAX_SEED

AUTO = "auto"
OWN_FOLDER = "_facemend"  # inside the folder of results: report, contact sheets, records
WRITE_SUFFIXES = tuple(FORMATS)
READ_SUFFIXES = (*WRITE_SUFFIXES, ".avif", ".gif")
_COLUMNS = ("photo", "mask", "output", "seed")


@dataclass(frozen=True)
class Item:
    """One photo to restore. Plain values only, so that any process on any machine can be handed one."""

    photo: str  # path
    mask: str | None  # path; None = find the damage
    output: str  # path inside the folder of results, with forward slashes; no two items share it
    seed: int
    problem: str | None = None  # why this one cannot even begin


@dataclass(frozen=True)
class Plan:
    """What a batch is to do, in the order of its report."""

    items: list[Item]
    notes: list[str]  # what the user should know beforehand, a line each


def plan_batch(input_dir: Path, output_dir: Path, masks: str | Path, *, suffix: str | None = None, seed: int = 0) -> Plan:
    """Find a batch's photos and their masks.

    Args:
        input_dir: Folder of photos; folders in it are gone through too.
        output_dir: Folder of results, which is left out where it lies inside `input_dir`.
        masks: A folder with a mask for every photo, of the same stem in the same folder below it; or `auto`, to find the damage;
            or a CSV file (see docs/batch.md).
        suffix: Format of the results, such as `.png`; None keeps each photo's own.
        seed: For every photo for which a manifest names no other.

    Raises:
        DataError: A folder is missing, holds no photo, or is another one's place; a manifest that is not understood; a seed out
            of range.
    """
    input_dir = input_dir.absolute()  # items travel to other machines
    if not input_dir.is_dir():
        raise DataError(f"{input_dir}: there is no such folder of photos")
    if output_dir.resolve() == input_dir.resolve():
        raise DataError(f"{output_dir}: holds the photos; name another folder for the results")
    if suffix is not None and suffix not in WRITE_SUFFIXES:
        raise DataError(f"format {suffix!r} cannot be written: take one of {', '.join(WRITE_SUFFIXES)}")
    if not 0 <= seed <= MAX_SEED:
        raise DataError(f"seed {seed} must be a whole number from 0 to 2^63 - 1")
    if str(masks) != AUTO and Path(masks).is_file() and Path(masks).suffix.lower() in READ_SUFFIXES:
        raise DataError(f"masks {str(masks)!r}: is one picture: give a folder, or a CSV file that names it beside every photo")
    if str(masks) != AUTO and Path(masks).is_file():
        plan = Plan(_read_manifest(Path(masks).absolute(), input_dir, suffix, seed), [])
    else:
        plan = _pair(input_dir, output_dir, None if str(masks) == AUTO else Path(masks).absolute(), suffix, seed)
    if not plan.items:
        raise DataError(f"{input_dir}: holds no photo ({', '.join(READ_SUFFIXES)})")
    return replace(plan, items=_refuse_taken_outputs(plan.items, output_dir))


def _pair(input_dir: Path, output_dir: Path, masks: Path | None, suffix: str | None, seed: int) -> Plan:
    if masks is not None and not masks.is_dir():
        raise DataError(f"masks {str(masks)!r}: give a folder, a CSV file, or {AUTO}")
    if masks is not None and masks.resolve() == input_dir.resolve():
        raise DataError(f"{masks}: holds the photos; keep the masks in a folder of their own")
    if masks is not None and masks.resolve() == output_dir.resolve():
        raise DataError(f"{output_dir}: holds the masks; name another folder for the results")
    places = {place.resolve() for place in (input_dir, output_dir, masks) if place is not None}  # any may lie in another
    photos = list(_images(input_dir, places))
    found: dict[str, list[PurePath]] = {}
    for mask in _images(masks, places) if masks else ():
        found.setdefault(_stem(mask), []).append(mask)

    items: list[Item] = []
    for photo in photos:
        item = Item(str(input_dir / photo), None, _output(photo, suffix), seed)
        if masks is not None:
            alike = found.get(_stem(photo), [])
            candidates = [mask for mask in alike if mask.with_suffix("") == photo.with_suffix("")] or alike
            if len(candidates) == 1:
                item = replace(item, mask=str(masks / candidates[0]))
            elif candidates:
                item = replace(item, problem=f"has several masks, {', '.join(map(str, candidates))}: keep one of them")
            else:
                item = replace(item, problem=f"has no mask: expected {masks / photo.with_suffix('')} with any image suffix")
        items.append(item)
    strays = sorted(set(found) - set(map(_stem, photos)))
    notes = [f"masks that belong to no photo: {len(strays)}, such as {found[strays[0]][0]}"] if strays else []
    return Plan(items, notes)


def _stem(path: PurePath) -> str:
    """Say by what a photo and its mask know each other; macOS may have stored accents apart from their letters."""
    return normalize("NFC", path.with_suffix("").as_posix())


def _images(folder: Path, other_places: set[Path]) -> Iterator[PurePath]:
    """List image files below a folder, relative to it, in an order that depends on their names alone."""
    for place, folders, files in os.walk(folder, onerror=_refuse_folder):
        folders[:] = sorted(name for name in folders if not _is_ours(name) and (Path(place) / name).resolve() not in other_places)
        for name in sorted(files):
            if PurePath(name).suffix.lower() in READ_SUFFIXES and not _is_ours(name):
                yield (Path(place) / name).relative_to(folder)


def _refuse_folder(error: OSError) -> None:
    raise DataError(f"{error.filename}: the folder cannot be read: {error.strerror}")


def _is_ours(name: str) -> bool:
    """Tell what is no photo of the user's: hidden files, such as those macOS leaves, and an earlier batch's report."""
    return name.startswith(".") or name == OWN_FOLDER


def _output(photo: PurePath, suffix: str | None) -> str:
    """Name the result: as the photo, with the suffix asked for, or PNG where the photo's own format is only read."""
    own = photo.suffix.lower() in WRITE_SUFFIXES
    return (photo if own and suffix is None else photo.with_suffix(suffix or ".png")).as_posix()


def _read_manifest(path: Path, input_dir: Path, suffix: str | None, seed: int) -> list[Item]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # with or without the mark that spreadsheets put first
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV in UTF-8: {error}") from None
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if not {"photo", "mask"} <= set(header) <= set(_COLUMNS) or len(set(header)) < len(header):
        raise DataError(
            f"{path}: the first line is {','.join(header)!r}: it must name the columns photo,mask and may name output,seed, "
            "separated by commas"
        )
    items: list[Item] = []
    for number, cells in enumerate(rows[1:], 2):
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise DataError(f"{path}: line {number} has {len(cells)} cells, the header {len(header)}")
        if "\0" in "".join(cells):
            raise DataError(f"{path}: line {number} holds a zero byte, which no path may: remove it")
        row = dict(zip(header, map(str.strip, cells), strict=True))
        line = f"{path}: line {number}"
        items.append(_manifest_item(line, row, folder=path.parent, input_dir=input_dir, suffix=suffix, seed=seed))
    shared = [output for output, count in Counter(item.output for item in items).items() if count > 1]
    if shared:
        raise DataError(f"{path}: several lines write {shared[0]}: give each an output of its own")
    return items


def _manifest_item(line: str, row: dict[str, str], *, folder: Path, input_dir: Path, suffix: str | None, seed: int) -> Item:
    photo, mask, output = row["photo"], row["mask"], row.get("output", "")
    if not PurePath(photo).name or not mask:
        raise DataError(f"{line} lacks the {'mask' if PurePath(photo).name else 'photo'} (write {AUTO} for a mask to be found)")
    if not output:
        if PurePath(photo).anchor or ".." in PurePath(photo).parts:
            raise DataError(f"{line}: the photo lies outside {input_dir}: say in the column output where its result goes")
        output = _output(PurePath(photo), suffix)
    place = PurePath(output)  # on Windows C:a.png and \a.png have an anchor, too, though they are not absolute
    if place.suffix.lower() not in WRITE_SUFFIXES or place.anchor or ".." in place.parts or place.parts[0] == OWN_FOLDER:
        raise DataError(
            f"{line}: output {output!r} must be a path inside the folder of results, ending in {', '.join(WRITE_SUFFIXES)}"
        )
    text = row.get("seed") or str(seed)
    digits = text.lstrip("0") or "0"
    if not (text.isascii() and text.isdigit() and len(digits) < 20 and int(digits) <= MAX_SEED):  # of thousands int() takes none
        raise DataError(f"{line}: seed {text[:40]!r} must be a whole number from 0 to 2^63 - 1")
    return Item(
        photo=str(input_dir / photo),
        mask=None if mask == AUTO else str(folder / mask),
        output=place.as_posix(),
        seed=int(digits),
    )


def _refuse_taken_outputs(items: list[Item], output_dir: Path) -> list[Item]:
    """Let no result take another's place (a.jpg and a.tif cannot both become a.png), nor that of a photo or a mask."""
    counts = Counter(item.output for item in items)
    sources = {realpath(source) for item in items for source in (item.photo, item.mask) if source is not None}

    def problem(item: Item) -> str | None:
        if item.problem is None and counts[item.output] > 1:
            return "shares its result's name with another photo: rename one of them"
        if item.problem is None and realpath(output_dir / item.output) in sources:
            return "its result would replace a photo or a mask of this batch: give it another place"
        return item.problem

    return [replace(item, problem=problem(item)) for item in items]
