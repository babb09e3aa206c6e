/**
 * Reuses the assembly of an earlier start if the project has not changed. Synthesis takes longer than all other steps
 * of a start together.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { join, sep } from 'node:path';
import { readFileIfExists, writeFileAtomically } from '../aws/shared/durable-files.ts';

/**
 * Names of folders that are not inputs of the app. The lock file identifies the installed packages. This is a list of
 * exclusions, so a missing entry causes an unnecessary synthesis, not an outdated assembly.
 */
const excludedFolders: ReadonlySet<string> = new Set([
  'node_modules',
  'test',
  'docs',
  'bench',
  'dist',
  'coverage',
  'cdk.out',
]);
const installed = 'node_modules/.package-lock.json';
/** The environment variables that the app can read. */
const readByApp = /^(CDK|NODE)_/;

/** A digest of all inputs of an assembly: the project files, the settings, the environment and the Node.js version. */
export function fingerprint(projectFolder: string, settings: object): string {
  const hash = createHash('sha256');
  const add = (name: string, content: string | Buffer) => {
    hash.update(`${JSON.stringify(name)} ${content.length}\n`).update(content);
  };
  const environment = Object.entries(process.env).filter(([name]) => readByApp.test(name));
  add('settings', JSON.stringify([process.version, settings, environment.sort()]));
  for (const path of filesOf(projectFolder)) add(path, readFileSync(join(projectFolder, path)));
  add(installed, readFileIfExists(join(projectFolder, installed)) ?? '');
  return hash.digest('hex');
}

function filesOf(projectFolder: string): string[] {
  const hidden = (path: string) => path.split(sep).some((name) => name.startsWith('.') || excludedFolders.has(name));
  const entries = globSync('**/*', {
    cwd: projectFolder,
    withFileTypes: true,
    exclude: ({ name }) => hidden(name),
  });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(projectFolder.length)
        .replace(/^[/\\]/, ''),
    )
    .filter((path) => !hidden(path))
    .sort();
}

/** Calls `synthesize` unless `output` already contains the complete assembly with this fingerprint. */
export async function synthesizeOnce(output: string, print: string, synthesize: () => Promise<void>): Promise<void> {
  const mark = `${output}.fingerprint`;
  if (readFileIfExists(mark) === print && existsSync(join(output, 'manifest.json'))) return;
  // The fingerprint is deleted first and written last, so that it never marks an incomplete assembly after a crash.
  rmSync(mark, { force: true });
  rmSync(output, { recursive: true, force: true });
  await synthesize();
  writeFileAtomically(mark, print);
}
