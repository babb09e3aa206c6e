/** `npm run audit:verify`: verifies an audit export offline (docs/format.md, section 8). */
import { createReadStream, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { formatVerifiedExport, type VerifiedExport, verifyExport } from '../core/audit/audit-export.ts';
import { RememberedHeads } from '../core/audit/remembered-heads.ts';
import { textLines } from '../core/encoding/text-lines.ts';
import { type PublicJwk, parseJwkSet } from '../core/signing/jws.ts';

const help = `Verifies an audit export offline, with the public keys of the deployment.

  npm run audit:verify -- export.jsonl jwks.json [options]

  export.jsonl     one record per line; each seal follows the records that it covers: {"seal":"…"}
  jwks.json        the response of GET /.well-known/jwks.json, saved when it was trusted

  --until TIME     require that the export is complete until this RFC 3339 time
  --includes HASH  require this seal: the head that an earlier verification printed
  --expect-org ID  require that the export is of this organization
  --state FILE     remember the head of each organization in this file, and require it the next time. Without it, an
                   export that was cut at its end is not detected

Exit status: 0 the export is valid, 1 it is not (standard output has the reasons), 2 it could not be verified, or the
head could not be remembered.
`;

interface Command {
  readonly exportFile: string;
  readonly keysFile: string;
  readonly until: number | undefined;
  readonly includes: string | undefined;
  readonly org: string | undefined;
  readonly stateFile: string | undefined;
}

/** A hash in base64url can begin with `-`. `parseArgs` accepts it only in the same argument as its option. */
function joinHash(args: readonly string[]): string[] {
  const at = args.indexOf('--includes');
  const hash = args[at + 1];
  return at < 0 || hash === undefined ? [...args] : [...args.slice(0, at), `--includes=${hash}`, ...args.slice(at + 2)];
}

function readCommand(): Command | undefined {
  const { values, positionals } = parseArgs({
    args: joinHash(process.argv.slice(2)),
    allowPositionals: true,
    options: {
      until: { type: 'string' },
      includes: { type: 'string' },
      'expect-org': { type: 'string' },
      state: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const [exportFile, keysFile, ...more] = positionals;
  if (exportFile === undefined || keysFile === undefined || more.length > 0) throw new Error(help);
  const until = values.until === undefined ? undefined : Date.parse(values.until);
  if (Number.isNaN(until)) throw new Error('--until must be an RFC 3339 time. Nothing was verified.');
  return { exportFile, keysFile, until, includes: values.includes, org: values['expect-org'], stateFile: values.state };
}

function readKeys(file: string): PublicJwk[] {
  const keys = parseJwkSet(JSON.parse(readFileSync(file, 'utf8')));
  if (keys.length === 0) throw new Error(`${file} has no P-256 key. It must be a JWK set. Nothing was verified.`);
  return keys;
}

function readState(file: string): RememberedHeads {
  try {
    return RememberedHeads.parse(existsSync(file) ? readFileSync(file, 'utf8') : undefined);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The state file ${file} cannot be used: ${reason}. Nothing was verified.`);
  }
}

/** Replaces the file as a whole, so that an interruption does not lose the heads. */
function writeState(file: string, heads: RememberedHeads): void {
  const temporaryFile = `${file}.${process.pid}`;
  try {
    writeFileSync(temporaryFile, heads.toText(), { flag: 'wx', mode: 0o600 });
    renameSync(temporaryFile, file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `The head could not be stored in ${file}: ${reason}. The next verification cannot compare with it.`,
    );
  }
}

async function verify({ exportFile, keysFile, stateFile, ...expected }: Command): Promise<VerifiedExport> {
  const keys = readKeys(keysFile);
  const heads = stateFile === undefined ? undefined : readState(stateFile);
  const lines = textLines(createReadStream(exportFile));
  const verified = await verifyExport(lines, keys, { ...expected, remembered: (org) => heads?.find(org) });
  process.stdout.write(`${formatVerifiedExport(verified)}\n`);
  if (stateFile !== undefined && heads !== undefined && verified.problems.length === 0) {
    heads.add(verified.summary);
    writeState(stateFile, heads);
  }
  return verified;
}

try {
  const command = readCommand();
  if (command === undefined) process.stdout.write(help);
  else {
    const { problems } = await verify(command);
    process.exitCode = problems.length === 0 ? 0 : 1;
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
