"""The way through: paint, restore, pick, save."""

import numpy as np
from browsing import expect, wait_until
from PIL import Image
from serving import encoded, soft_photo

from facemend import face_classes

from .page import RESTORED


def test_paint_restore_pick_and_save_changes_the_hole_alone(studio):
    photo = soft_photo(width=200, height=240)
    studio.open(photo)
    studio.drag((0.45, 0.45), (0.55, 0.5))
    mask = studio.mask()
    assert 0.005 < mask.mean() < 0.2

    studio.restore()
    faces = studio.page.get_by_role("radio", name="Variant")
    expect(faces).to_have_count(4)
    faces.nth(2).click()
    name, saved = studio.result("As it came (PNG)")

    assert (name, saved.format, saved.mode, saved.size) == ("photo-restored.png", "PNG", "RGB", photo.size)
    before, after = np.asarray(photo), np.asarray(saved)
    assert (before[~mask] == after[~mask]).all()
    assert (before[mask] != after[mask]).any(axis=-1).mean() > 0.9


def test_restoring_again_works_on_top_of_the_picked_face(studio):
    photo = soft_photo(width=200, height=240)
    studio.open(photo)
    studio.drag((0.45, 0.4), (0.5, 0.4))
    first_mask = studio.mask()
    studio.restore()
    studio.page.get_by_role("radio", name="Variant").nth(1).click()
    first = np.asarray(studio.result("As it came (PNG)")[1])

    studio.press("Paint on top")
    assert not studio.mask().any()
    studio.drag((0.45, 0.6), (0.5, 0.6))
    second_mask = studio.mask()
    studio.restore()
    second = np.asarray(studio.result("As it came (PNG)")[1])

    assert not (first_mask & second_mask).any()
    assert (first[~second_mask] == second[~second_mask]).all()
    assert (first[second_mask] != second[second_mask]).any()
    expect(studio.page.locator(".history li")).to_have_count(3)


def test_other_faces_are_others_even_after_going_back(studio):
    studio.page.evaluate("""() => {
        window.seeds = [];
        const { append } = FormData.prototype;
        FormData.prototype.append = function (name, ...value) {
            if (name === 'seed') window.seeds.push(...value);
            return append.call(this, name, ...value);
        };
    }""")
    studio.open(soft_photo())
    studio.drag((0.48, 0.45), (0.52, 0.5))
    studio.restore()
    mask, history = studio.mask(), studio.page.locator(".history li")
    painting = studio.hold("api/v1/inpaint")
    for steps in (3, 4):
        with studio.page.expect_request("**/api/v1/inpaint"):
            studio.press("Other variants")
        for view in ("Paint", "Layout", "Compare"):  # each would end the job, or take its mask away
            button = studio.page.get_by_role("button", name=view, exact=True).first
            expect(button).to_be_disabled()
            button.dispatch_event("click")
        studio.page.keyboard.press("b")
        painting[-1].continue_()
        expect(history).to_have_count(steps)
        studio.page.locator("#undo").click()
    assert (studio.mask() == mask).all()
    assert studio.page.evaluate("window.seeds") == ["0", "1", "2"]


def test_the_slider_moves_between_before_and_after(studio):
    studio.open(Image.new("RGB", (300, 400), (10, 200, 10)))
    studio.drag((0.45, 0.45), (0.55, 0.5))
    studio.restore()
    handle = studio.page.get_by_role("slider", name="Line between before and after")
    pixels = "document.getElementById('photo-canvas').toDataURL()"

    studio.drag((0.5, 0.2), (0.9, 0.2))
    expect(handle).to_have_attribute("aria-valuenow", "100")
    studio.next_frame()
    before = studio.page.evaluate(pixels)
    handle.press("Home")
    expect(handle).to_have_attribute("aria-valuenow", "0")
    studio.next_frame()
    assert studio.page.evaluate(pixels) != before
    handle.press("PageUp")
    expect(handle).to_have_attribute("aria-valuenow", "10")


def test_a_painted_layout_is_what_the_network_paints_by(studio):
    studio.open(soft_photo(width=200, height=240))
    studio.press("Layout")
    before = studio.layout()
    studio.press("Hat")
    studio.drag((0.48, 0.4), (0.52, 0.4))
    painted = studio.layout() != before
    assert painted.any()
    assert (studio.layout()[painted] == face_classes.CLASS_NAMES.index("hat")).all()
    assert studio.mask()[painted].all()  # what changes must be repainted

    studio.restore()
    studio.press("Layout")
    assert (studio.layout()[painted] == face_classes.CLASS_NAMES.index("hat")).all()


def test_the_bucket_stays_in_the_layout(studio):
    studio.open(soft_photo(width=200, height=240))
    studio.press("Layout")
    studio.press("Fill a region")
    studio.press("Paint")
    expect(studio.page.get_by_role("button", name="Brush", exact=True)).to_have_attribute("aria-pressed", "true")
    studio.drag((0.5, 0.5))
    assert 0 < studio.mask().mean() < 0.2


def test_the_second_click_of_a_double_click_is_for_what_was_there_before(studio):
    page = studio.page
    studio.open(soft_photo(width=200, height=240))
    studio.drag((0.45, 0.45), (0.55, 0.5))
    painting = studio.hold("api/v1/inpaint", times=1)
    restore = page.get_by_role("button", name="Restore", exact=True)
    with page.expect_request("**/api/v1/inpaint"):
        restore.dblclick(position={"x": restore.bounding_box()["width"] - 20, "y": 17})  # where Stop appears
    expect(page.locator("#working")).to_be_visible()
    painting[0].continue_()
    wait_until(page, RESTORED)

    studio.press("Layout")
    skin, hat = (page.get_by_role("button", name=name, exact=True) for name in ("Skin", "Hat"))
    hat.evaluate("(chip) => chip.dispatchEvent(new MouseEvent('click', { detail: 2 }))")
    expect(skin).to_have_attribute("aria-pressed", "true")
    hat.click()
    expect(hat).to_have_attribute("aria-pressed", "true")


def test_a_face_that_is_being_read_is_not_masked_once_stopped(studio):
    page, held_back = studio.page, studio.hold("api/v1/layout")
    page.set_input_files("#photo-file", {"name": "photo.png", "mimeType": "image/png", "buffer": encoded(soft_photo())})
    studio.press("Eyes")
    studio.press("Stop")
    expect(page.locator("#working")).to_be_hidden()
    assert len(held_back) == 1
    assert not studio.mask().any()
    with page.expect_request("**/api/v1/layout"):
        studio.press("Eyes")
    for _ in range(2):  # the view that waits for it can be asked again
        studio.press("Stop")
        with page.expect_request("**/api/v1/layout"):
            studio.press("Layout")
