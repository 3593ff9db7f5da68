import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from facemend.photo import framing, planning
from facemend.photo.framing import Window


def claims(views, shape):
    """How many views each pixel belongs to."""
    count = np.zeros(shape, int)
    for view in views:
        count[view.region] += view.area
    return count


windows = st.builds(
    Window, st.tuples(st.floats(0, 600), st.floats(0, 400)), st.floats(20, 500), st.just(256), st.floats(-180, 180)
)


@settings(max_examples=60, deadline=None)
@given(faces=st.lists(windows, max_size=4), seed=st.integers(0, 2**32), density=st.sampled_from([0.0001, 0.01, 0.3]))
def test_every_damaged_pixel_belongs_to_one_view_that_sees_it(faces, seed, density):
    generator = np.random.default_rng(seed)
    hole = generator.random((400, 600)) < density
    top, left = generator.integers(0, 300, 2)
    hole[top : top + generator.integers(1, 200), left : left + generator.integers(1, 300)] = True
    views = planning.plan_views(hole, faces)
    assert (claims(views, hole.shape)[hole] == 1).all()
    for view in views:
        assert view.window.inside(view.region)[view.area].all()
        assert (hole[view.region] & view.area).any()


def test_faces_come_first_and_only_those_that_are_damaged():
    hole = np.zeros((400, 900), bool)
    hole[100:120, 80:400] = True
    damaged, healthy = Window((150.0, 120.0), 180, 256, 10.0), Window((700.0, 200.0), 180, 256)
    first, second = planning.plan_views(hole, [healthy, damaged])
    assert first.window == damaged
    assert second.window.angle == 0 and second.window.side >= 256


def test_neighbours_leave_each_other_their_faces():
    left, right = Window((200.0, 200.0), 200, 256), Window((300.0, 200.0), 200, 256)
    views = planning.plan_faces((400, 600), [left, right])
    owner = np.full((400, 600), -1)
    for i, view in enumerate(views):
        owner[view.region][view.area] = i
    assert owner[200, 200] == 0 and owner[200, 300] == 1
    assert (owner[150:250, 245:255] == 0).all()  # where the middles meet, the surer one


def test_a_speck_beside_the_face_is_cheap():
    hole = np.zeros((3000, 4000), bool)
    hole[2500, 3500] = True
    (view,) = planning.plan_views(hole, [Window((500.0, 500.0), 400, 256)])
    assert view.window.is_plain


def test_round_thicker_damage_more_is_seen():
    for thickness in (4, 48, 96):
        hole = np.zeros((1200, 1700), bool)
        hole[700 : 700 + thickness, 900 : 900 + thickness] = True
        (view,) = planning.plan_views(hole, [Window((200.0, 200.0), 300)])
        assert view.window.side >= thickness + 16 * thickness


def test_many_specks_make_few_views():
    hole = np.zeros((2000, 3000), bool)
    hole[::50, ::50] = True  # 2400 of them
    views = planning.plan_views(hole, [Window((500.0, 500.0), 300)])
    assert len(views) <= 35
    assert max(view.window.side for view in views) <= 768


def test_a_broad_hole_is_seen_whole():
    hole = np.zeros((3000, 4000), bool)
    hole[1000:2500, 1500:3000] = True
    views = planning.plan_views(hole, [Window((300.0, 300.0), 200, 256)])
    assert len(views) == 1
    assert views[0].window.side > 2900


def test_a_small_photo_without_faces_is_one_view():
    hole = np.zeros((700, 600), bool)
    hole[10:20, 10:20] = hole[600:610, 500:510] = True
    (view,) = planning.plan_views(hole, [])
    assert view.window == framing.choose_window(hole) and not view.beside
    assert all(view.beside for view in planning.plan_views(hole, [], faceless=True))


def test_in_a_large_photo_without_faces_one_may_hide_behind_broad_damage_but_not_behind_a_scratch():
    hole = np.zeros((1300, 1700), bool)
    hole[600:1000, 100:500] = hole[200:210, 700:1600] = True
    broad, *along = planning.plan_views(hole, [])
    assert broad.area[hole[broad.region]].any() and not broad.beside
    assert along and all(view.beside for view in along)
