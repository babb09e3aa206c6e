/**
 * Bundles the command into dist/: our own code in as many files as there are commands, so that each loads what it needs.
 * Packages stay packages: who installs the command gets them as its dependencies, with their updates.
 */
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildResult, build, type Metafile } from 'esbuild';

const here = import.meta.dirname;

/**
 * @param write whether to write the folder anew, or only to tell what would stand there
 * @param outdir another folder than dist/
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
    // Names stay as they are, so that a stack trace can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'warning',
    metafile: true,
    write,
  });
  if (write) chmodSync(join(outdir, 'main.js'), 0o755);
  return result;
}
