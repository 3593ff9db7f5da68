import cv2
import numpy as np
import pytest
from skimage import data

from facemend.photo import grain
from facemend.photo.grain import match_grain


def clean_photo():
    """A photo without noise: a real one, blurred."""
    return cv2.resize(cv2.GaussianBlur(data.astronaut(), (0, 0), 4), (384, 384), interpolation=cv2.INTER_AREA)


def round_hole(size=384, radius=60):
    y, x = np.mgrid[:size, :size]
    return (y - 130) ** 2 + (x - 180) ** 2 < radius**2


def noise_like(photo, kind, strength):
    """Noise [H, W, 3] of a standard deviation of `strength` grey levels."""
    noise = np.random.default_rng(1).standard_normal(photo.shape)
    if kind == "film":  # the same in all channels, and coarser than a pixel
        noise = np.repeat(cv2.GaussianBlur(noise[..., 0], (0, 0), 0.7)[..., None], 3, axis=2)
    noise *= strength / noise.std()
    return noise * np.sqrt(photo / 128.0) if kind == "sensor" else noise  # light comes in grains too


def add(photo, noise):
    return np.clip(np.round(photo + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("kind", "tolerance"), [("white", 0.15), ("sensor", 0.15), ("film", 0.2)])
@pytest.mark.parametrize("strength", [3, 6, 12])
def test_a_clean_fill_gets_the_noise_of_its_surroundings(kind, tolerance, strength):
    clean, hole = clean_photo(), round_hole()
    photo = add(clean, noise_like(clean, kind, strength))
    filled = np.where(hole[..., None], clean, photo)
    noise = (match_grain(filled, photo, hole).astype(float) - clean)[hole]
    expected = noise_like(clean, kind, strength)[hole]
    assert noise.std() == pytest.approx(expected.std(), rel=tolerance)
    assert np.allclose(np.corrcoef(noise.T), np.corrcoef(expected.T), atol=0.25)  # grey grain stays grey, coloured coloured


def test_a_hole_of_many_bands_has_grain_in_each(monkeypatch):
    clean, hole = clean_photo(), round_hole()
    photo = add(clean, noise_like(clean, "white", 6))
    monkeypatch.setattr(grain, "_BAND", 32)
    noise = match_grain(np.where(hole[..., None], clean, photo), photo, hole).astype(float) - clean
    for top in range(70, 190, 30):
        assert noise[top : top + 30][hole[top : top + 30]].std() == pytest.approx(6, rel=0.2)


def test_grain_is_as_coarse_as_the_photos():
    clean, hole = clean_photo(), round_hole()
    correlations = {}
    for kind in ("white", "film"):
        photo = add(clean, noise_like(clean, kind, 8))
        noise = match_grain(np.where(hole[..., None], clean, photo), photo, hole).astype(float) - clean
        patch = noise[100:160, 150:210]
        correlations[kind] = np.mean(patch[:, 1:] * patch[:, :-1]) / np.mean(patch**2)
    assert correlations["white"] == pytest.approx(0, abs=0.1)
    assert correlations["film"] == pytest.approx(0.57, abs=0.15)  # that of a Gaussian of 0.7 pixels, sampled


def test_a_fill_that_has_the_noise_already_gets_no_more():
    clean, hole = clean_photo(), round_hole()
    photo = add(clean, noise_like(clean, "white", 6))
    noise = match_grain(photo, photo, hole).astype(float) - clean
    assert noise[hole].std() == pytest.approx(6, rel=0.12)


def test_a_fill_with_half_the_noise_gets_the_rest():
    clean, hole = clean_photo(), round_hole()
    photo = add(clean, noise_like(clean, "white", 8))
    half = add(clean, noise_like(clean, "white", 4)[::-1])
    noise = match_grain(np.where(hole[..., None], half, photo), photo, hole).astype(float) - clean
    assert noise[hole].std() == pytest.approx(8, rel=0.15)


def test_a_clean_photo_is_left_as_it_is():
    clean, hole = clean_photo(), round_hole()
    filled = np.where(hole[..., None], cv2.GaussianBlur(clean, (0, 0), 6), clean)
    assert np.array_equal(match_grain(filled, clean, hole), filled)
    flat = np.full_like(clean, 90)
    assert np.array_equal(match_grain(flat, flat, hole), flat)


def test_fine_texture_in_the_dark_is_no_grain():
    """Hair is all of many a photo's dark part; the skin beside it tells that the photo has no noise."""
    photo = np.full((384, 384, 3), 160, np.uint8)
    photo[:, 200:] = add(np.full((384, 184, 3), 40), noise_like(np.full((384, 184, 3), 40), "white", 9))
    hole = round_hole()
    filled = np.where(hole[..., None], np.uint8(45), photo)
    assert np.std((match_grain(filled, photo, hole).astype(float) - filled)[hole]) < 2


def test_a_wall_is_no_grain_where_a_little_smoothness_is_known():
    """Nothing but bricks around, and a strip of sky: too little to measure noise by, enough to tell that there is none."""
    wall = np.full((384, 384, 3), 110)
    photo = add(wall, noise_like(wall, "film", 12))
    photo[:32, :40] = 170  # twenty squares
    hole = round_hole()
    filled = np.where(hole[..., None], np.uint8(115), photo)
    assert np.std((match_grain(filled, photo, hole).astype(float) - filled)[hole]) < 2
    photo[:32, :40] = 110  # without it nothing tells
    assert np.std((match_grain(filled, photo, hole).astype(float) - filled)[hole]) > 8


def test_leaves_in_the_sun_are_no_grain():
    """Nowhere smooth, and here rougher than there; noise is as strong everywhere."""
    leaves = np.full((384, 384, 3), 110)
    roughness = np.exp(0.8 * np.random.default_rng(2).standard_normal((48, 48, 1))).repeat(8, axis=0).repeat(8, axis=1)
    noise = noise_like(leaves, "film", 9)
    hole = round_hole()
    filled = np.where(hole[..., None], np.uint8(115), add(leaves, noise))
    assert not np.array_equal(match_grain(filled, add(leaves, noise), hole), filled)
    assert np.array_equal(match_grain(filled, add(leaves, noise * roughness), hole), filled)


@pytest.mark.parametrize("pattern", ["rows", "chequers", "halftone"])
def test_a_regular_pattern_is_no_grain(pattern):
    """Of a video, an upscaler, a print: taken for noise, it came out many times as strong, as stripes in black and white."""
    clean, hole = clean_photo(), round_hole()
    y, x = np.mgrid[:384, :384]
    waves = {"rows": (-1) ** y, "chequers": (-1) ** (x + y), "halftone": np.sin(1.3 * (x + y)) * np.sin(1.3 * (x - y))}
    photo = add(clean, 2.0 * waves[pattern][..., None])
    filled = np.where(hole[..., None], clean, photo)
    assert np.array_equal(match_grain(filled, photo, hole), filled)


def test_known_pixels_stay_and_what_the_hole_covers_does_not_matter():
    clean, hole = clean_photo(), round_hole()
    photo = add(clean, noise_like(clean, "white", 6))
    filled = np.where(hole[..., None], clean, photo)
    result = match_grain(filled, photo, hole)
    assert np.array_equal(result[~hole], photo[~hole])
    other = np.where(hole[..., None], 255 - photo, photo)
    assert np.array_equal(match_grain(filled, other, hole), result)
    assert np.array_equal(match_grain(filled, photo, hole), result)


@pytest.mark.parametrize("size", [(16, 16), (17, 300), (40, 23)])
def test_small_photos_and_hardly_any_surroundings_are_borne(size):
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    hole = np.ones(size, bool)
    hole[0, 0] = False
    assert match_grain(photo, photo, hole).shape == photo.shape


def test_hair_is_not_taken_for_noise():
    clean, hole = clean_photo(), round_hole()
    photo = add(clean, noise_like(clean, "white", 12))
    filled = np.where(hole[..., None], clean, photo)
    assert not np.array_equal(match_grain(filled, photo, hole), filled)
    assert np.array_equal(match_grain(filled, photo, hole, textured=~hole), filled)
