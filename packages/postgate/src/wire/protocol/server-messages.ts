import { Writer } from "pg-protocol/dist/buffer-writer";

/** What Postgate itself says to a client, before and after the bytes are the database's. */
export interface ServerError {
  /** SQLSTATE. */
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

const code = (letter: string) => letter.charCodeAt(0);

/** Answers to SSLRequest and GSSENCRequest. */
export const accepted = Buffer.from("S");
export const declined = Buffer.from("N");

export const askForPassword = new Writer().addInt32(3).flush(code("R"));
export const authenticated = new Writer().addInt32(0).flush(code("R"));

/** An ErrorResponse that ends the connection. */
export function fatal(error: ServerError): Buffer {
  return response("E", "FATAL", error);
}

/** A NoticeResponse, which drivers and tools show beside what they do. */
export function warning(notice: ServerError): Buffer {
  return response("N", "WARNING", notice);
}

function response(
  type: string,
  severity: string,
  { code: sqlState, message, detail, hint }: ServerError,
): Buffer {
  const writer = new Writer();
  const field = (letter: string, value: string) =>
    writer.addString(letter).addCString(value.replaceAll("\0", ""));
  field("S", severity);
  // The same, never translated.
  field("V", severity);
  field("C", sqlState);
  field("M", message);
  if (detail !== undefined) field("D", detail);
  if (hint !== undefined) field("H", hint);
  return writer.addString("\0").flush(code(type));
}

/** What the client is told of a setting. */
export function parameterStatus(name: string, value: string): Buffer {
  return new Writer().addCString(name).addCString(value).flush(code("S"));
}

/** The key by which the client may cancel: 8 bytes. */
export function backendKeyData(key: Buffer): Buffer {
  return new Writer().add(key).flush(code("K"));
}

/** Says that we speak 3.0, and none of the extensions that the client asked for. */
export function negotiateProtocolVersion(extensions: readonly string[]): Buffer {
  const writer = new Writer().addInt32(0).addInt32(extensions.length);
  for (const extension of extensions) writer.addCString(extension);
  return writer.flush(code("v"));
}
