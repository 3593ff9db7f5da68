"""The referee: fair, repeatable, and never stopped by one bad file."""

import json
import math
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import torch
from conftest import mask_image
from PIL import Image
from test_features import needs

from facemend import metrics
from facemend.data.dataset import IndexRow, write_index
from facemend.errors import ConfigError, FacemendError
from facemend.evaluation import judge
from facemend.evaluation.faces import Face, open_faces, skin_tone, spread
from facemend.evaluation.figures import BY_KEY, METRICS
from facemend.evaluation.holes import Case, open_holes
from facemend.evaluation.methods import OpenCvMethod, Restored, open_baseline, open_model, restore
from facemend.evaluation.pictures import choose_cases
from facemend.evaluation.plots import plot
from facemend.evaluation.protocols import Protocol, load_protocol, protocols
from facemend.evaluation.summary import MeasuredFace, mean_of_resamples, median_of_resamples, summarize
from facemend.models.features import Lpips

SIZE = 64
NO_NETS = ("--without", "lpips,lpips-vgg,identity,layout")
NAMES = [f"face-{i}" for i in range(12)]


def draw_face(seed):
    """A head on a ground, neither of which any net would take for one."""
    rng = np.random.default_rng(seed)
    picture = cv2.resize(rng.uniform(40, 220, (8, 8, 3)).astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    cv2.ellipse(picture, (32, 34), (17, 22), 0, 0, 360, (210, 160, 130), cv2.FILLED)
    return np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def faces(tmp_path):
    """A face set of two sources."""
    folder = tmp_path / "faces"
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    labels = np.zeros((SIZE, SIZE), np.uint8)
    cv2.ellipse(labels, (32, 34), (17, 22), 0, 0, 360, 1, cv2.FILLED)
    for i, name in enumerate(NAMES):
        Image.fromarray(draw_face(i)).save(folder / "images" / f"{name}.png")
        Image.fromarray(labels).save(folder / "labels" / f"{name}.png")
    write_index(
        folder / "index.csv",
        (IndexRow(name, "old" if i < 6 else "new", SIZE, 64.0, 0.3 * (i % 2), 100.0, "hand") for i, name in enumerate(NAMES)),
    )
    return folder


@pytest.fixture
def evaluate(facemend, faces, tmp_path):
    """Call the verb on the set without any net, on one machine's CPU; the report's folder stays the same."""

    def call(*arguments, data=faces, output=tmp_path / "report", nets=NO_NETS):
        words = ("--size", SIZE, "--device", "cpu", "--output", output)
        return facemend("evaluate", data, *words, *nets, *arguments)

    return call


def read_report(tmp_path):
    return json.loads((tmp_path / "report" / "report.json").read_text())


def figure(report, method, key, group="all", table="hole area, %"):
    (row,) = [row for row in report["tables"][table] if (row["method"], row["group"]) == (method, group)]
    return row["figures"][key]


def holes_of(name, protocol):
    find, _ = open_holes(protocol, NAMES)
    return find(NAMES.index(name), name)


STROKES = Protocol.parse({"masks": {"kind": "families", "families": ["strokes"]}, "size": SIZE}, "test")


# --- what is measured ---------------------------------------------------------------------------------------------------


def test_a_report_holds_the_figures_that_the_metrics_give(evaluate, tmp_path):
    outcome = evaluate("--masks", "strokes", "--baseline", "telea,ns")
    assert (outcome.code, outcome.out.strip()) == (0, str(tmp_path / "report" / "report.html"))
    report = read_report(tmp_path)
    values = {"psnr": [], "hole_l1": []}
    for i, name in enumerate(NAMES):
        for case in holes_of(name, STROKES):
            result = restore(OpenCvMethod("telea"), draw_face(i), case, name).picture
            values["psnr"].append(metrics.psnr(result, draw_face(i)))
            values["hole_l1"].append(metrics.l1(result, draw_face(i), case.hole))
    for key, of_cases in values.items():
        measured = figure(report, "telea", key)
        assert measured["value"] == pytest.approx(np.mean(of_cases), abs=1e-5)
        assert measured["low"] < measured["value"] < measured["high"]
    assert {row["group"] for row in report["tables"]["set"]} == {"old", "new"}
    assert {row["group"] for row in report["tables"]["head"]} == {"frontal", "turned"}
    by_bin = [figure(report, "telea", "psnr", group)["value"] for group in ("0-10", "20-30", "50-60")]
    assert by_bin == sorted(by_bin, reverse=True)
    markdown = (tmp_path / "report" / "report.md").read_text()
    assert f"{figure(report, 'telea', 'psnr')['value']:.2f}" in markdown


def test_the_figures_over_all_holes_are_told(evaluate, tmp_path):
    arguments = ("--masks", "strokes", "--baseline", "telea,ns", "--first", 2)
    shown = [line.split() for line in evaluate(*arguments).err.splitlines()]
    report = read_report(tmp_path)
    for line in (["all", "holes", "telea", "ns"], ["cases", "12", "12"]):
        assert line in shown
    for key, label, digits in (("psnr", "PSNR", 2), ("ssim", "SSIM", 3)):
        assert [label, *(f"{figure(report, name, key)['value']:.{digits}f}" for name in ("telea", "ns"))] in shown
    told = json.loads(evaluate(*arguments, "--json").out)["figures"]
    assert told["ns"]["psnr"] == figure(report, "ns", "psnr")


def test_the_difference_of_two_methods_is_taken_case_by_case(evaluate, tmp_path):
    evaluate("--masks", "strokes", "--baseline", "telea,ns")
    report = read_report(tmp_path)
    (row,) = [row for row in report["differences"] if row["group"] == "all"]
    assert (row["method"], row["minus"], row["cases"]) == ("telea", "ns", 6 * len(NAMES))
    difference = figure(report, "telea", "ssim")["value"] - figure(report, "ns", "ssim")["value"]
    assert row["figures"]["ssim"]["value"] == pytest.approx(difference, abs=1e-6)
    # Paired, the difference is known far better than either figure.
    own = figure(report, "telea", "ssim")
    assert row["figures"]["ssim"]["high"] - row["figures"]["ssim"]["low"] < (own["high"] - own["low"]) / 2


def test_our_own_model_is_measured_with_its_layout(evaluate, tmp_path, tiny_model):
    outcome = evaluate("--protocol", "celebahq256-centre", "--model", f"mine={tiny_model}", "--first", 3)
    assert outcome.code == 0, outcome.err
    report = read_report(tmp_path)
    assert report["methods"][0]["name"] == "mine" and "M parameters" in report["methods"][0]["about"]
    assert report["faces"] == {"chosen": 3, "measured": 3}
    assert 0 <= figure(report, "mine", "own_layout", "0-100")["value"] <= 1


@needs("alexnet_features", "vgg16_features", "lpips_alex", "lpips_vgg", "dlib_face_resnet", "bisenet_celebamaskhq")
def test_every_net_has_its_say(evaluate, tmp_path):
    outcome = evaluate("--protocol", "celebahq256-centre", "--baseline", "telea", "--first", 2, nets=())
    assert outcome.code == 0, outcome.err
    report = read_report(tmp_path)
    for key in ("lpips", "lpips_vgg", "hole_lpips", "hole_lpips_vgg", "identity", "layout"):
        assert math.isfinite(figure(report, "telea", key, "0-100")["value"]), key
    assert [row["net"].split()[0] for row in report["distances"]] == ["AlexNet", "VGG16"]


@pytest.fixture
def untrained_judge(monkeypatch):
    torch.manual_seed(0)  # by some first weights descriptors come out too alike to be told apart
    monkeypatch.setattr(judge, "Lpips", lambda name: Lpips(name, pretrained=False))
    monkeypatch.setattr(judge.IdentityNet, "load", judge.IdentityNet)
    return judge.Judge(torch.device("cpu"), without=frozenset({"lpips-vgg", "layout"}))


def test_nets_find_equal_pictures_equal_and_damage_where_it_is(untrained_judge):
    truth = cv2.resize(draw_face(0), (256, 256))
    far_off, hole = truth.copy(), np.zeros((256, 256), bool)
    far_off[224:, 224:] = 0
    hole[:24, :24] = True  # where no feature reaches the far corner
    case = Case("hole", "", hole)
    face = Face(0, "face", truth, None, {})
    looked = untrained_judge.look(truth)
    results = [(replace(case, name=name), Restored(picture)) for name, picture in (("equal", truth), ("off", far_off))]
    measured = untrained_judge.measure(face, looked, results)
    equal = {key: measured["equal"][key] for key in ("lpips", "hole_lpips", "identity")}
    assert equal == pytest.approx({"lpips": 0, "hole_lpips": 0, "identity": 1}, abs=1e-5)
    assert measured["off"]["lpips"] > 1e-4
    assert measured["off"]["hole_lpips"] == pytest.approx(0, abs=1e-5)
    assert measured["off"]["identity"] < 1


def test_a_methods_own_layout_is_compared_in_the_hole_alone():
    labels, hole = np.zeros((8, 8), np.uint8), np.zeros((16, 16), bool)
    hole[:8] = True
    own = np.zeros((16, 16), np.uint8)
    own[8:] = 1  # wrong, beside the hole
    assert judge.own_layout_accuracy(own, labels, hole) == 1
    own[:8, :4] = 1
    assert judge.own_layout_accuracy(own, labels, hole) == 0.75


def test_no_method_sees_what_is_under_the_hole():
    class Spy:
        name, about, key, max_area = "spy", "", "", 1.0

        def restore(self, masked, case, face):
            seen.append(masked)
            return type("Restored", (), {"picture": np.zeros_like(masked), "layout": None})()

    seen = []
    truth, (case, *_) = draw_face(0), holes_of("face-3", STROKES)
    result = restore(Spy(), truth, case, "face-3").picture
    assert not seen[0][case.hole].any() and (seen[0][~case.hole] == truth[~case.hole]).all()
    assert (result[~case.hole] == truth[~case.hole]).all() and not result[case.hole].any()


def test_biharmonic_is_scikit_images(faces):
    method = open_baseline("biharmonic")
    case = next(case for case in holes_of("face-1", STROKES) if case.name == "0-10")
    oracle = pytest.importorskip("skimage.restoration").inpaint_biharmonic
    masked = np.where(case.hole[..., None], 0, draw_face(1)).astype(np.uint8)
    expected = np.round(np.clip(oracle(masked / 255, case.hole, channel_axis=-1), 0, 1) * 255)
    result = restore(method, draw_face(1), case, "face-1").picture
    assert np.abs(result[case.hole].astype(int) - expected[case.hole]).max() <= 1
    assert method.max_area < 1


# --- others' results ----------------------------------------------------------------------------------------------------


def test_a_systems_own_pictures_take_part(evaluate, facemend, faces, tmp_path):
    """Photos and masks go out, results come back; known pixels that the system spoilt do not count."""
    inputs, results = tmp_path / "inputs", tmp_path / "results"
    assert evaluate("--masks", "box", "--export-inputs", inputs).code == 0
    assert evaluate("--masks", "box", "--export-inputs", inputs).code == 2  # nothing is overwritten
    for path in inputs.glob("photo/*/*.png"):
        hole = np.asarray(Image.open(inputs / "mask" / path.parent.name / path.name)) > 0
        photo = np.asarray(Image.open(path))
        truth = np.asarray(Image.open(faces / "images" / path.name))
        assert not photo[hole].any() and (photo[~hole] == truth[~hole]).all()
        place = results / path.parent.name / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.where(hole[..., None], truth, np.uint8(9))).save(place)
    outcome = evaluate("--masks", "box", "--results", f"perfect={results}", "--baseline", "telea")
    assert outcome.code == 0, outcome.err
    report = read_report(tmp_path)
    assert figure(report, "perfect", "psnr")["value"] == 100
    assert figure(report, "perfect", "ssim")["value"] == 1
    assert figure(report, "perfect", "detail")["value"] == figure(report, "perfect", "seam")["value"] == 1


def test_trouble_with_results_is_told_file_by_file(evaluate, faces, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(faces / "images", results)
    (results / "face-2.png").unlink()
    (results / "face-4.png").write_bytes(b"not a picture")
    Image.new("RGB", (32, 32)).save(results / "face-6.png")
    Image.new("RGB", (SIZE, SIZE)).save(results / "stranger.png")
    outcome = evaluate("--protocol", "celebahq256-centre", "--results", f"theirs={results}")
    assert outcome.code == 1
    for part in ("lacks centre/face-2.png", "face-4.png: cannot be read", "face-6.png: is 32x32", "stranger.png: belongs to no"):
        assert part in outcome.err
    assert "4 files could not be used" in outcome.err
    report = read_report(tmp_path)
    assert len(report["problems"]) == 4 and report["methods"][0]["cases"] == len(NAMES) - 3
    shutil.copy(faces / "images" / "face-2.png", results)
    evaluate("--protocol", "celebahq256-centre", "--results", f"theirs={results}")
    assert read_report(tmp_path)["methods"][0]["cases"] == len(NAMES) - 2


def test_one_picture_stands_for_no_several_cases(evaluate, faces):
    outcome = evaluate("--masks", "box", "--results", f"theirs={faces / 'images'}")
    assert outcome.code == 2 and "could be measured" in outcome.err
    assert "/face-0.png" in outcome.err and "lacks " in outcome.err


def save_onnx(path, *, names=("image", "mask"), scale=1.0, dtype="float"):
    """A network that paints the hole in the mean of 0 and 1 of its range plus its input: mask x 0.5 + image x scale."""
    onnx = pytest.importorskip("onnx")
    number = {"float": onnx.TensorProto.FLOAT, "uint8": onnx.TensorProto.UINT8}[dtype]
    shapes = {"image": [1, 3, "h", "w"], "mask": [1, 1, "h", "w"]}
    make = onnx.helper.make_node
    nodes = [
        make("Cast", ["image"], ["image_"], to=1),
        make("Cast", ["mask"], ["mask_"], to=1),
        make("Mul", ["mask_", "half"], ["painted"]),
        make("Mul", ["image_", "scale"], ["kept"]),
        make("Add", ["kept", "painted"], ["sum"]),
        make("Cast", ["sum"], ["output"], to=number),
    ]
    constants = [onnx.numpy_helper.from_array(np.float32(value), name) for name, value in (("half", 0.5), ("scale", scale))]
    inputs = [onnx.helper.make_tensor_value_info(name, number, shapes[name]) for name in names]
    outputs = [onnx.helper.make_tensor_value_info("output", number, [1, 3, "h", "w"])]
    graph = onnx.helper.make_graph(nodes, "grey", inputs, outputs, constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


class Grey(torch.nn.Module):
    """As `save_onnx`, with picture and mask in one input."""

    def forward(self, both):
        return both[:, :3] + 0.5 * both[:, 3:]


def fill_of(option, text, device="cpu"):
    """What a network paints into a hole, and into a picture otherwise 200."""
    from facemend.evaluation.exported import open_exported

    method = open_exported(text, option, torch.device(device))
    hole = np.zeros((SIZE, SIZE), bool)
    hole[20:40, 10:50] = True
    result = restore(method, np.full((SIZE, SIZE, 3), 200, np.uint8), Case("x", "x", hole), "face").picture
    assert (result[~hole] == 200).all()
    return set(result[28:32, 25:35].ravel().tolist())


@pytest.mark.parametrize(
    ("said", "painted"),
    [
        ("range=0..1,mask=1-is-hole", 128),  # 0 + 0.5, of 0..1
        ("range=0..1,mask=1-is-known", 0),  # the mask is 0 in the hole
        ("range=-1..1,mask=1-is-hole", 191),  # 0.5 of -1..1
        ("range=0..1,output=0..255,mask=1-is-hole", 0),  # 0.5 of 0..255
        ("range=0..1,mask=1-is-hole,size=128", 128),
        ("range=0..1,mask=1-is-hole,size=32", 128),
    ],
)
def test_an_onnx_network_is_fed_as_was_said(tmp_path, said, painted):
    save_onnx(tmp_path / "grey.onnx")
    assert fill_of("--onnx", f"grey={tmp_path}/grey.onnx,{said}") <= {painted, painted - 1}


@pytest.mark.parametrize("size", [32, 128])
def test_no_black_seeps_from_the_hole_into_what_a_network_sees(tmp_path, size):
    from facemend.evaluation.exported import open_exported

    save_onnx(tmp_path / "grey.onnx")
    said = f"grey={tmp_path}/grey.onnx,range=0..1,mask=1-is-hole,size={size}"
    hole = np.zeros((SIZE, SIZE), bool)
    hole[20:40, 10:50] = True
    masked = np.where(hole[..., None], np.uint8(0), np.full((SIZE, SIZE, 3), 128, np.uint8))
    seen = open_exported(said, "--onnx", torch.device("cpu")).restore(masked, Case("x", "x", hole), "face").picture
    assert abs(seen.astype(int) - 128).max() <= 2  # this network paints the hole in the same grey


def test_an_onnx_network_of_bytes_gets_a_mask_of_255(tmp_path):
    save_onnx(tmp_path / "bytes.onnx", dtype="uint8")
    assert fill_of("--onnx", f"bytes={tmp_path}/bytes.onnx,range=0..255,mask=1-is-hole") == {127}


def test_the_order_of_inputs_can_be_said(tmp_path):
    save_onnx(tmp_path / "turned.onnx", names=("mask", "image"))
    said = "range=0..1,mask=1-is-hole"
    assert fill_of("--onnx", f"turned={tmp_path}/turned.onnx,{said},inputs=mask/image") <= {127, 128}
    with pytest.raises(FacemendError, match="turned: failed on face"):
        fill_of("--onnx", f"turned={tmp_path}/turned.onnx,{said}")


def test_a_torchscript_network_with_one_input_of_four_channels(tmp_path):
    torch.jit.trace(Grey(), torch.zeros(1, 4, 8, 8)).save(str(tmp_path / "grey.pt"))
    said = "range=0..1,mask=1-is-hole,inputs=image+mask"
    assert fill_of("--torchscript", f"grey={tmp_path}/grey.pt,{said}") <= {127, 128}


def test_a_network_from_a_file_takes_part(evaluate, tmp_path):
    save_onnx(tmp_path / "grey.onnx")
    said = f"grey={tmp_path}/grey.onnx,range=0..1,mask=1-is-hole"
    outcome = evaluate("--protocol", "celebahq256-centre", "--onnx", said, "--baseline", "telea", "--first", 4)
    assert outcome.code == 0, outcome.err
    report = read_report(tmp_path)
    assert figure(report, "grey", "psnr", "0-100")["value"] < figure(report, "telea", "psnr", "0-100")["value"]
    assert "range=0..1 mask=1-is-hole" in report["methods"][1]["about"]
    outcome = evaluate("--protocol", "celebahq256-centre", "--onnx", f"{said},inputs=image+mask", output=tmp_path / "none")
    assert outcome.code == 2 and "0 face could be measured" in outcome.err and "say inputs=" in outcome.err


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--onnx", "lama=nowhere.onnx,range=0..1,mask=1-is-hole", "there is no such file"),
        ("--onnx", "lama=broken.onnx,range=0..1,mask=1-is-hole", "cannot be loaded"),
        ("--torchscript", "lama=broken.onnx,range=0..1,mask=1-is-hole", "cannot be loaded"),
        ("--onnx", "lama=broken.onnx", "as in lama=broken.onnx,range=0..1,mask=1-is-hole"),
        ("--onnx", "lama=broken.onnx,mask=1-is-known", "as in lama=broken.onnx,mask=1-is-known,range=0..1"),
        ("--onnx", "lama=broken.onnx,range=0..2,mask=1-is-hole", "range"),
        ("--onnx", "lama=broken.onnx,range=0..1,mask=hole", "mask"),
        ("--onnx", "lama=broken.onnx,range=0..1,mask=1-is-hole,colour=bgr", "colour"),
        ("--onnx", "broken.onnx", "NAME=PATH"),
    ],
)
def test_a_network_that_is_not_described_is_refused(option, text, message, tmp_path, monkeypatch):
    from facemend.evaluation.exported import open_exported

    monkeypatch.chdir(tmp_path)
    Path("broken.onnx").write_bytes(b"\x08\x07nothing")
    with pytest.raises(ConfigError, match=message):
        open_exported(text, option, torch.device("cpu"))


# --- holes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, known in protocols().items() if known.masks.kind != "files"])
def test_a_protocols_holes_are_as_large_as_it_says_and_always_the_same(name):
    protocol = load_protocol(name)
    find, problems = open_holes(protocol, NAMES)
    again, _ = open_holes(protocol, NAMES)
    drawn = [find(i, "face") for i in range(3)]
    assert not problems
    for i, cases in enumerate(drawn):
        for case, other in zip(cases, again(i, "face"), strict=True):
            assert (case.hole == other.hole).all() and case.hole.shape == (protocol.size, protocol.size)
            low, high = (int(end) / 100 for end in case.name.split("-")) if "-" in case.name else (0.25, 0.25)
            assert low - 0.02 <= case.area <= high + 0.02
    if protocol.masks.kind != "centre-box":
        assert (drawn[0][0].hole != drawn[1][0].hole).any()


def test_protocols_are_told_apart_from_what_nobody_knows(evaluate):
    outcome = evaluate("--protocol", "imagenet")
    assert outcome.code == 2 and "celebahq256-nvidia" in outcome.err


@pytest.fixture
def mask_files(tmp_path):
    """Two masks for each tenth of area up to 60 %, twice the faces' size, as in NVIDIA's set."""
    folder = tmp_path / "masks"
    for tenth in range(6):
        (folder / f"bin{tenth}").mkdir(parents=True)
        for i in range(2):
            mask = np.zeros((2 * SIZE, 2 * SIZE), np.uint8)
            rows = round((10 * tenth + 3 + 4 * i) / 100 * 2 * SIZE)
            mask[:rows] = 255
            Image.fromarray(mask[::-1] if i else mask).save(folder / f"bin{tenth}" / f"{i}.png")
    return folder


def test_shared_masks_go_round_bin_by_bin(mask_files):
    protocol = Protocol.parse({"masks": {"kind": "files", "path": str(mask_files)}, "size": SIZE}, "test")
    find, problems = open_holes(protocol, NAMES)
    assert not problems
    assert [case.mask for case in find(3, "face-3")] == [f"bin{tenth}/1.png" for tenth in range(6)]
    assert [case.mask for case in find(4, "face-4")] == [f"bin{tenth}/0.png" for tenth in range(6)]
    assert [case.area for case in find(0, "")] == pytest.approx([0.03, 0.13, 0.23, 0.33, 0.43, 0.53], abs=0.015)


def test_bad_mask_files_are_told_and_left_out(evaluate, mask_files, tmp_path):
    (mask_files / "bin0" / "7.png").write_bytes(b"no mask")
    Image.new("L", (SIZE, 2 * SIZE), 255).save(mask_files / "bin1" / "wide.png")
    Image.new("L", (SIZE, SIZE)).save(mask_files / "bin2" / "empty.png")
    outcome = evaluate("--masks", mask_files, "--baseline", "telea", "--first", 3)
    assert outcome.code == 1
    for part in ("bin0/7.png: cannot be read", "bin1/wide.png: is 64x128, not square", "bin2/empty.png: covers nothing"):
        assert part in outcome.err
    assert read_report(tmp_path)["methods"][0]["cases"] == 18
    shutil.rmtree(mask_files / "bin4")
    outcome = evaluate("--masks", mask_files, "--baseline", "telea")
    assert outcome.code == 2 and "40-50 %" in outcome.err


def test_a_mask_of_the_faces_name_is_its_own(evaluate, tmp_path):
    masks = tmp_path / "own"
    masks.mkdir()
    for i, name in enumerate(NAMES[:-1]):
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[: 8 + 2 * i, :] = 255
        Image.fromarray(mask).save(masks / f"{name}.png")
    Image.fromarray(mask).save(masks / "nobody.png")
    outcome = evaluate("--masks", masks, "--baseline", "telea")
    assert outcome.code == 1
    assert "face-11: has no mask of its name" in outcome.err and "nobody.png: belongs to no face" in outcome.err
    report = read_report(tmp_path)
    assert report["faces"] == {"chosen": 12, "measured": 11}
    assert figure(report, "telea", "l1", "10-20")["value"] > 0


# --- bad input ----------------------------------------------------------------------------------------------------------


def test_a_bad_face_in_the_middle_costs_only_itself(evaluate, faces, tmp_path):
    (faces / "images" / "face-3.png").write_bytes((faces / "images" / "face-3.png").read_bytes()[:500])
    (faces / "images" / "face-5.png").unlink()
    (faces / "labels" / "face-7.png").unlink()
    Image.new("RGB", (SIZE, SIZE + 16)).save(faces / "images" / "face-8.png")
    outcome = evaluate("--masks", "dust", "--baseline", "telea")
    assert outcome.code == 1
    told = "face-3.png: cannot be read", "face-5, which has no picture", "face-7, which has no label", "face-8.png: is 64x80"
    for part in told:
        assert part in outcome.err
    report = read_report(tmp_path)
    assert report["faces"] == {"chosen": 12, "measured": 8} and len(report["problems"]) == 4
    assert "face-3.png" in (tmp_path / "report" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--masks", "strokes", "--first", 1), "too few"),
        (("--masks", "strokes", "--select", "5:6"), "too few"),
        (("--masks", "strokes", "--select", "middle"), "START:STOP"),
        (("--masks", "nowhere"), "no such masks"),
        ((), "which holes"),
        (("--masks", "strokes", "--baseline", "photoshop"), "is not known"),
        (("--masks", "strokes", "--baseline", "telea,telea"), "called 'telea'"),
        (("--masks", "strokes", "--results", "x=nowhere"), "no such folder"),
        (("--masks", "strokes", "--model", "nowhere/at/all"), "nowhere"),
        (("--masks", "strokes", "--people", "nobody.csv"), "cannot be read"),
        (("--masks", "strokes", "--people", "crooked.csv"), "row 2, of face-1, has more values than there are columns"),
        (("--masks", "strokes", "--people", "nameless.csv"), "row 2 has no name"),
        (("--masks", "strokes", "--people", "strangers.csv"), "none of its names, such as nobody, is of a face in"),
        (("--masks", "strokes", "--without", "colour"), "--without"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(evaluate, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("crooked.csv").write_text("name,age\nface-0,old\nface-1,old,tall\n")
    Path("nameless.csv").write_text("age,name\nold,face-0\nyoung\n")
    Path("strangers.csv").write_text("name,age\nnobody,old\n")
    outcome = evaluate(*arguments)
    assert outcome.code == 2 and message in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert not (tmp_path / "report").exists()


def test_fewer_faces_are_spread_over_all_of_the_set():
    chosen = spread(range(393), 40)
    assert (len(chosen), chosen[0]) == (40, 0)
    assert {later - earlier for earlier, later in pairwise(chosen)} == {9, 10}
    assert 393 - chosen[-1] <= 10
    assert spread(range(6), 9) == list(range(6))


def test_fewer_than_two_usable_faces_are_refused(evaluate, faces):
    for name in NAMES[1:]:
        (faces / "images" / f"{name}.png").write_bytes(b"")
    outcome = evaluate("--masks", "strokes", "--baseline", "telea")
    assert outcome.code == 2 and "1 face could be measured" in outcome.err


def test_holes_too_large_for_every_method_are_refused(evaluate, tmp_path):
    for name in NAMES:
        mask = np.zeros((SIZE, SIZE), bool)
        mask[: SIZE // 2] = True
        (tmp_path / "masks").mkdir(exist_ok=True)
        mask_image(mask).save(tmp_path / "masks" / f"{name}.png")
    outcome = evaluate("--masks", tmp_path / "masks", "--baseline", "biharmonic")
    assert outcome.code == 2 and "all holes are larger than the methods take" in outcome.err


def test_a_folder_of_plain_pictures_will_do(evaluate, faces, tmp_path):
    outcome = evaluate("--masks", "scratches", "--baseline", "ns", data=faces / "images")
    assert outcome.code == 0, outcome.err
    assert list(read_report(tmp_path)["tables"]) == ["hole area, %"]


def test_a_folder_of_something_else_is_left_alone(evaluate, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "thesis.md").write_text("years of work")
    outcome = evaluate("--masks", "strokes", "--baseline", "telea")
    assert outcome.code == 2 and "holds other files" in outcome.err
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["thesis.md"]


# --- going on -----------------------------------------------------------------------------------------------------------


def read_files(folder):
    return {name: (folder / name).read_bytes() for name in ("report.json", "report.md", "report.html")}


def test_a_killed_run_goes_on_to_the_very_same_report(evaluate, tmp_path, monkeypatch):
    arguments = ("--masks", "strokes", "--baseline", "telea,ns")
    evaluate(*arguments, output=tmp_path / "whole")

    class Killed(BaseException):
        pass

    restored = []
    original = OpenCvMethod.restore

    def counting(self, masked, case, face):
        restored.append(face)
        if len(restored) == 40:
            raise Killed
        return original(self, masked, case, face)

    monkeypatch.setattr(OpenCvMethod, "restore", counting)
    with pytest.raises(Killed):
        evaluate(*arguments)
    records = tmp_path / "report" / "records.jsonl"
    records.write_bytes(records.read_bytes()[:-40])  # as a kill in the middle of a write leaves it
    assert not (tmp_path / "report" / "report.json").exists()
    evaluate(*arguments)
    assert len(restored) < 40 + 2 * 6 * len(NAMES)
    assert read_files(tmp_path / "report") == read_files(tmp_path / "whole")


def test_a_further_method_or_more_faces_measure_only_what_is_new(evaluate, tmp_path):
    evaluate("--masks", "box", "--baseline", "telea", "--first", 6)
    before = (tmp_path / "report" / "records.jsonl").read_text()
    evaluate("--masks", "box", "--baseline", "telea,ns")
    after = (tmp_path / "report" / "records.jsonl").read_text()
    assert after.startswith(before)
    assert after.count('"method": "telea"') == after.count('"method": "ns"') == len(NAMES)


def test_a_mask_that_was_replaced_is_measured_anew(evaluate, faces, tmp_path):
    masks = tmp_path / "masks"
    masks.mkdir()

    def draw(names, side):
        hole = np.zeros((SIZE, SIZE), bool)
        hole[:side, :side] = True
        for name in names:
            mask_image(hole).save(masks / f"{name}.png")

    draw(NAMES, 20)
    evaluate("--masks", masks, "--baseline", "telea")
    draw(NAMES[:1], 40)
    evaluate("--masks", masks, "--baseline", "telea")
    lines = [json.loads(line) for line in (tmp_path / "report" / "records.jsonl").read_text().splitlines()]
    of_telea = [line["face"] for line in lines if line["method"] == "telea"]
    assert of_telea == [*NAMES, NAMES[0]]
    old, new = (line["cases"]["own"]["area"] for line in lines if (line["face"], line["method"]) == (NAMES[0], "telea"))
    assert new == pytest.approx(4 * old, rel=1e-3)


def test_groups_that_were_corrected_count_at_once(evaluate, faces, tmp_path):
    arguments = ("--protocol", "celebahq256-centre", "--baseline", "telea")
    evaluate(*arguments)
    write_index(faces / "index.csv", (IndexRow(name, "mended", SIZE, 64.0, None, 100.0, "hand") for name in NAMES))
    evaluate(*arguments)
    tables = read_report(tmp_path)["tables"]
    assert {row["group"] for row in tables["set"]} == {"mended"} and "head" not in tables


def test_a_network_put_together_otherwise_is_measured_anew(tiny_model, tmp_path):
    shutil.copytree(tiny_model, tmp_path, dirs_exist_ok=True)
    before = open_model(f"mine={tmp_path}", "cpu").key
    config = json.loads((tmp_path / "config.json").read_text())
    config["model"]["without"] = ["layout modulation"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert open_model(f"mine={tmp_path}", "cpu").key != before


def test_records_of_another_run_are_refused_by_all_options_that_differ(evaluate, tmp_path):
    evaluate("--masks", "box", "--baseline", "telea")
    outcome = evaluate("--masks", "box", "--baseline", "telea", "--seed", 7)
    assert outcome.code == 2 and "was begun with --seed 0, not 7; give --output a new folder" in outcome.err
    run = tmp_path / "report" / "run.json"
    run.write_text(json.dumps(json.loads(run.read_text()) | {"left_out": ["lpips"]}))
    outcome = evaluate("--masks", "dust", "--baseline", "telea")
    told = "--without lpips, not identity,layout,lpips,lpips-vgg; --masks families box, not families dust;"
    assert outcome.code == 2 and told in outcome.err


# --- statistics ---------------------------------------------------------------------------------------------------------


def counts(num_faces, seed=0):
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(num_faces, np.full(num_faces, 1 / num_faces), size=2000)
    return np.concatenate([np.ones((1, num_faces)), drawn])


def test_the_interval_of_a_mean_is_what_theory_says():
    values = np.random.default_rng(1).normal(5, 2, 200)
    interval = mean_of_resamples(values, np.arange(200), counts(200)).to_json()
    margin = 1.96 * values.std() / math.sqrt(200)
    assert interval["value"] == pytest.approx(values.mean())
    assert interval["high"] - interval["low"] == pytest.approx(2 * margin, rel=0.1)


def test_more_cases_of_the_same_faces_are_no_more_evidence():
    values = np.random.default_rng(1).normal(5, 2, 100)
    once = mean_of_resamples(values, np.arange(100), counts(100)).to_json()
    thrice = mean_of_resamples(np.tile(values, 3), np.tile(np.arange(100), 3), counts(100)).to_json()
    assert thrice == pytest.approx(once)


def test_the_median_and_its_interval():
    values = np.random.default_rng(1).exponential(1, 301)
    interval = median_of_resamples(values, np.arange(301), counts(301)).to_json()
    assert interval["value"] == pytest.approx(np.median(values), abs=1e-6)
    theory = 1.96 / (2 * 0.5 * math.sqrt(301))  # the density of Exp(1) at its median is 1/2
    assert (interval["high"] - interval["low"]) / 2 == pytest.approx(theory, rel=0.3)


def test_resamples_that_draw_no_measured_face_are_left_out_in_silence(recwarn):
    parts = np.tile([[4], [6], [8]], 19).tolist()  # of each class 4 pixels in both, 10 in one or the other
    cases = ({"hole": {"area": 0.1, "parts": parts, "features": {}}}, {})
    measured = [MeasuredFace(i, NAMES[i], {}, {}, {"telea": of_face}) for i, of_face in enumerate(cases)]
    report = summarize(measured, ["telea"], STROKES)
    assert figure(report, "telea", "layout") == {"value": 0.4, "low": 0.4, "high": 0.4}
    assert not recwarn.list


def measured_faces(*methods):
    """The faces, young and old by turns, of which each method has the figures [face][case]."""
    return [
        MeasuredFace(
            i,
            name,
            {"age": ("young", "old")[i % 2]},
            {},
            {
                f"method {n}": {case: {"area": 0.1, "features": {}} | figures for case, figures in of_method[i].items()}
                for n, of_method in enumerate(methods)
            },
        )
        for i, name in enumerate(NAMES)
    ]


def test_the_best_served_group_is_that_of_the_better_figures_whichever_way_is_better():
    figures = [{"hole": {"lpips": 0.1 + 0.2 * (i % 2), "psnr": 20 + i % 2}} for i in range(12)]
    gaps = summarize(measured_faces(figures), ["method 0"], STROKES)["gaps"]
    ranks = {gap["metric"]: (gap["best"], gap["worst"], gap["gap"]["value"]) for gap in gaps}
    assert ranks == {"lpips": ("young", "old", pytest.approx(0.2)), "psnr": ("old", "young", pytest.approx(-1))}


def test_what_one_method_lacks_is_left_out_of_the_difference():
    first = [{"a": {"psnr": 10.0 * i}, "b": {"psnr": 10.0 * i + 5}} for i in range(12)]
    second = [{case: {"psnr": value["psnr"] - i} for case, value in cases.items()} for i, cases in enumerate(first)]
    del second[3]["a"]
    report = summarize(measured_faces(first, second), ["method 0", "method 1"], STROKES)
    (row,) = [row for row in report["differences"] if row["group"] == "all"]
    assert row["cases"] == 23
    assert row["figures"]["psnr"]["value"] == pytest.approx((2 * sum(range(12)) - 3) / 23)


def test_the_worst_cases_are_those_of_the_highest_distance_and_the_best_of_the_lowest():
    chosen = choose_cases(measured_faces([{"hole": {"lpips": 0.01 * (i * 5 % 12)}} for i in range(12)]), "method 0")
    distances = [round(100 * case.figures["method 0"]["lpips"]) for case in chosen]
    assert [case.kind for case in chosen] == ["worst"] * 4 + ["typical"] * 4 + ["best"] * 4
    assert (distances[:4], distances[8:]) == ([11, 10, 9, 8], [0, 1, 2, 3])


def test_groups_of_people_are_compared(evaluate, tmp_path):
    people = tmp_path / "people.csv"
    people.write_text("name,age\n" + "".join(f"{name},{'old' if i % 2 else 'young'}\n" for i, name in enumerate(NAMES)))
    with people.open("a") as file:
        file.write("nobody,old\n")
    outcome = evaluate("--masks", "half", "--baseline", "telea", "--people", people)
    assert outcome.code == 0 and "note: --people: 1 of its names belong to no face, such as nobody" in outcome.err
    report = read_report(tmp_path)
    of_age = {row["group"]: row["figures"]["psnr"]["value"] for row in report["tables"]["age"]}
    (gap,) = [gap for gap in report["gaps"] if (gap["kind"], gap["metric"]) == ("age", "psnr")]
    assert gap["gap"]["value"] == pytest.approx(min(of_age.values()) - max(of_age.values()), abs=1e-6)
    assert of_age[gap["best"]] == max(of_age.values())
    assert f"psnr by age: {gap['best']} is served best, {gap['worst']} worst" in outcome.err


@pytest.mark.parametrize(("color", "tone"), [((240, 205, 185), "light"), ((198, 140, 104), "medium"), ((92, 58, 40), "dark")])
def test_skin_tone_is_read_off_the_skin(color, tone):
    labels = np.zeros((20, 20), np.uint8)
    labels[5:15, 5:15] = 1
    picture = np.where(labels[..., None] == 1, np.array(color, np.uint8), np.uint8(128))
    assert skin_tone(picture, labels) == tone
    assert skin_tone(picture, np.zeros_like(labels)) is None
    assert skin_tone(np.full_like(picture, 90), labels) is None  # grey photos have no tone


# --- the page -----------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources, self.headings, self.open = [], [], []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for key, value in attrs if key in ("src", "href")]
        if tag not in ("meta", "img", "br", "line", "circle", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("line", "circle", "polyline"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def test_the_page_stands_alone_and_shows_the_worst(evaluate, tmp_path, tiny_model):
    evaluate("--protocol", "celebahq256-centre", "--model", f"a<b={tiny_model}", "--baseline", "telea", "--first", 3)
    text = (tmp_path / "report" / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.sources and all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert "a&lt;b" in text and "a<b" not in text
    assert [heading for heading in page.headings if "cases of" in heading] == [
        f"{kind} cases of a<b" for kind in ("Worst", "Middling", "Best")
    ]
    shown = re.findall(r"<figcaption><b>([^<]+)</b>", text.split("Worst cases")[1].split("<section>")[1])
    assert shown == ["photo", "masked", "layout", "a&lt;b", "telea", "truth"]


@pytest.mark.parametrize("metric", ["psnr", "lpips", "detail"])
def test_a_plot_is_a_picture_within_its_frame(metric):
    points = [{"area": a, "value": v, "low": v - 0.2, "high": v + 0.3} for a, v in ((0.05, 0.9), (0.35, 1.4), (0.55, 2.0))]
    tree = ElementTree.fromstring(plot(BY_KEY[metric], [{"method": "x", "points": points}], {"x": "red"}))
    width, height = map(float, tree.get("viewBox").split()[2:])
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in tree.iter("circle")]
    assert len(dots) == 3 and all(0 < x < width and 0 < y < height for x, y in dots)
    assert [x for x, _ in dots] == sorted(x for x, _ in dots) and dots[0][1] > dots[1][1] > dots[2][1]


def test_the_manual_names_every_protocol_and_figure():
    text = (Path(__file__).parent.parent / "docs" / "evaluation.md").read_text(encoding="utf-8")
    for name in protocols():
        assert f"`{name}`" in text or f"`{name.removeprefix('celebahq512-mat')}`" in text
    for metric in METRICS:
        assert f"`{metric.label.removesuffix(', hole')}`" in text


def test_faces_are_measured_at_the_size_asked_for(faces):
    face = open_faces(faces).read(0, 32)
    assert face.truth.shape == (32, 32, 3)
    with pytest.raises(FacemendError, match="too small to be measured at 128"):
        open_faces(faces).read(0, 128)
