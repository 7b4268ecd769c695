import { arrayToJson } from "./array-literal.ts";

/** A type of PostgreSQL's: its name, and how a value's text becomes JSON. */
export interface ColumnType {
  readonly name: string;
  readonly toJson: (text: string) => string;
}

const asIs = (text: string): string => text;
const quoted = (text: string): string => `"${text}"`;
const escaped = (text: string): string => JSON.stringify(text);
// NaN, Infinity and -Infinity are no numbers of JSON's.
const float = (text: string): string => (/[a-zA-Z]$/.test(text) ? `"${text}"` : text);
// `\x…`; another form when a script changed `bytea_output`.
const bytes = (text: string): string => (text.startsWith("\\x") ? `"\\${text}"` : JSON.stringify(text));

/** By name: what is not text in JSON. int8 and numeric are, because JSON's numbers would lose digits of them. */
const encodings: Readonly<Record<string, (text: string) => string>> = {
  bool: (text) => (text === "t" ? "true" : "false"),
  int2: asIs,
  int4: asIs,
  oid: asIs,
  int8: quoted,
  numeric: quoted,
  float4: float,
  float8: float,
  json: asIs,
  jsonb: asIs,
  bytea: bytes,
};

/** A type that is no array, by the name it has in `pg_catalog`. */
export function builtinType(name: string): ColumnType {
  return { name, toJson: encodings[name] ?? escaped };
}

/** A type that its database's owner made, or one that is text in JSON. */
export function textType(name: string): ColumnType {
  return { name, toJson: escaped };
}

export function arrayOf(element: ColumnType, delimiter = ","): ColumnType {
  return { name: `${element.name}[]`, toJson: (text) => arrayToJson(text, delimiter, element.toJson) };
}

/** Types that need no question to the database: their numbers are PostgreSQL's for ever (pg_type.dat). */
const numbers: readonly (readonly [name: string, oid: number, arrayOid?: number])[] = [
  ["bool", 16, 1000],
  ["bytea", 17, 1001],
  ["char", 18, 1002],
  ["name", 19, 1003],
  ["int8", 20, 1016],
  ["int2", 21, 1005],
  ["int4", 23, 1007],
  ["text", 25, 1009],
  ["oid", 26, 1028],
  ["json", 114, 199],
  ["xml", 142, 143],
  ["float4", 700, 1021],
  ["float8", 701, 1022],
  ["unknown", 705],
  ["money", 790, 791],
  ["inet", 869, 1041],
  ["cidr", 650, 651],
  ["bpchar", 1042, 1014],
  ["varchar", 1043, 1015],
  ["date", 1082, 1182],
  ["time", 1083, 1183],
  ["timestamp", 1114, 1115],
  ["timestamptz", 1184, 1185],
  ["interval", 1186, 1187],
  ["timetz", 1266, 1270],
  ["bit", 1560, 1561],
  ["varbit", 1562, 1563],
  ["numeric", 1700, 1231],
  ["void", 2278],
  ["uuid", 2950, 2951],
  ["jsonb", 3802, 3807],
];

export const wellKnownTypes: ReadonlyMap<number, ColumnType> = new Map(
  numbers.flatMap(([name, oid, arrayOid]): (readonly [number, ColumnType])[] => {
    const type = builtinType(name);
    return arrayOid === undefined
      ? [[oid, type]]
      : [
          [oid, type],
          [arrayOid, arrayOf(type)],
        ];
  }),
);
