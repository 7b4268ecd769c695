/** Colours and weights (ECMA-48, 8.3.117), which loggers such as Hono's write: harmless, and unreadable when shown. */
const colourCodes = /\p{Cc}\[[\d;]*m/gu;
/** Control characters, and those that turn the direction of text (Unicode UAX 9), so that a line reads as another. */
const unprintable = /(?![\n\t])\p{Cc}|\p{Bidi_Control}/gu;

/**
 * `text` without what would move the cursor, rename the terminal's window or reorder a line: a worker writes what it
 * likes.
 */
export function printable(text: string): string {
  return text
    .replace(colourCodes, (code) => (code.startsWith("\x1b") ? "" : code))
    .replace(unprintable, (character) => {
      const code = character.charCodeAt(0).toString(16);
      return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, "0")}`;
    });
}
