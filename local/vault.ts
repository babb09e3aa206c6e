/** The vault on this machine: the synthesized template with engines, functions and a gateway of its own. */

import { mkdtempSync, rmSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { localObjectPort, localPagePort, localPort } from '../contract/environment.ts';
import { account, iamArn, regionalDomain } from './account.ts';
import { readAssembly } from './assembly.ts';
import { backupEngine, TableCopies } from './backups.ts';
import { CredentialStore, type Credentials, type Principal } from './credentials.ts';
import { DurableExecutions, type Invocable } from './durable.ts';
import { DurableStore } from './durable-store.ts';
import { openDynamoDb } from './dynamodb.ts';
import { makePrivateFolder } from './files.ts';
import { openFront } from './front.ts';
import { type EngineUrls, FunctionHost, functionVariables } from './functions.ts';
import { gatewayListener, startingListener } from './gateway.ts';
import { CallLog, type EngineHooks } from './hooks.ts';
import { closeServer, listen } from './http.ts';
import { kmsEngine } from './kms.ts';
import { KmsKeyring } from './kms-keyring.ts';
import { compileKeyPolicy } from './kms-policy.ts';
import { type KeySpec, KmsStore } from './kms-store.ts';
import { lambdaEngine } from './lambda.ts';
import { lockFolder } from './lock.ts';
import { fileLogs, type Logs, memoryLogs } from './logs.ts';
import { openPage, type PageRequest, type PageServer, replaceAll } from './page.ts';
import { openS3 } from './s3.ts';
import type { Swept } from './s3-lifecycle.ts';
import { startSchedules } from './schedules.ts';
import { ensureFirstKeys, sealedFile } from './seed.ts';
import { stsEngine } from './sts.ts';
import { synthesize } from './synth.ts';
import { ensureTables } from './tables.ts';
import { type Deployment, kmsKeySpecs, type Policies, policiesOf, readDeployment } from './template.ts';

export interface LocalOptions {
  /** A cloud assembly that exists; else the app of this project is synthesized. */
  readonly assembly?: string | undefined;
  /** 0 takes any free port. Default: the contract's `localPort`. */
  readonly port?: number | undefined;
  /** Of the page that opens links, and of the object store. Default: any free ones if `port` is given, else the contract's. */
  readonly pagePort?: number | undefined;
  readonly objectPort?: number | undefined;
  /** Folder of all data, `.anima` unless told. */
  readonly dataDir?: string | undefined;
  /** Keep nothing: no folder is made and everything ends with the vault. */
  readonly memory?: boolean | undefined;
  readonly hooks?: EngineHooks | undefined;
  /** Most environments of one function at once. */
  readonly functionConcurrency?: number | undefined;
  /** What a second of a durable function's wait takes, in seconds; 1 unless told. */
  readonly timeScale?: number | undefined;
  readonly onProgress?: ((message: string) => void) | undefined;
  /** Ends a synthesis that is under way. */
  readonly signal?: AbortSignal | undefined;
}

export interface LocalVault {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** `http://127.0.0.1:<port>`, where the page that opens links is. */
  readonly pageUrl: string;
  readonly org: string;
  readonly adminKey: string;
  readonly agentKey: string;
  /** Absolute; null with `memory`. */
  readonly dataDir: string | null;
  /** May call the IAM-signed routes (service `execute-api`). New at each start. */
  readonly operator: Credentials & { readonly region: string };
  /** The engines' addresses, for AWS SDK clients with `credentials`. */
  readonly endpoints: { readonly dynamodb: string; readonly kms: string; readonly s3: string };
  /** For direct access to the engines, as the principal `local`. */
  readonly credentials: Credentials;
  /** The template's policies, every name in them resolved, for tests that enforce them by the `authorize` hook. */
  readonly policies: Policies;
  /** Physical names of tables, buckets and functions, and key ids, by logical id. */
  readonly resources: Readonly<Record<string, string>>;
  readonly calls: CallLog;
  /** Copies of tables that the engines are to report; none unless told, but for point-in-time recovery as the template has it. */
  readonly copies: TableCopies;
  /** Applies the buckets' lifecycle rules as of that time; what was removed, by bucket. */
  sweepObjects(now: Date): Readonly<Record<string, Swept>>;
  /** The latest requests to the page and, through it, to the routes of links. */
  pageLog(): readonly PageRequest[];
  /** Everything the functions and the gateway wrote. */
  logs(): string;
  /** Replaces the hooks; without an argument there are none. */
  setHooks(hooks?: EngineHooks): void;
  close(): Promise<void>;
}

const projectFolder = fileURLToPath(new URL('..', import.meta.url));
const defaultConcurrency = 4;
const operator: Principal = { name: 'operator', arn: iamArn('user/operator'), tags: {} };
const local: Principal = { name: 'local', arn: iamArn('user/local'), tags: {} };
/** Not a logical id: those have letters and digits only. */
const ownKey = 'local/first-keys';

/**
 * Starts the vault; resolves when it can be used. Throws a LocalError that says what to do when it can't. Whatever was
 * opened until then is closed again.
 */
export async function startLocal(options: LocalOptions = {}): Promise<LocalVault> {
  const closers: (() => void | Promise<void>)[] = [];
  const close = once(async () => {
    for (const closer of closers.toReversed()) await closer();
  });
  try {
    return await start(options, (closer) => void closers.push(closer), close);
  } catch (error) {
    await close();
    throw error;
  }
}

type OnClose = (closer: () => void | Promise<void>) => void;

async function start(options: LocalOptions, onClose: OnClose, close: () => Promise<void>): Promise<LocalVault> {
  const progress = options.onProgress ?? (() => {});
  const folder = openFolder(options, onClose);
  let listener: RequestListener = startingListener;
  const { server, port } = await listen((request, response) => listener(request, response), options.port ?? localPort);
  onClose(() => closeServer(server));
  const url = `http://127.0.0.1:${port}`;
  const portOf = (told: number | undefined, usual: number) => told ?? (options.port === undefined ? usual : 0);
  const page = await openPage(portOf(options.pagePort, localPagePort));
  onClose(() => page.close());

  const assembly = readAssembly(options.assembly ?? (await synthesizeInto(folder, options, onClose)));
  progress('starting the engines');
  const keyring = new KmsKeyring(new KmsStore(folder && join(folder, 'kms')), () => new Date());
  const deployment = readDeployment(assembly, ensureKmsKeys(keyring, kmsKeySpecs(assembly)));
  configureKms(keyring, deployment);
  const kms = kmsEngine(keyring);
  const copies = new TableCopies();
  copies.follow(deployment.tables, new Date());
  const dynamodb = await openDynamoDb(folder && join(folder, 'dynamodb'), copies);
  onClose(() => dynamodb.close());
  await ensureTables(dynamodb, deployment.tables);

  const logs = folder === null ? memoryLogs() : fileLogs(join(folder, 'logs'));
  onClose(() => logs.close());
  const credentials = new CredentialStore();
  const calls = new CallLog();
  let hooks = options.hooks ?? {};
  let invocables: ReadonlyMap<string, Invocable> = new Map();
  const executions = new DurableExecutions({
    store: new DurableStore(folder && join(folder, 'durable')),
    functions: () => invocables,
    timeScale: options.timeScale ?? 1,
    onError: (message) => logs.write('engines', message),
  });
  const front = await openFront({
    engines: [
      dynamodb,
      backupEngine(copies),
      kms,
      lambdaEngine(() => invocables, executions),
      stsEngine(deployment.roles, credentials),
    ],
    credentials,
    calls,
    hooks: () => hooks,
    onError: (message) => logs.write('engines', message),
  });
  onClose(() => front.close());
  const s3 = await openS3({
    folder: folder && join(folder, 's3'),
    buckets: deployment.buckets,
    port: portOf(options.objectPort, localObjectPort),
    credentials,
    calls,
    hooks: () => hooks,
    onError: (message) => logs.write('engines', message),
  });
  onClose(() => s3.close());
  const concurrency = options.functionConcurrency ?? defaultConcurrency;
  const origins = localOrigins(deployment, page, s3.url);
  const hosts = openFunctions(deployment, origins, credentials, { front: front.url, s3: s3.url }, concurrency, logs);
  onClose(async () => void (await Promise.all([...hosts.values()].map((host) => host.close()))));
  invocables = new Map([...hosts.values()].map((host) => [host.spec.functionName, host]));
  onClose(startSchedules(deployment.schedules, hosts));
  executions.resume();
  onClose(() => executions.close());

  const domainName = `127.0.0.1:${port}`;
  const operatorName = operator.name;
  listener = gatewayListener({ deployment, hosts, credentials, operatorName, domainName, logs });
  const onError = (message: string) => logs.write('gateway', message);
  if (deployment.page !== undefined) page.serve(deployment.page, { apiUrl: url, origins, onError });
  // Registered once more, to run first: no request may reach engines that are being closed.
  onClose(() => closeServer(server));

  const operatorCredentials = credentials.issue(operator);
  progress('opening the first organization');
  const ownKeyId = keyring.store.ensure(ownKey, keyring.now()).keyId;
  const vaultFile = folder === null ? null : sealedFile(folder, kms, ownKeyId, local);
  const keys = await ensureFirstKeys({ url, operator: operatorCredentials, vaultFile });
  calls.reset();
  return {
    ...keys,
    url,
    pageUrl: page.url,
    dataDir: folder,
    operator: { ...operatorCredentials, region: account.region },
    endpoints: { dynamodb: front.url, kms: front.url, s3: s3.url },
    credentials: credentials.issue(local),
    policies: policiesOf(deployment),
    resources: resourceNames(deployment),
    calls,
    copies,
    pageLog: () => page.log(),
    sweepObjects: (now) => s3.sweep(now),
    logs: () => logs.read(),
    setHooks: (next = {}) => {
      hooks = next;
    },
    close,
  };
}

function openFolder({ dataDir = '.anima', memory }: LocalOptions, onClose: OnClose): string | null {
  if (memory === true) return null;
  const folder = resolve(dataDir);
  makePrivateFolder(folder);
  onClose(lockFolder(folder));
  return folder;
}

async function synthesizeInto(folder: string | null, options: LocalOptions, onClose: OnClose): Promise<string> {
  options.onProgress?.('synthesizing the CDK app');
  const output = folder === null ? mkdtempSync(join(tmpdir(), 'anima-assembly-')) : join(folder, 'assembly');
  const remove = () => rmSync(output, { recursive: true, force: true });
  // Bundles of earlier versions would pile up; and without a data folder nothing is to remain.
  if (folder === null) onClose(remove);
  else remove();
  await synthesize(projectFolder, output, options.signal);
  return output;
}

function ensureKmsKeys(keyring: KmsKeyring, specs: ReadonlyMap<string, KeySpec>): ReadonlyMap<string, string> {
  return new Map([...specs].map(([id, spec]) => [id, keyring.store.ensure(id, keyring.now(), spec).keyId]));
}

function configureKms(keyring: KmsKeyring, { kmsKeys, aliases }: Deployment): void {
  const { store } = keyring;
  for (const { logicalId, keyId, Description, EnableKeyRotation, RotationPeriodInDays, KeyPolicy } of kmsKeys) {
    const rotationPeriodInDays = EnableKeyRotation ? RotationPeriodInDays : null;
    const record = store.get(keyId);
    if (record !== undefined && record.state !== 'Deleted') {
      store.put({ ...record, description: Description, rotationPeriodInDays });
    }
    keyring.setPolicy(keyId, compileKeyPolicy(KeyPolicy, logicalId));
  }
  for (const { AliasName, TargetKeyId } of aliases) {
    store.putAlias(AliasName, TargetKeyId.split('/').at(-1) ?? TargetKeyId);
  }
  keyring.keepUpAll();
}

/** What stands here for addresses of the template that have a scheme and a domain of AWS's: of the distribution and of buckets. */
function localOrigins({ page, buckets }: Deployment, server: PageServer, s3Url: string): ReadonlyMap<string, string> {
  return new Map([
    ...(page?.addresses ?? []).map((address) => [address, server.url] as const),
    // In path style all buckets are of one origin, by which alone a page's policy can name them.
    ...buckets.map(({ bucketName }) => [`https://${regionalDomain(bucketName)}`, s3Url] as const),
  ]);
}

function openFunctions(
  { functions }: Deployment,
  origins: ReadonlyMap<string, string>,
  credentials: CredentialStore,
  urls: EngineUrls,
  concurrency: number,
  logs: Logs,
): ReadonlyMap<string, FunctionHost> {
  return new Map(
    functions.map((spec) => {
      const { logicalId, Environment } = spec;
      // Credentials of the function's own role, so that the engines know which function calls.
      const told = Object.entries(Environment.Variables).map(([name, value]) => [name, replaceAll(value, origins)]);
      const variables = functionVariables(
        { ...spec, Environment: { Variables: Object.fromEntries(told) } },
        credentials.issue({ name: logicalId, arn: spec.Role, tags: {} }),
        urls,
      );
      const onLine = (line: string) => logs.write(logicalId, line);
      return [logicalId, new FunctionHost({ spec, variables, concurrency, onLine })];
    }),
  );
}

function resourceNames({ tables, buckets, kmsKeys, functions }: Deployment): Record<string, string> {
  return Object.fromEntries([
    ...tables.map(({ logicalId, tableName }) => [logicalId, tableName] as const),
    ...buckets.map(({ logicalId, bucketName }) => [logicalId, bucketName] as const),
    ...kmsKeys.map(({ logicalId, keyId }) => [logicalId, keyId] as const),
    ...functions.map(({ logicalId, functionName }) => [logicalId, functionName] as const),
  ]);
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
