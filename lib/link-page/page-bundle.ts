/** The page that opens links, as one file: `index.html` with its script and its style inline, so that a hash of each can stand in its policy. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

/** The page, and what its Content-Security-Policy names its inline code by: `sha256-<base64>`, without the quotes of CSP. */
export interface PageBundle {
  readonly html: string;
  readonly scriptHash: string;
  readonly styleHash: string;
}

/** Browsers from 2022 on: what the page calls is not there in older ones, and the page says so by itself. */
const browserTarget = 'es2022';

/**
 * Builds `<folder>/index.html` with `src/main.ts` in its empty `<script>` and `style.css` in its empty `<style>`. The same sources give the
 * same bytes. Throws when a source is missing or broken.
 */
export function bundlePage(folder: string): PageBundle {
  const script = bundleMinified(join(folder, 'src/main.ts'));
  const style = bundleMinified(join(folder, 'style.css'));
  const html = readFileSync(join(folder, 'index.html'), 'utf8');
  return {
    html: insertInlineCode(insertInlineCode(html, 'style', style), 'script', script),
    scriptHash: cspHash(script),
    styleHash: cspHash(style),
  };
}

function bundleMinified(entry: string): string {
  try {
    const { outputFiles } = buildSync({
      entryPoints: [entry],
      bundle: true,
      minify: true,
      format: 'iife',
      platform: 'browser',
      target: browserTarget,
      charset: 'utf8',
      legalComments: 'none',
      write: false,
      logLevel: 'silent',
    });
    const [code] = outputFiles.map(({ text }) => text.trim());
    if (code === undefined || code === '') throw new Error(`${entry} bundled to nothing`);
    return code;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The page could not be bundled; nothing was synthesized. Mend what esbuild names: ${reason}`);
  }
}

/** A carriage return is read as another character by HTML parsers, and these words end or change a script: the hash would not hold. */
const unsafeInlineCode = /<\/(?:script|style)|<!--|\r/i;

function insertInlineCode(html: string, tag: 'script' | 'style', code: string): string {
  const parts = html.split(`<${tag}></${tag}>`);
  if (parts.length !== 2) throw new Error(`index.html needs one empty <${tag}>, and has ${parts.length - 1}.`);
  if (unsafeInlineCode.test(code)) throw new Error(`The ${tag} of the page holds what would end it within HTML.`);
  return parts.join(`<${tag}>${code}</${tag}>`);
}

const cspHash = (code: string): string => `sha256-${createHash('sha256').update(code).digest('base64')}`;
