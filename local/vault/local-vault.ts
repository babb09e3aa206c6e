/** The vault on this machine: the synthesized template with engines, functions and a gateway of its own. */

import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { localObjectPort, localPagePort, localPort } from '../../contract/shared/environment-variables.ts';
import { gatewayListener, startingListener } from '../aws/api-gateway/http-api.ts';
import { readAssembly } from '../aws/cloudformation/cloud-assembly.ts';
import { policiesOf } from '../aws/cloudformation/read-deployment.ts';
import { openPage } from '../aws/cloudfront/distribution-server.ts';
import { CallLog } from '../aws/endpoint/engine-hooks.ts';
import { startSchedules } from '../aws/eventbridge/scheduled-rules.ts';
import type { Principal } from '../aws/iam/credential-store.ts';
import type { Invocable } from '../aws/lambda/durable-executions.ts';
import { account, iamArn } from '../aws/shared/aws-account.ts';
import { fileLogs, memoryLogs } from '../aws/shared/log-streams.ts';
import { closeServer, listen } from '../aws/shared/loopback-server.ts';
import { ensureFirstKeys, sealedFile } from './bootstrap-org.ts';
import { type OnClose, openFolder, synthesizeInto } from './data-folder.ts';
import { openEngines, startEventSources } from './emulated-services.ts';
import { localOrigins, openFunctions, resourceNames } from './local-functions.ts';
import type { LocalOptions, LocalVault } from './local-vault-options.ts';

export type { LocalOptions, LocalVault } from './local-vault-options.ts';

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
  const logs = folder === null ? memoryLogs() : fileLogs(join(folder, 'logs'));
  onClose(() => logs.close());
  let hooks = options.hooks ?? {};
  const calls = new CallLog();
  const watched = { calls, hooks: () => hooks, onError: (message: string) => logs.write('engines', message) };
  let invocables: ReadonlyMap<string, Invocable> = new Map();
  const objectPort = portOf(options.objectPort, localObjectPort);
  const timeScale = options.timeScale ?? 1;
  const engineOptions = { folder, objectPort, timeScale, watched, functions: () => invocables };
  const engines = await openEngines(assembly, engineOptions, onClose);
  const { deployment, credentials, keyring, kms, copies, executions, sqs, s3, front, outbox } = engines;

  const concurrency = options.functionConcurrency ?? defaultConcurrency;
  const urls = { api: url, page: page.url, front: front.url, s3: s3.url, outbox: outbox.url };
  const origins = localOrigins(deployment, urls);
  const hosts = openFunctions(deployment, origins, credentials, urls, concurrency, logs);
  onClose(async () => void (await Promise.all([...hosts.values()].map((host) => host.close()))));
  invocables = new Map([...hosts.values()].map((host) => [host.spec.functionName, host]));
  onClose(startSchedules(deployment.schedules, hosts));
  executions.resume();
  onClose(() => executions.close());
  onClose(startEventSources(engines, hosts, engineOptions, concurrency));

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
    endpoints: { dynamodb: front.url, kms: front.url, s3: s3.url, sqs: front.url },
    credentials: credentials.issue(local),
    policies: policiesOf(deployment),
    outboxUrl: outbox.url,
    resources: resourceNames(deployment, front.url),
    calls,
    copies,
    idle: () => sqs.emptied(deployment.eventSources.map(({ queue }) => queue.queueName)),
    outbox: () => outbox.sent(),
    pageLog: () => page.log(),
    sweepObjects: (now) => s3.sweep(now),
    logs: () => logs.read(),
    setHooks: (next = {}) => {
      hooks = next;
    },
    close,
  };
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
