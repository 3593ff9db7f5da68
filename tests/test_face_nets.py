"""The judges of faces: which person, and which part. Their trained weights are tested where the cache has them."""

import bz2
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from test_features import needs
from torch import nn

from facemend.dlib_file import read_dlib_net
from facemend.errors import WeightsError
from facemend.face_classes import CLASS_NAMES
from facemend.feature_cache import WEIGHTS
from facemend.models.features import Lpips
from facemend.models.identity import SAME_PERSON, IdentityNet, cut_chip
from facemend.models.parser import ParserNet


def portrait():
    """The astronaut in the FFHQ frame, [1, 3, 256, 256] in [-1, 1]."""
    pytest.importorskip("skimage")
    from facemend.demo import load_portrait

    pixels = np.asarray(load_portrait()).transpose(2, 0, 1).copy()
    return torch.from_numpy(pixels)[None].float() / 127.5 - 1


def packed(number):
    """dlib's packed integer."""
    content = number.to_bytes((number.bit_length() + 7) // 8, "little")
    return bytes([len(content)]) + content


def layer(name, content):
    return packed(1) + packed(len(name)) + name.encode() + content


def tensor(values, *lengths):
    return packed(2) + b"".join(map(packed, lengths)) + struct.pack(f"<{len(values)}f", *values)


def dlib_content(num_filters=2, kernel_size=3):
    """One convolution of one channel, its affine layer, and a fully connected layer of 2 numbers to 1."""
    weights = [float(i) for i in range(num_filters * kernel_size**2 + num_filters)]
    con = tensor(weights, len(weights), 1, 1, 1) + packed(num_filters) + packed(kernel_size) * 2 + b"\x01\x01"
    affine = tensor([2.0, 3.0, -1.0, -2.0], 2 * num_filters, 1, 1, 1)
    fc = packed(1) + packed(2) + tensor([0.5, 0.25], 2, 1, 1, 1)
    return b"\x01\x01" + layer("con_4", con) + b"\x01" + layer("affine_", affine) + b"con_4 is no layer here" + layer("fc_2", fc)


def test_dlibs_file_format_is_read(tmp_path):
    path = tmp_path / "net.dat.bz2"
    path.write_bytes(bz2.compress(dlib_content()))
    state = read_dlib_net(path)
    assert state["conv00.weight"].tolist() == torch.arange(18.0).view(2, 1, 3, 3).tolist()
    assert state["conv00.bias"].tolist() == [18, 19]
    assert (state["conv00.scale"].tolist(), state["conv00.shift"].tolist()) == ([2, 3], [-1, -2])
    assert state["fc.weight"].tolist() == [[0.5], [0.25]]


@pytest.mark.parametrize("content", [b"", b"no bzip2", bz2.compress(b"empty"), bz2.compress(dlib_content()[:60])])
def test_a_damaged_dlib_file_is_refused(tmp_path, content):
    path = tmp_path / "net.dat.bz2"
    path.write_bytes(content)
    with pytest.raises(OSError, match="no network of dlib's"):
        read_dlib_net(path)


def test_identity_net_is_dlibs_graph():
    """29 convolutions, as dlib's example prints them; the first map of each width is half as wide as the one before."""
    net = IdentityNet()
    convs = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert [conv.out_channels for conv in convs] == [32] * 7 + [64] * 8 + [128] * 6 + [256] * 8
    sides = []
    for block in net.blocks:
        block.register_forward_hook(lambda _module, _inputs, output: sides.append(output.shape[-1]))
    assert net(torch.zeros(2, 3, 64, 64)).shape == (2, 128)
    assert sides == [35] * 3 + [17] * 4 + [8] * 3 + [4] * 3 + [2]


def test_the_chip_shows_the_eyes_where_dlib_wants_them():
    """dlib's template, padded by a quarter, has the eyes 52.5 pixels apart on a chip of 150, 47 pixels from its top."""
    image = torch.zeros(1, 3, 512, 512)
    for x in (0.38, 0.62):
        image[..., round(0.47 * 512), round(x * 512)] = 1
    rows, columns = np.nonzero(cut_chip(image)[0, 0].numpy() > 0.02)
    left, right = columns[columns < 75].mean(), columns[columns > 75].mean()
    assert (rows.mean(), left, right) == pytest.approx((47.1, 47.7, 100.3), abs=1)


@needs("dlib_face_resnet")
def test_a_person_is_known_again_and_another_is_not():
    net, image = IdentityNet.load(), portrait()
    darker, mirrored = 0.6 * (image + 1) - 1, image.flip(-1)
    stranger = image.clone()
    stranger[..., 110:215, 70:186] = image[..., 110:215, 70:186].flip(-2)  # eyes below, mouth above
    own, *others = net(torch.cat([image, darker, mirrored, stranger]))
    distances = [float((own - other).norm()) for other in others]
    assert max(distances[:2]) < SAME_PERSON < distances[2]


@needs("bisenet_celebamaskhq")
def test_the_parser_names_the_parts_of_a_portrait():
    layout = ParserNet.load()(portrait())[0].numpy()
    # Her left is the viewer's right.
    places = {"left eye": (0.47, 0.62), "right eye": (0.47, 0.38), "nose": (0.6, 0.5), "hair": (0.12, 0.5), "skin": (0.62, 0.32)}
    for part, (y, x) in places.items():
        around = layout[round(y * 256) - 6 : round(y * 256) + 6, round(x * 256) - 6 : round(x * 256) + 6]
        assert CLASS_NAMES.index(part) in around, part
    assert layout.shape == (256, 256) and layout.max() < 19


@pytest.mark.parametrize(("net", "name"), [(IdentityNet, "dlib_face_resnet"), (ParserNet, "bisenet_celebamaskhq")])
def test_weights_of_another_net_are_refused(net, name, tmp_path, monkeypatch):
    monkeypatch.setenv("FACEMEND_CACHE", str(tmp_path))
    save_file({"conv00.weight": torch.zeros(3)}, tmp_path / f"{name}.safetensors")
    with pytest.raises(WeightsError, match="does not fit"):
        net.load()
    assert name in WEIGHTS


def test_the_lpips_map_shows_where_pictures_differ():
    torch.manual_seed(0)
    metric, a = Lpips("alexnet", pretrained=False), torch.rand(1, 3, 128, 128)
    b = a.clone()
    b[..., :24, :24] = -1
    distances = metric.distance_map(metric.features(a), metric.features(b), (128, 128))[0]
    assert distances.shape == (128, 128)
    assert distances[:24, :24].mean() > 5 * distances[96:, 96:].mean()
    assert metric.distance_map(metric.features(a), metric.features(a), (128, 128)).abs().max() == 0
