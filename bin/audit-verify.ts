/** `npm run audit:verify`: verifies an audit export offline (docs/format.md, section 8). */
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { formatVerifiedExport, type VerifiedExport, verifyExport } from '../core/audit/audit-export.ts';
import { type PublicJwk, parseJwkSet } from '../core/signing/jws.ts';

const help = `Verifies an audit export offline, with the public keys of the deployment.

  npm run audit:verify -- export.jsonl jwks.json [options]

  export.jsonl     one record per line; each seal follows the records that it covers: {"seal":"…"}
  jwks.json        the response of GET /.well-known/jwks.json, saved when it was trusted

  --until TIME     require that the export is complete until this RFC 3339 time
  --includes HASH  require this seal: the head that an earlier verification printed

Exit status: 0 the export is valid, 1 it is not (standard output has the reasons), 2 it could not be verified.
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
  if (Number.isNaN(until)) throw new Error('--until must be an RFC 3339 time. Nothing was verified.');
  return { exportFile, keysFile, until, includes: values.includes };
}

function readKeys(file: string): PublicJwk[] {
  const keys = parseJwkSet(JSON.parse(readFileSync(file, 'utf8')));
  if (keys.length === 0) throw new Error(`${file} has no P-256 key. It must be a JWK set. Nothing was verified.`);
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
