/** Public keys of receipts and audit seals: kept in a file, or asked of the vault. */
import { type PublicJwk, parseJwkSet } from '../../core/signing/jws.ts';
import { CommandError, exitCodes, usageError } from './command-error.ts';
import { readInput } from './private-files.ts';
import type { Shell } from './shell.ts';

const jwksPath = '/.well-known/jwks.json';
const timeoutMs = 30_000;

/**
 * The keys of a JWK set.
 * @param source a file, the address of the set at this vault, or undefined for that one. No other host is asked.
 * @throws CommandError when there are none
 */
export async function loadPublicKeys(shell: Shell, source: string | undefined): Promise<PublicJwk[]> {
  const text = await readJwkSet(shell, source);
  const keys = parseJwkSet(parseJsonOrUndefined(text));
  if (keys.length > 0) return keys;
  throw new CommandError('That is no JWK set with a P-256 key; nothing was verified', {
    exit: exitCodes.usage,
    next: '`anima receipt keys > jwks.json` gets the keys of the vault.',
  });
}

async function readJwkSet(shell: Shell, source: string | undefined): Promise<string> {
  if (source !== undefined && !/^https?:/i.test(source)) return (await readInput(source, shell.stdin)).toString('utf8');
  const address = `${await shell.address()}${jwksPath}`;
  if (source !== undefined && source !== address) {
    throw usageError(
      '--jwks names another address than that of the vault; nothing was fetched',
      'Download that set and give its file.',
    );
  }
  shell.note(
    'The public keys come from the vault itself, now: they prove no more than its address does. Keys that you kept (`anima receipt keys`) prove more.',
  );
  return await fetchJwkSet(address);
}

/** The set as the vault publishes it, as text. */
export async function fetchPublicKeys(shell: Shell): Promise<string> {
  const text = await fetchJwkSet(`${await shell.address()}${jwksPath}`);
  if (parseJwkSet(parseJsonOrUndefined(text)).length > 0) return text;
  throw notAVaultError();
}

async function fetchJwkSet(url: string): Promise<string> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    text = await answer.text();
  } catch {
    throw new CommandError('The vault could not be asked for its public keys', {
      exit: exitCodes.unavailable,
      next: 'Give a file by --jwks, or look with `anima doctor`.',
    });
  }
  if (answer.ok) return text;
  throw notAVaultError();
}

const notAVaultError = (): CommandError =>
  new CommandError('What answers at that address has no public keys of a vault', {
    exit: exitCodes.unavailable,
    next: 'Is it the address of an Anima vault? `anima doctor` looks.',
  });

function parseJsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
