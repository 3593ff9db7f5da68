import numpy as np

from facemend.face_classes import BACKGROUND, CLOTH, HAIR, NECK
from facemend.photo.renaming import without_faces

SKIN = 1


def a_chest(length=60):
    """Class ids of a chin above a jacket, and a hole over both in which skin goes on; [100, 100]."""
    ids = np.full((100, 100), BACKGROUND, np.uint8)
    ids[:20, 30:70] = SKIN
    ids[20:, 20:80] = CLOTH
    hole = np.zeros(ids.shape, bool)
    hole[20 : 20 + length, 30:70] = True
    ids[hole] = SKIN
    return ids, hole


def test_a_face_is_named_neck_near_the_chin_and_cloth_by_the_jacket():
    ids, hole = a_chest()
    renamed = without_faces(ids, hole)
    assert (renamed[~hole] == ids[~hole]).all()
    assert set(np.unique(renamed[hole])) == {NECK, CLOTH}
    middle = renamed[:, 50]
    assert (middle[20:26] == NECK).all()
    assert (middle[30:80] == CLOTH).all()  # no neck is longer
    assert (renamed[30:80, [30, 69]] == CLOTH).all()


def test_a_face_with_no_skin_near_is_cloth():
    ids, hole = a_chest()
    ids[:20] = BACKGROUND
    assert (without_faces(ids, hole)[hole] == CLOTH).all()


def test_other_parts_and_specks_of_a_face_stay():
    ids, hole = a_chest()
    ids[hole & (np.arange(100) < 50)] = HAIR
    renamed = without_faces(ids, hole)
    assert (renamed[ids == HAIR] == HAIR).all()
    ids[hole] = HAIR
    ids[40, 40:60] = SKIN  # 20 pixels of 2,400
    assert without_faces(ids, hole) is None
