/**
 * Bundles the command into dist/. Our own code is split into one file per command, so that each command loads only
 * what it needs. Packages are not bundled: they are installed as dependencies and can be updated separately.
 */
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildResult, build, type Metafile } from 'esbuild';

const here = import.meta.dirname;

/**
 * @param write whether to rebuild the folder or only to report its contents
 * @param outdir output folder instead of dist/
 */
export async function bundleCli(
  write: boolean,
  outdir = join(here, 'dist'),
): Promise<BuildResult & { metafile: Metafile }> {
  if (write) rmSync(outdir, { recursive: true, force: true });
  const result = await build({
    absWorkingDir: here,
    entryPoints: ['main.ts'],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.18',
    packages: 'external',
    legalComments: 'none',
    // Names are not minified, so that stack traces are readable.
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'warning',
    metafile: true,
    write,
  });
  if (write) chmodSync(join(outdir, 'main.js'), 0o755);
  return result;
}
