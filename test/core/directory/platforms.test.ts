/** The directory in browsers and workers: a bundle without modules of Node, run without the globals of Node. */
import { globSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { beforeAll, expect, test } from 'vitest';
import { directoryPin } from '../../../core/directory/directory-pin.ts';
import { createInvite, formatInvite, inviteLookup } from '../../../core/directory/invite.ts';
import { toHex } from '../../../core/encoding/bytes.ts';
import { fullDirectory, org } from './directory-simulator.ts';

/** Runs in the bundle. `modules` are the exports of core/directory by file. */
const script = `
globalThis.verify = (org, log) => {
  let state = modules['directory-state'].initialDirectory(org);
  for (const signed of log) {
    const outcome = modules['apply-entry'].applyEntry(state, Uint8Array.from(signed));
    if (outcome.result !== 'accept') return outcome.result + ' ' + outcome.reason;
    state = outcome.state;
  }
  return Array.from(modules['directory-pin'].directoryPin(state)).join();
};
globalThis.lookup = async (text) => {
  const { parseInvite, inviteLookup } = modules['invite'];
  return Array.from(await inviteLookup(parseInvite(text))).join();
};`;

let code = '';
beforeAll(async () => {
  const files = globSync('core/directory/*.ts');
  const contents = [
    ...files.map((file, n) => `import * as m${n} from './${file}';`),
    `const modules = { ${files.map((file, n) => `'${file.replace(/^.*\/(.*)\.ts$/, '$1')}': m${n}`).join(', ')} };`,
    script,
  ].join('\n');
  const stdin = { contents, resolveDir: process.cwd() };
  const { outputFiles } = await build({ stdin, bundle: true, format: 'iife', platform: 'browser', write: false });
  code = outputFiles[0]?.text ?? '';
});

test('the bundle has no module of Node and no Buffer', () => {
  expect(code).toContain('anima:directory:v1');
  expect(code).not.toMatch(/\bBuffer\.|from ['"]node:|require\(/);
});

test('it verifies the chain, and derives the values of an invite, with the globals of a browser only', async () => {
  const browser = createContext({ crypto, TextEncoder, TextDecoder, atob, btoa });
  runInContext(code, browser);
  expect(runInContext('typeof process + typeof Buffer', browser)).toBe('undefinedundefined');
  const { directory } = fullDirectory();
  const log = directory.log.map(({ signed }) => [...signed]);
  const pin: string = runInContext(`verify('${org}', ${JSON.stringify(log)})`, browser);
  expect(toHex(Uint8Array.from(pin.split(',').map(Number)))).toBe(toHex(directoryPin(directory.state)));
  const invite = createInvite(org, directoryPin(directory.state));
  const lookup: string = await runInContext(`lookup('${formatInvite(invite)}')`, browser);
  expect(lookup).toBe((await inviteLookup(invite)).join());
});
