import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from conftest import WITHOUT_TORCH, fresh_process
from test_dataset import make_faces

from facemend import Inpainter, load_model, save_model
from facemend.config import MODEL_PRESETS
from facemend.demo import load_portrait
from facemend.errors import ConfigError, DataError, OutputError, WeightsError
from facemend.export import ExportFormat, PortableNet, export_graph, export_net, measure_parity
from facemend.face_classes import CLASS_NAMES
from facemend.model_folders import GRAPH_FILE, GRAPH_INT8_FILE, resolve
from facemend.models.inpainter import InpaintNet
from facemend.onnx_runtime import METADATA_KEY, OnnxNet


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network's weights and the graph that was just exported, which takes a minute."""
    torch.manual_seed(0)
    net = InpaintNet(MODEL_PRESETS["tiny"])
    for parameter in net.parameters():  # layers that begin at zero would hide what comes before them
        torch.nn.init.normal_(parameter, std=0.05)
    path = tmp_path_factory.mktemp("model")
    save_model(net, path)
    export_graph(path)
    return path


@pytest.fixture(scope="module", params=["shipped", pytest.param("exported", marks=pytest.mark.slow)])
def folder(request: pytest.FixtureRequest) -> Path:
    """Weights with a graph beside them."""
    return resolve("default") if request.param == "shipped" else request.getfixturevalue("exported")


def test_onnx_paints_what_torch_paints_at_any_size(folder: Path):
    differences = measure_parity(load_model(folder), OnnxNet(folder), sizes=(64, 80, 256, 272))
    assert max(differences.values()) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("file_format", ["onnx", "onnx-float16"])
def test_a_single_file_holds_all(exported: Path, tmp_path: Path, file_format: ExportFormat):
    net, path = load_model(exported), tmp_path / "net.onnx"
    export_net(net, path, file_format)
    assert max(measure_parity(net, OnnxNet(path)).values()) < 1e-4
    assert {node.domain for node in onnx.load(path, load_external_data=False).graph.node} == {""}  # any runtime can read it
    num_bytes = sum(parameter.numel() for parameter in net.parameters()) * (2 if file_format == "onnx-float16" else 4)
    assert num_bytes < path.stat().st_size < num_bytes + 400_000
    before = path.read_bytes()
    with pytest.raises(OutputError, match="exists"):
        export_net(InpaintNet(MODEL_PRESETS["tiny"]), path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("name", "options"), [("m.pt2", ()), ("m", ()), ("m.onnx", ("--format", "torch-export"))])
def test_a_file_has_the_suffix_of_its_format(facemend, tmp_path: Path, name: str, options: tuple[str, ...]):
    done = facemend("export", "--output", tmp_path / name, *options)
    assert (done.code, "give it that suffix" in done.err, list(tmp_path.iterdir())) == (2, True, [])


def test_known_pixels_pass_through_unchanged(folder: Path):
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, 128, 128)).astype(np.float32)
    mask = np.zeros((1, 1, 128, 128), np.float32)
    mask[:, :, 40:90, 30:100] = 1
    onnx_net = OnnxNet(folder)
    completed = onnx_net(image, mask, np.zeros((1, onnx_net.latent_size), np.float32)).completed
    known = np.broadcast_to(mask == 0, image.shape)
    assert np.array_equal(completed[known], image[known])
    assert not np.allclose(completed[~known], image[~known])


def test_a_layout_given_to_onnx_paints_as_the_same_layout_given_to_torch(folder: Path):
    net, onnx_net = load_model(folder), OnnxNet(folder)
    size = onnx_net.core_size
    ids = torch.randint(0, onnx_net.num_classes, (1, size, size), generator=torch.Generator().manual_seed(0))
    layout = torch.nn.functional.one_hot(ids, onnx_net.num_classes).permute(0, 3, 1, 2).float().numpy()
    image, mask = torch.zeros(1, 3, size, size), torch.ones(1, 1, size, size)
    mask[:, :, :9] = 0
    latent = torch.zeros(1, onnx_net.latent_size)
    with torch.inference_mode():
        expected = net(image, mask, latent, ids).completed.numpy()
    completed, probabilities, _ = onnx_net(image.numpy(), mask.numpy(), latent.numpy(), layout)
    assert np.abs(completed - expected).max() < 1e-4
    assert np.array_equal(probabilities.argmax(axis=1), ids.numpy())


def test_the_graph_holds_no_second_copy_of_the_weights(folder: Path):
    assert (folder / GRAPH_FILE).stat().st_size < 400_000


def test_the_graph_leaves_nothing_to_compute_that_no_input_changes_but_wider_weights(folder: Path):
    graph = onnx.load(folder / GRAPH_FILE, load_external_data=False).graph
    known = {tensor.name for tensor in graph.initializer}
    assert {node.op_type for node in graph.node if known.issuperset(node.input)} == {"Cast"}


def test_the_graph_is_written_in_what_onnx_runtime_does_fast(folder: Path):
    nodes = onnx.load(folder / GRAPH_FILE, load_external_data=False).graph.node
    axes = [attribute.i for node in nodes if node.op_type == "Softmax" for attribute in node.attribute]
    assert set(axes) == {-1}
    assert sum(node.op_type == "SpaceToDepth" for node in nodes) == 7  # each `pixel_unshuffle` of the network
    assert not any(node.op_type == "DepthToSpace" for node in nodes)


def test_the_graph_s_nodes_are_joined_as_onnx_runtime_would_join_them(folder: Path, tmp_path: Path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "again.onnx")
    folded_later = ["ConstantFolding"]  # the weights are widened at load
    onnxruntime.InferenceSession(folder / GRAPH_FILE, options, ["CPUExecutionProvider"], disabled_optimizers=folded_later)
    joined, again = (
        onnx.load(path, load_external_data=False).graph.node for path in (folder / GRAPH_FILE, tmp_path / "again.onnx")
    )
    assert "com.microsoft" in {node.domain for node in joined}
    assert len(joined) - len(again) < 0.02 * len(joined)


def test_the_file_says_how_it_is_used(folder: Path):
    onnx.checker.check_model(folder / GRAPH_FILE)
    model = onnx.load(folder / GRAPH_FILE)
    description = json.loads(next(entry.value for entry in model.metadata_props if entry.key == METADATA_KEY))
    assert description["classes"] == list(CLASS_NAMES)
    assert "1 = repaint" in description["mask"]


def test_onnx_runs_where_torch_is_not(folder: Path):
    fresh_process(f"""{WITHOUT_TORCH}
import numpy as np
from facemend.onnx_runtime import OnnxNet
net = OnnxNet({str(folder)!r})
net(np.zeros((1, 3, 64, 64), np.float32), np.ones((1, 1, 64, 64), np.float32), np.zeros((1, net.latent_size), np.float32))
""")


@pytest.mark.slow
def test_torch_export_gives_the_same_net_without_its_source(exported: Path, tmp_path: Path):
    net = load_model(exported)
    export_net(net, tmp_path / "net.pt2", "torch-export")
    loaded = torch.export.load(tmp_path / "net.pt2").module()
    size = net.config.core_size
    layout = torch.zeros(1, net.config.num_classes, size, size)
    inputs = torch.rand(1, 3, 160, 160), torch.ones(1, 1, 160, 160), torch.zeros(1, net.config.latent_size), layout
    with torch.inference_mode():
        assert torch.allclose(loaded(*inputs)[0], PortableNet(net)(*inputs)[0], atol=1e-5)


def test_a_graph_for_other_weights_is_refused(folder: Path, tmp_path: Path):
    shutil.copytree(folder, tmp_path / "retrained")
    save_model(InpaintNet(load_model(folder).config), tmp_path / "retrained")
    with pytest.raises(WeightsError, match="other weights"):
        OnnxNet(tmp_path / "retrained")


def test_files_that_cannot_be_used_are_refused(folder: Path, tmp_path: Path):
    shutil.copy(folder / "model.safetensors", tmp_path)
    content = (folder / GRAPH_FILE).read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.onnx").write_text("not a network")
    model = onnx.load(folder / GRAPH_FILE, load_external_data=False)
    model.metadata_props[0].value = model.metadata_props[0].value.replace('"format": 2', '"format": 99')
    onnx.save(model, tmp_path / "newer.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    said = {"cut": "damaged", "text": "damaged", "newer": "format 99", "other": "not one", "none": "no such file"}
    for name, words in said.items():
        with pytest.raises(WeightsError, match=words):
            OnnxNet(tmp_path / f"{name}.onnx")
    shutil.copy(folder / GRAPH_FILE, tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(WeightsError, match=r"model\.safetensors: damaged or truncated \(\d+ of \d+ bytes\)"):
        OnnxNet(tmp_path)


def test_a_provider_that_is_not_there_is_named(folder: Path):
    with pytest.raises(ConfigError, match="NoSuchProvider"):
        OnnxNet(folder, providers=["NoSuchProvider"])


@pytest.mark.slow
def test_a_graph_is_written_beside_weights_that_are_a_link_as_in_the_hub_s_cache(exported: Path, tmp_path: Path):
    blob, snapshot = tmp_path / "blob", tmp_path / "snapshot"
    snapshot.mkdir()
    shutil.copy(exported / "model.safetensors", blob)
    shutil.copy(exported / "config.json", snapshot)
    (snapshot / "model.safetensors").symlink_to(blob)
    OnnxNet(export_graph(snapshot))
    assert (snapshot / "model.safetensors").read_bytes() == blob.read_bytes()


def test_a_graph_that_onnx_runtime_does_not_load_is_not_left_there(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(tiny_model, tmp_path, dirs_exist_ok=True)
    for name in ("_to_onnx", "fuse"):
        monkeypatch.setattr(f"facemend.export.files.{name}", lambda *_: onnx.helper.make_model(onnx.GraphProto()))
    with pytest.raises(WeightsError, match="cannot load it"):
        export_graph(tmp_path)
    assert not (tmp_path / GRAPH_FILE).exists()


@pytest.mark.slow
def test_int8_is_learnt_from_faces_and_holds_no_copy_of_the_weights(exported: Path, tmp_path: Path):
    copy = tmp_path / "model"
    shutil.copytree(exported, copy)
    path = export_graph(copy, calibrate=make_faces(tmp_path / "faces"))
    assert path.name == GRAPH_INT8_FILE
    assert path.stat().st_size < 500_000
    graph = onnx.load(path, load_external_data=False).graph
    inputs = {node.output[0]: node.op_type for node in graph.node}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    in_int8 = [node for node in convolutions if inputs[node.input[1]] == "DequantizeLinear"]
    assert len(in_int8) == len(convolutions) - 1  # all but the last
    assert max(measure_parity(load_model(copy), OnnxNet(path), sizes=(64, 128)).values()) < 0.2


def test_int8_needs_faces(folder: Path, tmp_path: Path):
    with pytest.raises(DataError):
        export_graph(folder, calibrate=tmp_path)


def test_the_default_int8_graph_paints_nearly_the_same():
    hole = np.zeros((256, 256), bool)
    hole[60:200, 60:200] = True
    exact, rounded = (
        np.asarray(Inpainter.from_pretrained(backend=name)(load_portrait(), hole, boxes="portrait").image, int)
        for name in ("onnx", "onnx-int8")
    )
    difference = np.abs(exact - rounded)
    assert (difference[~hole] == 0).all()
    assert 0 < difference[hole].mean() < 4  # of 255
