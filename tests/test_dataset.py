import multiprocessing
import pickle
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facemend.data.dataset import FaceDataset, IndexRow, write_index
from facemend.errors import DataError

SUFFIXES = (".webp", ".jpg", ".png")


def make_faces(root: Path, count: int = 5, size: int = 32) -> Path:
    """Pictures of one colour each, so that a wrong read shows; label maps half as wide as the pictures."""
    rows: list[IndexRow] = []
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    for i in range(count):
        name = f"face.{i:02d}"
        Image.new("RGB", (size, size), (40 * i, 100, 255 - 40 * i)).save(root / "images" / f"{name}{SUFFIXES[i % 3]}")
        Image.new("L", (size // 2, size // 2), i).save(root / "labels" / f"{name}.png")
        rows.append(IndexRow(name, "drawn", size, float(size), None if i else 0.25, 1.5, "hand"))
    write_index(root / "index.csv", rows)
    return root


Pack = Callable[[Path], Path]


@pytest.fixture(params=["folder", "zip"])
def pack(request: pytest.FixtureRequest) -> Pack:
    """Hand out a folder as it is, or as a zip."""
    return lambda root: root if request.param == "folder" else Path(shutil.make_archive(str(root), "zip", root))


@pytest.fixture
def faces(tmp_path: Path, pack: Pack) -> Path:
    return pack(make_faces(tmp_path / "faces"))


def red_of(dataset: FaceDataset, i: int) -> int:
    return int(dataset[i].image[0, 0, 0])


def test_reads_pictures_labels_and_index(faces: Path) -> None:
    dataset = FaceDataset(faces)
    assert len(dataset) == 5
    assert dataset.rows[0] == IndexRow("face.00", "drawn", 32, 32.0, 0.25, 1.5, "hand")
    assert dataset.rows[1].yaw is None
    for i, sample in enumerate(dataset):
        assert (sample.name, sample.set) == (f"face.{i:02d}", "drawn")
        assert sample.image.dtype == np.uint8 and sample.image.shape == (32, 32, 3)
        assert np.abs(sample.image.astype(int) - (40 * i, 100, 255 - 40 * i)).max() <= 6
        assert sample.labels.dtype == np.uint8 and sample.labels.shape == (16, 16) and (sample.labels == i).all()
    assert dataset[-1].name == "face.04"


def test_select_and_slices_take_part_of_the_index(faces: Path) -> None:
    assert [row.name for row in FaceDataset(faces, select=slice(-2, None)).rows] == ["face.03", "face.04"]
    assert [sample.name for sample in FaceDataset(faces)[1:3]] == ["face.01", "face.02"]


def test_an_index_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    index = make_faces(tmp_path / "faces") / "index.csv"
    names = [row.name for row in FaceDataset(tmp_path / "faces").rows]
    index.write_text(index.read_text(), encoding="utf-8-sig")
    assert [row.name for row in FaceDataset(tmp_path / "faces").rows] == names


def test_threads_read_at_once(faces: Path) -> None:
    dataset = FaceDataset(faces)
    alone = [red_of(dataset, i) for i in range(5)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda i: red_of(dataset, i % 5), range(100))) == alone * 20


def test_pickles_and_survives_a_fork(faces: Path) -> None:
    dataset = FaceDataset(faces)
    alone = [red_of(dataset, i) for i in range(5)]
    assert red_of(pickle.loads(pickle.dumps(dataset)), 3) == alone[3]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.starmap(red_of, [(dataset, i % 5) for i in range(20)]) == alone * 4


def edit_index(root: Path, old: str, new: str) -> None:
    text = (root / "index.csv").read_text()
    assert old in text
    (root / "index.csv").write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: (root / "index.csv").unlink(), r"index\.csv is missing.*native_crop_px"),
        (lambda root: edit_index(root, "face.03,drawn", "face.03\rdrawn"), r"unreadable \(new-line character"),
        (lambda root: edit_index(root, "yaw", "turn"), "lacks the columns yaw"),
        (lambda root: edit_index(root, "face.03,drawn,32", "face.03,drawn,big"), "line 5: .*'big'"),
        (lambda root: edit_index(root, "face.03", "face.02"), r"line 5: face\.02 is there twice"),
        (lambda root: (root / "images" / "face.02.png").unlink(), r"without a picture: face\.02 and 0 more"),
        (lambda root: (root / "labels" / "face.02.png").unlink(), r"without a label map: face\.02 and 0 more"),
        (lambda root: shutil.rmtree(root / "labels"), r"without a label map: face\.00 and 4 more"),
    ],
)
def test_a_wrong_set_is_refused_at_once(tmp_path: Path, damage: Callable[[Path], object], message: str) -> None:
    root = make_faces(tmp_path / "faces")
    damage(root)
    with pytest.raises(DataError, match=message):
        FaceDataset(root)


def test_two_pictures_of_one_name_are_refused(tmp_path: Path, pack: Pack) -> None:
    root = make_faces(tmp_path / "faces")
    shutil.copy(root / "images" / "face.01.jpg", root / "images" / "face.02.jpg")
    with pytest.raises(DataError, match=r"holds both images/face\.02\.jpg and images/face\.02\.png"):
        FaceDataset(pack(root))


def test_folders_within_images_are_passed_over(tmp_path: Path, pack: Pack) -> None:
    root = make_faces(tmp_path / "faces")
    (root / "images" / "older").mkdir()
    (root / "images" / "face.02.png").rename(root / "images" / "older" / "face.02.png")
    with pytest.raises(DataError, match=r"without a picture: face\.02"):
        FaceDataset(pack(root))


def test_a_missing_or_cut_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such data set"):
        FaceDataset(tmp_path / "none.zip")
    archive = Path(shutil.make_archive(str(tmp_path / "faces"), "zip", make_faces(tmp_path / "faces")))
    archive.write_bytes(archive.read_bytes()[:500])
    with pytest.raises(DataError, match=r"faces\.zip: is neither a folder nor a readable zip"):
        FaceDataset(archive)


def test_a_damaged_picture_names_its_file(tmp_path: Path) -> None:
    root = make_faces(tmp_path / "faces")
    for name in ("face.01.jpg", "face.02.png", "face.03.webp"):
        path = root / "images" / name
        path.write_bytes(path.read_bytes()[:60])
    dataset = FaceDataset(root)
    for i, name in ((1, "01.jpg"), (2, "02.png"), (3, "03.webp")):
        with pytest.raises(DataError, match=f"face.{name}: cannot be read"):
            dataset[i]


@pytest.mark.parametrize("picture", [Image.new("L", (8, 8), 19), Image.new("RGB", (8, 8)), Image.new("I;16", (8, 8))])
def test_labels_must_be_class_ids(tmp_path: Path, picture: Image.Image) -> None:
    root = make_faces(tmp_path / "faces")
    picture.save(root / "labels" / "face.00.png")
    with pytest.raises(DataError, match=r"face\.00\.png: must hold one class id from 0 to 18"):
        FaceDataset(root)[0]
