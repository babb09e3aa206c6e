/** The data folder of a vault, and the cloud assembly that is synthesized into it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { synthesize } from '../aws/cloudformation/cdk-synth.ts';
import { makePrivateFolder } from '../aws/shared/durable-files.ts';
import { fingerprint, synthesizeOnce } from './assembly-cache.ts';
import { lockDataFolder } from './data-folder-lock.ts';
import type { LocalVaultOptions } from './local-vault-options.ts';

export type RegisterCloser = (closer: () => void | Promise<void>) => void;

const projectFolder = fileURLToPath(new URL('../..', import.meta.url));

/** Opens the data folder and locks it until the vault is closed. Returns null with `memory`. */
export function openDataFolder(
  { dataDir = '.anima', memory }: LocalVaultOptions,
  onClose: RegisterCloser,
): string | null {
  if (memory === true) return null;
  const folder = resolve(dataDir);
  makePrivateFolder(folder);
  onClose(lockDataFolder(folder));
  return folder;
}

/** Context in addition to cdk.json: the local vault deploys the sample responder, which answers messages. */
const localContext = { responder: 'sample' };

/** Returns the folder of the assembly. With a data folder, an unchanged assembly of an earlier start is reused. */
export async function synthesizeAssembly(
  folder: string | null,
  options: LocalVaultOptions,
  onClose: RegisterCloser,
): Promise<string> {
  const settings = { ...localContext, ...options.context };
  const run = async (output: string) => {
    options.onProgress?.('synthesizing the CDK app');
    await synthesize(projectFolder, output, settings, options.signal);
  };
  if (folder === null) {
    const output = mkdtempSync(join(tmpdir(), 'anima-assembly-'));
    onClose(() => rmSync(output, { recursive: true, force: true }));
    await run(output);
    return output;
  }
  const output = join(folder, 'assembly');
  await synthesizeOnce(output, fingerprint(projectFolder, settings), () => run(output));
  return output;
}
