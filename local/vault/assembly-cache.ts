/**
 * Tells whether an assembly that was synthesized before is still that of this project. Synthesis takes longer than all the rest of a
 * start together.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { join, sep } from 'node:path';
import { readFileIfExists, writeFileAtomically } from '../aws/shared/durable-files.ts';

/**
 * Folders that no app is made of, by name. What is installed is told by the lock files. The list names what is left out, not what counts:
 * a folder that is forgotten here costs a synthesis, and not a wrong assembly.
 */
const leftOut: ReadonlySet<string> = new Set(['node_modules', 'test', 'docs', 'bench', 'dist', 'coverage', 'cdk.out']);
const installed = 'node_modules/.package-lock.json';
/** What the app may read of the environment. */
const readByApp = /^(CDK|NODE)_/;

/** A digest of all that an assembly is made of: the files of the project, its settings, the environment and this Node. */
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
  const hidden = (path: string) => path.split(sep).some((name) => name.startsWith('.') || leftOut.has(name));
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

/** Calls `synthesize` unless the assembly of this fingerprint is in `output` already, whole. */
export async function synthesizeOnce(output: string, print: string, synthesize: () => Promise<void>): Promise<void> {
  const mark = `${output}.fingerprint`;
  if (readFileIfExists(mark) === print && existsSync(join(output, 'manifest.json'))) return;
  // In this order: a start that is killed on its way leaves no mark beside a half of an assembly.
  rmSync(mark, { force: true });
  rmSync(output, { recursive: true, force: true });
  await synthesize();
  writeFileAtomically(mark, print);
}
