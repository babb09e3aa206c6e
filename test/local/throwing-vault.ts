/**
 * Runs as a separate process: a vault whose engines, gateway and object store can throw an uncaught error, like a fault
 * in a package. Prints its addresses as a line of JSON. With `--throw`, the name of the requested resource selects the
 * fault of an engine.
 */

import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { surviveErrors } from '../../local/aws/shared/uncaught-errors.ts';
import { startLocalVault } from '../../local/vault/local-vault.ts';

const [assembly = ''] = process.argv.slice(2);
const secret = 'a-secret-in-a-message';
const fault = () => {
  throw new RangeError(`not expected: ${secret}`);
};

/** Ways in which an error evades every handler. */
const ways: Readonly<Record<string, () => void>> = {
  timer: () => void setTimeout(fault, 1),
  immediate: () => void setImmediate(fault),
  tick: () => process.nextTick(fault),
  microtask: () => queueMicrotask(fault),
  rejection: () => void Promise.reject(new RangeError(`not expected: ${secret}`)),
};

/** After a fault, an engine never responds to the call. */
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
