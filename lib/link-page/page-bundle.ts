/**
 * Bundles a page into one file: `index.html` with inline script and style, whose hashes are in the page's policy. The
 * owner's page has further files beside it.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { buildSync } from 'esbuild';

/** The page, and the CSP hashes of its inline code: `sha256-<base64>`, without the CSP quotes. */
export interface PageBundle {
  readonly html: string;
  readonly scriptHash: string;
  readonly styleHash: string;
}

/** A file of a page as it is published. */
export interface PageFile {
  /** Name in the folder of its version. */
  readonly name: string;
  /** Media type. */
  readonly type: string;
  readonly content: Uint8Array;
}

/** Browsers from 2022 on. Older browsers lack APIs that the page needs; the page reports this itself. */
const browserTarget = 'es2022';

/**
 * Builds `<folder>/index.html` with `src/main.ts` in its empty `<script>` and `style.css` in its empty `<style>`. The
 * output is reproducible. Throws if a source is missing or invalid.
 */
export function bundlePage(folder: string): PageBundle {
  const script = escapeCommentMarks(bundleMinified(join(folder, 'src/main.ts')));
  const style = bundleMinified(join(folder, 'style.css'));
  const html = readFileSync(join(folder, 'index.html'), 'utf8');
  return {
    html: insertInlineCode(insertInlineCode(html, 'style', style), 'script', script),
    scriptHash: cspHash(script),
    styleHash: cspHash(style),
  };
}

/** The page as a file. */
export const htmlFile = ({ html }: PageBundle): PageFile => ({
  name: 'index.html',
  type: 'text/html; charset=utf-8',
  content: Buffer.from(html),
});

/**
 * The files beside the owner's page: the service worker, which browsers accept only as a file of its own, the manifest
 * with which the page is installed, and its icon.
 */
export const bundleOwnerFiles = (folder: string): readonly PageFile[] => [
  {
    name: 'service-worker.js',
    type: 'text/javascript; charset=utf-8',
    content: Buffer.from(bundleMinified(join(folder, 'src/service-worker.ts'))),
  },
  {
    name: 'manifest.webmanifest',
    type: 'application/manifest+json',
    content: readFileSync(join(folder, 'manifest.webmanifest')),
  },
  { name: 'icon.png', type: 'image/png', content: readFileSync(join(folder, 'icon.png')) },
];

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
    if (code === undefined || code === '') throw new Error(`${entry} has no output`);
    return code;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `The page could not be bundled. Nothing was synthesized. Fix the error that esbuild reports: ${reason}`,
    );
  }
}

/**
 * Replaces `<!--`, which the Markdown parser has in regular expressions, with an escape of the same meaning. In an
 * operator expression, the escape would be invalid, so the result is parsed.
 */
function escapeCommentMarks(script: string): string {
  const escaped = script.replaceAll('<!--', '\\x3c!--');
  if (escaped !== script) new Script(escaped);
  return escaped;
}

/**
 * Code that must not be inserted. HTML parsers normalize carriage returns, and the listed tags end or change a script.
 * In both cases, the hash would not match.
 */
const unsafeInlineCode = /<\/(?:script|style)|<!--|\r/i;

function insertInlineCode(html: string, tag: 'script' | 'style', code: string): string {
  const parts = html.split(`<${tag}></${tag}>`);
  if (parts.length !== 2)
    throw new Error(
      `index.html must have exactly one empty <${tag}>, but has ${parts.length - 1}. Nothing was synthesized.`,
    );
  if (unsafeInlineCode.test(code))
    throw new Error(`The ${tag} of the page contains text that is unsafe in inline code. Nothing was synthesized.`);
  return parts.join(`<${tag}>${code}</${tag}>`);
}

const cspHash = (code: string): string => `sha256-${createHash('sha256').update(code).digest('base64')}`;
