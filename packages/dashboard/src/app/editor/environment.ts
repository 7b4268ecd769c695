interface Policy {
  createScriptURL(url: string): string;
}
interface PolicyFactory {
  createPolicy(name: string, rules: object): Policy;
}

const { trustedTypes } = globalThis as unknown as { readonly trustedTypes?: PolicyFactory };
const policies = new Map<string, Policy>();

/** Monaco makes one of its policies at two places; the page's policy lets a name be made once. */
function createTrustedTypesPolicy(name: string, rules: object): Policy | undefined {
  const policy = policies.get(name) ?? trustedTypes?.createPolicy(name, rules);
  if (policy !== undefined) policies.set(name, policy);
  return policy;
}

const scripts = createTrustedTypesPolicy("monaco", {
  createScriptURL(url: string) {
    if (new URL(url).origin === location.origin) return url;
    throw new TypeError(`${url} is no script of ours.`);
  },
});

/** A worker whose script the page's policy trusts. Called as the browser's: the bundler looks for `new Worker(new URL(`. */
class Worker extends globalThis.Worker {
  constructor({ href }: URL, options: WorkerOptions) {
    super(scripts?.createScriptURL(href) ?? href, options);
  }
}

/** What Monaco asks for, from its first line on. Its workers are files of ours, so that the policy may forbid `blob:`. */
export const environment = {
  createTrustedTypesPolicy,
  getWorker(_id: string, label: string): globalThis.Worker {
    if (label === "typescript" || label === "javascript") {
      return new Worker(new URL("./typescript.worker", import.meta.url), { type: "module" });
    }
    return label === "json"
      ? new Worker(new URL("./json.worker", import.meta.url), { type: "module" })
      : new Worker(new URL("./editor.worker", import.meta.url), { type: "module" });
  },
};
