"""The layers of the photo, and how they are drawn."""

from itertools import pairwise

import pytest
from serving import soft_photo


def test_bitmaps_beside_the_stage_are_kept_by_their_pixels_and_all_closed_with_the_photo(modules):
    open_ones = modules.evaluate(
        """async () => {
        const [{ encodePng }, { PatchBitmaps }] = await Promise.all([import('/js/core/png.js'), import('/js/picture.js')]);
        const blob = await encodePng(20, 20, new Uint8Array(400));
        const [bitmaps, patches] = [new PatchBitmaps(1000), Array.from({ length: 5 }, () => ({ blob }))];
        const decoded = await Promise.all(patches.map((patch) => bitmaps.load(patch)));
        const areOpen = () => decoded.map(({ width }) => width > 0);
        const open = [areOpen()];
        bitmaps.get(patches[1]);
        bitmaps.keep(new Set([patches[0]]));
        open.push(areOpen());
        bitmaps.clear();
        return [...open, areOpen()];
    }"""
    )
    assert open_ones == [[True] * 5, [True, True, False, False, True], [False] * 5]


def test_canvases_keep_the_pixel_density_that_they_are_drawn_with(modules):
    ratios = modules.evaluate(
        """async () => {
        const { Studio } = await import('/js/studio/studio.js');
        const { Stage } = await import('/js/ui/stage.js');
        const asked = [];
        const { matchMedia } = window;
        const density = Object.getOwnPropertyDescriptor(window, 'devicePixelRatio');
        window.matchMedia = () => asked[asked.push(new EventTarget()) - 1];
        document.body.removeAttribute('data-empty');
        const stage = new Stage(new Studio({}, { legend: [], limits: {} }));
        const ratios = async () => {
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            return [stage.ratio, stage.photo.canvas.width / stage.element.clientWidth];
        };
        const seen = [await ratios()];
        Object.defineProperty(window, 'devicePixelRatio', { value: 2, configurable: true });
        seen.push(await ratios());
        asked[0].dispatchEvent(new Event('change'));
        seen.push(await ratios(), asked.length);
        Object.defineProperty(window, 'devicePixelRatio', density);
        window.matchMedia = matchMedia;
        return seen;
    }"""
    )
    assert ratios == [[1, 1], [1, 1], [2, 2], 2]  # and the next change is waited for


@pytest.mark.slow
def test_twelve_megapixels_zoom_pan_and_paint_without_lag(studio):
    studio.open(soft_photo(width=4000, height=3000), "photo.jpg")
    studio.page.evaluate("""() => {
        window.frames = [];
        const stage = document.getElementById('stage');
        stage.addEventListener('drawn', () => window.frames.push(performance.now()));
    }""")
    box = studio.page.locator("#stage").bounding_box()
    studio.page.mouse.move(box["x"] + 400, box["y"] + 300)
    for _ in range(20):
        studio.page.mouse.wheel(0, -120)
    studio.drag((0.3, 0.3), (0.7, 0.7), (0.3, 0.7))
    frames = studio.page.evaluate("window.frames")
    gaps = [later - earlier for earlier, later in pairwise(frames)]
    assert len(frames) > 15
    assert min(gaps) < 50  # without a GPU; the least, since other work on the machine only adds
