/**
 * Runs as a process of its own: a vault in whose engines, gateway and object store an error can be thrown that nobody catches, as a fault of
 * a package would. Prints its addresses as a line of JSON; what `--throw` makes an engine do is chosen by the name of what is asked for.
 */

import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { surviveErrors } from '../../local/aws/shared/uncaught-errors.ts';
import { startLocalVault } from '../../local/vault/local-vault.ts';

const [assembly = ''] = process.argv.slice(2);
const secret = 'a-secret-in-a-message';
const fault = () => {
  throw new RangeError(`not expected: ${secret}`);
};

/** Ways in which an error gets past everybody who could catch it. */
const ways: Readonly<Record<string, () => void>> = {
  timer: () => void setTimeout(fault, 1),
  immediate: () => void setImmediate(fault),
  tick: () => process.nextTick(fault),
  microtask: () => queueMicrotask(fault),
  rejection: () => void Promise.reject(new RangeError(`not expected: ${secret}`)),
};

/** After its fault an engine never answers by itself. */
const before = async ({ input }: EngineCall) => {
  const way = Object.entries(ways).find(([name]) => JSON.stringify(input)?.includes(`throw-${name}`));
  if (way === undefined) return;
  way[1]();
  await new Promise(() => {});
};

const vault = await startLocalVault({ assembly, port: 0, memory: true, hooks: { before } });
surviveErrors(vault.reportError);
process.on('message', (message) => {
  if (message === 'logs') process.send?.(vault.logs());
  else if (message === 'throw') setTimeout(fault, 1);
  else void vault.close().then(() => process.disconnect());
});
process.send?.({ ...vault.endpoints, url: vault.url, credentials: vault.credentials, resources: vault.resources });
