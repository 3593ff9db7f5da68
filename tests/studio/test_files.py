"""Ways in and out: photos, masks, results."""

import os

import numpy as np
from browsing import expect
from conftest import make_photo, mask_image
from PIL import ExifTags, Image
from serving import encoded, soft_photo


def test_the_file_is_seen_to_be_written(studio):
    studio.open(soft_photo(), "photo.png")
    studio.page.keyboard.press("Control+s")
    dialog, held_back = studio.page.get_by_role("dialog", name="Download"), studio.hold("api/v1/export", times=1)
    studio.press("Save the photo")
    expect(dialog.get_by_text("Writing the file")).to_be_visible()
    expect(studio.page.locator("#working")).to_be_hidden()
    held_back[0].fulfill(status=422, json={"error": {"code": "format", "message": "photo: is too large"}})
    expect(dialog.get_by_text("Writing the file")).to_be_hidden()
    expect(dialog.get_by_role("button", name="Save the photo")).to_be_focused()
    with studio.page.expect_download() as download:
        studio.press("Save the photo")
    assert download.value.suggested_filename == "photo.png"  # nothing has been restored


def test_a_photo_that_browsers_cannot_read_is_shown_and_kept_as_it_is(studio):
    photo = make_photo("I;16", 200, 240)
    slow = studio.hold("samples/portrait.jpg", times=1)
    studio.press("Portrait")
    expect(studio.page.locator("#empty .working")).to_contain_text("Opening the photo")
    studio.open(photo, "scan.tif")
    slow[0].continue_()  # too late: another photo has been opened
    studio.drag((0.45, 0.45), (0.55, 0.5))
    mask = studio.mask()
    studio.restore()
    name, saved = studio.result("As it came (TIFF)")
    assert (name, saved.format, saved.mode) == ("scan-restored.tif", "TIFF", "I;16")
    assert (np.asarray(saved)[~mask] == np.asarray(photo)[~mask]).all()


def test_a_webp_that_lies_on_its_side_is_shown_and_restored_upright(studio):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    studio.open(soft_photo(width=200, height=240), "photo.webp", exif=exif, lossless=True)
    studio.drag((0.45, 0.45), (0.55, 0.5))
    assert studio.mask().shape == (200, 240)
    studio.restore()


def test_a_saved_photo_is_offered_as_what_it_is_and_named_after_what_the_server_wrote(studio):
    page, written = studio.page, iter(("jpeg", "heic", "tiff"))
    page.route("**/api/v1/export", lambda route: route.fulfill(body=b"a photo", content_type=f"image/{next(written)}"))
    for name, offered, suffix in (
        ("photo.jfif", "As it came (JPEG)", "jpg"),
        ("photo.gif", "PNG", "heic"),
        ("photo.png", "As it came (PNG)", "tif"),
    ):
        studio.open(soft_photo(), name)
        page.keyboard.press("Control+s")
        expect(page.get_by_role("radio", checked=True)).to_have_accessible_name(offered)
        with page.expect_download() as download:
            studio.press("Save the photo")
        assert download.value.suggested_filename == f"photo.{suffix}"


def test_a_photo_whose_file_is_touched_after_it_was_opened_can_be_saved(studio, tmp_path):
    path = tmp_path / "photo.png"
    soft_photo().save(path)
    studio.page.set_input_files("#photo-file", path)
    expect(studio.page.locator("#save-layout")).to_be_enabled()
    os.utime(path, (0, 0))
    assert (np.asarray(studio.result("As it came (PNG)")[1]) == np.asarray(soft_photo())).all()

    studio.page.evaluate("void (Blob.prototype.arrayBuffer = () => Promise.reject(new Error()))")
    studio.page.set_input_files("#photo-file", path)
    expect(studio.page.locator("[data-problem=restore]")).to_contain_text("This file cannot be read")


def test_a_mask_file_is_turned_upright_as_photos_are(studio, tmp_path):
    studio.open(soft_photo("RGB", 200, 240))
    drawn = np.zeros((240, 200), bool)
    drawn[100:120, 20:60] = True
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    mask_image(drawn).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "mask.webp", lossless=True, exif=exif)
    studio.page.set_input_files("#mask-file", tmp_path / "mask.webp")
    expect(studio.page.locator("#status")).to_contain_text("1.7%")
    assert (studio.mask() == drawn).all()


def test_masks_come_from_files_transparency_and_lassos(studio, tmp_path):
    photo = soft_photo("RGBA", 200, 240)
    transparent = np.zeros((240, 200), bool)
    transparent[50:90, 60:140] = True
    photo.putalpha(Image.fromarray(np.where(transparent, np.uint8(240), np.uint8(255))))
    studio.open(photo)
    studio.press("Transparent part")
    assert (studio.mask() == transparent).all()

    drawn = np.zeros((240, 200), bool)
    drawn[100:120, 20:60] = True
    mask_image(drawn).save(tmp_path / "mask.png")
    studio.page.set_input_files("#mask-file", tmp_path / "mask.png")
    expect(studio.page.locator("#status")).to_contain_text("1.7%")
    assert (studio.mask() == drawn).all()

    mask_image(drawn[:, :150]).save(tmp_path / "mask.png")
    studio.page.set_input_files("#mask-file", tmp_path / "mask.png")
    expect(studio.page.locator("[data-problem=mask]")).to_contain_text("another shape than the photo, which is 200 × 240")

    studio.press("Clear")
    studio.press("Lasso")
    studio.drag((0.45, 0.4), (0.55, 0.4), (0.55, 0.6), (0.45, 0.6))
    rows, columns = np.nonzero(studio.mask())
    filled = studio.mask()[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert filled.mean() > 0.97  # a lasso about a rectangle fills it
    studio.press("Remove")
    studio.press("Rectangle")
    studio.drag((0.4, 0.3), (0.6, 0.7))
    assert not studio.mask().any()


def test_a_painted_mask_is_given_up_only_when_its_owner_says_so(studio):
    asked = []

    def agree_at_last(dialog):
        asked.append(dialog.message)
        dialog.accept() if len(asked) > 1 else dialog.dismiss()

    studio.page.on("dialog", agree_at_last)
    studio.open(soft_photo(), "first.png")
    studio.drag((0.48, 0.45), (0.52, 0.5))
    second = {"name": "second.png", "mimeType": "image/png", "buffer": encoded(soft_photo())}
    for title in ("first.png · facemend", "second.png · facemend"):
        studio.page.set_input_files("#photo-file", second)
        expect(studio.page).to_have_title(title)
    assert asked == ["The mask you have painted has not been used. Give it up?"] * 2
    studio.page.remove_listener("dialog", agree_at_last)


def test_no_work_is_lost_unasked_until_the_last_result_is_saved(modules):
    lost = modules.evaluate(
        """async () => {
        const [{ Studio }, { loss }] = await Promise.all([import('/js/studio/studio.js'), import('/js/ui/open.js')]);
        const studio = new Studio({ export: async () => new Blob() }, { legend: [], limits: { max_patches: 64 } });
        const result = { from: { step: 0, variant: 0 }, variants: [{ patch: {} }] };
        studio.store.set({ photo: {}, steps: [{ variants: [] }, result], unsaved: true, onTop: false, area: 0.1 });
        const lost = [];
        for (const step of [0, 1]) {
            studio.store.set({ shown: { step, variant: 0 } });
            await studio.export(null);
            lost.push(loss(studio.state));
        }
        return [...lost, loss({ ...studio.state, layoutEdited: true }), loss({ ...studio.state, onTop: true })];
    }"""
    )
    assert lost == ["open.lose", None, "open.loseMask", "open.loseMask"]


def test_problems_are_told_in_words_where_they_arose(studio):
    studio.page.set_input_files("#photo-file", {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(studio.page.get_by_role("alert")).to_contain_text("That is not a picture")
    moving = encoded(soft_photo(), "GIF", save_all=True, append_images=[soft_photo().rotate(180)])
    studio.page.set_input_files("#photo-file", {"name": "moving.gif", "mimeType": "image/gif", "buffer": moving})
    expect(studio.page.get_by_role("alert")).to_contain_text("This file is an animation")
    expect(studio.page.locator("#stage")).to_be_hidden()
    studio.open(soft_photo(width=200, height=240))
    studio.press("Restore")
    expect(studio.page.locator("[data-problem=restore]")).to_contain_text("Paint over the part")
    studio.press("Invert")
    studio.press("Restore")
    expect(studio.page.locator("[data-problem=restore]")).to_contain_text("covers the whole photo")


def test_a_photo_that_is_refused_leaves_the_one_that_is_open_and_its_history(studio):
    page, history = studio.page, studio.page.locator(".history li")
    studio.open(soft_photo(), "first.png")
    studio.drag((0.48, 0.45), (0.52, 0.5))
    studio.restore()
    page.on("dialog", lambda dialog: dialog.accept())
    moving = encoded(soft_photo(), "GIF", save_all=True, append_images=[soft_photo().rotate(180)])
    for content, refusal in (
        (encoded(soft_photo().resize((8, 8))), "too small to show a face"),
        (encoded(soft_photo().resize((330, 30))), "longer than 10:1"),
        (moving, "is an animation"),
        (encoded(soft_photo(), "JPEG")[:-400], "damaged or incomplete"),
        (b"no picture", "not a picture"),
    ):
        page.set_input_files("#photo-file", {"name": "second", "mimeType": "image/png", "buffer": content})
        expect(page.locator("[data-problem=restore]")).to_contain_text(refusal)
        expect(page).to_have_title("first.png · facemend")
        expect(history).to_have_count(2)
    studio.press("Other variants")
    expect(history).to_have_count(3)


def test_a_photo_of_too_many_pixels_is_refused_before_it_is_copied(modules):
    problem, decoded, is_open = modules.evaluate(
        """async () => {
        const [{ encodePng }, { Studio }] = await Promise.all([import('/js/core/png.js'), import('/js/studio/studio.js')]);
        const studio = new Studio({}, { legend: [], limits: { max_bytes: 1e9, max_pixels: 2e6, max_patches: 64 } });
        const file = await encodePng(2000, 1100, new Uint8Array(2000 * 1100));
        const decode = window.createImageBitmap;
        const decoded = [];
        window.createImageBitmap = async (...given) => decoded[decoded.push(await decode(...given)) - 1];
        await studio.open(file);
        window.createImageBitmap = decode;
        return [studio.state.problem, decoded.length, decoded[0].width > 0];
    }"""
    )
    assert (problem["key"], problem["values"]) == ("error.pixels", {"limit": 2})
    assert (decoded, is_open) == (1, False)


def test_a_photo_that_is_refused_while_it_is_moved_leaves_the_pointer(studio):
    page, layouts = studio.page, studio.hold("api/v1/layout")
    with page.expect_request("**/api/v1/layout"):
        page.set_input_files("#photo-file", {"name": "photo.png", "mimeType": "image/png", "buffer": encoded(soft_photo())})
    page.keyboard.press("h")
    page.locator("#stage").hover()
    page.mouse.down()
    layouts[0].fulfill(status=400, json={"error": {"code": "photo", "message": "photo: is not a face"}})
    expect(page.locator("#stage")).to_be_hidden()
    page.mouse.move(300, 300, steps=3)
    page.mouse.up()
