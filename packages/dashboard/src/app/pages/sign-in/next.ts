/** A path of the dashboard and nothing else: `//host` would be another's. */
export function ownPath(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])/.test(next) ? next : "/";
}
