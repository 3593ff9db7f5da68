import pytest

from facemend.config import PhaseConfig
from facemend.training.schedule import is_adversarial, learning_rate, phases_left

FIRST = PhaseConfig(phase="core", images=10, batch_size=4, learning_rate=8e-4, final_learning_rate=3e-4, adversary_after=0.4)
SECOND = PhaseConfig(phase="head", images=8, batch_size=4)


@pytest.mark.parametrize(
    ("images_seen", "left"), [(0, [(FIRST, 0), (SECOND, 12)]), (8, [(FIRST, 0), (SECOND, 12)]), (12, [(SECOND, 12)]), (20, [])]
)
def test_a_phase_lasts_until_its_last_batch_is_full(images_seen, left):
    assert list(phases_left((FIRST, SECOND), images_seen)) == left


@pytest.mark.parametrize(("images_seen", "rate"), [(100, 8e-4), (104, 6e-4), (108, 4e-4)])
def test_the_rate_falls_in_a_straight_line_from_where_its_phase_starts(images_seen, rate):
    assert learning_rate(FIRST, 100, images_seen, warmup_images=0) == pytest.approx(rate)


def test_a_run_warms_up_to_its_rate():
    constant = FIRST.model_copy(update={"final_learning_rate": 8e-4})
    rates = [learning_rate(constant, 0, images_seen, warmup_images=16) for images_seen in (0, 4, 12, 16)]
    assert rates == pytest.approx([2e-4, 4e-4, 8e-4, 8e-4])


def test_critics_have_a_say_once_their_share_of_the_phase_is_over():
    assert [is_adversarial(FIRST, 100, images_seen) for images_seen in (100, 103, 104, 108)] == [False, False, True, True]
