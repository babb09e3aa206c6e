/** Public keys for receipts and audit seals, from a file or from the vault. */
import { type PublicJwk, parseJwkSet } from '../../core/signing/jws.ts';
import { CommandError, exitCodes, usageError } from './command-error.ts';
import { fetchFor } from './node-fetch.ts';
import { readInput } from './private-files.ts';
import type { Shell } from './shell.ts';

const jwksPath = '/.well-known/jwks.json';
const timeoutMs = 30_000;

/**
 * Loads the keys of a JWK set.
 * @param source a file, the address of the set at this vault, or undefined for that address. No other host is
 * contacted.
 * @throws CommandError if there are none
 */
export async function loadPublicKeys(shell: Shell, source: string | undefined): Promise<PublicJwk[]> {
  const text = await readJwkSet(shell, source);
  const keys = parseJwkSet(parseJsonOrUndefined(text));
  if (keys.length > 0) return keys;
  throw new CommandError('The input is not a JWK set with a P-256 key; nothing was verified', {
    exit: exitCodes.usage,
    next: 'Get the vault’s keys with `anima receipt keys > jwks.json`.',
  });
}

async function readJwkSet(shell: Shell, source: string | undefined): Promise<string> {
  if (source !== undefined && !/^https?:/i.test(source)) return (await readInput(source, shell.stdin)).toString('utf8');
  const address = `${await shell.address()}${jwksPath}`;
  if (source !== undefined && source !== address) {
    throw usageError(
      '--jwks is not the address of the vault’s key set; nothing was fetched',
      'Download the key set and use its file.',
    );
  }
  shell.note(
    'The public keys were just fetched from the vault, so they prove only what its address proves. Saved keys (`anima receipt keys`) prove more.',
  );
  return await fetchJwkSet(shell, address);
}

/** The key set as published by the vault, as text. */
export async function fetchPublicKeys(shell: Shell): Promise<string> {
  const text = await fetchJwkSet(shell, `${await shell.address()}${jwksPath}`);
  if (parseJwkSet(parseJsonOrUndefined(text)).length > 0) return text;
  throw notAVaultError();
}

async function fetchJwkSet({ env }: Shell, url: string): Promise<string> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetchFor(env)(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    text = await answer.text();
  } catch {
    throw new CommandError('The public keys could not be fetched from the vault', {
      exit: exitCodes.unavailable,
      next: 'Use a file with --jwks, or check the connection with `anima doctor`.',
    });
  }
  if (answer.ok) return text;
  throw notAVaultError();
}

const notAVaultError = (): CommandError =>
  new CommandError('The server at that address returned no public keys of a vault', {
    exit: exitCodes.unavailable,
    next: 'Check that it is the address of an Anima vault (`anima doctor`).',
  });

function parseJsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
