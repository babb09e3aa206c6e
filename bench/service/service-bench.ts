/**
 * Measures the CPU time of a warm `get` and a warm `set` in the deployed bundles, relative to plain handlers with the
 * same AWS calls. Each contender runs in a separate process, in alternating turns.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { vaultApp } from '../../bin/cdk-app.ts';
import { routeKey } from '../../contract/routes.ts';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { type LocalVault, startLocalVault } from '../../local/vault/local-vault.ts';
import { Anima } from '../../sdk/src/index.ts';
import { type Spread, spread } from '../ratio-measurement.ts';
import type { Origin, RecordedCall } from './canned-server.ts';
import { Child } from './child.ts';
import type { Turn, TurnResult } from './contender-process.ts';
import { type DeployedFunction, deployedFunctions, functionNamed } from './deployed-functions.ts';
import { type ImportTime, measureImports } from './import-times.ts';

/** The host of the use of a value: it answers in this process, which is not measured. */
const hostPort = 48_131;
const hostUrl = `http://127.0.0.1:${hostPort}/`;

/** The operations, with goals for the ratio of the vault's handler to the plain handler with the AWS SDK. */
const operations = [
  { name: 'get', fn: 'Reader', route: 'getValue', status: 200, path: 'bench/value', goal: 0.7 },
  // A new name each time: the least AWS calls, so the largest share of the vault's own code.
  {
    name: 'set',
    fn: 'Writer',
    route: 'setValue',
    status: 200,
    path: 'bench/new',
    goal: 0.7,
    body: { value: 'measured' },
  },
  {
    name: 'fetch',
    fn: 'Broker',
    route: 'fetch',
    status: 200,
    path: 'bench/used',
    goal: 1.3,
    body: { url: hostUrl, headers: { authorization: 'Bearer {{anima://bench/used}}' } },
  },
] as const;

type Operation = (typeof operations)[number];

export interface ServiceRow {
  readonly operation: Operation['name'];
  readonly name: string;
  /** CPU time of one request in µs. */
  readonly micros: Spread;
  /** Ratio to the plain handler with the AWS SDK, in the same round. */
  readonly ratio: Spread;
  readonly goal: number | undefined;
  readonly met: boolean;
}

export interface ServiceEffort {
  readonly rounds: number;
  /** Requests of one turn. */
  readonly requests: number;
  /** Processes per bundle whose import is measured. */
  readonly imports: number;
}

export const fullEffort: ServiceEffort = { rounds: 30, requests: 200, imports: 7 };
export const quickEffort: ServiceEffort = { rounds: 10, requests: 100, imports: 3 };

/** Turns of each contender before the first round, so that its code is compiled. */
const warmUpTurns = 15;

const folderUrl = new URL('.', import.meta.url);
const plainHandlers = { 'AWS SDK': 'plain-sdk-handler', 'self-signed': 'self-signed-handler' };

/** Bundles the plain handlers like the functions of the vault. */
function bundlePlainHandlers(outdir: string): void {
  buildSync({
    entryPoints: Object.values(plainHandlers).map((file) => fileURLToPath(new URL(`${file}.ts`, folderUrl))),
    outdir,
    bundle: true,
    minify: true,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    banner: { js: "const require=process.getBuiltinModule('node:module').createRequire(import.meta.url);" },
  });
}

const eventOf = ({ route, path, ...rest }: Operation, key: string): object => ({
  version: '2.0',
  routeKey: routeKey(route),
  rawPath: route === 'fetch' ? '/v1/fetch' : `/v1/vault/values/${path}`,
  rawQueryString: '',
  headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  requestContext: {
    requestId: 'bench-request-id',
    domainName: 'bench.example.com',
    // The broker ends its exchange before the function would be ended.
    timeEpoch: Date.now() + 3_600_000,
    http: { method: '', path: '', sourceIp: '192.0.2.1' },
  },
  ...(route === 'fetch' ? { pathParameters: {} } : { pathParameters: { name: path } }),
  ...('body' in rest && { body: JSON.stringify(rest.body) }),
  isBase64Encoded: false,
});

export interface ServiceResults {
  readonly rows: readonly ServiceRow[];
  readonly imports: readonly ImportTime[];
}

export async function benchService(effort: ServiceEffort): Promise<ServiceResults> {
  const folder = mkdtempSync(join(tmpdir(), 'anima-bench-'));
  let vault: LocalVault | undefined;
  let stopHost: (() => void) | undefined;
  try {
    const assembly = join(folder, 'assembly');
    vaultApp({ outdir: assembly }).synth();
    bundlePlainHandlers(folder);
    vault = await startLocalVault({ assembly, port: 0, memory: true });
    await new Anima({ apiKey: vault.agentKey, baseURL: vault.url }).vault.set('bench/value', 'measured');
    const host = createServer((_, response) => response.end('{"ok":true,"items":[1,2,3]}'));
    await new Promise<void>((resolve) => host.listen(hostPort, '127.0.0.1', resolve));
    stopHost = () => host.close();
    const client = new Anima({ apiKey: vault.agentKey, baseURL: vault.url });
    await client.vault.set('bench/used', 'sk_live_0123456789abcdef', {
      metadata: { allowed_hosts: hostUrl.slice(0, -1) },
    });
    // The first use at a host writes its record.
    await client.vault.fetch(hostUrl, { headers: { authorization: 'Bearer {{anima://bench/used}}' } });
    const functions = deployedFunctions(assembly, vault.resources);
    const rows: ServiceRow[] = [];
    for (const operation of operations)
      rows.push(...(await measureOperation(operation, functions, vault, folder, effort)));
    return { rows, imports: measureImports(functions, effort.imports) };
  } finally {
    stopHost?.();
    await vault?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureOperation(
  operation: Operation,
  functions: readonly DeployedFunction[],
  vault: LocalVault,
  folder: string,
  { rounds, requests }: ServiceEffort,
): Promise<ServiceRow[]> {
  const { endpoints, credentials, operator } = vault;
  const origin: Origin = { services: endpoints.dynamodb, s3: endpoints.s3, credentials, region: operator.region };
  const server = new Child('canned-server.ts', [JSON.stringify(origin)]);
  const children: Child[] = [server];
  try {
    const { url } = await server.next<{ url: string }>();
    const deployed = functionNamed(functions, operation.fn);
    const event = eventOf(operation, vault.agentKey);
    const callsFile = join(folder, `${operation.name}.json`);
    // The host of the broker is on this machine.
    const env = { ...deployed.environment(url), [functionEnv.localOrgs]: '1', BENCH_CALLS: callsFile };
    const contender = async (bundle: string, status: number): Promise<Child> => {
      const child = new Child('contender-process.ts', [bundle, String(status)], env);
      children.push(child);
      await child.next();
      return child;
    };
    const turn = (child: Child, count: number) => child.ask<TurnResult>({ event, count } satisfies Turn);

    const own = await contender(deployed.bundle, operation.status);
    await turn(own, 1);
    await server.ask({});
    await turn(own, 1);
    const { calls } = await server.ask<{ calls: RecordedCall[] }>({});
    writeFileSync(callsFile, JSON.stringify(calls));
    const contenders = [
      ...(await Promise.all(
        Object.entries(plainHandlers).map(async ([name, file]) => ({
          name,
          child: await contender(join(folder, `${file}.mjs`), 200),
        })),
      )),
      { name: 'vault', child: own },
    ];
    for (const { child } of contenders) await turn(child, warmUpTurns * requests);
    const samples: number[][] = [];
    for (let i = 0; i < rounds; i++) {
      const round: number[] = [];
      for (const { child } of contenders) round.push((await turn(child, requests)).micros);
      samples.push(round);
    }
    return contenders.map(({ name }, i) => {
      const ratio = spread(samples.map((round) => (round[i] ?? Number.NaN) / (round[0] ?? Number.NaN)));
      const goal = name === 'vault' ? operation.goal : undefined;
      const micros = spread(samples.map((round) => round[i] ?? Number.NaN));
      return { operation: operation.name, name, micros, ratio, goal, met: goal === undefined || ratio.median <= goal };
    });
  } finally {
    for (const child of children) child.end();
  }
}
