import { OpenWorkersError } from "@openworkers/core";

/** Far beyond any secret; a wrong redirect must not fill the memory. */
const stdinBytes = 2 ** 20;

/** All of standard input as text. */
export async function readStdin(): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of Bun.stdin.stream()) {
    bytes += chunk.byteLength;
    if (bytes > stdinBytes)
      throw new OpenWorkersError("INVALID_INPUT", "Standard input is longer than 1 MiB.");
    chunks.push(chunk);
  }
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
}

/** One line from the terminal, shown as it is typed. */
export function ask(question: string, signal: AbortSignal): Promise<string> {
  return readLine(question, signal, (text) => process.stderr.write(text));
}

/** One line from the terminal, not shown. */
export function askHidden(question: string, signal: AbortSignal): Promise<string> {
  return readLine(question, signal, () => {});
}

const interrupt = "\u0003";
const endOfInput = "\u0004";
const erase = new Set(["\u007f", "\b"]);

async function readLine(
  question: string,
  signal: AbortSignal,
  echo: (text: string) => void,
): Promise<string> {
  process.stderr.write(question);
  const { stdin } = process;
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.resume();
  let line = "";
  try {
    return await new Promise<string>((resolve, reject) => {
      const fail = () => reject(new DOMException("Interrupted.", "AbortError"));
      signal.addEventListener("abort", fail, { once: true });
      stdin.on("end", fail);
      stdin.on("data", (text: string) => {
        for (const character of text) {
          if (character === interrupt || character === endOfInput) return fail();
          if (character === "\r" || character === "\n") return resolve(line);
          if (erase.has(character)) {
            if (line !== "") echo("\b \b");
            line = [...line].slice(0, -1).join("");
          } else {
            line += character;
            echo(character);
          }
        }
      });
    });
  } finally {
    stdin.removeAllListeners("data");
    stdin.setRawMode(false);
    stdin.pause();
    process.stderr.write("\n");
  }
}
