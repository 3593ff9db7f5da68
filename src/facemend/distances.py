"""How far apart two sets of pictures lie, each picture given by the features a frozen net finds in it, [N, D].

The figures depend on the net: they compare with others of the same net alone, and neither is the FID or KID of the literature,
which are those of one certain Inception net.
"""

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]  # [N, D]


def frechet_distance(a: Features, b: Features) -> float:
    """Return the Frechet distance of two Gaussians fitted to the sets, each of two pictures or more: 0 = the same.

    It is too high for small sets, the more so the fewer pictures there are for each feature.
    Source: Dowson & Landau 1982, eq. 4; for pictures Heusel et al. 2017, eq. 6.
    """
    covariance_a, covariance_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    # tr (A B)^1/2 = tr (A^1/2 B A^1/2)^1/2, of which the eigenvalues are real
    values, vectors = np.linalg.eigh(covariance_a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariance_b @ root), 0)).sum()
    difference = a.mean(0) - b.mean(0)
    return float(difference @ difference + np.trace(covariance_a) + np.trace(covariance_b) - 2 * shared)


def resampled_kernel_distances(a: Features, b: Features, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the kernel distance of each bootstrap resample of two sets of the same pictures, [R].

    It is the unbiased squared maximum mean discrepancy with a cubic kernel: about 0 for two draws from one population. Unlike the
    Frechet distance it is right on average however small the sets, so that it may fall below 0.
    Source: Gretton et al. 2012, eq. 4; kernel and use for pictures Binkowski et al. 2018, section 4.

    Args:
        a: Features [N, D] of one set.
        b: Features [N, D] of the other; picture i of both is drawn together.
        counts: [R, N], how often picture i is in resample r; all ones are the sets themselves. A picture is never compared with
            itself, a copy, or its like in the other set, to which it may be alike whatever the sets are: of one picture alone the
            distance is nan.
    """
    kernel = _kernel(a, a) + _kernel(b, b) - _kernel(a, b) - _kernel(b, a)
    np.fill_diagonal(kernel, 0)
    return ((counts @ kernel) * counts).sum(1) / (counts.sum(1) ** 2 - (counts**2).sum(1))


def _kernel(a: Features, b: Features) -> NDArray[np.float64]:
    return (a @ b.T / a.shape[1] + 1) ** 3
