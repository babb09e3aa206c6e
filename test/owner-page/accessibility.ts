/** Rules of accessibility (WCAG 2.2 A and AA) that a machine can check, by axe. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What axe finds, in light and in dark, each as the rule and the elements. */
export async function accessibilityProblems(page: Page): Promise<readonly string[]> {
  // Over the debugger, so that the page's policy does not apply.
  await page.evaluate(axe.source);
  const found: string[] = [];
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    const problems: readonly string[] = await page.evaluate(async (wanted) => {
      const { violations } = await Reflect.get(globalThis, 'axe').run(document, { runOnly: wanted });
      return violations.map((one: { id: string; nodes: { html: string }[] }) => {
        return `${one.id}: ${one.nodes.map(({ html }) => html).join(' ')}`;
      });
    }, tags);
    found.push(...problems.map((problem) => `${colorScheme} ${problem}`));
  }
  return found;
}
