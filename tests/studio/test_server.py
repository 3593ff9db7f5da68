"""What the server says, and when it says nothing."""

import pytest
from browsing import CALM, expect, wait_until
from serving import TOKEN, held, serving, soft_photo

from facemend.web.limits import Limits

from .page import RESTORED, Studio, show


def test_a_full_queue_is_waited_for_and_a_job_can_be_stopped(browser, tiny_model):
    with serving(tiny_model, limits=Limits(queue_size=1, at_once=1)) as (address, inpainter):
        context = browser.new_context(**CALM)
        running, queued, refused = studios = [Studio(context.new_page()) for _ in range(3)]
        for studio in studios:
            studio.page.bring_to_front()  # a page behind others hears of the mouse once a second
            show(studio.page, address)
            studio.open(soft_photo(width=200, height=240))
            studio.drag((0.45, 0.45), (0.55, 0.5))
        with held(inpainter) as reached:
            running.page.bring_to_front()
            running.press("Restore")
            assert reached.wait(10)
            expect(running.page.locator("#working-text")).to_contain_text("Looking for faces")
            queued.page.bring_to_front()
            queued.press("Restore")
            expect(queued.page.locator("#working-text")).to_contain_text("Waiting")
            refused.press("Restore")
            expect(refused.page.locator("#working-text")).to_contain_text("Trying again in")
            running.press("Stop")
            expect(running.page.locator("#main-action")).to_be_visible()
        for studio in (queued, refused):
            wait_until(studio.page, RESTORED)
        context.close()


BLOCKED = """for (const storage of ['localStorage', 'sessionStorage']) {
    Object.defineProperty(window, storage, { get() { throw new DOMException('', 'SecurityError'); } });
}"""


def test_a_server_with_a_token_is_asked_in_a_dialog_or_by_the_address(browser, tiny_model):
    with serving(tiny_model, token=TOKEN) as (address, _):
        page = browser.new_page(**CALM)
        page.goto(address)
        for token in ("wrong", TOKEN):
            expect(page.get_by_label("Token", exact=True)).to_be_focused()
            page.get_by_label("Token", exact=True).fill(token)
            page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("button", name="Portrait")).to_be_visible()
        page.close()

        page = browser.new_page(**CALM)
        page.add_init_script(BLOCKED)
        page.goto(f"{address}/#token={TOKEN}")
        expect(page.get_by_role("button", name="Portrait")).to_be_visible()
        assert TOKEN not in page.url
        page.evaluate("document.getElementById('theme').click()")  # though nothing can be kept
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        page.close()


READING = """async (chunks) => {
    const { readEvents } = await import('/js/events.js');
    const body = new ReadableStream({ start(stream) {
        for (const chunk of chunks) stream.enqueue(Uint8Array.from(chunk));
        stream.enqueue(new TextEncoder().encode('\\n\\n'));
        stream.close();
    } });
    return Array.fromAsync(readEvents(body));
}"""


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_events_are_read_wherever_they_are_cut(modules, size, newline):
    told = 'event: progress\ndata: {"stage": "é世😀"}\n\n: ping\n\n\ndata: {"n":\ndata: 2}'.replace("\n", newline).encode()
    chunks = [list(told[i : i + size]) for i in range(0, len(told), size)]
    events = modules.evaluate(READING, chunks)
    assert events == [{"event": "progress", "data": {"stage": "é世😀"}}, {"event": "message", "data": {"n": 2}}]


def test_a_server_lost_while_it_answers_is_told_like_one_that_is_not_there(studio):
    problems = studio.page.evaluate(
        """async () => {
        const { Api } = await import('/js/api.js');
        const [api, picture] = [new Api(), { file: new Blob(), patches: [] }];
        const lost = (stream) => stream.error(new TypeError('network error'));
        window.fetch = async () => new Response(new ReadableStream({ start: lost }));
        const asked = [api.models(), api.layout(picture), api.inpaint(picture, {}, {})];
        return Promise.all(asked.map((answer) => answer.catch(({ code }) => code)));
    }"""
    )
    assert problems == ["offline"] * 3
