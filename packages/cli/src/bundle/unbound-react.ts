/** What JSX becomes unless a tsconfig.json or the manifest says otherwise, here as with wrangler. */
const call = /\bReact\.createElement\(/;

/** What could bind the name in a bundle. */
const binding = /\b(?:var|let|const|function|class|import|as)\s+React\b|\bglobalThis\.React\s*=/;

/**
 * A warning when a bundle's JSX calls a React that is not there: wrangler deploys such a worker, too, and it throws
 * "React is not defined" at its first request.
 */
export function unboundReact(bundle: string, inputs: readonly string[]): string[] {
  const source = inputs.find((path) => /\.[jt]sx$/.test(path)) ?? inputs.find((path) => !isPackage(path));
  if (source === undefined || !call.test(bundle) || binding.test(bundle)) return [];
  return [
    `${source}: its JSX calls React.createElement, and React is not defined.
  Say in a tsconfig.json whose JSX it is: {"compilerOptions": {"jsx": "react-jsx", "jsxImportSource": "hono/jsx"}}, or import React.`,
  ];
}

const isPackage = (path: string) => path.includes("node_modules/");
