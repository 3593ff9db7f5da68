"""The page in five languages."""

import json
import re

import pytest
from browsing import expect
from serving import soft_photo

from facemend import face_classes

from .page import PHONE, STATIC, words_of

LANGUAGES = ("en", "de", "fr", "es", "zh")


def test_the_empty_page_says_what_to_do_and_the_veil_where_to_drop(studio):
    page = studio.page
    expect(page.locator("#drop p").first).to_have_text(
        "Drop a photo here or paste it. Paint over what is missing, torn or scratched."
    )
    page.evaluate("""() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([], 'photo.png'));
        document.body.dispatchEvent(new DragEvent('dragenter', { dataTransfer, bubbles: true }));
    }""")
    expect(page.get_by_text("Drop the photo here", exact=True)).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_each_language_says_what_english_says(language):
    english, words = words_of("en"), words_of(language)
    assert list(words) == list(english)
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", words[key])) == set(re.findall(r"\{\w+\}", text)), key


def test_english_says_everything():
    used = set(re.findall(r"'([a-zA-Z]+(?:\.[a-zA-Z0-9]+)+)'", "".join(path.read_text() for path in STATIC.rglob("*.js"))))
    assert {key for key in used if not key.endswith((".js", ".json", ".safetensors", ".svg", ".png"))} <= set(words_of("en"))


@pytest.mark.parametrize(
    "studio",
    [{"locale": "de-DE", "viewport": PHONE}, pytest.param({"locale": "zh-CN"}, marks=pytest.mark.slow)],
    indirect=True,
    ids=["de", "zh"],
)
def test_the_page_speaks_the_readers_language_and_changes_it(studio):
    page = studio.page
    language = page.evaluate("document.documentElement.lang")
    words = words_of(language)
    expect(page.get_by_role("button", name=words["open.pick"])).to_be_visible()
    page.set_input_files("#photo-file", {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.get_by_role("alert")).to_have_text(words["error.notPicture"])
    studio.open(soft_photo(width=200, height=240))
    assert not re.findall(r"\b(?:part|view|tool|mask|status|class)\.\w+", page.locator("body").inner_text())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#menu-open").click()
    page.locator("#language").select_option("fr")
    expect(page.get_by_role("button", name="Restaurer", exact=True)).to_be_visible()

    page.route("**/locales/es.json", lambda route: route.abort())
    page.locator("#language").select_option("es")
    expect(page.locator("#language")).to_have_value("fr")
    slow = studio.hold("locales/en.json", times=1)
    page.locator("#language").select_option("en")
    page.locator("#language").select_option("fr")
    with page.expect_response("**/locales/en.json"):
        slow[0].continue_()
    studio.next_frame()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert page.evaluate("localStorage.getItem('language')") == "fr"


def test_the_legend_has_the_classes_of_the_network(modules):
    ids = modules.evaluate("import('/js/core/classes.js').then(({LEGEND_GROUPS}) => Object.values(LEGEND_GROUPS).flat())")
    words = json.loads((STATIC / "locales" / "en.json").read_text())
    assert sorted(ids) == list(range(len(face_classes.CLASS_NAMES)))
    plain = {"mouth": "open mouth", "cloth": "clothes"}
    assert [words[f"class.{i}"].lower() for i in range(len(ids))] == [plain.get(name, name) for name in face_classes.CLASS_NAMES]
