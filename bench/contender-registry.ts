/** All contenders by name. A module is loaded only in the process that measures its contender (contender-main.ts). */
import { randomBytes } from 'node:crypto';
import type { Contender, Prepared, Task } from './contender.ts';

const value = () => import('./value-contenders.ts');
const blob = () => import('./blob-contenders.ts');
const npm = () => import('./npm-contenders.ts');
const http = () => import('./http-contenders.ts');

export const contenders = {
  core: async (task) => prepare((await value()).core, task),
  bareGcm: async (task) => prepare((await value()).bareGcm, task),
  coreBlob: async (task) => prepare((await blob()).coreBlob, task),
  wholeGcm: async (task) => prepare((await blob()).wholeGcm, task),
  libsodium: async (task) => prepare((await npm()).libsodium, task),
  jose: async (task) => prepare((await npm()).jose, task),
  cloak: async (task) => prepare((await npm()).cloak, task),
  awsEncryptionSdk: async (task) => prepare((await npm()).awsEncryptionSdk, task),
  sdk: async (task) => (await http()).sdk(task),
  bareFetch: async (task) => (await http()).bareFetch(task),
} as const satisfies Record<string, (task: Task) => Promise<Prepared>>;

export type ContenderName = keyof typeof contenders;

/** The peers from npm that encrypt values. They must be installed (npm-packages.ts). */
export const peers: readonly ContenderName[] = ['libsodium', 'jose', 'cloak', 'awsEncryptionSdk'];

/** Checks that a contender decrypts its ciphertext to the plaintext before it is measured. */
async function prepare(contender: Contender, { operation, size }: Task): Promise<Prepared> {
  const plaintext = randomBytes(size);
  const subject = await contender(plaintext);
  const [once, again] = [await subject.seal(), await subject.seal()];
  const opened = await (subject.whole ?? subject.open)();
  if (Buffer.from(once).equals(Buffer.from(again)) || !Buffer.from(opened).equals(plaintext)) {
    throw new Error(`${subject.name} failed the round trip. Nothing was measured.`);
  }
  return { name: subject.name, run: operation === 'seal' ? subject.seal : subject.open };
}
