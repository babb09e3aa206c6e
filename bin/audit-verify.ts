/** `npm run audit:verify`: verifies an export of the audit, offline (docs/format.md, section 8). */
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { formatVerifiedExport, type VerifiedExport, verifyExport } from '../core/audit/audit-export.ts';
import { type PublicJwk, parseJwkSet } from '../core/signing/jws.ts';

const help = `Verifies an export of the audit with the deployment's public keys, offline.

  npm run audit:verify -- export.jsonl jwks.json [options]

  export.jsonl     records, one a line, each seal after the records it covers: {"seal":"…"}
  jwks.json        the answer of GET /.well-known/jwks.json, kept from a time when it was trusted

  --until TIME     the export must be complete until this RFC 3339 time
  --includes HASH  this seal must be in it: the head that an earlier verification printed

Exit status: 0 it holds, 1 it does not (standard output says why), 2 it could not be verified.
`;

interface Command {
  readonly exportFile: string;
  readonly keysFile: string;
  readonly until: number | undefined;
  readonly includes: string | undefined;
}

function readCommand(): Command | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { until: { type: 'string' }, includes: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) return undefined;
  const [exportFile, keysFile, ...more] = positionals;
  if (exportFile === undefined || keysFile === undefined || more.length > 0) throw new Error(help);
  const until = values.until === undefined ? undefined : Date.parse(values.until);
  if (Number.isNaN(until)) throw new Error('--until is no RFC 3339 time.');
  return { exportFile, keysFile, until, includes: values.includes };
}

function readKeys(file: string): PublicJwk[] {
  const keys = parseJwkSet(JSON.parse(readFileSync(file, 'utf8')));
  if (keys.length === 0) throw new Error(`${file} holds no P-256 key of a JWK set.`);
  return keys;
}

async function verify({ exportFile, keysFile, until, includes }: Command): Promise<VerifiedExport> {
  const keys = readKeys(keysFile);
  const input = createReadStream(exportFile, 'utf8');
  return await verifyExport(createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }), keys, { until, includes });
}

try {
  const command = readCommand();
  if (command === undefined) process.stdout.write(help);
  else {
    const verified = await verify(command);
    process.stdout.write(`${formatVerifiedExport(verified)}\n`);
    process.exitCode = verified.problems.length === 0 ? 0 : 1;
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
