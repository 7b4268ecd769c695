/** The TypeScript type that `value` is an example of: `{ "retries": number; "hosts": string[] }`. */
export function typeOfJson(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) {
    const items = [...new Set(value.map(typeOfJson))];
    if (items.length === 0) return "unknown[]";
    return items.length === 1 && !items[0]?.includes("|") ? `${items[0]}[]` : `(${items.join(" | ")})[]`;
  }
  if (typeof value !== "object") return typeof value;
  const fields = Object.entries(value).map(([name, field]) => `${propertyName(name)}: ${typeOfJson(field)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join("; ")} }`;
}

/** `name` as it is written in a type: in quotes when it has to be. */
export function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}
