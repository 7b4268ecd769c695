import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";

// One of the settings of OWASP's Password Storage Cheat Sheet: 32 MB and, measured in workerd, some 200 ms of CPU.
// More memory would not fit a cell with several sign-ins at once.
const cost = { ln: 15, r: 8, p: 3 } as const;
const keyBytes = 32;
const saltBytes = 16;

export const minPasswordLength = 10;
export const maxPasswordLength = 128;

const format = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/]+)\$([\w+/]+)$/;

/** A password's hash in PHC's string format, with its own salt and cost. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const key = await derive(password, salt, cost);
  return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${unpadded(salt)}$${unpadded(key)}`;
}

/** Whether the hash is of this password. A hash of another form is of none. */
export async function verifyPassword({
  hash,
  password,
}: {
  hash: string;
  password: string;
}): Promise<boolean> {
  const [, ln, r, p, salt, key] = format.exec(hash) ?? [];
  if (salt === undefined || key === undefined) return false;
  const expected = Buffer.from(key, "base64");
  const settings = { ln: Number(ln), r: Number(r), p: Number(p) };
  const actual = await derive(password, Buffer.from(salt, "base64"), settings, expected.length);
  return timingSafeEqual(actual, expected);
}

function derive(
  password: string,
  salt: Uint8Array,
  { ln, r, p }: { ln: number; r: number; p: number },
  length = keyBytes,
): Promise<Buffer> {
  const N = 2 ** ln;
  const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
  // The same characters typed on another keyboard may be other code points.
  const text = password.normalize("NFKC");
  return new Promise((resolve, reject) => {
    scrypt(text, salt, length, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replace(/=+$/, "");
}
