/** An event of a stream; `data` is undefined for one that only has an id. */
export interface ServerEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string | undefined;
}

/** Server-sent events (HTML Standard §9.2), as far as our own service writes them. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent, void> {
  const decoder = new TextDecoder();
  // By hand: not every browser in use iterates over a stream.
  const reader = body.getReader();
  let text = "";
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      text += decoder.decode(value, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) yield parse(block);
    }
  } finally {
    // Whoever takes no more leaves: nobody is to write for them. What broke off by itself has said so above.
    await reader.cancel().catch(() => {});
  }
}

function parse(block: string): ServerEvent {
  let event = "message";
  let id: string | undefined;
  let data: string | undefined;
  for (const line of block.split("\n")) {
    if (line.startsWith("data: ")) data = line.slice(6);
    else if (line.startsWith("id: ")) id = line.slice(4);
    else if (line.startsWith("event: ")) event = line.slice(7);
  }
  return { event, id, data };
}
