/** The data folder of a vault, and the assembly that is synthesized into it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { synthesize } from '../aws/cloudformation/cdk-synth.ts';
import { makePrivateFolder } from '../aws/shared/durable-files.ts';
import { lockFolder } from './data-folder-lock.ts';
import type { LocalOptions } from './local-vault-options.ts';

export type OnClose = (closer: () => void | Promise<void>) => void;

const projectFolder = fileURLToPath(new URL('../..', import.meta.url));

/** Locked until the end; null with `memory`. */
export function openFolder({ dataDir = '.anima', memory }: LocalOptions, onClose: OnClose): string | null {
  if (memory === true) return null;
  const folder = resolve(dataDir);
  makePrivateFolder(folder);
  onClose(lockFolder(folder));
  return folder;
}

/** Beside those of cdk.json: here a conversation has someone who answers. */
const localSettings = { responder: 'sample' };

/** The folder of the assembly. */
export async function synthesizeInto(folder: string | null, options: LocalOptions, onClose: OnClose): Promise<string> {
  options.onProgress?.('synthesizing the CDK app');
  const output = folder === null ? mkdtempSync(join(tmpdir(), 'anima-assembly-')) : join(folder, 'assembly');
  const remove = () => rmSync(output, { recursive: true, force: true });
  // Bundles of earlier versions would pile up; and without a data folder nothing is to remain.
  if (folder === null) onClose(remove);
  else remove();
  await synthesize(projectFolder, output, { ...localSettings, ...options.context }, options.signal);
  return output;
}
