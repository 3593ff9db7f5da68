"""What keys do."""

import pytest
from browsing import expect, wait_until
from serving import soft_photo

from .page import RESTORED


def test_keyboard_alone_is_enough(studio):
    keyboard = studio.page.keyboard
    tab_to(studio.page, "Portrait")
    with studio.page.expect_response("**/api/v1/layout"):
        keyboard.press("Enter")
    expect(studio.page.locator("#stage")).to_be_focused()
    for key in ("ArrowRight", "ArrowUp", " ", "ArrowLeft", "Shift+ArrowLeft", "ArrowUp", " "):
        keyboard.press(key)
    expect(studio.page.locator("#status")).to_contain_text("will be repainted")
    tab_to(studio.page, "Restore")
    keyboard.press("Control+Enter")
    wait_until(studio.page, RESTORED)
    expect(studio.page.get_by_role("button", name="Download")).to_be_focused()
    tab_to(studio.page, "Variant 1 of 4")
    keyboard.press("ArrowRight")
    expect(studio.page.get_by_role("radio", name="Variant 2 of 4")).to_be_focused()
    for place in ("first", "last"):
        step = getattr(studio.page.locator(".history button"), place)
        step.press("Enter")
        expect(step).to_be_focused()
    studio.page.get_by_role("button", name="Paint on top").press("Enter")
    expect(studio.page.locator("#stage")).to_be_focused()
    keyboard.down(" ")
    keyboard.press("ArrowRight")  # the brush comes out while the key is down
    keyboard.up(" ")
    studio.drag((0.45, 0.45), (0.5, 0.45))
    expect(studio.page.locator("#status")).to_contain_text("will be repainted")
    keyboard.press("Control+s")
    tab_to(studio.page, "Save the photo")
    with studio.page.expect_download() as download:
        keyboard.press("Enter")
    assert download.value.suggested_filename == "portrait-restored.jpg"
    keyboard.press("?")
    expect(studio.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    keyboard.press("Escape")
    expect(studio.page.get_by_role("dialog")).to_have_count(0)


def test_a_key_that_is_held_puts_the_brush_down_once_and_escape_tells_that_it_is_lifted(studio):
    page, told = studio.page, studio.page.locator("#announce")
    studio.open(soft_photo(width=200, height=240))
    page.locator("#stage").focus()
    page.keyboard.press("ArrowRight")
    for _ in range(4):
        page.keyboard.down(" ")  # all but the first are repetitions
    page.keyboard.up(" ")
    expect(told).to_have_text("Brush down")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(told).to_have_text("Brush lifted")
    expect(page.locator("#status")).to_have_text("Nothing is marked yet.")


@pytest.mark.slow
def test_the_keyboards_hand_moves_the_photo_and_its_brush_stays_in_sight(studio):
    page, status = studio.page, studio.page.locator("#status")
    studio.open(soft_photo(width=200, height=240))
    page.locator("#stage").focus()
    shown = "document.getElementById('photo-canvas').toDataURL()"
    before = page.evaluate(shown)
    for key in ("ArrowRight", "h", " ", "ArrowRight", "ArrowDown", " "):
        page.keyboard.press(key)
    studio.next_frame()
    assert page.evaluate(shown) != before
    expect(status).to_have_text("Nothing is marked yet.")

    for key in ("b", *6 * ("+",), *14 * ("Shift+ArrowRight",), *14 * ("Shift+ArrowDown",), " "):
        page.keyboard.press(key)
    ring, stage, bar = (page.locator(place).bounding_box() for place in ("#ring circle >> nth=0", "#stage", ".floating"))
    middle = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    assert stage["x"] < middle[0] < stage["x"] + stage["width"]
    assert stage["y"] < middle[1] < bar["y"]
    page.keyboard.press(" ")
    assert studio.mask()[-1, -1]


@pytest.mark.parametrize("held", [{}, {"altKey": True}, {"altKey": True, "ctrlKey": True}], ids=["plain", "Option", "AltGr"])
def test_brackets_change_the_brush_however_a_keyboard_types_them(modules, held):
    typed = modules.evaluate(
        """async (held) => {
        const { listenForKeys } = await import('/js/shortcuts.js');
        const typed = [];
        listenForKeys(Object.fromEntries(['[', '}', 'b', 'Ctrl+z'].map((key) => [key, () => typed.push(key)])));
        const press = (key) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, ...held }));
        ['[', '}', 'b', 'z'].forEach(press);
        return typed;
    }""",
        held,
    )
    assert typed == (["[", "}"] if held else ["[", "}", "b"])


def test_escape_closes_what_is_open(studio):
    menu, download = studio.page.locator("#menu"), studio.page.get_by_role("dialog", name="Download")
    studio.open(soft_photo())
    studio.page.locator("#menu-open").click()
    expect(menu).to_be_visible()
    studio.page.keyboard.press("Escape")
    expect(menu).to_be_hidden()

    studio.page.keyboard.press("Control+s")
    expect(download).to_be_visible()
    studio.hold("api/v1/export")
    with studio.page.expect_request("**/api/v1/export"):
        studio.press("Save the photo")
    with studio.page.expect_event("requestfailed"):  # it is not waited for any more
        studio.page.keyboard.press("Escape")
    expect(download).to_be_hidden()
    studio.page.keyboard.press("Control+s")
    expect(studio.page.get_by_role("button", name="Save the photo")).to_be_enabled()


def tab_to(page, name):
    """Press Tab until the element of that name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"
        if page.evaluate(focused) == name:
            return
    raise AssertionError(f"Tab never reaches {name!r}")
