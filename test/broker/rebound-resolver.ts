/**
 * The bundle of the deployed broker, unchanged, in an assembly of its own. Before it is loaded, Node's resolver and
 * connections are replaced: a name has the answers that a test gives it, one after the other, and a connection to any address
 * goes to one local port and is noted.
 */
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';

/** Answers of the resolver by name. The last one is repeated. */
export type Answers = Readonly<Record<string, readonly (readonly string[])[]>>;

export interface Observed {
  readonly resolved: readonly string[];
  readonly dialled: readonly string[];
}

export interface ReboundAssembly {
  readonly folder: string;
  /** What the function did since the last call. */
  observed(): Observed;
  remove(): void;
}

/** Runs in the process of the function. It must not refer to anything else of this file. */
const preload = (answers: Answers, port: number, log: string): string => `
import { appendFileSync } from 'node:fs';
import { promises } from 'node:dns';
import net from 'node:net';
import { syncBuiltinESMExports } from 'node:module';
const answers = new Map(Object.entries(${JSON.stringify(answers)}));
const asked = new Map();
const note = (what) => appendFileSync(${JSON.stringify(log)}, what + '\\n');
promises.lookup = async (name) => {
  note('resolved ' + name);
  const of = answers.get(name) ?? [];
  const at = asked.get(name) ?? 0;
  asked.set(name, at + 1);
  return (of[Math.min(at, of.length - 1)] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
};
const { connect } = net;
// What the bundle imports. The client of AWS connects by node:http, which does not use it.
net.connect = (options) => {
  note('dialled ' + options.host);
  return connect({ host: '127.0.0.1', port: ${port} });
};
syncBuiltinESMExports();
export const handler = (await import('./broker.mjs')).handler;
`;

/** @param port of the local server that all connections reach */
export function assemblyWithResolver(assembly: string, answers: Answers, port: number): ReboundAssembly {
  const folder = mkdtempSync(join(tmpdir(), 'anima-resolver-'));
  const log = join(folder, 'observed.log');
  const asset = brokerAsset(assembly);
  for (const name of readdirSync(assembly)) if (name !== asset) symlinkSync(join(assembly, name), join(folder, name));
  cpSync(join(assembly, asset), join(folder, asset), { recursive: true });
  renameSync(join(folder, asset, 'index.mjs'), join(folder, asset, 'broker.mjs'));
  writeFileSync(join(folder, asset, 'index.mjs'), preload(answers, port, log));
  writeFileSync(log, '');
  return {
    folder,
    observed: () => {
      const lines = readFileSync(log, 'utf8').split('\n');
      writeFileSync(log, '');
      const after = (what: string) =>
        lines.flatMap((line) => (line.startsWith(`${what} `) ? [line.slice(what.length + 1)] : []));
      return { resolved: after('resolved'), dialled: after('dialled') };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The folder of the code of the function, as the synthesized template names it. */
function brokerAsset(assembly: string): string {
  const { Resources } = JSON.parse(readFileSync(join(assembly, 'Vault.template.json'), 'utf8'));
  const [, broker] =
    Object.entries<{ Properties: { Code: { S3Key: string } } }>(Resources).find(([id]) =>
      id.startsWith('BrokerFunction'),
    ) ?? expect.fail('the template has no function broker');
  return `asset.${broker.Properties.Code.S3Key.replace(/\.zip$/, '')}`;
}
