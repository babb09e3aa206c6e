/** The folder of a new user, with the published packages installed, and a terminal in it. */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { inject } from 'vitest';
import { bundleCli } from '../../cli/bundle.ts';
import { projectFolder } from '../shared/vault-process.ts';

export interface CommandResult {
  readonly code: number;
  /** Standard output and standard error, interleaved as in a terminal. */
  readonly output: string;
}

export class Terminal {
  readonly folder = mkdtempSync(join(tmpdir(), 'anima-user-'));
  readonly #env: Record<string, string>;
  #vault: ReturnType<typeof spawn> | undefined;

  constructor() {
    this.#env = {
      PATH: [join(this.folder, 'node_modules', '.bin'), dirname(process.execPath), process.env.PATH].join(delimiter),
      HOME: this.folder,
      ANIMA_KEYRING: 'off',
      ANIMA_VAULT_HOME: projectFolder,
      NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
    };
  }

  /** Runs a bash script. Its exported and other variables are kept for the next script. */
  async run(script: string, { input = '', cwd = this.folder } = {}): Promise<CommandResult> {
    const kept = join(this.folder, '.variables');
    const before = existsSync(kept) ? `. ${kept}\n` : '';
    // With a socket as input, bash acts as a remote shell and reads its startup files. Its read-only variables cannot
    // be set.
    const after = `declare -px > ${kept}; declare -p | grep -E '^declare -- [a-z]+=' >> ${kept} || true`;
    const child = spawn('bash', ['--norc', '-euo', 'pipefail', '-c', `exec 2>&1\n${before}${script}\n${after}`], {
      cwd,
      env: this.#env,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.stdin.on('error', () => undefined).end(input);
    const code = await new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? -1)));
    return { code, output };
  }

  /**
   * Starts the vault with an `anima dev` command, which keeps running.
   * @returns the output until the vault is ready, and its URL
   */
  async startVault(command: string): Promise<{ readonly output: string; readonly url: string }> {
    // Any free port, the synthesized template, and waits scaled to a twentieth.
    const more = `--memory --port 0 --time-scale 0.05 --assembly ${inject('assembly')}`;
    const vault = spawn('bash', ['-c', `exec ${command} ${more}`], { cwd: this.folder, env: this.#env });
    this.#vault = vault;
    let output = '';
    await new Promise<void>((resolve, reject) => {
      for (const stream of [vault.stdout, vault.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
          if (output.includes('Press Ctrl-C')) resolve();
        });
      }
      vault.once('exit', (code) => reject(new Error(`the vault ended with ${code}: ${output}`)));
    });
    return { output, url: /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] ?? '' };
  }

  async end(): Promise<void> {
    const vault = this.#vault;
    if (vault !== undefined && vault.exitCode === null) {
      const exited = new Promise((resolve) => vault.once('exit', resolve));
      vault.kill('SIGINT');
      await exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Installs the command from its tarball. Its declared dependencies are linked from this checkout. */
  async installCli(): Promise<void> {
    await unpack('cli', this.folder, async (place) => void (await bundleCli(true, join(place, 'dist'))));
    const { bin, dependencies, optionalDependencies } = manifest('cli');
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) linkPackage(this.folder, name);
    const main = join(this.folder, 'node_modules', '@anima', 'cli', bin.anima ?? '');
    mkdirSync(join(this.folder, 'node_modules', '.bin'));
    symlinkSync(main, join(this.folder, 'node_modules', '.bin', 'anima'));
  }

  async installSdk(): Promise<void> {
    await unpack('sdk', this.folder, (place) => {
      const config = join(projectFolder, 'sdk', 'tsconfig.build.json');
      const compiler = join(projectFolder, 'node_modules', '.bin', 'tsc');
      execFileSync(compiler, ['-p', config, '--outDir', join(place, 'dist')]);
    });
  }
}

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const manifest = (workspace: string): Manifest =>
  JSON.parse(readFileSync(join(projectFolder, workspace, 'package.json'), 'utf8'));

/** Packs a workspace that is built in a separate folder, because other tests pack it at the same time. */
async function unpack(workspace: string, folder: string, build: (place: string) => unknown): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), `anima-pack-${workspace}-`));
  try {
    for (const file of ['package.json', 'README.md', 'LICENSE'])
      cpSync(join(projectFolder, workspace, file), join(place, file));
    await build(place);
    const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', place];
    const out = execFileSync('npm', args, { cwd: place, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const [{ filename }]: [{ filename: string }] = JSON.parse(out);
    const target = join(folder, 'node_modules', '@anima', workspace);
    mkdirSync(target, { recursive: true });
    execFileSync('tar', ['-xzf', join(place, filename), '-C', target, '--strip-components=1']);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function linkPackage(folder: string, name: string): void {
  const homes = [join(projectFolder, 'cli', 'node_modules', name), join(projectFolder, 'node_modules', name)];
  const home = homes.find((one) => existsSync(one));
  if (home === undefined) return;
  const at = join(folder, 'node_modules', name);
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(home, at);
}

/** Writes a file to the folder of a terminal. */
export const writeInto = (terminal: Terminal, name: string, text: string): void =>
  writeFileSync(join(terminal.folder, name), text);
