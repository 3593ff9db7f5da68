import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from facemend import model_folders, weights
from facemend.config import MODEL_PRESETS
from facemend.errors import ConfigError, OutputError, WeightsError
from facemend.models.inpainter import InpaintNet


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    net = InpaintNet(MODEL_PRESETS["tiny"])
    folder = tmp_path / "tiny"
    weights.save_model(net, folder, card="# A card\n")
    return net, folder


def test_a_saved_network_comes_back(saved):
    net, folder = saved
    loaded = weights.load_model(folder)
    assert loaded.config == net.config
    assert not loaded.training
    for name, tensor in net.state_dict().items():
        found = loaded.state_dict()[name]
        assert found.dtype == tensor.dtype
        torch.testing.assert_close(found, tensor, rtol=1e-3, atol=1e-6)
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert {t.dtype for t in load_file(folder / "model.safetensors").values()} <= {torch.float16, torch.int64}


def test_saving_again_changes_nothing(saved):
    _, folder = saved
    before = (folder / "model.safetensors").read_bytes()
    weights.save_model(weights.load_model(folder), folder)
    assert (folder / "model.safetensors").read_bytes() == before


def edit(folder, change):
    path = folder / "model.safetensors"
    state = load_file(path)
    change(state)
    save_file(state, path)


def test_wrong_tensors_are_named(saved):
    _, folder = saved
    name = "texture_net." + next(n for n in load_file(folder / "model.safetensors") if n.startswith("texture_net."))[12:]

    def narrow(state):
        state[name] = torch.zeros(1, 2, 3)

    edit(folder, narrow)
    with pytest.raises(WeightsError, match=rf"{name} is \[1, 2, 3\], expected \["):
        weights.load_model(folder)
    edit(folder, lambda state: state.pop(name))
    with pytest.raises(WeightsError, match=f"{name} is missing"):
        weights.load_model(folder)


def test_an_unknown_tensor_is_named(saved):
    _, folder = saved
    edit(folder, lambda state: state.update(surplus=torch.zeros(1)))
    with pytest.raises(WeightsError, match="surplus is unknown"):
        weights.load_model(folder)


@pytest.mark.parametrize("kept", [0, 5, 200, -10])
def test_truncated_weights_are_refused(saved, kept):
    path = saved[1] / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(WeightsError, match="damaged or truncated"):
        weights.load_model(saved[1])


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_missing_file_is_named(saved, name):
    (saved[1] / name).unlink()
    with pytest.raises(WeightsError, match=f"{name}: no such file"):
        weights.load_model(saved[1])


@pytest.mark.parametrize(
    ("text", "kind", "word"),
    [
        ("{", WeightsError, "JSON"),
        ("[]", WeightsError, "format"),
        ('{"format": 2, "model": {}}', WeightsError, "format"),
        ('{"format": 1}', ConfigError, "config.json"),
        ('{"format": 1, "model": {"widths": 3}}', ConfigError, "widths"),
    ],
)
def test_a_wrong_config_is_refused(saved, text, kind, word):
    (saved[1] / "config.json").write_text(text)
    with pytest.raises(kind, match=word):
        weights.load_model(saved[1])


def test_config_of_another_network_is_refused(saved):
    path = saved[1] / "config.json"
    values = json.loads(path.read_text())
    values["model"]["head_width"] *= 2
    path.write_text(json.dumps(values))
    with pytest.raises(WeightsError, match="expected"):
        weights.load_model(saved[1])


def test_a_device_that_is_not_there_is_named(saved):
    with pytest.raises(ConfigError, match="device 'cuda:77' cannot be used"):
        weights.load_model(saved[1], device="cuda:77")


def test_unknown_names_list_the_known(monkeypatch, saved):
    monkeypatch.setattr(model_folders, "BUNDLED", saved[1].parent)
    with pytest.raises(WeightsError, match="'nobody': bundled are tiny"):
        model_folders.resolve("nobody")
    assert model_folders.resolve("tiny") == saved[1]


def test_a_hub_id_needs_the_extra(monkeypatch):
    monkeypatch.setattr(model_folders, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"\.\[hub\]"):
        model_folders.resolve("owner/name")


def test_a_hub_id_is_fetched(monkeypatch, saved):
    class Hub:
        @staticmethod
        def snapshot_download(hub_id, allow_patterns):
            assert allow_patterns == ["model.safetensors", "config.json", "graph.onnx", "graph-int8.onnx"]
            if hub_id == "owner/none":
                raise ConnectionError("no such repository\nsecond line")
            return str(saved[1])

    monkeypatch.setattr(model_folders, "find_spec", lambda name: object())
    monkeypatch.setattr(model_folders, "import_module", lambda name: Hub)
    assert model_folders.resolve("owner/name") == saved[1]
    with pytest.raises(WeightsError, match=r"owner/none: cannot be fetched from the hub: no such repository$"):
        model_folders.resolve("owner/none")


def test_models_are_listed_with_size_and_digest(monkeypatch, saved):
    net, folder = saved
    monkeypatch.setattr(model_folders, "BUNDLED", folder.parent)
    (info,) = model_folders.list_models()
    assert info.name == "tiny"
    assert info.parameters == sum(t.numel() for t in net.state_dict().values())
    assert info.bytes == (folder / "model.safetensors").stat().st_size
    assert len(info.sha256) == 64
    assert info.path == folder


def test_values_float16_cannot_hold_are_not_saved(saved, tmp_path):
    net, _ = saved
    with torch.no_grad():
        next(net.parameters()).fill_(1e6)
    with pytest.raises(WeightsError, match="float16"):
        weights.save_model(net, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_is_named(saved, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        weights.save_model(saved[0], tmp_path / "file" / "folder")
