import type { Page } from "playwright-core";

/** Puts `text` in place of all that the code editor shows, as a paste does: what is typed is completed and indented. */
export async function writeCode(page: Page, text: string): Promise<void> {
  await page.getByRole("region", { name: "Code" }).getByRole("textbox").first().focus();
  await page.keyboard.press("Control+A");
  await page.evaluate(`(() => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", ${JSON.stringify(text)});
    document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  })()`);
}
