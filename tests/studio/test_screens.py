"""For everyone: phones, tablets, high contrast, screen readers."""

import pytest
from browsing import expect
from PIL import Image
from serving import soft_photo

from facemend import face_classes

from .page import PHONE


@pytest.mark.parametrize("studio", [{"viewport": PHONE, "has_touch": True, "is_mobile": True}], indirect=True, ids=["touch"])
def test_a_phone_shows_all_and_fingers_paint_and_pinch(studio):
    page = studio.page
    expect(page.get_by_text("Paint over what is missing")).to_be_visible()
    expect(page.get_by_text("Drop a photo here")).to_be_hidden()
    studio.open(soft_photo(width=200, height=240))
    touch(page, [[(0.45, 0.4)], [(0.5, 0.45)], [(0.55, 0.45)]])
    mask = studio.mask()
    assert mask.any()

    touch(page, [[(0.4, 0.5), (0.6, 0.5)], [(0.3, 0.5), (0.7, 0.5)], [(0.2, 0.5), (0.8, 0.5)]])
    assert (studio.mask() == mask).all()  # two fingers zoom, they do not paint
    for name in ("Restore", "Undo", "Brush", "Damage", "Eyes", "Fit the photo"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport()
    expect(page.get_by_role("slider", name="Softness")).to_be_in_viewport()
    ring = page.locator("#ring")
    for event, shown in (("input", True), ("change", False)):
        page.get_by_role("slider", name="Size").dispatch_event(event)
        expect(ring).to_be_visible() if shown else expect(ring).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    studio.restore()
    expect(page.get_by_role("radio", name="Variant 4 of 4")).to_be_in_viewport()


@pytest.mark.parametrize(
    "studio", [{"viewport": {"width": 768, "height": 1024}, "locale": "de-DE"}], indirect=True, ids=["upright"]
)
def test_on_a_tablet_and_on_a_page_zoomed_in_nothing_lies_upon_a_control_or_the_photo_which_has_room(studio):
    page = studio.page
    studio.open(Image.new("RGB", (300, 400), (0, 255, 0)))
    seen_below_bar = """() => {
        const canvas = document.getElementById('photo-canvas');
        const { offsetTop } = document.querySelector('.floating');
        return [...canvas.getContext('2d').getImageData(canvas.width / 2, offsetTop, 1, 1).data];
    }"""
    for width, height in ((768, 1024), (844, 390), (640, 400)):  # the last is that of a small window at 200 %
        page.set_viewport_size({"width": width, "height": height})
        studio.next_frame()
        assert page.evaluate(seen_below_bar) != [0, 255, 0, 255]
        frame, options, zoom = (page.locator(place).bounding_box() for place in (".stage-frame", "#options", "#zoom"))
        assert options["y"] + options["height"] <= zoom["y"] or options["x"] + options["width"] <= zoom["x"]
        for box in (options, zoom):
            assert frame["x"] <= box["x"] < box["x"] + box["width"] <= frame["x"] + frame["width"]
        assert min(frame["width"], frame["height"]) > 300
        assert height > 560 or frame["y"] + frame["height"] - options["y"] < 70  # one row, below the photo


@pytest.mark.parametrize("studio", [{"viewport": {"width": 1024, "height": 420}}], indirect=True, ids=["low"])
def test_the_panel_of_another_view_begins_at_its_top(studio):
    studio.open(soft_photo(width=200, height=240))
    studio.press("Layout")
    studio.page.evaluate("document.getElementById('panel-body').scrollTop = 50")
    studio.press("Paint")
    assert studio.page.evaluate("document.getElementById('panel-body').scrollTop") == 0


@pytest.mark.parametrize("studio", [{"forced_colors": "active"}], indirect=True, ids=["forced"])
def test_high_contrast_shows_what_is_chosen_the_mask_and_the_legend(studio):
    page = studio.page
    studio.open(soft_photo(width=200, height=240))
    studio.drag((0.48, 0.45), (0.52, 0.5))
    studio.next_frame()
    painted = """() => {
        const { width, height } = document.getElementById('overlay-canvas');
        const { data } = document.getElementById('overlay-canvas').getContext('2d').getImageData(0, 0, width, height);
        const last = data.findLastIndex((value) => value > 0); // an alpha
        return [...data.subarray(last - 3, last)];
    }"""
    red, green, _ = page.evaluate(painted)
    assert red > 150 > green
    background = "(element) => getComputedStyle(element).backgroundColor"
    chosen, other = (page.get_by_role("button", name=name, exact=True).evaluate(background) for name in ("Brush", "Eraser"))
    assert chosen != other
    studio.press("Layout")
    swatches = page.locator(".legend .swatch").evaluate_all(f"(swatches) => swatches.map({background})")
    assert len(set(swatches)) == len(face_classes.CLASS_NAMES)


def touch(page, steps):
    """Move fingers over the stage: each step gives the place of every finger, in shares of the stage."""
    box = page.locator("#stage").bounding_box()
    device = page.context.new_cdp_session(page)
    for i, fingers in enumerate(steps):
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": n} for n, (x, y) in enumerate(fingers)
        ]
        device.send("Input.dispatchTouchEvent", {"type": "touchMove" if i else "touchStart", "touchPoints": points})
    device.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.slow
@pytest.mark.parametrize(
    "studio",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"viewport": PHONE}],
    indirect=True,
    ids=["light", "dark", "phone"],
)
def test_axe_finds_no_fault_in_any_view(studio):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = studio.page

    def check(view):
        found = axe.run(page).response["violations"]
        assert not [(view, each["id"], [node["target"] for node in each["nodes"]]) for each in found]

    check("empty")
    studio.open(soft_photo(width=200, height=240))
    studio.drag((0.45, 0.45), (0.55, 0.5))
    check("paint")
    studio.restore()
    check("compare")
    page.keyboard.press("Control+s")
    check("download")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    check("help")
    page.keyboard.press("Escape")
    studio.press("Layout")
    studio.press("Hat")
    check("layout")
    page.locator("#menu-open").click()
    check("menu")
