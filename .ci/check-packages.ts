/** Checks the published packages: packs them once (`prepack` builds them) and checks the tarballs, not the folders. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'anima-packages-'));
const problems: string[] = [];

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

function pack(workspace: string): Packed {
  const args = ['pack', '--workspace', workspace, '--json', '--pack-destination', folder];
  const out = execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  // npm prints the output of prepack before its JSON.
  const packed: Packed[] = JSON.parse(out.slice(out.search(/^\[/m)));
  const [first] = packed;
  if (first === undefined)
    throw new Error(`npm pack did not create a tarball of ${workspace}. The package was not checked.`);
  console.log(`package: ${first.filename}, ${first.files.length} files`);
  return first;
}

function checkFiles({ filename, files }: Packed, needed: readonly string[], allowed: RegExp): void {
  const paths = files.map(({ path }) => path);
  for (const one of ['README.md', 'LICENSE', 'package.json', ...needed]) {
    if (!paths.includes(one.replace(/^\.\//, ''))) problems.push(`${filename} lacks ${one}`);
  }
  for (const path of paths) {
    if (!allowed.test(path) && !/^(?:README\.md|LICENSE|package\.json)$/.test(path)) {
      problems.push(`${filename} holds ${path}`);
    }
  }
}

function run(command: string, args: string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) problems.push(`${command} ${args[0]} failed${error === undefined ? '' : `: ${error.message}`}`);
}

function checkSdk(): void {
  const packed = pack('sdk');
  const { exports } = JSON.parse(readFileSync('sdk/package.json', 'utf8'));
  const entry: { types: string; default: string } = exports['.'];
  checkFiles(packed, [entry.types, entry.default], /^dist\/.*\.(?:js|d\.ts)$/);
  const tarball = join(folder, packed.filename);
  run('publint', ['run', tarball, '--strict']);
  run('attw', [tarball, '--profile', 'esm-only', '--no-emoji']);
}

/** The command has no types and no exports, so this checks that it runs from its tarball with its dependencies. */
function checkCli(): void {
  const packed = pack('cli');
  const { bin, version } = JSON.parse(readFileSync('cli/package.json', 'utf8'));
  checkFiles(packed, [bin.anima], /^dist\/[\w-]+\.js$/);
  const tarball = join(folder, packed.filename);
  run('publint', ['run', tarball, '--strict']);
  // Unpack within cli/, where Node.js finds the dependencies. Each pack rebuilds dist/.
  const place = resolve('cli', 'dist', 'unpacked');
  mkdirSync(place, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', place]);
  const main = join(place, 'package', bin.anima);
  for (const [args, expected] of [
    [['--version'], version],
    [['get', '--help'], 'Usage: anima get'],
  ] as const) {
    const { stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
    if (!stdout.startsWith(expected))
      problems.push(`${packed.filename}: anima ${args.join(' ')} does not work: ${stderr}`);
  }
  rmSync(place, { recursive: true });
}

try {
  checkSdk();
  checkCli();
} finally {
  rmSync(folder, { recursive: true });
}

for (const problem of problems) console.error(`package: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
