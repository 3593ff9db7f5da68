import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from conftest import fresh_process, make_hole, make_photo, modules_after
from PIL import Image
from test_dataset import make_faces

import facemend as package
from facemend import demo, imaging
from facemend.cli import app
from facemend.damage import find_damage
from facemend.photo.faces import face_window
from facemend.photo.search import find_faces


def test_package_and_help_load_nothing_heavy():
    code = "from facemend.cli import main\ntry: main(['inpaint', '--help'])\nexcept SystemExit: pass"
    assert not {"torch", "cv2", "numpy", "PIL", "skimage"} & modules_after(code)


def test_drawing_a_mask_needs_no_torch(tmp_path):
    code = f"from facemend.cli import main\ntry: main(['mask', {str(tmp_path / 'mask.png')!r}])\nexcept SystemExit: pass"
    assert "torch" not in modules_after(code)
    assert (tmp_path / "mask.png").exists()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux shows them")
def test_numpy_starts_threads_only_if_the_user_asks_for_them(monkeypatch):
    begin = "from facemend.cli import main\ntry: main(['--version'])\nexcept SystemExit: pass\nimport os, numpy\n"
    print_threads = "print(os.environ['OPENBLAS_NUM_THREADS'], len(os.listdir('/proc/self/task')))"

    def threads() -> list[str]:
        return fresh_process(begin + print_threads).stdout.splitlines()[-1].split()

    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads() == ["1", "1"]
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    assert threads()[0] == "2"


def _huge_pages_are_to_be_asked_for() -> bool:
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return setting.exists() and "[madvise]" in setting.read_text()


@pytest.mark.skipif(not _huge_pages_are_to_be_asked_for(), reason="this system gives them to everyone, or to no one")
def test_pytorch_is_given_large_memory_in_large_pages():
    code = """
from facemend.cli import main
try: main(['--version'])
except SystemExit: pass
import torch
held = torch.ones(2**24)  # 64 MiB
print([line.split()[1] for line in open('/proc/self/smaps_rollup') if line.startswith('AnonHugePages')][0])
"""
    assert int(fresh_process(code).stdout.splitlines()[-1]) > 32 * 1024  # KiB; the kernel may be short of a few


@pytest.mark.parametrize("start", [(sys.executable, "-m", "facemend"), (Path(sys.executable).with_name("facemend"),)])
def test_module_and_command_are_the_same(start):
    done = subprocess.run([*start, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"facemend {package.__version__}\n"


VERBS = sorted(typer.main.get_command(app).commands)


def test_help_names_every_verb(facemend):
    help_text = facemend("--help")
    assert help_text.code == 0
    assert all(f"  {verb} " in help_text.out for verb in VERBS)


@pytest.mark.parametrize("verb", [*(verb for verb in VERBS if verb != "prepare"), "prepare celebahq", "prepare ffhq"])
def test_help_of_every_verb_shows_an_example(facemend, verb):
    help_text = facemend(*verb.split(), "--help")
    assert help_text.code == 0
    assert f"\n  facemend {verb} " in help_text.out


def test_the_options_of_inpaint_stand_under_headings(facemend):
    text = facemend("inpaint", "--help").out
    places = [
        text.index(each)
        for each in ("What to repaint:", "--mask WHAT", "How to paint it:", "--seed <", "Where to write:", "--output <")
    ]
    assert places == sorted(places)


def test_without_arguments_the_help_is_shown(facemend):
    assert facemend().out == facemend("--help").out


# --- inpaint


@pytest.fixture
def inpaint(facemend, photo_file, mask_file, tiny_model):
    def call(*options, output, photo=photo_file):
        place = ("--output", output) if output else ()
        return facemend("inpaint", photo, "--mask", mask_file, *place, "--model", tiny_model, *options)

    return call


def test_inpaint_writes_the_photo_and_says_where(inpaint, photo_file, tmp_path):
    done = inpaint(output=tmp_path / "out.png")
    assert (done.code, done.out) == (0, f"{tmp_path / 'out.png'}\n")
    assert "80x96" in done.err
    before, after = np.asarray(Image.open(photo_file)), np.asarray(Image.open(tmp_path / "out.png"))
    assert np.array_equal(before[~make_hole()], after[~make_hole()])
    assert not np.array_equal(before[make_hole()], after[make_hole()])


def test_a_tiny_hole_is_not_told_as_none(facemend, tiny_model, tmp_path):
    make_photo(width=120, height=120).save(tmp_path / "a.png")
    done = facemend("inpaint", tmp_path / "a.png", "--mask", "60,60,63,64", "--box", "10,10,110,110", "--model", tiny_model)
    assert "repainted <0.1% of 120x120 pixels" in done.err


def test_inpaint_prints_json(inpaint, tmp_path):
    done = inpaint("--json", "--seed", 3, output=tmp_path / "out.png")
    report = json.loads(done.out)
    assert report["images"] == [str(tmp_path / "out.png")]
    assert report["layout"] is None
    assert (report["size"], report["mode"], report["seed"]) == ([80, 96], "RGB", 3)
    assert report["hole_area"] == pytest.approx(make_hole().mean(), abs=1e-6)


def test_inpaint_writes_variants_and_the_layout(inpaint, tmp_path):
    done = inpaint("--num-variants", 3, "--save-layout", tmp_path / "layout.png", output=tmp_path / "out.png")
    names = ["out.png", "out-2.png", "out-3.png", "layout.png"]
    assert done.out.splitlines() == [str(tmp_path / name) for name in names]
    assert len({(tmp_path / name).read_bytes() for name in names}) == 4
    layout = Image.open(tmp_path / "layout.png")
    assert (layout.mode, layout.size) == ("P", (80, 96))
    assert np.asarray(layout).max() < 19


def test_an_edited_layout_is_painted_by(inpaint, tmp_path):
    Image.fromarray(np.full((96, 80), 13, np.uint8)).save(tmp_path / "hair.png")
    inpaint(output=tmp_path / "plain.png")
    done = inpaint("--layout", tmp_path / "hair.png", output=tmp_path / "hairy.png")
    assert done.code == 0
    assert (tmp_path / "plain.png").read_bytes() != (tmp_path / "hairy.png").read_bytes()


@pytest.mark.parametrize(("suffix", "written_as"), [(".jpg", "JPEG"), (".heic", "HEIF")])
def test_formats_that_lose_pixels_say_so(inpaint, tmp_path, suffix, written_as):
    done = inpaint(output=tmp_path / f"out{suffix}")
    assert done.code == 0
    assert f"in {suffix} known pixels change a little; write .png" in done.err
    assert Image.open(tmp_path / f"out{suffix}").format == written_as


def test_a_jpeg_that_stays_one_hardly_changes(inpaint, tmp_path):
    make_photo().save(tmp_path / "photo.jpg")
    done = inpaint(photo=tmp_path / "photo.jpg", output=None)
    assert (done.code, done.out) == (0, f"{tmp_path / 'photo-restored.jpg'}\n")
    assert "change hardly" in done.err
    before, after = Image.open(tmp_path / "photo.jpg"), Image.open(tmp_path / "photo-restored.jpg")
    assert before.quantization == after.quantization
    assert "change a little" in inpaint("--quality", 80, photo=tmp_path / "photo.jpg", output=tmp_path / "b.jpg").err


@pytest.mark.parametrize(
    ("name", "written"), [("a.png", "a-restored.png"), ("a.TIF", "a-restored.TIF"), ("a.gif", "a-restored.png")]
)
def test_the_result_lies_beside_the_photo_in_its_format(inpaint, tmp_path, name, written):
    make_photo("P").save(tmp_path / name)
    assert inpaint(photo=tmp_path / name, output=None).out == f"{tmp_path / written}\n"
    before = (tmp_path / written).read_bytes()
    again = inpaint(photo=tmp_path / name, output=None)
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert (tmp_path / written).read_bytes() == before


def test_a_restored_photo_says_so_unless_asked_not_to(inpaint, tmp_path):
    inpaint(output=tmp_path / "out.png")
    inpaint("--no-provenance", output=tmp_path / "silent.png")
    assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / "out.png").read_bytes()
    assert b"facemend" not in (tmp_path / "silent.png").read_bytes()


def test_sixteen_bits_per_color_stay_sixteen(inpaint, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 65536, (96, 80, 3), dtype=np.uint16)
    imaging.save_image(imaging.DeepPhoto(pixels), tmp_path / "scan.tif")
    assert inpaint(photo=tmp_path / "scan.tif", output=None).code == 0
    restored = imaging.load_photo(tmp_path / "scan-restored.tif").samples
    assert np.array_equal(restored[~make_hole()], pixels[~make_hole()])
    assert not np.array_equal(restored[make_hole()], pixels[make_hole()])


def test_what_was_noticed_is_said(inpaint, tmp_path):
    done = inpaint("--json", output=tmp_path / "out.png")
    assert "note: no face found" in done.err
    assert "no face found" in json.loads(done.out)["notes"][0]
    assert "no face found" not in inpaint("--box", "10,10,70,90", output=tmp_path / "boxed.png").err
    assert "no face found" not in inpaint("--box", "none", output=tmp_path / "faceless.png").err
    assert (tmp_path / "boxed.png").read_bytes() != (tmp_path / "faceless.png").read_bytes()


def test_a_contact_sheet_shows_all_variants(inpaint, tmp_path):
    done = inpaint("--num-variants", 3, "--contact-sheet", tmp_path / "sheet.png", output=tmp_path / "out.png")
    assert done.out.splitlines()[-1] == str(tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    windows = np.lib.stride_tricks.sliding_window_view(sheet[..., 0], (96, 80))
    for name in ("photo.png", "out.png", "out-2.png", "out-3.png"):
        shown = np.asarray(Image.open(tmp_path / name))
        corners = np.argwhere((windows[:, :, 0, 0] == shown[0, 0, 0]) & (windows[:, :, 95, 79] == shown[95, 79, 0]))
        assert any(np.array_equal(sheet[y : y + 96, x : x + 80], shown) for y, x in corners), name


def test_a_terminal_shows_what_is_being_done_and_nothing_else_does(inpaint, facemend, photo_file, tmp_path, monkeypatch):
    arguments = ("--num-variants", 2, "--overwrite")
    assert "looking" not in inpaint(*arguments, output=tmp_path / "out.png").err
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    done = inpaint(*arguments, output=tmp_path / "out.png")
    assert done.out == "".join(f"{tmp_path / name}\n" for name in ("out.png", "out-2.png"))
    for doing in ("looking for faces", "painting variant 1 of 2", "painting variant 2 of 2", "writing"):
        assert doing in done.err
    assert "note: no face found" in done.err.split("writing")[-1]  # once the line is gone
    assert "looking for damage" in facemend("damage", photo_file, "--output", tmp_path / "damage.png").err
    for quiet in (
        inpaint(*arguments, "--json", output=tmp_path / "out.png"),
        facemend("damage", photo_file, "--output", tmp_path / "damage.png", "--overwrite", "--json"),
    ):
        assert "looking" not in quiet.err
        json.loads(quiet.out)


# --- masks in words


@pytest.fixture
def used_mask(facemend, tiny_model, tmp_path):
    """Restore a photo and return the mask that was used."""

    def call(photo, *words):
        photo.save(tmp_path / "in.png")
        arguments = ("--save-mask", tmp_path / "used.png", "--output", tmp_path / "out.png", "--model", tiny_model)
        done = facemend("inpaint", tmp_path / "in.png", *words, *arguments, "--overwrite")
        assert done.code == 0, done.err
        used = np.asarray(Image.open(tmp_path / "used.png")) > 0
        before, after = (np.asarray(imaging.load_photo(tmp_path / name)) for name in ("in.png", "out.png"))
        assert np.array_equal(before[~used], after[~used])
        return used

    return call


def test_a_rectangle_is_a_mask(used_mask):
    used = used_mask(make_photo(), "--mask", "10,20,30,70")
    assert np.array_equal(used, imaging.box_hole((10, 20, 30, 70), (80, 96)))


def test_the_transparent_part_is_a_mask(used_mask):
    photo = make_photo("RGBA")
    photo.putalpha(Image.fromarray(np.where(make_hole(), 0, 255).astype(np.uint8)))
    assert np.array_equal(used_mask(photo, "--mask", "alpha"), make_hole())


def test_a_color_is_a_mask(used_mask):
    photo = Image.new("RGB", (80, 96), (90, 120, 100))
    photo.paste((255, 0, 0), (20, 20, 50, 60))
    used = used_mask(photo, "--mask-color", "red")
    assert used[20:60, 20:50].all()
    assert not used[:10].any() and not used[:, 65:].any()


def test_a_painted_copy_is_a_mask(used_mask, tmp_path):
    copy = Image.new("RGB", (160, 192), (90, 120, 100))
    copy.paste((255, 0, 0), (40, 40, 100, 120))
    copy.save(tmp_path / "copy.jpg")
    used = used_mask(make_photo(), "--mask", tmp_path / "copy.jpg", "--mask-color", "red")
    assert used[20:60, 20:50].all()
    assert not used[:10].any() and not used[:, 65:].any()


def test_a_mask_that_may_be_meant_the_other_way_round(inpaint, tmp_path, mask_file):
    Image.fromarray(~np.asarray(Image.open(mask_file))).save(mask_file)
    assert "pass --invert-mask" in inpaint(output=tmp_path / "a.png").err
    assert "pass --invert-mask" not in inpaint("--invert-mask", output=tmp_path / "b.png").err


def test_masks_add_up_and_can_be_inverted(used_mask, mask_file):
    both = imaging.box_hole((10, 70, 30, 90), (80, 96)) | make_hole()
    words = ("--mask", mask_file, "--mask", "10,70,30,90")
    assert np.array_equal(used_mask(make_photo(), *words), both)
    assert np.array_equal(used_mask(make_photo(), *words, "--invert-mask"), ~both)


def test_damage_found_by_itself_is_a_mask(used_mask, facemend, tmp_path):
    scan = demo.load_portrait()
    scan.paste((250, 250, 245), (120, 0, 124, scan.height))
    used = used_mask(scan, "--mask", "auto", "--strictness", 0.3)
    assert used[:, 120:124].mean() > 0.9
    assert np.array_equal(used, find_damage(np.asarray(scan), strictness=0.3))
    Image.new("RGB", (80, 96), (90, 80, 70)).save(tmp_path / "clean.png")
    clean = facemend("inpaint", tmp_path / "clean.png", "--mask", "auto", "--strictness", 0.9)
    assert (clean.code, clean.err.count("\n")) == (2, 1)
    assert "no damage was found: lower --strictness (it was 0.9)" in clean.err


def test_parts_of_a_face_are_a_mask(facemend, tmp_path):
    pytest.importorskip("skimage")
    demo.load_portrait().save(tmp_path / "portrait.png")
    done = facemend("inpaint", tmp_path / "portrait.png", "--mask", "eyes,mouth", "--save-mask", tmp_path / "used.png")
    assert done.code == 0, done.err
    used = np.asarray(Image.open(tmp_path / "used.png")) > 0
    for x, y in ((97, 120), (159, 120), (128, 184)):  # the astronaut's pupils and mouth
        assert used[y - 6 : y + 6, x - 6 : x + 6].any(), (x, y)
    assert used.mean() < 0.12


def test_a_photo_given_as_its_mask_is_told(facemend, tmp_path):
    demo.load_portrait().save(tmp_path / "portrait.png")
    done = facemend("inpaint", tmp_path / "portrait.png", "--mask", tmp_path / "portrait.png", "--output", tmp_path / "out.png")
    assert done.code == 0
    assert "portrait.png looks like a photo, not like a mask" in done.err


def test_a_part_that_one_of_two_faces_lacks_is_told(facemend, tmp_path):
    astronaut = pytest.importorskip("skimage.data").astronaut()
    faces = np.concatenate([astronaut[:256, 100:356]] * 2, axis=1)
    faces[82:117, 256 + 74 : 256 + 175] = (215, 175, 155)  # where the second one's eyes are
    Image.fromarray(faces).save(tmp_path / "both.png")
    done = facemend("inpaint", tmp_path / "both.png", "--mask", "eyes,mouth")
    assert [line for line in done.err.splitlines() if " faces" in line] == [
        "note: eyes: found in 1 of 2 faces; a painted mask covers what was missed"
    ]


def test_a_face_is_found_under_a_mask_that_hides_it(facemend, tmp_path):
    image = pytest.importorskip("skimage.data").astronaut()
    Image.fromarray(image).save(tmp_path / "astronaut.png")
    done = facemend("inpaint", tmp_path / "astronaut.png", "--mask", "face")
    assert done.code == 0
    assert "no face found" not in done.err


def test_a_face_on_its_side_is_repainted_as_it_lies(facemend, tmp_path):
    portrait = Image.fromarray(pytest.importorskip("skimage.data").astronaut()).resize((256, 256))
    for name, photo in (("upright", portrait), ("turned", portrait.transpose(Image.Transpose.ROTATE_90))):
        photo.save(tmp_path / f"{name}.png")
        assert facemend("inpaint", tmp_path / f"{name}.png", "--mask", "face").code == 0
    upright, turned = (Image.open(tmp_path / f"{name}-restored.png").convert("RGB") for name in ("upright", "turned"))
    back = turned.transpose(Image.Transpose.ROTATE_270)
    assert np.abs(np.asarray(back, int) - np.asarray(upright, int)).mean() < 3
    for photo in (upright, back):
        (face, *_) = find_faces(np.asarray(photo))
        assert abs(face_window(face).angle) < 10


def test_nothing_is_written_when_one_place_is_taken(inpaint, tmp_path):
    (tmp_path / "out-2.png").touch()
    done = inpaint("--num-variants", 2, output=tmp_path / "out.png")
    assert done.code == 2
    assert "out-2.png: exists; pass --overwrite" in done.err
    assert not (tmp_path / "out.png").exists()
    assert inpaint("--num-variants", 2, "--overwrite", output=tmp_path / "out.png").code == 0


def test_layout_and_photo_need_two_names(inpaint, tmp_path):
    done = inpaint("--save-layout", tmp_path / "out.png", output=tmp_path / "out.png")
    assert done.code == 2
    assert "a name of its own" in done.err


# --- mask


def test_mask_is_drawn_as_asked(facemend, tmp_path):
    arguments = ("--size", "90x64", "--family", "strokes", "--area", "0.4", "--seed", "1")
    done = facemend("mask", tmp_path / "mask.png", *arguments)
    assert (done.code, done.out) == (0, f"{tmp_path / 'mask.png'}\n")
    drawn = Image.open(tmp_path / "mask.png")
    assert (drawn.mode, drawn.size) == ("L", (90, 64))
    assert np.array_equal(np.asarray(drawn), package.random_mask((64, 90), family="strokes", area=0.4, seed=1))
    report = json.loads(facemend("mask", tmp_path / "mask.png", *arguments, "--overwrite", "--json").out)
    assert report["size"] == [90, 64]
    assert report["area"] == pytest.approx(0.4, abs=0.06)


def test_mask_takes_its_size_from_the_layout(facemend, tmp_path):
    labels = np.zeros((70, 90), np.uint8)
    labels[20:40, 30:50] = 2
    Image.fromarray(labels).save(tmp_path / "labels.png")
    done = facemend("mask", tmp_path / "mask.png", "--family", "parts", "--area", "0.06", "--layout", tmp_path / "labels.png")
    assert done.code == 0
    assert np.asarray(Image.open(tmp_path / "mask.png"))[25:35, 35:45].all()
    replaced = facemend("mask", tmp_path / "labels.png", "--layout", tmp_path / "labels.png", "--overwrite")
    assert (replaced.code, "labels.png: is the place of" in replaced.err) == (2, True)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "labels.png")), labels)


def test_a_mask_can_be_drawn_again_by_the_seed_that_was_told(facemend, tmp_path):
    first, second, third = (tmp_path / f"{name}.png" for name in ("first", "second", "third"))
    told = json.loads(facemend("mask", first, "--size", 64, "--json").out)["seed"]
    assert f", seed {told}\n" in facemend("mask", second, "--size", 64, "--seed", told).err
    assert first.read_bytes() == second.read_bytes()
    assert json.loads(facemend("mask", third, "--size", 64, "--json").out)["seed"] != told


def test_a_drawn_mask_loses_no_edge_to_jpeg(facemend, tmp_path):
    done = facemend("mask", tmp_path / "mask.jpg")
    assert (done.code, "write .png" in done.err, list(tmp_path.iterdir())) == (2, True, [])


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--size", "big"], "320x240"),
        (["--size", "9" * 5000], "320x240"),
        (["--size", "4"], "4x4"),
        (["--family", "spots"], "strokes"),
        (["--area", "2"], "0.9"),
    ],
)
def test_masks_that_cannot_be_drawn(facemend, tmp_path, options, word):
    done = facemend("mask", tmp_path / "mask.png", *options)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert word in done.err
    assert not list(tmp_path.iterdir())


# --- models, demo, train, evaluate, export


def test_models_are_listed(facemend, monkeypatch, tiny_model):
    monkeypatch.setattr("facemend.model_folders.BUNDLED", tiny_model.parent)
    (model,) = json.loads(facemend("models", "--json").out)["models"]
    assert model["name"] == "tiny"
    assert model["path"] == str(tiny_model)
    assert "tiny" in facemend("models").out


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("closed", "out", "err"), [("2>&-", "{mask}\n", ""), (">&-", "", "found no damage"), ("<&- >&- 2>&-", "", "")]
)
def test_closed_streams_are_no_matter(tmp_path, closed, out, err):
    photo, mask = tmp_path / "grey.png", tmp_path / "mask.png"
    Image.new("L", (32, 32), 128).save(photo)
    command = ["sh", "-c", f'"$@" {closed}', "sh", sys.executable, "-m", "facemend", "damage", photo, "--output", mask]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert mask.exists()
    assert done.stdout == out.format(mask=mask)
    assert done.stderr.startswith(err)


def test_names_of_models_are_whole_on_a_narrow_terminal(facemend, monkeypatch, tmp_path, tiny_model):
    shutil.copytree(tiny_model, tmp_path / "models" / "[red]portraits")
    monkeypatch.setattr("facemend.model_folders.BUNDLED", tmp_path / "models")
    monkeypatch.setenv("COLUMNS", "40")
    assert "[red]portraits" in facemend("models").out


def test_demo_writes_one_picture_to_look_at(facemend, tmp_path, tiny_model, monkeypatch):
    pytest.importorskip("skimage")
    holes = demo.demo_holes()
    monkeypatch.setattr(demo, "demo_holes", lambda: {name: holes[name] for name in ("eye", "half")})
    folder = tmp_path / "demo"
    done = facemend("demo", "--output", folder, "--model", tiny_model)
    assert (done.code, done.out) == (0, f"{folder / 'demo.png'}\n")
    pictures = {"demo.png", "photo.png", "eye-masked.png", "eye-restored.png", "half-masked.png", "half-restored.png"}
    assert {path.name for path in folder.iterdir()} == pictures
    assert Image.open(folder / "demo.png").width > 4 * demo.SIZE
    again = facemend("demo", "--output", folder, "--model", tiny_model)
    assert again.code == 2
    assert "--overwrite" in again.err


def test_demo_replaces_no_stranger(facemend, monkeypatch, tmp_path, tiny_model):
    monkeypatch.setattr(demo, "load_portrait", lambda: make_photo("RGB", 256, 256))
    make_photo().save(tmp_path / "photo.png")
    done = facemend("demo", "--output", tmp_path, "--model", tiny_model)
    assert done.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]
    done = facemend("demo", "--output", tmp_path / "photo.png", "--model", tiny_model)
    assert (done.code, done.err) == (2, f"facemend: {tmp_path / 'photo.png'}: is no folder: name one for the pictures\n")


def test_the_demo_shows_a_face():
    pytest.importorskip("skimage")
    portrait = demo.load_portrait()
    assert (portrait.mode, portrait.size) == ("RGB", (256, 256))


def test_demo_without_its_extra_says_what_to_install(facemend, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "skimage.data", None)
    done = facemend("demo", "--output", tmp_path / "demo")
    assert done.code == 2
    assert 'pip install -c requirements.lock ".[demo]"' in done.err
    assert not (tmp_path / "demo").exists()


def test_train_hands_its_recipe_to_the_trainer(facemend, monkeypatch, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        '[data]\nsources = [{ path = "faces" }]\n[[phases]]\nphase = "core"\nimages = 8\nbatch_size = 4\nlearning_rate = 1e-4\n'
    )
    calls = []
    monkeypatch.setattr("facemend.training.trainer.train", lambda *args, **options: calls.append((args, options)))
    done = facemend("train", recipe, "--data", "sets", "--run-dir", tmp_path / "run", "--max-minutes", "1.5", "--device", "cpu")
    assert done.code == 0
    (((config, data, run_dir), options),) = calls
    assert config.phases[0].images == 8
    assert (str(data), run_dir) == ("sets", tmp_path / "run")
    assert options == {"max_minutes": 1.5, "device": "cpu"}


def test_evaluate_measures_the_faces_selected_and_names_its_folder_by_the_protocol(facemend, monkeypatch, tmp_path):
    faces = make_faces(tmp_path / "faces", size=64)
    monkeypatch.chdir(tmp_path)
    options = ("--baseline", "telea", "--select", "1:3", "--without", "lpips,lpips-vgg,identity,layout", "--device", "cpu")
    done = facemend("evaluate", faces, "--protocol", "celebahq256-centre", "--size", 64, *options)
    assert (done.code, done.out) == (0, f"{Path('reports', 'celebahq256-centre', 'report.html')}\n"), done.err
    records = Path("reports", "celebahq256-centre", "records.jsonl").read_text().splitlines()
    assert {json.loads(record)["face"] for record in records} == {"face.01", "face.02"}


@pytest.mark.parametrize(("writer", "options"), [("net", ("--output", "net.onnx")), ("graph", ("--format", "onnx-graph"))])
def test_export_hands_on_the_faces_to_calibrate_with(facemend, monkeypatch, tiny_model, writer, options):
    calls = []
    monkeypatch.setattr(f"facemend.export.export_{writer}", lambda *_, **named: calls.append(named) or Path("net.onnx"))
    monkeypatch.setattr("facemend.export.measure_parity", lambda *_: {64: 0.5})
    monkeypatch.setattr("facemend.onnx_runtime.OnnxNet", Path)
    done = facemend("export", "--model", tiny_model, "--calibrate", "faces.zip", *options)
    assert (done.code, done.out) == (0, "net.onnx\n"), done.err
    assert "at 64x64 no value is more than 5.0e-01" in done.err
    assert [named["calibrate"] for named in calls] == [Path("faces.zip")]


@pytest.mark.parametrize(
    ("verb", "options"), [("celebahq", {"size": 128}), ("ffhq", {"size": 128, "model": "default", "device": "cpu"})]
)
def test_prepare_hands_the_folders_on(facemend, monkeypatch, verb, options):
    calls = []

    def prepared(*folders, **rest):
        calls.append(([str(folder) for folder in folders], rest))
        return {"train": 2, "test": 1}

    monkeypatch.setattr(f"facemend.data.{verb}.prepare_{verb}", prepared)
    device = ("--device", "cpu") if verb == "ffhq" else ()
    done = facemend("prepare", verb, "downloaded", "sets/faces", "--size", 128, *device, "--json")
    assert json.loads(done.out) == {"output": "sets/faces", "faces": {"train": 2, "test": 1}}
    assert calls == [(["downloaded", "sets/faces"], options)]
    assert facemend("prepare", verb, "downloaded", "sets/faces", *device).err == "2 train, 1 test\n"


@pytest.mark.parametrize("verb", ["celebahq", "ffhq"])
def test_prepare_refuses_what_is_no_set(facemend, tmp_path, verb):
    done = facemend("prepare", verb, tmp_path, tmp_path / "out")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert not (tmp_path / "out").exists()
