/**
 * Monaco's styles: built as a file of their own (`monaco.css` in `angular.json`), because what a lazy part of the page imports
 * brings none with it.
 *
 * @throws Error when they do not come
 */
export async function loadStyles(): Promise<void> {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = "monaco.css";
  // Of no effect until the rule is gone that the page's policy would refuse: its font is a `data:` URL.
  link.media = "not all";
  await new Promise<void>((resolve, reject) => {
    link.onload = () => resolve();
    link.onerror = () => reject(new Error("The editor's styles could not be loaded. Load the page again."));
    document.head.append(link);
  });
  const { sheet } = link;
  const refused = [...(sheet?.cssRules ?? [])].findIndex(
    (rule) => rule instanceof CSSFontFaceRule && rule.style.getPropertyValue("src").includes("data:"),
  );
  if (refused !== -1) sheet?.deleteRule(refused);
  link.media = "all";
}
