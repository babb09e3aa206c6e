import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vaultApp } from '../../bin/cdk-app.ts';
import { backgroundFunctions, routeGroups } from '../../contract/routes.ts';

/** Synthesizes the vault with a different file for the function of one entry. */
export function assemblyWith(other: string, file: URL): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'anima-isolation-'));
  const sources = fileURLToPath(new URL('../../lambdas/functions', import.meta.url));
  for (const entry of [...routeGroups, ...backgroundFunctions]) {
    const source = entry === other ? fileURLToPath(file) : join(sources, `${entry}.ts`);
    writeFileSync(join(folder, `${entry}.ts`), `export { handler } from ${JSON.stringify(source)};\n`);
  }
  vaultApp({ handlers: folder, outdir: join(folder, 'out') }).synth();
  return { folder: join(folder, 'out'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
