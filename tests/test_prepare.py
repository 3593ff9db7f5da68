import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from facemend.config import MODEL_PRESETS
from facemend.data import celebahq as celebahq_source
from facemend.data.celebahq import prepare_celebahq
from facemend.data.dataset import FaceDataset
from facemend.data.ffhq import prepare_ffhq
from facemend.errors import DataError, OutputError
from facemend.face_classes import CLASS_NAMES
from facemend.models.inpainter import InpaintNet
from facemend.weights import load_model, save_model

CELEBA_FILES = {0: "000012.jpg", 1: "000007.jpg", 2: "170000.jpg", 3: "190000.jpg"}  # CelebA-HQ's index -> CelebA's file


def draw_picture(path: Path, seed: int, size: int = 128) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((size, size), Image.Resampling.BILINEAR).save(path)


def draw_part(source: Path, index: int, part: str, box: tuple[int, int, int, int]) -> None:
    """A white box (left, top, right, bottom) on black, as RGB, which the official masks are."""
    path = source / "CelebAMask-HQ-mask-anno" / str(index // 2000) / f"{index:05d}_{part}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = Image.new("RGB", (64, 64))
    mask.paste((255, 255, 255), box)
    mask.save(path)


@pytest.fixture
def celebahq(tmp_path: Path) -> Path:
    source = tmp_path / "CelebAMask-HQ"
    lines = ["idx        orig_idx   orig_file"]
    for index, file in CELEBA_FILES.items():
        draw_picture(source / "CelebA-HQ-img" / f"{index}.jpg", index)
        draw_part(source, index, "skin", (8, 8, 56, 56))
        lines.append(f"{index}          {int(file[:6]) - 1}     {file}")
    draw_part(source, 0, "u_lip", (16, 40, 48, 48))
    draw_part(source, 0, "hair", (0, 0, 64, 24))
    draw_part(source, 0, "nose", (24, 16, 40, 44))
    (source / "CelebA-HQ-to-CelebA-mapping.txt").write_text("\n".join(lines))
    splits = {"000007.jpg": 0, "000012.jpg": 0, "170000.jpg": 1, "190000.jpg": 2, "000001.jpg": 0}
    (source / "list_eval_partition.txt").write_text("".join(f"{file} {split}\n" for file, split in splits.items()))
    return source


@pytest.fixture
def ffhq(tmp_path: Path) -> Path:
    source = tmp_path / "ffhq"
    for number in (0, 59_999, 60_000):
        draw_picture(source / "images1024x1024" / f"{number // 1000 * 1000:05d}" / f"{number:05d}.png", number)
    return source


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_model(InpaintNet(MODEL_PRESETS["tiny"]), tmp_path / "model")
    return tmp_path / "model"


def all_files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_celebahq_is_split_as_celeba_is_and_painted_as_g_mask_does(celebahq: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert prepare_celebahq(celebahq, output, size=64) == {"train": 2, "val": 1, "test": 1}
    names = {split: [row.name for row in FaceDataset(output / split).rows] for split in ("train", "val", "test")}
    assert names == {"train": ["celebahq-00000", "celebahq-00001"], "val": ["celebahq-00002"], "test": ["celebahq-00003"]}

    dataset = FaceDataset(output / "train")
    row, face = dataset.rows[0], dataset[0]
    assert (row.set, row.size, row.native_crop_px, row.yaw, row.label_source) == ("celebahq", 64, 128.0, None, "hand")
    assert row.sharpness > 0
    original = Image.open(celebahq / "CelebA-HQ-img" / "0.jpg").resize((64, 64), Image.Resampling.BOX)
    assert np.abs(face.image.astype(int) - np.asarray(original)).max() <= 1
    expected = np.zeros((64, 64), np.uint8)  # painted in the official order: skin, nose, upper lip, hair
    expected[8:56, 8:56] = CLASS_NAMES.index("skin")
    expected[16:44, 24:40] = CLASS_NAMES.index("nose")
    expected[40:48, 16:48] = CLASS_NAMES.index("upper lip")
    expected[0:24, :] = CLASS_NAMES.index("hair")
    assert (face.labels == expected).all()


def test_part_names_are_the_class_names() -> None:
    ours = dict(zip(celebahq_source._PART_NAMES, CLASS_NAMES[1:], strict=True))
    assert {part: ours[part] for part in ("eye_g", "l_lip", "ear_r", "neck_l", "cloth")} == {
        "eye_g": "glasses", "l_lip": "lower lip", "ear_r": "earring", "neck_l": "necklace", "cloth": "cloth",
    }  # fmt: skip


def test_the_manifest_hashes_every_file(celebahq: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    prepare_celebahq(celebahq, output, size=64)
    manifest = json.loads((output / "manifest.json").read_text())
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in all_files(output).items() if name.endswith(".png")}
    assert manifest["files"] == hashes and len(hashes) == 8
    assert (manifest["dataset"], manifest["size"], manifest["label_source"]) == ("celebahq", 64, "hand")
    assert manifest["found"] == {"pictures": 4, "part_masks": 7}
    assert manifest["counts"] == {"train": 2, "val": 1, "test": 1}
    assert manifest["tool"].startswith("facemend ")


def test_ffhq_is_split_by_id_and_labelled_by_our_own_network(ffhq: Path, model: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert prepare_ffhq(ffhq, output, size=64, model=model) == {"train": 2, "test": 1}
    train, test = FaceDataset(output / "train"), FaceDataset(output / "test")
    assert [row.name for row in train.rows] == ["ffhq-00000", "ffhq-59999"]
    assert [row.name for row in test.rows] == ["ffhq-60000"]
    assert test.rows[0].label_source == "layoutnet" and test.rows[0].native_crop_px == 128

    face = test[0]
    image = torch.from_numpy(face.image.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode():
        logits = load_model(model)(image, torch.zeros(1, 1, 64, 64)).layout_logits
    assert logits.shape[2:] == (64, 64)
    assert (face.labels == logits.argmax(1)[0].numpy()).all()


def test_ffhq_thumbnails_in_one_folder_are_never_enlarged(model: Path, tmp_path: Path) -> None:
    for number in (5, 69_999):
        draw_picture(tmp_path / "ffhq" / "thumbnails128x128" / f"{number:05d}.png", number)
    output = tmp_path / "out"
    assert prepare_ffhq(tmp_path / "ffhq", output, size=256, model=model) == {"train": 1, "test": 1}
    row, face = FaceDataset(output / "test").rows[0], FaceDataset(output / "test")[0]
    assert (row.size, row.native_crop_px, face.image.shape, face.labels.shape) == (128, 128.0, (128, 128, 3), (128, 128))


def test_an_interrupted_run_goes_on_and_does_nothing_twice(
    celebahq: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, output = tmp_path / "whole", tmp_path / "out"
    prepare_celebahq(celebahq, whole, size=64)
    damaged = celebahq / "CelebA-HQ-img" / "3.jpg"
    content = damaged.read_bytes()
    damaged.write_bytes(content[:100])
    output.mkdir()
    (output / ".manifest.part").write_bytes(b"{")  # as a kill leaves it
    with pytest.raises(DataError, match=r"3\.jpg: cannot be read .* run the same command again"):
        prepare_celebahq(celebahq, output, size=64)
    assert not list(output.rglob("index.csv")) and not list(output.rglob("*.part"))
    damaged.write_bytes(content)
    (output / "train" / "images" / ".0.part").write_bytes(b"half")

    painted: list[object] = []
    paint: Callable[..., object] = celebahq_source._paint_parts
    monkeypatch.setattr(celebahq_source, "_paint_parts", lambda parts: painted.append(parts) or paint(parts))
    done = len(list(output.rglob("labels/*.png")))
    prepare_celebahq(celebahq, output, size=64)
    assert len(painted) == 4 - done
    assert all_files(output) == all_files(whole)
    prepare_celebahq(celebahq, output, size=64)
    assert len(painted) == 4 - done


def test_a_source_damaged_since_it_was_prepared_is_named(celebahq: Path, tmp_path: Path) -> None:
    prepare_celebahq(celebahq, tmp_path / "out", size=64)
    (celebahq / "CelebA-HQ-img" / "3.jpg").write_bytes(b"cut")
    with pytest.raises(DataError, match=r"CelebA-HQ-img/3\.jpg: cannot be read .* run the same command again"):
        prepare_celebahq(celebahq, tmp_path / "out", size=64)


def test_a_folder_begun_otherwise_is_left_alone(celebahq: Path, ffhq: Path, model: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    prepare_celebahq(celebahq, output, size=64)
    before = all_files(output)
    with pytest.raises(DataError, match="begun with size 64, not 128"):
        prepare_celebahq(celebahq, output, size=128)
    with pytest.raises(DataError, match="begun with dataset celebahq, not ffhq"):
        prepare_ffhq(ffhq, output, size=64, model=model)
    assert all_files(output) == before
    (output / "manifest.json").write_text("[1")
    with pytest.raises(DataError, match="is no manifest of ours"):
        prepare_celebahq(celebahq, output, size=64)
    with pytest.raises(DataError, match="holds other files"):
        prepare_celebahq(celebahq, celebahq, size=64)


def drop_line(path: Path, beginning: str) -> None:
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith(beginning)))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: shutil.rmtree(s / "CelebA-HQ-img"), r"CelebA-HQ-img: no such folder.*0\.jpg"),
        (lambda s: shutil.rmtree(s / "CelebAMask-HQ-mask-anno"), "CelebAMask-HQ-mask-anno: no such folder"),
        (lambda s: (s / "list_eval_partition.txt").unlink(), r"official split.*Eval/list_eval_partition\.txt of the CelebA"),
        (lambda s: (s / "CelebA-HQ-to-CelebA-mapping.txt").unlink(), r"mapping\.txt: cannot be read"),
        (lambda s: drop_line(s / "list_eval_partition.txt", "170000"), r"gives 170000\.jpg, which is CelebA-HQ's picture 2, no"),
        (lambda s: (s / "CelebA-HQ-to-CelebA-mapping.txt").write_text("0 1\n"), "line 1 has 2 columns instead of 3"),
        (lambda s: (s / "CelebA-HQ-to-CelebA-mapping.txt").write_text("\n"), r"mapping\.txt: is empty"),
        (lambda s: (s / "CelebA-HQ-img" / "1.jpg").unlink(), r"1 of 4 pictures are missing, 1\.jpg first"),
        (lambda s: (s / "CelebAMask-HQ-mask-anno/0/00002_skin.png").unlink(), r"1 of 4 faces have no part mask, 2\.jpg first"),
    ],
)  # fmt: skip
def test_an_incomplete_celebahq_is_refused_before_anything_is_written(
    celebahq: Path, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(celebahq)
    with pytest.raises(DataError, match=message):
        prepare_celebahq(celebahq, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_ffhq_without_pictures_is_refused_before_anything_is_written(tmp_path: Path, model: Path) -> None:
    with pytest.raises(DataError, match=r"neither images1024x1024/ nor thumbnails128x128/.*00000/00000\.png"):
        prepare_ffhq(tmp_path, tmp_path / "out", model=model)
    (tmp_path / "images1024x1024").mkdir()
    with pytest.raises(DataError, match=r"holds no pictures named 00000\.png"):
        prepare_ffhq(tmp_path, tmp_path / "out", model=model)
    assert not (tmp_path / "out").exists()


def test_pictures_must_be_square(ffhq: Path, model: Path, tmp_path: Path) -> None:
    Image.new("RGB", (128, 96)).save(ffhq / "images1024x1024" / "00000" / "00000.png")
    with pytest.raises(DataError, match=r"00000\.png: is 128x96, no square"):
        prepare_ffhq(ffhq, tmp_path / "out", size=64, model=model)


@pytest.mark.parametrize("size", [0, 48, 100, 2048])
def test_size_must_suit_the_network(celebahq: Path, tmp_path: Path, size: int) -> None:
    with pytest.raises(DataError, match=f"size {size}: must be a multiple of 16"):
        prepare_celebahq(celebahq, tmp_path / "out", size=size)


def test_an_output_that_cannot_be_written_is_named(celebahq: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="out: cannot be written"):
        prepare_celebahq(celebahq, tmp_path / "file" / "out", size=64)
