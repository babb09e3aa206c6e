/** `anima directory delegate` and `anima directory certify`: fleets of agents, and certificates of their members. */
import { fromBase64, toBase64 } from '../../core/encoding/bytes.ts';
import { issueFleetCertificate, newFleetKey } from '../../sdk/src/session/index.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import { parseDuration } from '../shell/durations.ts';
import { readAll, readInput, reserveFile } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts } from '../shell/terminal-output.ts';
import { withAdmin } from './admin-store.ts';
import { formatKeyText, parseKeyText } from './key-text.ts';
import { checkOrg } from './open-device.ts';
import { checkPerson } from './subject-ids.ts';

export interface DelegateFlags {
  readonly keyFile: string;
  readonly expiresIn: string;
  readonly can?: readonly string[];
}

export async function delegate(shell: Shell, wanted: string, flags: DelegateFlags): Promise<void> {
  const person = checkPerson(wanted);
  const expiresAt = new Date(Date.now() + parseDuration('--expires-in', flags.expiresIn) * 1000);
  const file = await reserveFile(flags.keyFile);
  await file.keepIf(async () =>
    withAdmin(shell, async ({ admin, access }) => {
      const { seed, publicKey } = newFleetKey();
      // Before the fleet is in the directory: without its key it would be of no use.
      if (!(await file.write(`${formatKeyText('fleet', access.org, seed)}\n`)))
        throw new CommandError('The key could not be written; nothing was sent', { exit: exitCodes.failed });
      seed.fill(0);
      const fleet = await admin.delegate({ key: publicKey, person, can: flags.can ?? [], expiresAt });
      shell.print(
        `Delegated to a fleet key.\n${formatFacts([
          ['fleet', fleet],
          ['person', person],
          ['until', expiresAt.toISOString()],
          ['key', `in ${flags.keyFile}, a file of mode 0600`],
          ['pin', admin.pin],
        ])}`,
        { fleet, person, can: flags.can ?? [], expiresAt, keyFile: flags.keyFile, pin: admin.pin },
      );
      shell.note(
        `It has no effect before a device of the person confirms it:\n\n    anima session confirm ${fleet}\n\nA member then asks the machine with the key for a certificate:\n\n    anima agent join --org ${access.org} --pin ${admin.pin} --certify 'ssh holder anima directory certify --org ${access.org} --key-file ${flags.keyFile}'`,
      );
      return true;
    }),
  );
}

export interface CertifyFlags {
  readonly keyFile: string;
  readonly org: string;
  readonly can?: readonly string[];
}

/**
 * Issues a certificate of 24 hours. Reads `{device, ik, dh}` from standard input, keys in base64, and prints the
 * certificate in base64. Sends nothing.
 */
export async function certify(shell: Shell, { keyFile, org: wanted, can = [] }: CertifyFlags): Promise<void> {
  const org = checkOrg(wanted);
  const member = parseMember((await readAll(shell.stdin)).toString('utf8'));
  const text = (await readInput(keyFile, shell.stdin)).toString('utf8');
  const seed = parseKeyText('fleet', org, text);
  const certificate = toBase64(issueFleetCertificate(org, seed, member, { can }));
  seed.fill(0);
  shell.print(certificate, { certificate });
}

function parseMember(text: string): { readonly ik: Uint8Array; readonly dh: Uint8Array } {
  const { ik, dh } = readJson(text);
  const keys = [ik, dh].map((key) => (typeof key === 'string' ? fromBase64(key) : undefined));
  const [first, second] = keys;
  if (first?.length === 32 && second?.length === 32) return { ik: first, dh: second };
  throw usageError('Standard input must be {"ik","dh"} with two keys in base64; no certificate was made');
}

function readJson(text: string): { readonly ik?: unknown; readonly dh?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
