/** Installs the linter, the emulator, and other implementations of protocols from PyPI, in a virtual environment outside of the work tree. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from './run-program.ts';

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));

/** Python 3 with venv and pip, or undefined if this machine lacks one of them. */
export async function findPython(): Promise<string | undefined> {
  const check = 'import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, 10) else 1)';
  for (const command of ['python3', 'python']) {
    const found = await runProgram(command, ['-c', check]).catch(() => undefined);
    if (found?.code === 0) return command;
  }
  return undefined;
}

/**
 * Installs exactly the packages of requirements.txt, verified by their hashes, and returns the folder of the commands.
 * The folder is named after the requirements, so a changed version is installed anew. @throws Error if pip fails
 */
export async function installPythonTools(python: string): Promise<string> {
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const folder = join(cache, 'anima-vault-tests', `python-${hash}`);
  const complete = join(folder, 'complete');
  const commands = join(folder, process.platform === 'win32' ? 'Scripts' : 'bin');
  if (existsSync(complete)) return commands;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await succeed(python, ['-m', 'venv', folder]);
  await succeed(join(commands, 'python'), ['-m', 'pip', 'install', '--quiet', '--require-hashes', '-r', requirements]);
  writeFileSync(complete, '');
  return commands;
}

async function succeed(command: string, args: readonly string[]): Promise<void> {
  const { code, output } = await runProgram(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`);
}
