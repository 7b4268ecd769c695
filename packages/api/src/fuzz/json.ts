import fc from "fast-check";
import { generateSync, type JsonSchema } from "json-schema-faker";
import { hostileJson } from "./hostile.ts";
import type { Schema } from "./operations.ts";
import { words } from "./words.ts";

/** Values that are valid by a schema of a document, whose references lead into its `components`. */
export function validJson(schema: Schema, components: object): fc.Arbitrary<unknown> {
  const whole = { ...schema, components } as JsonSchema;
  const optionals = fc.constantFrom(0, 0.3, 0.9);
  return fc.tuple(fc.nat(), optionals, fc.nat()).map(([seed, optionalsProbability, at]) => {
    const options = { seed, optionalsProbability, maxItems: 4, failOnInvalidTypes: false };
    return sensible(generateSync(whole, options), at);
  });
}

/** Values like those, with a few things about them changed for the worse. */
export function spoiltJson(schema: Schema, components: object): fc.Arbitrary<unknown> {
  const change = fc.record({ at: fc.nat(), how: fc.constantFrom("put", "remove", "add"), what: hostileJson });
  return fc
    .tuple(validJson(schema, components), fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([valid, changes]) => {
      const holder = { value: structuredClone(valid) };
      for (const { at, how, what } of changes) spoil(holder, at, how, structuredClone(what));
      return holder.value;
    });
}

/** `value` with known words in place of most of what was made up for a known name. */
function sensible(value: unknown, seed: number, name?: string): unknown {
  const known = name === undefined ? undefined : words[name];
  if (known !== undefined && seed % 5 !== 0) return known[seed % known.length];
  if (Array.isArray(value)) return value.map((each) => sensible(each, seed + 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each], index) => [key, sensible(each, seed + index, key)]),
  );
}

interface Place {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

function spoil(whole: { value: unknown }, at: number, how: string, what: unknown): void {
  const places = placesOf(whole as unknown as Place["holder"]);
  const place = places[at % places.length];
  if (place === undefined) return;
  const { holder, key } = place;
  const inside = holder[key];
  if (how === "remove" && !Array.isArray(holder)) delete holder[key];
  else if (how === "add" && isHolder(inside))
    inside[Array.isArray(inside) ? inside.length : "nonsense"] = what;
  else holder[key] = what;
}

function placesOf(holder: Place["holder"]): Place[] {
  return Object.keys(holder).flatMap((key) => {
    const inside = holder[key];
    return [{ holder, key }, ...(isHolder(inside) ? placesOf(inside) : [])];
  });
}

function isHolder(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
