/** The gate of what is published: packs the SDK once (its `prepack` builds it) and judges the tarball, not the folder. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'anima-sdk-'));
const problems: string[] = [];

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

function pack(): Packed {
  const args = ['pack', '--workspace', 'sdk', '--json', '--pack-destination', folder];
  const out = execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  // npm prints what prepack prints before its own JSON.
  const packed: Packed[] = JSON.parse(out.slice(out.search(/^\[/m)));
  const [first] = packed;
  if (first === undefined) throw new Error('npm pack made no tarball; the package was not checked');
  return first;
}

function checkFiles(files: readonly string[]): void {
  const { exports } = JSON.parse(readFileSync('sdk/package.json', 'utf8'));
  const entry: { types: string; default: string } = exports['.'];
  for (const needed of ['README.md', 'LICENSE', 'package.json', entry.types, entry.default]) {
    if (!files.includes(needed.replace(/^\.\//, ''))) problems.push(`the tarball lacks ${needed}`);
  }
  for (const file of files) {
    if (!/^(?:dist\/.*\.(?:js|d\.ts)|README\.md|LICENSE|package\.json)$/.test(file))
      problems.push(`the tarball holds ${file}`);
  }
}

function run(command: string, args: string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) problems.push(`${command} ${args[0]} failed${error === undefined ? '' : `: ${error.message}`}`);
}

try {
  const { filename, files } = pack();
  const tarball = join(folder, filename);
  checkFiles(files.map(({ path }) => path));
  console.log(`package: ${filename}, ${files.length} files`);
  run('publint', ['run', tarball, '--strict']);
  run('attw', [tarball, '--profile', 'esm-only', '--no-emoji']);
} finally {
  rmSync(folder, { recursive: true });
}

for (const problem of problems) console.error(`package: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
