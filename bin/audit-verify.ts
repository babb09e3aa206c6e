/** `npm run audit:verify`: verifies an export of the audit, offline (docs/format.md, section 8). */
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { parseSeal, sealType } from '../core/audit.ts';
import { type AuditProblem, type AuditSummary, AuditVerifier } from '../core/audit-verifier.ts';
import { type PublicJwk, thumbprint, verifyJws } from '../core/jws.ts';

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

/** The P-256 keys of a JWK set, named by their own thumbprints whatever the file calls them. */
function readKeys(file: string): PublicJwk[] {
  const set: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const list = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined;
  if (!Array.isArray(list)) throw new Error(`${file} is no JWK set: it has no list "keys".`);
  const keys = list.flatMap(({ kty, crv, x, y }) =>
    kty === 'EC' && crv === 'P-256' && typeof x === 'string' && typeof y === 'string'
      ? [{ kty, crv, x, y, kid: thumbprint({ kty, crv, x, y }), use: 'sig', alg: 'ES256' } satisfies PublicJwk]
      : [],
  );
  if (keys.length === 0) throw new Error(`${file} holds no P-256 key.`);
  return keys;
}

/** A line as JSON; undefined, which the verifier refuses, when it is none. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function verify({ exportFile, keysFile, until, includes }: Command) {
  const keys = readKeys(keysFile);
  const verifier = new AuditVerifier((jws) => parseSeal(verifyJws(jws, keys, sealType)));
  const input = createReadStream(exportFile, 'utf8');
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line !== '') verifier.add(parseLine(line));
  }
  return verifier.end({ until, includes });
}

function report(problems: readonly AuditProblem[], summary: AuditSummary): string {
  const lines = problems.map(({ code, detail }) => `${code}: ${detail}`);
  lines.push(
    problems.length === 0 ? 'The export holds.' : `The export does not hold: ${problems.length} problems.`,
    `organization    ${summary.org ?? '-'}`,
    `seals           ${summary.seals}`,
    `records         ${summary.records}, and ${summary.expired} that were no longer kept`,
    `complete until  ${summary.completeUntil ?? '-'}`,
    `head            ${summary.head ?? '-'}`,
  );
  return `${lines.join('\n')}\n`;
}

try {
  const command = readCommand();
  if (command === undefined) process.stdout.write(help);
  else {
    const { problems, summary } = await verify(command);
    process.stdout.write(report(problems, summary));
    process.exitCode = problems.length === 0 ? 0 : 1;
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
