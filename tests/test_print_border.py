"""The paper round a print: found, and put back where it was torn."""

import cv2
import numpy as np
import pytest
from conftest import make_photo

from facemend.photo.print_border import find_border

PAPER = np.array((236, 230, 214))
SIZE = (300, 260)  # rows, columns


def make_print(turned=0.0, widths=(20, 20, 20, 20), seed=0):
    """A picture of random pixels on paper that is not quite even, turned by so many degrees; and where it is picture."""
    rows, columns = SIZE
    top, bottom, left, right = widths
    picture = np.zeros(SIZE, np.float32)
    picture[top : rows - bottom, left : columns - right] = 1
    matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), turned, 1)
    share = cv2.warpAffine(picture, matrix, (columns, rows))[..., None]
    rng = np.random.default_rng(seed)
    paper = PAPER + rng.normal(0, 3, (*SIZE, 3)) - np.linspace(0, 8, rows)[:, None, None]
    inside = cv2.resize(rng.integers(0, 200, (30, 26, 3)).astype(np.float32), (columns, rows))
    return np.clip(paper + share * (inside - paper), 0, 255).astype(np.uint8), share[..., 0]


LID, MARGIN = (28, 30, 34), 20


def make_scan(turned=0.0, lid=LID):
    """The same print on a scanner's lid, turned by so many degrees; and where it is picture, and where print."""
    photo, picture = make_print()
    size = tuple(side + 2 * MARGIN for side in SIZE)
    matrix = cv2.getRotationMatrix2D((size[1] / 2, size[0] / 2), turned, 1)

    def laid(part, beyond):
        wide = cv2.copyMakeBorder(part, *(MARGIN,) * 4, cv2.BORDER_CONSTANT, value=beyond)
        return cv2.warpAffine(wide, matrix, size[::-1], borderValue=beyond)

    return laid(photo, lid), laid(picture, 0), laid(np.ones(SIZE, np.float32), 0)


def torn_corner(size=SIZE, past=170):
    rows, columns = np.indices(size)
    return columns - rows > past


@pytest.mark.parametrize("turned", [0.0, 1.0, -2.0])
def test_a_torn_corner_is_paper_where_the_print_has_paper(turned):
    photo, picture = make_print(turned)
    hole = torn_corner()
    border = find_border(np.where(hole[..., None], np.uint8(0), photo), hole)
    assert border is not None
    assert np.abs(border.share - (1 - picture)).mean() < 0.01
    assert ((border.share > 0.5) == (picture < 0.5)).mean() > 0.99

    painted = np.full_like(photo, 90)
    filled = border.fill(painted, hole)
    paper = hole & (border.share == 1)
    assert np.abs(filled[paper].astype(int) - photo[paper]).mean() < 4  # as even as the paper's noise of 3 allows
    assert (filled[~hole] == 90).all() and (filled[border.share == 0] == 90).all()


@pytest.mark.parametrize("turned", [0.0, 1.5])
def test_a_print_that_lies_on_a_lid_gets_its_paper_back_and_the_lid_stays(turned):
    photo, picture, print_there = make_scan(turned)
    hole = torn_corner(photo.shape[:2])
    border = find_border(np.where(hole[..., None], np.array(LID, np.uint8), photo), hole)
    assert border is not None
    assert ((border.share > 0.5) == (picture < 0.5)).mean() > 0.99
    filled = border.fill(np.full_like(photo, 90), hole)
    for there in (hole & (border.share == 1) & (print_there == 1), hole & (print_there == 0)):
        assert np.abs(filled[there].astype(int) - photo[there]).mean() < 4
    assert (filled[border.share == 0] == 90).all()


def test_a_print_in_a_scanners_corner_has_the_lid_along_two_sides_alone():
    photo, picture, print_there = (part[MARGIN:, MARGIN:] for part in make_scan())
    hole = torn_corner(photo.shape[:2])
    border = find_border(np.where(hole[..., None], np.array(LID, np.uint8), photo), hole)
    assert border is not None
    assert ((border.share > 0.5) == (picture < 0.5)).mean() > 0.99
    paper = hole & (border.share == 1) & (print_there == 1)
    assert np.abs(border.fill(np.full_like(photo, 90), hole)[paper].astype(int) - photo[paper]).mean() < 4


def test_a_print_without_paper_on_a_lid_ends_at_its_edge():
    photo, _ = make_print(widths=(0, 0, 0, 0))
    scan = cv2.copyMakeBorder(photo, *(MARGIN,) * 4, cv2.BORDER_CONSTANT, value=LID)
    border = find_border(scan, torn_corner(scan.shape[:2]))
    assert border is not None
    assert (border.share[MARGIN:-MARGIN, MARGIN:-MARGIN] == 0).all()
    assert (border.share == 1).sum() == scan[..., 0].size - photo[..., 0].size


def test_a_print_cut_off_at_one_side_has_paper_along_the_others():
    photo, picture = make_print(widths=(20, 0, 12, 30))
    border = find_border(photo, torn_corner())
    assert border is not None
    assert ((border.share > 0.5) == (picture < 0.5)).all()


def torn_side(end=None):
    hole = np.zeros(SIZE, bool)
    hole[30:end, 210:] = True
    return hole


@pytest.mark.parametrize("turned", [0.0, -1.5])
def test_a_side_that_is_torn_off_is_taken_to_be_as_wide_as_the_one_across(turned):
    photo, picture = make_print(turned)
    border = find_border(photo, torn_side())
    assert border is not None
    assert ((border.share > 0.5) == (picture < 0.5)).mean() > 0.99


def test_a_side_where_the_picture_is_seen_to_reach_the_edge_is_taken_for_no_paper():
    photo, picture = make_print(widths=(20, 20, 20, 0))
    border = find_border(photo, torn_corner() | torn_side(end=200))  # 80 of its 300 rows are seen, 20 of them are paper
    assert border is not None
    assert ((border.share > 0.5) == (picture < 0.5)).mean() > 0.99


def test_a_cut_off_side_that_is_hidden_in_part_is_not_taken_for_paper_though_the_sky_is_as_white():
    photo, _ = make_print(widths=(0, 20, 20, 20))
    photo[:100] = PAPER
    border = find_border(photo, torn_corner())
    assert border is not None
    assert not border.share[:, 20:-20][:-20].any()


def test_a_side_that_is_turned_otherwise_is_none_of_the_print():
    photo, picture = make_print(widths=(20, 0, 20, 20))
    rows, columns = np.indices(SIZE)
    photo[rows > 285 - 0.05 * columns] = PAPER
    border = find_border(photo, torn_corner())
    assert border is not None
    assert ((border.share > 0.5) == (picture < 0.5)).all()


def test_dirt_and_bright_places_at_the_edge_do_not_mislead():
    photo, picture = make_print()
    photo[20:60, 40:100] = PAPER  # a cloud that is as white
    clean = photo.copy()
    photo[2:12, 148:168] = (60, 50, 40)  # writing
    border = find_border(photo, torn_corner())
    assert border is not None
    assert ((border.share > 0.5) == (picture < 0.5)).mean() > 0.99
    beside = torn_corner() & (border.share == 1)
    beside[:, 190:] = False
    assert np.abs(border.fill(photo, torn_corner())[beside].astype(int) - clean[beside]).mean() < 4


@pytest.mark.parametrize("widths", [(0, 0, 0, 0), (20, 20, 0, 0)], ids=["no paper", "bars above and below"])
def test_a_photo_without_paper_round_it_has_no_border(widths):
    assert find_border(make_print(widths=widths)[0], torn_corner()) is None


def test_bars_of_several_colours_are_no_paper():
    photo, _ = make_print()
    photo[:20] = 0
    photo[-20:] = 120
    assert find_border(photo, torn_corner()) is None


def test_a_side_at_which_the_picture_begins_anywhere_has_no_edge():
    photo, _ = make_print(widths=(20, 20, 20, 0))
    assert find_border(photo, torn_corner()) is not None
    for column in range(60, SIZE[1]):
        photo[20 : 30 + 7 * column % 50, column] = PAPER
    assert find_border(photo, torn_corner()) is None


def test_a_plain_wall_is_no_paper():
    photo = np.full((*SIZE, 3), 225, np.uint8)
    cv2.circle(photo, (130, 170), 110, (120, 90, 80), -1)
    assert find_border(photo, torn_corner()) is None


def test_a_print_turned_by_more_than_scans_are_is_left_alone():
    assert find_border(make_print(6.0)[0], torn_corner()) is None


def test_a_hole_in_the_picture_alone_is_no_matter_of_paper():
    hole = np.zeros(SIZE, bool)
    hole[100:150, 100:150] = True
    assert find_border(make_print()[0], hole) is None


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (400, 3), (16, 16)])
def test_any_size(size):
    hole = np.zeros(size, bool)
    hole[:1] = True
    assert find_border(np.asarray(make_photo("RGB", size[1], size[0])), hole) is None
