"""Other names for what the network takes for a face where there is none: beside all faces of a photo. Needs no torch."""

import cv2
import numpy as np

from facemend.face_classes import BACKGROUND, CLOTH, FACE_CLASSES, NECK
from facemend.imaging import Floats, Hole, Layout

LONGEST_NECK = 0.08  # of a view's side, from the bare skin that is known
LEAST_FACE = 0.02  # of a hole: so much of a face in it was dreamt up


def without_faces(ids: Layout, hole: Hole) -> Layout | None:
    """Name the face parts in a hole anew: neck near bare skin, where that is the nearest known part of a person, else cloth.

    Args:
        ids: class ids of a view beside all faces, [S, S].
        hole: bool [S, S].

    Returns:
        Class ids [S, S], or None where the hole shows hardly any face.
    """
    dreamt = hole & np.isin(ids, FACE_CLASSES)
    if dreamt.sum() <= LEAST_FACE * hole.sum():
        return None
    bare = np.isin(ids, (*FACE_CLASSES, NECK))
    worn = ~bare & (ids != BACKGROUND)
    reach = np.minimum(_distance(worn & ~hole), LONGEST_NECK * len(ids))
    names = np.where(_distance(bare & ~hole) < reach, np.uint8(NECK), np.uint8(CLOTH))
    return np.where(dreamt, names, ids)


def _distance(places: Hole) -> Floats:
    """Measure how far each pixel is from the nearest of some places, [S, S]."""
    if not places.any():
        return np.full(places.shape, np.inf, np.float32)
    distance = cv2.distanceTransform((~places).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance, np.float32)
