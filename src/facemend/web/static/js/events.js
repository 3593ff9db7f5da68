/**
 * Reads server-sent events from the body of an answer, as `{event, data}` with the data parsed; `onLost` hears why it broke off,
 * and may throw something else.
 */
export async function* readEvents(body, onLost) {
  for await (const block of blocksOf(textOf(body, onLost))) {
    const fields = { event: 'message', data: '' };
    for (const line of block.split('\n')) {
      const [, name, value] = /^(event|data): ?(.*)$/.exec(line) ?? [];
      if (name) fields[name] = name === 'data' ? fields.data + value : value;
    }
    if (fields.data) yield { event: fields.event, data: JSON.parse(fields.data) };
  }
}

/** What stands between blank lines. An event may take thousands of chunks: each is looked through once. */
async function* blocksOf(chunks) {
  let parts = [];
  let end = ''; // the last character, which the next chunk may make a blank line with
  for await (const chunk of chunks) {
    const text = end + chunk.replaceAll('\r', ''); // lines may end in \r\n
    const blocks = text.split('\n\n');
    const rest = blocks.pop();
    for (const block of blocks) {
      yield parts.join('') + block;
      parts = [];
    }
    parts.push(rest.slice(0, -1));
    end = rest.slice(-1);
  }
}

async function* textOf(body, onLost) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(onLost);
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
