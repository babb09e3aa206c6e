import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { vaultApp } from '../bin/cdk-app.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of the synthesized cloud assembly, the same for all test files. */
    assembly: string;
  }
}

/**
 * Synthesizes the CDK app once. All end-to-end tests use this template. `ANIMA_TEST_ASSEMBLY` names a folder with the
 * assembly of this tree, for several runs of one tree.
 */
export function setup(project: TestProject): () => void {
  const ready = process.env.ANIMA_TEST_ASSEMBLY;
  if (ready !== undefined) {
    project.provide('assembly', ready);
    return () => {};
  }
  const outdir = mkdtempSync(join(tmpdir(), 'anima-test-assembly-'));
  // The sample responder is included, so that the template has all functions under test.
  vaultApp({ outdir, context: { responder: 'sample' } }).synth();
  project.provide('assembly', outdir);
  return () => rmSync(outdir, { recursive: true, force: true });
}
