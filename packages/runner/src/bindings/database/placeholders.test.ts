import { describe, expect, test } from "bun:test";

interface Mark {
  readonly to: number;
}
const { translate, originalPosition } = (await import(
  new URL("./inside/placeholders.js", import.meta.url).href
)) as {
  translate(sql: string): { sql: string; marks: Mark[] };
  originalPosition(sql: string, marks: readonly Mark[], position: number): number;
};

const textOf = (sql: string) => translate(sql).sql;

describe("placeholders", () => {
  test.each([
    ["select ?", "select $1"],
    ["select ?, ?, ?", "select $1, $2, $3"],
    ["select ?2, ?1, ?2", "select $2, $1, $2"],
    ["select ?3, ?, ?1, ?", "select $3, $4, $1, $5"],
    ["select ?+?", "select $1+$2"],
    ["select (?)::int,?10", "select ($1)::int,$10"],
    ["select data->>? from t where a=?", "select data->>$1 from t where a=$2"],
  ])("%s is %s", (sql, wanted) => {
    expect(textOf(sql)).toBe(wanted);
  });

  test.each([
    ["a string", "select '?', 'it''s ?' from t where a = ?", "select '?', 'it''s ?' from t where a = $1"],
    ["a string with escapes", String.raw`select E'\'?', e'\\', ?`, String.raw`select E'\'?', e'\\', $1`],
    ["a string whose backslash is one", String.raw`select '\', ?, '?'`, String.raw`select '\', $1, '?'`],
    ["a name", 'select "what?", "a""?" from t where b = ?', 'select "what?", "a""?" from t where b = $1'],
    ["a name that ends in e", "select type'?', ?", "select type'?', $1"],
    ["a dollar-quoted text", "select $$?$$, $tag$ ? $$ ? $tag$, ?", "select $$?$$, $tag$ ? $$ ? $tag$, $1"],
    ["a dollar in a name", "select a$b$ from t where c = ?", "select a$b$ from t where c = $1"],
    ["a comment to the line's end", "select 1 -- ?\n, ?", "select 1 -- ?\n, $1"],
    ["a comment in a comment", "select /* ? /* ? */ ? */ ?", "select /* ? /* ? */ ? */ $1"],
    [
      "a string that goes on in the next line",
      String.raw`select E'\'' -- ?
        '\'?', ?`,
      String.raw`select E'\'' -- ?
        '\'?', $1`,
    ],
    ["letters of other scripts", "select größe, 名? from t", "select größe, 名$1 from t"],
    ["text that never ends", "select ?, 'abc ?", "select $1, 'abc ?"],
    ["a comment that never ends", "select ? /* ?", "select $1 /* ?"],
    ["a dollar quote that never ends", "select ?, $a$ ?", "select $1, $a$ ?"],
    ["a backslash at the end", "select ?, E'\\", "select $1, E'\\"],
  ])("none is in %s", (_, sql, wanted) => {
    expect(textOf(sql)).toBe(wanted);
  });

  test.each([
    "select data ? $1",
    "select data ?| $1, data ?& $2",
    "select $1, ? from t",
    "select 1",
    "select '?'",
    "",
  ])("a statement with PostgreSQL's own, or with none, is left as it is: %s", (sql) => {
    expect(translate(sql)).toEqual({ sql, marks: expect.any(Array) });
  });
});

describe("positions", () => {
  test("in the translated text are those in the worker's own, at every character", () => {
    const sql = "select ?12, '😀', größe, ? from t where a = ?7 and b = ?";
    const { sql: translated, marks } = translate(sql);
    const [own, theirs] = [[...sql], [...translated]];
    for (const word of ["select", "😀", "größe", "from", "where", "and", "b"]) {
      const [first] = [...word];
      const at = (characters: readonly string[]) =>
        characters.findIndex((character, index) => {
          const here = characters.slice(index, index + [...word].length).join("");
          return character === first && here === word;
        });
      expect(originalPosition(translated, marks, at(theirs) + 1)).toBe(at(own) + 1);
    }
    // Anywhere in a placeholder is at its beginning.
    const places = [...sql.matchAll(/\?\d*/g)].map(({ index }) => [...sql.slice(0, index)].length + 1);
    const found = [...translated.matchAll(/\$\d+/g)].map(({ index, 0: name }) =>
      [0, name.length - 1].map((offset) =>
        originalPosition(translated, marks, [...translated.slice(0, index + offset)].length + 1),
      ),
    );
    expect(found).toEqual(places.map((place) => [place, place]));
  });

  test("beyond the end stay at the end", () => {
    const { sql, marks } = translate("select ?1");
    expect(originalPosition(sql, marks, 10)).toBe(10);
  });
});
