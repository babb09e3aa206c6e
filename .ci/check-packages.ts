/** Checks the published packages: packs them once (`prepack` builds them) and checks the tarballs, not the folders. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { formatApiKey } from '../core/api-keys/api-key.ts';

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
  const entries: Record<string, Record<string, { types: string; default: string }> | string> = exports;
  const files = Object.values(entries).flatMap((entry) =>
    typeof entry === 'string' ? [] : Object.values(entry).flatMap(({ types, default: code }) => [types, code]),
  );
  checkFiles(packed, files, /^dist\/(?:.*\.(?:js|d\.ts)|cjs\/package\.json)$/);
  const tarball = join(folder, packed.filename);
  run('publint', ['run', tarball, '--strict']);
  // Without "node10", whose resolution knows no entries beside the main one.
  run('attw', [tarball, '--profile', 'node16', '--no-emoji']);
  checkCommonJs(tarball);
}

/** A program of a project whose modules are CommonJS, as its author writes it. */
const commonJsProgram = `
import { Anima, ConflictError, type SetOptions } from '@anima/sdk';
import { DeviceVaults, memoryStorage } from '@anima/sdk/device';
import { nodeStorage } from '@anima/sdk/device/node';
import { SessionDevices } from '@anima/sdk/session';

const apiKey = process.env.ANIMA_KEY;
const answer = { name: 'a', version: 1, createdAt: '2026-11-21T03:00:00.000Z', metadata: {}, value: 'v' };
const client = new Anima({ apiKey, baseURL: 'https://vault.test', fetch: async () => Response.json(answer) });
const options: SetOptions = { ifVersion: 1 };
async function main(): Promise<void> {
  const { version } = await client.vault.set('a', 'v', options);
  const made = [DeviceVaults, SessionDevices].every((one) => typeof one === 'function' && nodeStorage.length === 1);
  // Batches load a further module.
  const batch = await client.vault.getMany(['a']).catch((error: unknown) => error instanceof ConflictError);
  console.log(version, await client.vault.get('a'), made, batch, memoryStorage().keys !== undefined);
}
void main();
`;

/** Compiles and runs a CommonJS program against the packed SDK, with the strictest resolution, and library files checked. */
function checkCommonJs(tarball: string): void {
  const place = join(folder, 'commonjs');
  const home = join(place, 'node_modules', '@anima', 'sdk');
  mkdirSync(home, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', home, '--strip-components', '1']);
  for (const name of ['@noble', 'hpke', '@types', 'undici-types'])
    symlinkSync(resolve('node_modules', name), join(place, 'node_modules', name));
  writeFileSync(join(place, 'package.json'), '{"type":"commonjs"}');
  writeFileSync(join(place, 'main.ts'), commonJsProgram);
  const options = ['--strict', '--module', 'node16', '--target', 'es2022', '--lib', 'es2022', '--types', 'node'];
  run('tsc', ['--ignoreConfig', ...options, '--esModuleInterop', join(place, 'main.ts')]);
  const env = {
    ...process.env,
    ANIMA_KEY: formatApiKey({ org: 'a'.repeat(16), id: 'b'.repeat(16), secret: 'c'.repeat(43) }),
  };
  const { stdout, stderr } = spawnSync(process.execPath, [join(place, 'main.js')], { encoding: 'utf8', env });
  if (stdout !== '1 v true false true\n') problems.push(`the CommonJS program does not work: ${stdout}${stderr}`);
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
