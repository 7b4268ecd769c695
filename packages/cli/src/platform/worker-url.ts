/** `http://hello.localhost:8787/`. */
export function workerUrl(label: string, baseDomain: string, port: number): string {
  return `http://${label}.${baseDomain}${port === 80 ? "" : `:${port}`}/`;
}
