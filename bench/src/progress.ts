/** Says on standard error what is being measured. */
export function progress(text: string): void {
  console.error(`${text} …`);
}
