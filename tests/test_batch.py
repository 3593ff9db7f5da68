"""Many photos: each has its result or one line that says why not, whatever happens to the others or to the program."""

import contextlib
import csv
import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from conftest import make_hole, make_photo, mask_image, modules_after, until
from PIL import Image
from skimage.data import astronaut

from facemend.batch import Row, Summary, plan_batch, pool, report, run_batch, sheet
from facemend.batch.plan import OWN_FOLDER, Item
from facemend.batch.records import Records
from facemend.batch.restoring import Restorer
from facemend.batch.settings import Settings
from facemend.batch.sheet import PER_PAGE
from facemend.cli import main
from facemend.damage.finding import NET_PATH
from facemend.errors import ConfigError, DataError, OutputError

ROOT = Path(__file__).parent.parent
SIDE = 64


# --- what a user may have


@dataclass
class Album:
    """Folders of photos and masks, some of them broken."""

    photos: Path
    masks: Path
    output: Path
    broken: dict[str, str]  # photo -> a word of the reason

    def command(self, model):
        return ["batch", str(self.photos), str(self.output), "--masks", str(self.masks), "--model", str(model)]

    def results(self):
        """Every result's bytes, by its path."""
        paths = [path for path in self.output.rglob("*") if path.is_file() and OWN_FOLDER not in path.parts]
        return {path.relative_to(self.output).as_posix(): path.read_bytes() for path in paths}

    def report(self):
        return json.loads((self.output / OWN_FOLDER / "report.json").read_text())


def make_album(folder, num_photos, num_broken):
    """Portraits of the astronaut in two folders, every second one a JPEG; the last ones are broken, in five ways in turn."""
    album = Album(folder / "photos", folder / "masks", folder / "restored", {})
    portrait, rng = Image.fromarray(astronaut()), np.random.default_rng(0)
    for number in range(num_photos):
        name = Path(("", "roll 2")[number % 2]) / f"{number:04d}{('.png', '.jpg')[number // 2 % 2]}"
        photo, mask = album.photos / name, album.masks / name.with_suffix(".png")
        for path in (photo, mask):
            path.parent.mkdir(parents=True, exist_ok=True)
        left, top = rng.integers(100, 150), rng.integers(0, 30)
        portrait.resize((SIDE, SIDE), box=(left, top, left + 200, top + 200)).save(photo)
        hole = np.zeros((SIDE, SIDE), bool)
        hole[8 + number % 4 : 22, 20:46] = True  # the forehead: with eyes and mouth a face is found at once
        mask_image(hole).save(mask)
        if number >= num_photos - num_broken:
            album.broken[str(photo)] = break_it(number % 5, photo, mask)
    return album


def break_it(how, photo, mask):
    if how == 0:
        photo.write_bytes(photo.read_bytes()[:700])
        return "truncated"
    if how == 1:
        photo.write_text("Dear diary")
        return "is not an image"
    if how == 2:
        mask.unlink()
        return "has no mask"
    if how == 3:
        Image.fromarray(np.eye(SIDE, dtype=np.uint8)).save(mask)  # strokes of 1, where 255 was meant
        return "the mask is empty"
    mask_image(np.ones((SIDE, 2 * SIDE), bool)).save(mask)
    return f"{2 * SIDE}x{SIDE} but the photo {SIDE}x{SIDE}"


def restorer(output, model, **options):
    settings = Settings(
        output_dir=str(output), model=str(model), weights_sha256="w", device="cpu", backend="auto", strictness=0.5, quality=None,
        provenance=True, overwrite=False,
    )  # fmt: skip
    return Restorer(replace(settings, **options))


def call(arguments):
    """Call the command line in this process; returns exit code, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([*arguments, "--device", "cpu"])
    return ended.value.code or 0, out.getvalue(), err.getvalue()


# --- forty photos, five broken; the user presses Ctrl-C in the middle, and gives the command again


@dataclass
class Story:
    """A batch, and what its runs said."""

    album: Album
    stopped: object  # Summary of the run that Ctrl-C ended
    finished: tuple[int, str, str]


@pytest.fixture(scope="module")
def story(tmp_path_factory, tiny_model):
    album = make_album(tmp_path_factory.mktemp("album"), 40, 5)
    told = []

    def press_ctrl_c_after_three(row):
        told.append(row)
        if len([row for row in told if row.status == "restored"]) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    plan = plan_batch(album.photos, album.output, album.masks)
    options = {"model": str(tiny_model), "device": "cpu", "num_workers": 1}
    stopped = run_batch(plan, album.output, **options, on_row=press_ctrl_c_after_three)
    return Story(album, stopped, call([*album.command(tiny_model), "--workers", "2", "--json"]))


@pytest.mark.parametrize("option", [{"strictness": 5.0}, {"quality": 200}, {"num_workers": 0}])
def test_a_number_no_photo_can_be_restored_with_is_refused_before_the_first(tmp_path, tiny_model, option):
    make_photo().save(tmp_path / "photo.jpg")
    plan = plan_batch(tmp_path, tmp_path / "out", "auto")
    with pytest.raises(ConfigError, match=r"out of range|restore nothing"):
        run_batch(plan, tmp_path / "out", model=str(tiny_model), device="cpu", **option)
    assert not (tmp_path / "out").exists()


def test_ctrl_c_finishes_the_photos_in_work_and_reports_them(story):
    counts = story.stopped.counts
    assert story.stopped.stopped
    assert 3 <= counts["restored"] <= 6
    assert counts["pending"] > 30
    assert sum(counts.values()) == 40


def test_the_same_command_goes_on_where_it_stopped(story):
    code, out, _ = story.finished
    assert code == 1  # some failed
    summary = json.loads(out)
    assert summary["counts"] == {
        "skipped": story.stopped.counts["restored"],
        "restored": 35 - story.stopped.counts["restored"],
        "failed": 5,
    }


def test_every_sound_photo_has_its_result_and_nothing_else_is_written(story):
    sound = {path for path in story.album.photos.rglob("*.*") if str(path) not in story.album.broken}
    assert set(story.album.results()) == {path.relative_to(story.album.photos).as_posix() for path in sound}
    for path in sound:
        if path.suffix == ".png":
            name = path.relative_to(story.album.photos)
            hole = np.asarray(Image.open(story.album.masks / name)) > 0
            before, after = (np.asarray(Image.open(folder / name)) for folder in (story.album.photos, story.album.output))
            assert np.array_equal(before[~hole], after[~hole])
            assert not np.array_equal(before[hole], after[hole])


def test_every_broken_photo_is_named_with_its_reason(story):
    lines = [line for line in story.finished[2].splitlines() if line.startswith(str(story.album.photos))]
    assert len(lines) == 5
    for photo, reason in story.album.broken.items():
        (line,) = [line for line in lines if line.startswith(photo)]
        assert reason in line
    assert {entry["photo"] for entry in json.loads(story.finished[1])["failed"]} == set(story.album.broken)


def test_the_report_has_a_line_for_every_photo(story):
    files = story.album.report()["files"]
    assert [file["photo"] for file in files] == sorted(file["photo"] for file in files)
    with (story.album.output / OWN_FOLDER / "report.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == len(files) == 40
    for row, file in zip(rows, files, strict=True):
        assert row == {key: "" if value is None else str(value) for key, value in file.items()}
        assert (file["status"] == "failed") == (file["photo"] in story.album.broken)
        if file["status"] != "failed":
            assert file["seconds"] > 0
            assert 0.05 < file["hole_area"] < 0.15


def test_the_contact_sheets_show_every_photo(story):
    sheets = [Image.open(path) for path in json.loads(story.finished[1])["contact_sheets"]]
    assert [sheet.width for sheet in sheets] == [sheets[0].width] * 2  # forty photos, 36 to a page
    assert sheets[0].height > sheets[1].height
    pink = np.asarray(sheets[0]).reshape(-1, 3)
    assert np.count_nonzero(np.abs(pink.astype(int) - (228, 64, 140)).max(axis=1) < 12) > 36 * 1000  # the holes


@pytest.mark.parametrize("backend", ["auto", "torch"])  # a model without graph.onnx has but one
def test_a_third_time_nothing_is_left_to_do(story, tiny_model, backend):
    before = story.album.results()
    code, _, err = call([*story.album.command(tiny_model), "--backend", backend, "--workers", "1"])
    assert code == 1
    assert "35 done before, 5 failed" in err
    assert story.album.results() == before


def test_results_depend_on_neither_order_nor_number_of_processes(story, tiny_model, tmp_path):
    """One process, the other way round, makes the same bytes."""
    plan = plan_batch(story.album.photos, tmp_path, story.album.masks)
    restore = restorer(tmp_path, tiny_model)
    for item in [item for item in plan.items if item.photo not in story.album.broken][:-8:-1]:
        assert restore(item).status == "restored"
        assert (tmp_path / item.output).read_bytes() == story.album.results()[item.output]


# --- one photo, and what may have happened since it was restored


@pytest.fixture
def item(photo_file, mask_file):
    return Item(str(photo_file), str(mask_file), "a/photo.png", seed=0)


@pytest.fixture
def output(tmp_path):
    return tmp_path / "restored"


@pytest.fixture
def restore(output, tiny_model):
    return lambda item, **options: restorer(output, tiny_model, **options)(item)


@pytest.fixture
def restored(item, output, restore):
    """The result's path."""
    assert restore(item).status == "restored"
    return output / item.output


def test_a_mask_that_may_not_be_what_was_meant_is_noted(item, restore):
    mask_image(~make_hole()).save(item.mask)
    assert "the mask covers 96% of the photo: if that is the part to keep, invert the mask" in restore(item).note
    Image.linear_gradient("L").resize((80, 96)).save(item.mask)
    assert "the mask looks like a photo: all that is bright in it was repainted" in restore(item, overwrite=True).note


def test_a_face_that_is_not_found_is_noted_in_words_of_the_command_line(item, restore):
    note = restore(item).note
    assert "no face found" in note
    assert "--box none" in note
    assert "boxes=" not in note


def change_photo(item):
    make_photo(seed=1).save(item.photo)
    return item, {}


def change_mask(item):
    mask_image(np.eye(96, 80) > 0).save(item.mask)
    return item, {}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (change_photo, "photo changed"),
        (change_mask, "mask changed"),
        (lambda item: (replace(item, seed=7), {}), "seed changed"),
        (lambda item: (item, {"weights_sha256": "other"}), "weights changed"),
        (lambda item: (item, {"backend": "torch"}), "backend changed"),
        (lambda item: (item, {"provenance": False}), "provenance changed"),
    ],
)
def test_what_changed_is_said_and_restored_again_only_when_told(item, restore, restored, change, word):
    before = restored.read_bytes()
    item, options = change(item)
    row = restore(item, **options)
    assert row.status == "outdated"
    assert word in row.note
    assert "--overwrite" in row.note
    assert restored.read_bytes() == before
    assert restore(item, **options, overwrite=True).status == "restored"
    assert restore(item, **options, overwrite=True).status == "skipped"


@pytest.mark.parametrize("when", ["before any batch", "after a batch"])
def test_a_file_that_no_batch_made_is_kept(item, output, restore, when):
    place = output / item.output
    if when == "after a batch":
        restore(item)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("retouched by hand")
    row = restore(item)
    assert row.status == "failed"
    assert "pass --overwrite" in row.note
    assert place.read_text() == "retouched by hand"
    assert restore(item, overwrite=True).status == "restored"


def test_a_result_that_is_lost_or_was_never_put_in_place_is_made_again(item, restore, restored):
    before = restored.read_bytes()
    restored.unlink()  # what a kill between record and result leaves, too
    assert restore(item).status == "restored"
    assert restored.read_bytes() == before


def test_only_what_nobody_writes_any_more_is_swept_away(output):
    records = Records(output)
    with records.writing(output / "young.png") as young, records.writing(output / "old.png") as old:
        young.touch()
        old.touch()
        os.utime(old, (0, 0))
        records.sweep()
        assert (young.exists(), old.exists()) == (True, False)
        old.touch()


def test_a_photo_without_damage_is_left_alone(output, restore, tmp_path):
    Image.new("RGB", (SIDE, SIDE), (120, 110, 100)).save(tmp_path / "flat.png")
    item = Item(str(tmp_path / "flat.png"), None, "flat.png", seed=0)
    for _ in range(2):
        row = restore(item)
        assert (row.status, row.hole_area) == ("clean", 0)
        assert not (output / "flat.png").exists()


def test_a_photo_whose_mask_is_black_has_nothing_to_restore(item, output, restore, monkeypatch):
    mask_image(np.zeros((96, 80), bool)).save(item.mask)
    monkeypatch.setattr("facemend.batch.restoring.open_backend", None)  # for which no network is loaded
    for _ in range(2):
        row = restore(item)
        assert (row.status, row.hole_area, row.note) == ("clean", 0, "the mask is black, nothing written")
        assert not (output / item.output).exists()


@pytest.mark.parametrize("levels", [np.uint8(127), np.uint8(1), np.uint16(1)])
def test_a_mask_whose_strokes_are_too_dark_is_an_error(item, restore, levels):
    Image.fromarray(make_hole() * levels).save(item.mask)
    row = restore(item)
    assert (row.status, "the mask is empty" in row.note) == ("failed", True)


def test_a_result_whose_mask_is_black_now_is_removed_only_when_told(item, restore, restored):
    mask_image(np.zeros((96, 80), bool)).save(item.mask)
    assert restore(item).status == "outdated"
    assert restored.exists()
    assert restore(item, overwrite=True).status == "clean"
    assert not restored.exists()


def test_a_result_of_damage_that_is_found_no_more_is_removed(item, restore, restored):
    Image.new("RGB", (SIDE, SIDE), (120, 110, 100)).save(item.photo)
    item = replace(item, mask=None)
    assert restore(item).status == "outdated"
    assert restore(item, overwrite=True).status == "clean"
    assert not restored.exists()
    assert restore(item).status == "clean"


def test_damage_is_searched_for_anew_once_the_net_that_finds_it_is_another(item, restore, tmp_path, monkeypatch):
    portrait = astronaut()[:96, 180:260].copy()
    portrait[:, 38:41] = 255
    Image.fromarray(portrait).save(item.photo)
    item = replace(item, mask=None)
    assert [restore(item).status for _ in range(2)] == ["restored", "skipped"]
    net = onnx.load(NET_PATH)
    net.producer_name = "another"
    onnx.save(net, tmp_path / "another.onnx")
    monkeypatch.setattr("facemend.damage.finding.NET_PATH", tmp_path / "another.onnx")
    row = restore(item)
    assert (row.status, "mask changed" in row.note) == ("outdated", True)


def test_a_file_that_no_batch_made_is_kept_in_the_place_of_a_photo_without_damage(item, restore, restored, monkeypatch):
    Image.new("RGB", (SIDE, SIDE), (120, 110, 100)).save(item.photo)
    item = replace(item, mask=None)
    restored.write_text("retouched by hand")
    assert "pass --overwrite" in restore(item).note
    assert restore(item, overwrite=True).status == "clean"
    with monkeypatch.context() as known:
        known.setattr("facemend.damage.find_damage", None)  # it is not searched again
        assert [restore(item, overwrite=overwrite).status for overwrite in (False, True)] == ["clean"] * 2
    change_photo(item)
    row = restore(item)
    assert (row.status, "pass --overwrite" in row.note) == ("failed", True)
    assert restored.read_text() == "retouched by hand"


def test_quality_is_for_the_formats_that_have_one(item, output, restore):
    for name, format_name in (("a.png", "PNG"), ("a.jpg", "JPEG")):
        row = restore(replace(item, output=name), quality=60)
        assert row.status == "restored", row.note
        assert Image.open(output / name).format == format_name
    assert restore(replace(item, output="a.png"), quality=90).status == "skipped"
    row = restore(replace(item, output="a.jpg"), quality=90)
    assert (row.status, "quality changed" in row.note) == ("outdated", True)


def test_a_format_that_cannot_hold_the_photo_is_said(item, restore):
    make_photo("RGBA").save(item.photo)
    row = restore(replace(item, output="a.jpg"))
    assert (row.status, row.width) == ("failed", 80)
    assert "JPEG" in row.note


def test_a_photo_too_large_for_its_format_is_not_worked_on(item, restore, monkeypatch):
    monkeypatch.setattr("facemend.batch.restoring.open_backend", None)
    Image.new("RGB", (16_384, 1_640)).save(item.photo)
    mask_image(np.arange(1_640)[:, None] < np.full(16_384, 100)).save(item.mask)
    row = restore(replace(item, output="a.webp"))
    assert (row.status, "16,383" in row.note) == ("failed", True), row.note


def test_format_strictness_and_contact_sheets_are_as_the_command_says(photo_file, tmp_path, tiny_model, monkeypatch):
    asked = []
    monkeypatch.setattr("facemend.damage.find_damage", lambda _, strictness: asked.append(strictness) or make_hole())
    monkeypatch.setattr("facemend.batch.run.restore_in_processes", lambda settings, items, *_: map(Restorer(settings), items))
    options = ("--masks", "auto", "--strictness", "0.9", "--format", "WebP", "--no-contact-sheet", "--json")
    code, out, err = call(["batch", str(photo_file.parent), str(tmp_path / "out"), "--model", str(tiny_model), *options])
    assert code == 0, err
    assert asked == [0.9]
    assert Image.open(tmp_path / "out" / "photo.webp").format == "WEBP"
    assert json.loads(out)["contact_sheets"] == list((tmp_path / "out").rglob("*sheet*")) == []


# --- what is told


def test_results_with_notes_are_counted_named_and_marked(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    make_photo().save(tmp_path / "in" / "a.png")
    rows = [
        Row("a.png", None, "a.png", "restored", "no face found"),
        Row("b.png", None, "b.png", "skipped", "no face found"),
        Row("c.png", None, "c.png", "restored"),
        Row("d.png", None, "d.png", "clean", "no damage found"),
    ]
    monkeypatch.setattr("facemend.batch.run_batch", lambda *_, **__: Summary(rows, 1.0, 1, tmp_path / "r.json", [], False))
    code, out, err = call(["batch", str(tmp_path / "in"), str(tmp_path / "out"), "--masks", "auto", "--json"])
    assert (code, "; 2 with notes, see report.csv\n" in err) == (0, True)
    assert json.loads(out)["notes"] == [{"photo": name, "note": "no face found"} for name in ("a.png", "b.png")]
    captions = []
    monkeypatch.setattr(report, "draw_page", lambda cells: captions.extend(cells) or Image.new("RGB", (9, 9)))
    report.write_contact_sheets(Records(tmp_path), rows)
    assert ["report.csv" in caption for caption, _ in captions] == [True, True, False, False]


def test_only_contact_sheets_that_changed_are_drawn_anew(tmp_path):
    rows = [Row(f"{i}.png", None, f"{i}.png", "failed", "truncated") for i in range(2 * PER_PAGE)]
    first, second = report.write_contact_sheets(Records(tmp_path), rows)
    before = first.stat().st_mtime_ns, second.read_bytes()
    rows[-1] = replace(rows[-1], note="is not an image")
    assert report.write_contact_sheets(Records(tmp_path), rows) == [first, second]
    assert first.stat().st_mtime_ns == before[0]
    assert second.read_bytes() != before[1]


def test_contact_sheets_show_no_photo_that_was_not_come_to(tmp_path):
    rows = [Row(f"{i}.png", None, f"{i}.png", "failed" if i < PER_PAGE else "pending") for i in range(2 * PER_PAGE)]
    assert len(report.write_contact_sheets(Records(tmp_path), rows)) == 1


@pytest.mark.parametrize("fonts", [None, ()])  # those of this machine; none but Pillow's own
def test_a_contact_sheet_has_every_letter_of_a_name_and_keeps_words_in_their_cell(monkeypatch, fonts):
    if fonts is not None:
        monkeypatch.setattr(sheet, "_FONTS", fonts)
    long = f"/archive/{'W' * 200}.jpg: cannot be read " + "W" * 50
    page = np.asarray(sheet.draw_page([("long " * 99, long), ("\u00e9\u00df", ""), ("\ue000\ue000", "")]), int)
    gap = page[:, 16 + 489 : 2 * 16 + 488]  # beside the first cell
    assert (gap == 255).all()
    letters, boxes = (page[16:36, 16 + number * 504 : 16 + number * 504 + 30] for number in (1, 2))
    assert not np.array_equal(letters, boxes)


# --- which photo goes with which mask


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def pairs(plan, masks):
    """Output, mask and problem of each item."""
    return [
        (item.output, item.mask and Path(item.mask).relative_to(masks).as_posix(), item.problem and item.problem.split(":")[0])
        for item in plan.items
    ]


def test_photos_and_masks_are_paired_by_stem_folder_by_folder(tmp_path):
    photos = touch(tmp_path / "in", "a.jpg", "B.PNG", "x/a.tif", "x/c.gif", ".hidden.jpg", "notes.txt", "_facemend/sheet.jpg")
    masks = touch(tmp_path / "masks", "a.png", "B.bmp", "x/a.JPG", "x/c.png", "z.png")
    plan = plan_batch(photos, tmp_path / "out", masks)
    assert pairs(plan, masks) == [
        ("B.PNG", "B.bmp", None),
        ("a.jpg", "a.png", None),
        ("x/a.tif", "x/a.JPG", None),
        ("x/c.png", "x/c.png", None),  # GIF is only read
    ]
    assert plan.notes == ["masks that belong to no photo: 1, such as z.png"]


def test_names_with_accents_are_the_same_however_they_are_spelt(tmp_path):
    photos = touch(tmp_path / "in", "Jos\u00e9/Ren\u00e9e.jpg", "Zoe\u0308.jpg")
    masks = touch(tmp_path / "masks", "Jose\u0301/Rene\u0301e.png", "Zo\u00eb.png")
    plan = plan_batch(photos, tmp_path / "out", masks)
    assert pairs(plan, masks) == [
        ("Zoe\u0308.jpg", "Zo\u00eb.png", None),
        ("Jos\u00e9/Ren\u00e9e.jpg", "Jose\u0301/Rene\u0301e.png", None),
    ]
    assert plan.notes == []


def test_two_photos_whose_names_differ_by_the_spelling_of_an_accent_have_their_own_masks(tmp_path):
    photos = touch(tmp_path / "in", "Zo\u00eb.jpg", "Zoe\u0308.jpg")
    if len(list(photos.iterdir())) < 2:
        pytest.skip("to this file system both names are one")
    masks = touch(tmp_path / "masks", "Zo\u00eb.png", "Zoe\u0308.png")
    plan = plan_batch(photos, tmp_path / "out", masks)
    assert pairs(plan, masks) == [("Zoe\u0308.jpg", "Zoe\u0308.png", None), ("Zo\u00eb.jpg", "Zo\u00eb.png", None)]


def test_photos_that_cannot_be_paired_are_failures_of_their_own(tmp_path):
    photos = touch(tmp_path / "in", "none.jpg", "two.jpg", "same.jpg", "same.tif", "good.jpg")
    masks = touch(tmp_path / "masks", "two.png", "two.tif", "same.png", "good.png")
    plan = plan_batch(photos, tmp_path / "out", masks, suffix=".png")
    assert pairs(plan, masks) == [
        ("good.png", "good.png", None),
        ("none.png", None, "has no mask"),
        ("same.png", "same.png", "shares its result's name with another photo"),
        ("same.png", "same.png", "shares its result's name with another photo"),
        ("two.png", None, "has several masks, two.png, two.tif"),
    ]


def test_results_and_masks_inside_the_folder_of_photos_are_no_photos(tmp_path):
    photos = touch(tmp_path, "a.jpg", "masks/a.png", "out/a.jpg")
    assert [item.output for item in plan_batch(photos, tmp_path / "out", tmp_path / "masks").items] == ["a.jpg"]


def test_results_and_photos_inside_the_folder_of_masks_are_no_masks(tmp_path):
    masks = touch(tmp_path, "a.png", "out/a.jpg", "in/a.jpg")
    assert plan_batch(tmp_path / "in", tmp_path / "out", masks).notes == []


def test_no_result_takes_the_place_of_a_photo_or_a_mask(tmp_path):
    photos = touch(tmp_path / "in", "in/a.jpg", "a.jpg", "b.jpg", "c.jpg")
    (tmp_path / "again").symlink_to(photos)
    lines = ["photo,mask,output", "a.jpg,auto,x.png", "b.jpg,m.png,m.png", "c.jpg,auto,again/b.jpg"]
    (tmp_path / "list.csv").write_text("\n".join(lines))
    for masks, refused in (("auto", {"in/a.jpg"}), (tmp_path / "list.csv", {"m.png", "again/b.jpg"})):
        plan = plan_batch(photos, tmp_path, masks)
        assert {item.output for item in plan.items if "would replace" in (item.problem or "")} == refused


MANIFEST = "photo,mask,output,seed\na.jpg,m/one.png,,\nx/b.jpg,m/two.png,y/c.png,7\n\na.jpg,auto,again.png,\n"


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_manifest_names_pairs_outputs_and_seeds(tmp_path, mark):
    (tmp_path / "in").mkdir()
    (tmp_path / "list.csv").write_text(mark + MANIFEST, encoding="utf-8")
    plan = plan_batch(tmp_path / "in", tmp_path / "out", tmp_path / "list.csv", seed=3)
    photo = str(tmp_path / "in" / "a.jpg")
    assert plan.items == [
        Item(photo, str(tmp_path / "m" / "one.png"), "a.jpg", 3),
        Item(str(tmp_path / "in" / "x" / "b.jpg"), str(tmp_path / "m" / "two.png"), "y/c.png", 7),
        Item(photo, None, "again.png", 3),
    ]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "photo,mask"),
        ("photo;mask\na.jpg;m.png\n", "separated by commas"),
        ("photo,mask,colour\na.jpg,m.png,red\n", "photo,mask"),
        ("photo,photo,mask\n", "photo,mask"),
        ("photo,mask\na.jpg\n", "line 2 has 1 cells"),
        ("photo,mask\na.jpg,m.png\nb.jpg,\n", "line 3 lacks the mask"),
        ("photo,mask\n.,m.png\n", "line 2 lacks the photo"),
        ("photo,mask,seed\na.jpg,m.png,-1\n", "seed '-1'"),
        (f"photo,mask,seed\na.jpg,m.png,{'9' * 5000}\n", "seed '9"),
        ("photo,mask,output\na.jpg,m.png,../a.png\n", "inside the folder of results"),
        ("photo,mask,output\na.jpg,m.png,/a.png\n", "inside the folder of results"),
        ("photo,mask,output\na.jpg,m.png,.\n", "inside the folder of results"),
        ("photo,mask,output\na.jpg,m.png,a.doc\n", "inside the folder of results"),
        ("photo,mask\n../a.jpg,m.png\n", "say in the column output"),
        ("photo,mask,output\na.jpg,m.png,c.png\nb.jpg,m.png,c.png\n", "several lines write c.png"),
        ("photo,mask\n", "holds no photo"),
        ("photo,mask\na.jpg,m.png\nb\0.jpg,m.png\n", "line 3 holds a zero byte"),
        ("photo,mask\n\udcff,m.png\n", "UTF-8"),
    ],
)
def test_manifests_that_are_refused(tmp_path, text, word):
    (tmp_path / "list.csv").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(DataError, match=word):
        plan_batch(tmp_path, tmp_path / "out", tmp_path / "list.csv")


@pytest.mark.parametrize("place", ["C:a.png", r"\a.png", r"C:\a.png"])
@pytest.mark.parametrize(("column", "word"), [("photo", "say in the column output"), ("output", "inside the folder of results")])
def test_no_result_leaves_its_folder_on_windows(tmp_path, monkeypatch, place, column, word):
    monkeypatch.setattr("facemend.batch.plan.PurePath", PureWindowsPath)
    row = {"photo": "a.jpg", "mask": "m.png", column: place}
    (tmp_path / "list.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    with pytest.raises(DataError, match=word):
        plan_batch(tmp_path, tmp_path / "out", tmp_path / "list.csv")


# --- the user's mistakes: one line, exit code 2, nothing written


@pytest.fixture
def no_ray(monkeypatch):
    """As where the extra is not installed."""
    monkeypatch.setitem(sys.modules, "ray", None)


@pytest.mark.usefixtures("no_ray")
@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"photos": "none"}, "no such folder of photos"),
        ({"photos": "masks"}, "holds the photos"),
        ({"photos": "empty", "masks": "auto"}, "holds no photo"),
        ({"masks": "nowhere"}, "give a folder, a CSV file, or auto"),
        ({"out": "photos"}, "name another folder"),
        ({"out": "masks"}, "holds the masks"),
        ({"--model": "nothing"}, "no model or folder"),
        ({"--device": "abacus"}, "'abacus'"),
        ({"--format": ".doc"}, "'.doc' cannot be written"),
        ({"--format": "png", "--quality": "80"}, "all are PNG): leave it out"),
        ({"masks": "masks/a.png"}, "is one picture: give a folder"),
        ({"--seed": str(2**63)}, "2^63 - 1"),
        ({"--ray": "nowhere"}, '".[ray]"'),
    ],
)
def test_a_batch_that_cannot_begin(facemend, tmp_path, tiny_model, options, word):
    touch(tmp_path, "photos/a.jpg", "masks/a.png", "empty/readme.txt")
    before = set(tmp_path.rglob("*"))
    folders = {"photos": "photos", "out": "out", "masks": "masks"} | {k: v for k, v in options.items() if k[0] != "-"}
    photos, out, masks = (tmp_path / folders[name] if folders[name] != "auto" else "auto" for name in ("photos", "out", "masks"))
    choices = {"--model": str(tiny_model), "--device": "cpu"} | {k: v for k, v in options.items() if k[0] == "-"}
    done = facemend("batch", photos, out, "--masks", masks, *[word for pair in choices.items() for word in pair])
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)  # it is told before there is a progress bar
    assert word in done.err
    assert set(tmp_path.rglob("*")) == before


def test_the_folder_of_results_cannot_be_a_file(tmp_path, tiny_model):
    touch(tmp_path, "photos/a.jpg", "masks/a.png", "out")
    plan = plan_batch(tmp_path / "photos", tmp_path / "out", tmp_path / "masks")
    with pytest.raises(OutputError, match="cannot be written"):
        run_batch(plan, tmp_path / "out", model=str(tiny_model), device="cpu")


def test_neither_ray_nor_torch_is_imported_before_they_are_needed():
    assert not {"ray", "torch", "pandas"} & modules_after("import facemend.batch")


@pytest.mark.parametrize("num_workers", [None, 100])
def test_windows_runs_no_more_processes_than_it_can(tmp_path, tiny_model, monkeypatch, num_workers):
    touch(tmp_path / "in", *(f"{number}.jpg" for number in range(70)))
    monkeypatch.setattr("facemend.batch.pool.sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr("facemend.batch.pool.default_num_workers", lambda device: 64)
    monkeypatch.setattr("facemend.batch.run.restore_in_processes", lambda *_: [])
    plan = plan_batch(tmp_path / "in", tmp_path / "out", "auto")
    options = {"model": str(tiny_model), "device": "cpu", "num_workers": num_workers}
    assert run_batch(plan, tmp_path / "out", **options).num_workers == 61


def test_workers_leave_ctrl_c_to_their_parent(output, tiny_model, monkeypatch):
    monkeypatch.setattr(pool, "_restorer", None)
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # as on Windows, where a child does not inherit SIG_IGN
    try:
        pool._begin(restorer(output, tiny_model).settings)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)


# --- slow: processes and machines that die


def facemend_process(arguments):
    command = [sys.executable, "-m", "facemend", *arguments, "--device", "cpu"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def descendants(pid):
    """Ids of the processes below one, from /proc."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                parents[int(stat.parent.name)] = int(fields[1])
    below, found = {pid}, set()
    while below:
        below = {child for child, parent in parents.items() if parent in below} - found
        found |= below
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
def test_two_hundred_photos_killed_twice_are_complete_and_the_same(tmp_path, tiny_model):
    album, reference = make_album(tmp_path / "killed", 200, 0), make_album(tmp_path / "whole", 200, 0)
    for share in (0.2, 0.6):
        process = facemend_process(album.command(tiny_model))
        until(lambda share=share: len(album.results()) >= 200 * share, seconds=300)
        workers = descendants(process.pid)
        process.kill()
        process.wait()
        assert workers
        until(lambda workers=workers: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers), seconds=30)
        assert len(album.results()) < 200
    for path in (album.output / OWN_FOLDER / "unfinished").iterdir():
        os.utime(path, (0, 0))  # as if it were long ago
    process = facemend_process(album.command(tiny_model))
    assert process.wait() == 0, process.stdout.read()
    assert facemend_process([*reference.command(tiny_model), "--workers", "1"]).wait() == 0
    assert album.results() == reference.results()
    assert len(album.results()) == 200
    assert not list((album.output / OWN_FOLDER / "unfinished").iterdir())


@pytest.mark.slow
def test_a_process_that_dies_takes_no_photo_with_it(tmp_path, tiny_model):
    album = make_album(tmp_path, 12, 0)
    killed = []

    def kill_one(_):
        if not killed:
            killed.append(multiprocessing.active_children()[0])
            killed[0].kill()

    plan = plan_batch(album.photos, album.output, album.masks)
    summary = run_batch(plan, album.output, model=str(tiny_model), device="cpu", num_workers=2, on_row=kill_one)
    assert killed
    assert summary.complete
    assert len(album.results()) == 12


@pytest.mark.slow
def test_a_photo_that_kills_every_process_is_reported(tmp_path, tiny_model):
    album = make_album(tmp_path, 2, 0)
    over = threading.Event()

    def kill_all():
        while not over.wait(0.05):
            for child in multiprocessing.active_children():
                child.kill()

    threading.Thread(target=kill_all).start()
    plan = plan_batch(album.photos, album.output, album.masks)
    summary = run_batch(plan, album.output, model=str(tiny_model), device="cpu", on_row=lambda _: None)
    over.set()
    assert [row.status for row in summary.rows] == ["failed"] * 2
    assert all("was killed" in row.note for row in summary.rows)


@pytest.mark.slow
def test_a_thousand_files_of_which_twenty_are_broken(tmp_path, tiny_model):
    album = make_album(tmp_path, 1000, 20)
    code, out, err = call([*album.command(tiny_model), "--json"])
    assert code == 1
    assert json.loads(out)["counts"] == {"restored": 980, "failed": 20}
    assert len(album.results()) == 980
    for photo, reason in album.broken.items():
        assert any(line.startswith(photo) and reason in line for line in err.splitlines())
    assert len(json.loads(out)["contact_sheets"]) == 28


@pytest.mark.slow
def test_a_ray_cluster_that_loses_a_machine_makes_the_same_bytes(tmp_path, tiny_model):
    pytest.importorskip("ray")
    album = make_album(tmp_path, 40, 2)
    script = [sys.executable, ROOT / "scripts" / "ray_kill.py", album.photos, album.masks, "--model", tiny_model]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "all 38 results are the same, byte for byte" in done.stdout
