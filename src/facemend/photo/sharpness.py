"""Fills no sharper than their photo: old prints, soft lenses and enlarged scans are blurred. Needs no torch.

Sharpness is how much of the energy of edges lies in the finest details, grain apart. The network, which knows faces well in
focus, paints more of these into a blurred photo, and they show as dots where it has none.
"""

import cv2
import numpy as np

from facemend.imaging import LUMA, Floats, Hole

_FINEST = 0.7  # standard deviation, in pixels, of the blur that takes the finest details off
_EDGES = (1.0, 2.5)  # and of those between which edges lie
_APART = 4  # pixels round the hole in which nothing is measured, for the filters reach into the paint there
_EXCESS = 1.25  # fills may be sharper by as much
_LEAST_KNOWN = 0.03  # of the picture: less says nothing
_LEAST_SHARE = 0.02  # of the fill's edges: where the known part has fewer, they tell nothing of the photo
_SQUARE = 9  # pixels a side, of the squares that tell of grain
_NEARLY_ALL = 0.9  # of such a square is known
_PLAINEST = 0.1  # of the squares are taken for plain
_BLURS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8)  # standard deviations tried


def match_sharpness(picture: Floats, hole: Floats, alike: Hole | None = None) -> Floats:
    """Blur a fill until it is no sharper than what is known beside it.

    Args:
        picture: [3, H, W] in [-1, 1], its hole filled.
        hole: [1, H, W], 1 = filled.
        alike: bool [H, W], what alone may be compared with the fill: a sharp face often stands before a blurred background.

    Returns:
        The picture, [3, H, W]; unchanged where its fill is not too sharp, or too little is known to tell.
    """
    inside = hole[0] > 0
    known = cv2.dilate(inside.astype(np.uint8), np.ones((2 * _APART + 1, 2 * _APART + 1), np.uint8)) == 0
    known = known if alike is None else known & alike
    if not inside.any() or known.mean() < _LEAST_KNOWN:
        return picture
    colors = np.ascontiguousarray(picture.transpose(1, 2, 0))
    finest, edges = _energies(colors)
    if edges[known].mean() <= _LEAST_SHARE * edges[inside].mean():
        return picture
    grain, coarse_grain = (_floor(energy, known) for energy in (finest, edges))
    most = _EXCESS * (finest[known].mean() - grain) / max(1e-9, edges[known].mean() - coarse_grain)
    blurred = colors
    for sigma in _BLURS:
        if finest[inside].sum() <= most * edges[inside].sum():
            break
        blurred = np.where(inside[:, :, None], _blurred(colors, sigma), colors)
        finest, edges = _energies(blurred)
    return np.ascontiguousarray(blurred.transpose(2, 0, 1))


def _energies(colors: Floats) -> tuple[Floats, Floats]:
    """Square the brightness's finest details and edges, [H, W] each."""
    luma = colors @ LUMA
    finer, coarser = (_blurred(luma, sigma) for sigma in _EDGES)
    return (luma - _blurred(luma, _FINEST)) ** 2, (finer - coarser) ** 2


def _floor(energy: Floats, known: Hole) -> float:
    """Return the mean energy of the plainest known squares, which have hardly more than grain."""
    share = _square_means(known.astype(np.float32))
    whole = known & (share > _NEARLY_ALL)
    means = _square_means(np.where(known, energy, np.float32(0)))[whole] / share[whole]
    return float(np.quantile(means, _PLAINEST)) if len(means) else 0.0


def _square_means(values: Floats) -> Floats:
    return np.asarray(cv2.blur(values, (_SQUARE, _SQUARE)), np.float32)


def _blurred(values: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)
