import workerTypes from "@openworkers/worker-types/package.json" with { type: "json" };

/** A new worker's files by path. */
export function templates(name: string, compatibilityDate: string): Readonly<Record<string, string>> {
  return {
    "package.json": json({
      name,
      private: true,
      type: "module",
      scripts: { dev: "ow dev", deploy: "ow deploy", types: "ow types", check: "tsc --noEmit" },
      devDependencies: {
        "@cloudflare/workers-types": `^${workerTypes.dependencies["@cloudflare/workers-types"]}`,
        typescript: "^7.0.2",
      },
    }),
    "wrangler.jsonc": `{
  "name": "${name}",
  "main": "src/index.ts",
  // The runtime behaves as it did on this day, whatever release runs it.
  "compatibility_date": "${compatibilityDate}",
  "vars": { "GREETING": "Hello" }
}
`,
    "tsconfig.json": json({
      compilerOptions: {
        target: "ESNext",
        module: "ESNext",
        moduleResolution: "bundler",
        lib: ["ESNext"],
        types: [],
        jsx: "react-jsx",
        strict: true,
        noEmit: true,
        isolatedModules: true,
        skipLibCheck: true,
      },
      include: ["src", "worker-configuration.d.ts"],
    }),
    "src/index.ts": `export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    console.log("asked for", pathname);
    return new Response(\`\${env.GREETING} from ${name}\\n\`);
  },
} satisfies ExportedHandler<Env>;
`,
    ".gitignore": "node_modules/\n.env*\n",
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
