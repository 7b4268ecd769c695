/** What a service tells its operator, in one line. */
export function formatReport(message: string, details: Record<string, unknown>): string {
  const list = Object.entries(details).map(([key, value]) => {
    return `${key}=${value instanceof Error ? JSON.stringify(value.message) : JSON.stringify(value)}`;
  });
  return list.length === 0 ? message : `${message} (${list.join(", ")})`;
}
