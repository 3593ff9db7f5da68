"""What was done, in which order, and undone."""

from browsing import expect
from serving import encoded, soft_photo

from .page import words_of


def test_undo_takes_back_every_step_and_redo_does_it_again(studio):
    studio.open(soft_photo(width=200, height=240))
    undo, redo = (studio.page.locator(f"#{name}") for name in ("undo", "redo"))
    masks = [studio.mask()]
    for y in (0.3, 0.5, 0.7):
        studio.drag((0.45, y), (0.55, y))
        masks.append(studio.mask())
    studio.restore()

    for mask in reversed(masks):
        undo.click()
        assert (studio.mask() == mask).all()
    expect(undo).to_be_disabled()
    expect(studio.page.locator("#stage")).to_be_focused()
    for _ in masks:
        redo.click()
    expect(studio.page.locator("body")).to_have_attribute("data-view", "compare")
    assert (studio.mask() == masks[-1]).all()


def test_undo_takes_back_a_stroke_under_way_and_a_layout_that_comes_late_leaves_redo_alone(studio):
    page, layouts = studio.page, studio.hold("api/v1/layout", times=1)
    status = page.locator("#status")
    with page.expect_request("**/api/v1/layout"):
        page.set_input_files("#photo-file", {"name": "photo.png", "mimeType": "", "buffer": encoded(soft_photo())})
    page.locator("#stage").focus()
    for key in ("ArrowRight", " ", "ArrowRight", "Control+z"):
        page.keyboard.press(key)
    expect(status).to_have_text("Nothing is marked yet.")
    page.keyboard.press("ArrowRight")  # the brush has been lifted
    page.keyboard.press("Control+Shift+z")
    expect(status).to_contain_text("will be repainted")
    page.locator("#undo").click()
    layouts[0].continue_()
    expect(page.locator("#save-layout")).to_be_enabled()
    page.locator("#redo").click()
    expect(status).to_contain_text("will be repainted")

    with page.expect_request("**/api/v1/layout"):  # the one there is was asked for before anything was masked
        studio.press("Layout")
    studio.press("Paint")
    page.locator("#stage").focus()
    for key in ("ArrowDown", " ", "ArrowDown", " ", "ArrowDown", " ", "ArrowDown", "ArrowDown", " "):
        page.keyboard.press(key)
    masked = status.text_content()
    page.keyboard.press("Control+z")
    with page.expect_request("**/api/v1/layout"):
        studio.press("Layout")
    page.locator("#redo").click()
    expect(status).to_have_text(masked)


def play(modules, body):
    """Run a script with a `studio` in which a drawn face has been opened; `asked` has the fields of each restoration."""
    return modules.evaluate(
        f"""async () => {{
        const [{{ Studio }}, {{ encodePng }}] = await Promise.all([import('/js/studio/studio.js'), import('/js/core/png.js')]);
        const face = new Uint8Array(64 * 64);
        const SKIN = 1, LIP = 11;
        const draw = (id, left, top, right, bottom) => {{
            for (let y = top; y < bottom; y++) face.fill(id, 64 * y + left, 64 * y + right);
        }};
        draw(SKIN, 16, 8, 48, 56);
        draw(LIP, 26, 40, 38, 44);
        const legend = Array.from({{ length: 19 }}, (_, id) => ({{ id, color: [10 * id, 0, 0] }}));
        const drawn = await encodePng(64, 64, face, legend.map(({{ color }}) => color));
        const asked = [];
        const api = {{
            layout: async () => drawn,
            inpaint: async (_, fields) => {{
                asked.push(fields);
                const patch = {{ blob: drawn, left: 0, top: 0, width: 64, height: 64 }};
                return {{ variants: [{{ ...patch }}, {{ ...patch }}], layout: fields.layout ?? drawn, notes: [] }};
            }},
        }};
        const studio = new Studio(api, {{ legend, limits: {{ max_bytes: 1e9, max_pixels: 1e9, max_patches: 64 }} }});
        await studio.open(drawn);
        {body}
    }}"""
    )


def test_the_mask_of_a_step_by_a_changed_layout_is_changed_and_the_layout_stays(modules):
    asked, smiles = play(
        modules,
        """await studio.show('layout');
        await studio.layouts.applyIdea('smile');
        const smile = studio.painting.layout.data.join();
        await studio.restore();
        const smiles = [];
        for (const leave of [() => studio.history.adjustMask(), () => studio.history.paintOnTop()]) {
            leave();
            studio.masks.invert();
            await studio.show('layout');
            smiles.push(studio.painting.layout.data.join() === smile);
            await studio.restore();
            studio.painting.undo();
            studio.painting.undo();
            studio.painting.undo();
        }
        return [asked.map(({ layout }) => layout !== null), smiles];""",
    )
    assert asked == [True, True, False]
    assert smiles == [True, False]


def test_a_layout_changed_on_a_result_is_neither_lost_nor_followed_unseen(modules):
    adjusted, on_top, undone = play(
        modules,
        """studio.masks.invert();
        await studio.restore();
        await studio.show('layout');
        await studio.layouts.applyIdea('smile');
        const told = () => [studio.state.layoutEdited, studio.state.area, studio.state.shown.step];
        await studio.show('paint');
        const adjusted = told();
        studio.painting.undo();
        await studio.show('compare');
        studio.history.paintOnTop();
        const onTop = told();
        studio.painting.undo();
        return [adjusted, onTop, told()];""",
    )
    assert (adjusted, on_top, undone) == ([True, 1, 0], [False, 0, 1], [True, 1, 1])


def test_a_note_is_in_the_pages_words_and_goes_with_its_step(modules):
    told = play(
        modules,
        """const { showMessages } = await import('/js/ui/messages.js');
        const notes = [['no face found: give its box (--box)'], []];
        const { inpaint } = api;
        api.inpaint = async (...given) => ({ ...(await inpaint(...given)), notes: notes.shift() });
        showMessages(studio);
        const told = [];
        const tell = () => told.push(document.getElementById('status').textContent);
        studio.masks.invert();
        await studio.restore();
        tell();
        await studio.restore({ another: true });
        tell();
        studio.history.goTo({ step: 1, variant: 1 });
        tell();
        return told;""",
    )
    assert told == [words_of("en")["note.noFace"], "", words_of("en")["note.noFace"]]


def test_an_idea_asks_for_the_layout_that_could_not_be_read_before(modules):
    lost, changed = play(
        modules,
        """studio.masks.invert();
        await studio.restore();
        studio.history.goTo({ step: 1, variant: 1 });
        const { layout } = api;
        api.layout = async () => { throw new Error('lost'); };
        await studio.show('layout');
        const before = studio.painting.layout.data.join();
        await studio.layouts.applyIdea('smile');
        const lost = [studio.state.problem.text, studio.painting.layout.data.join() === before];
        Object.assign(api, { layout });
        await studio.layouts.applyIdea('smile');
        return [lost, studio.state.layoutEdited];""",
    )
    assert lost == ["lost", True]
    assert changed


def test_a_look_at_the_layout_takes_no_redo_away(modules):
    seen, undone, redone, again = play(
        modules,
        """const layouts = [];
        for (const top of [20, 25]) {
            draw(LIP, 20, top, 30, top + 5);
            layouts.push([face.join(), await encodePng(64, 64, face, legend.map(({ color }) => color))]);
        }
        api.layout = async (_, mask) => layouts[mask ? 1 : 0][1];
        const told = () => {
            const { area, layoutEdited, canRedo } = studio.state;
            const ids = studio.painting.layout.data.join();
            return [area, layoutEdited ? 'edited' : layouts.findIndex(([bytes]) => bytes === ids), canRedo];
        };
        studio.masks.invert();
        await studio.restore();
        studio.history.goTo({ step: 1, variant: 1 });
        studio.history.paintOnTop();
        studio.masks.invert();
        await studio.show('layout');
        const seen = [told()];
        await studio.layouts.applyIdea('smile');
        seen.push(told());
        await studio.show('paint');
        studio.painting.undo();
        studio.painting.undo();
        await studio.show('layout');
        const undone = told();
        studio.painting.redo();
        const redone = [told()];
        studio.painting.redo();
        redone.push(told());
        studio.painting.undo();
        studio.painting.undo();
        await studio.show('layout');
        for (let i = 0; i < 3; i++) studio.painting.undo();
        for (let i = 0; i < 4; i++) studio.painting.redo();
        return [seen, undone, redone, told()];""",
    )
    assert seen == [[1, 1, False], [1, "edited", False]]
    assert undone == [0, 0, True]
    assert redone == [[1, 1, True], [1, "edited", False]]
    assert again == [1, 1, True]


def test_the_picture_gone_to_is_compared_with_what_it_was_painted_on(modules):
    compared = play(
        modules,
        """studio.masks.invert();
        for (let i = 0; i < 2; i++) {
            await studio.restore();
            studio.history.paintOnTop();
            studio.masks.invert();
        }
        studio.history.goTo({ step: 1, variant: 0 });
        const compared = [studio.state.compareWith.step];
        studio.painting.undo();
        return [...compared, studio.state.compareWith.step];""",
    )
    assert compared == [0, 1]


def test_any_edits_come_undone_to_the_byte(modules):
    undone, redone = modules.evaluate(
        """async () => {
        const { Edit, blends } = await import('/js/core/edit.js');
        const { Layer } = await import('/js/core/layer.js');
        const { capsule, polygon, rectangle } = await import('/js/core/shapes.js');
        let seed = 1;
        const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
        const layer = new Layer(700, 450, true);
        const states = [layer.data.slice()];
        const changes = [];
        for (let i = 0; i < 60; i++) {
            const edit = new Edit(layer, [blends.add, blends.erase, blends.put(7)][i % 3]);
            const [a, b, c, d] = [random(700), random(450), random(700), random(450)];
            edit.cover([capsule(a, b, c, d, random(60), random(10) / 10), rectangle(a, b, c, d),
                polygon([[a, b], [c, d], [random(700), random(450)]], layer.bounds)][random(3)]);
            const change = edit.commit();
            if (change) { changes.push(change); states.push(layer.data.slice()); }
        }
        const same = (bytes) => layer.data.every((byte, i) => byte === bytes[i]);
        const undone = changes.toReversed().map((change, i) => (change.swap(), same(states.at(-2 - i))));
        const redone = changes.map((change, i) => (change.swap(), same(states[i + 1])));
        const levels = layer.levels.at(-1).data.slice();
        layer.refresh();
        return [undone, [...redone, levels.every((byte, i) => byte === layer.levels.at(-1).data[i])]];
    }"""
    )
    assert len(undone) > 40
    assert all(undone)
    assert all(redone)


def test_each_patch_of_a_long_history_is_decoded_once(modules):
    decoded = modules.evaluate(
        """async () => {
        const { encodePng } = await import('/js/core/png.js');
        const { Studio } = await import('/js/studio/studio.js');
        const { Stage } = await import('/js/ui/stage.js');
        const api = { layout: () => new Promise(() => {}) };
        const studio = new Studio(api, { legend: [], limits: { max_bytes: Infinity, max_pixels: Infinity, max_patches: 64 } });
        new Stage(studio);
        document.body.removeAttribute('data-empty');
        const blob = await encodePng(20, 20, new Uint8Array(400));
        await studio.open(blob);
        const decode = window.createImageBitmap;
        let decoded = 0;
        window.createImageBitmap = (...given) => (decoded++, decode(...given));
        const steps = [...studio.state.steps];
        for (let step = 0; step < 40; step++) {
            const patch = { blob, left: 0, top: 0, width: 20, height: 20 };
            steps.push({ from: { step, variant: 0 }, variants: [{ patch }] });
        }
        studio.store.set({ steps, shown: { step: 40, variant: 0 } });
        for (let frame = 0; frame < 15; frame++) await new Promise(requestAnimationFrame);
        window.createImageBitmap = decode;
        return decoded;
    }"""
    )
    assert decoded == 40
