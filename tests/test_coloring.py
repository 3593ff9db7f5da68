"""Colours that glitter in a hole follow its brightness; edges of brightness stay edges of colour."""

import numpy as np

from facemend.imaging import LUMA
from facemend.photo.coloring import calm_colors

SIZE = 64


def two_cloths():
    """A dark red cloth beside a light green one, [3, H, W] in [-1, 1]."""
    picture = np.empty((3, SIZE, SIZE), np.float32)
    picture[:, :, : SIZE // 2] = np.array([-0.2, -0.8, -0.8])[:, None, None]
    picture[:, :, SIZE // 2 :] = np.array([0.4, 0.8, 0.5])[:, None, None]
    return picture


def luma(picture):
    return (picture * LUMA[:, None, None]).sum(axis=0)


def test_glitter_goes_and_edges_stay():
    clean = two_cloths()
    rng = np.random.default_rng(0)
    glitter = rng.normal(0, 0.2, clean.shape)
    glitter -= luma(glitter)  # of colour alone
    glittering = (clean + glitter).astype(np.float32)
    hole = np.zeros((1, SIZE, SIZE), np.float32)
    hole[:, 10:50, 10:50] = 1
    calm = calm_colors(glittering, hole)
    inside = np.broadcast_to(hole > 0, clean.shape)
    assert calm.dtype == np.float32
    assert (calm[~inside] == glittering[~inside]).all()
    assert np.abs(luma(calm) - luma(glittering)).max() < 1e-5
    assert np.abs(calm - clean)[inside].mean() < 0.2 * np.abs(glittering - clean)[inside].mean()
