/** Reads server-sent events from the body of an answer, as `{event, data}` with the data parsed. */
export async function* readEvents(body) {
  let waiting = '';
  for await (const text of textOf(body)) {
    const blocks = (waiting + text).replaceAll('\r\n', '\n').split('\n\n');
    waiting = blocks.pop();
    for (const block of blocks) {
      const fields = { event: 'message', data: '' };
      for (const line of block.split('\n')) {
        const [, name, value] = /^(event|data): ?(.*)$/.exec(line) ?? [];
        if (name) fields[name] = name === 'data' ? fields.data + value : value;
      }
      if (fields.data) yield { event: fields.event, data: JSON.parse(fields.data) };
    }
  }
}

async function* textOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
