/** Runs the vault on this machine: the synthesized template with emulated services, functions and a gateway. */

import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import {
  localObjectPort,
  localPagePort,
  localPort,
  localSocketPort,
} from '../../contract/shared/environment-variables.ts';
import { createHttpApiListener, unavailableListener } from '../aws/api-gateway/http-api.ts';
import type { SocketServer } from '../aws/api-gateway/sockets/socket-server.ts';
import { readCloudAssembly } from '../aws/cloudformation/cloud-assembly.ts';
import type { Deployment } from '../aws/cloudformation/deployment-spec.ts';
import { policiesOf } from '../aws/cloudformation/read-deployment.ts';
import { startDistributionServer } from '../aws/cloudfront/distribution-server.ts';
import { CallLog } from '../aws/endpoint/engine-hooks.ts';
import { startScheduledRules } from '../aws/eventbridge/scheduled-rules.ts';
import type { Principal } from '../aws/iam/credential-store.ts';
import { EnvironmentPool } from '../aws/lambda/environment-pool.ts';
import { account, iamArn } from '../aws/shared/aws-account.ts';
import { failureLine } from '../aws/shared/failure-log-line.ts';
import { fileLogs, memoryLogs } from '../aws/shared/log-streams.ts';
import { closeServer, listenOnLoopback } from '../aws/shared/loopback-server.ts';
import { ensureBootstrapOrg, kmsEncryptedFile } from './bootstrap-org.ts';
import { openDataFolder, type RegisterCloser, synthesizeAssembly } from './data-folder.ts';
import { startEmulatedServices, startEventSourceMappings } from './emulated-services.ts';
import { createFunctionHosts, originReplacements, physicalNames } from './local-functions.ts';
import type { LocalSockets, LocalVault, LocalVaultOptions } from './local-vault-options.ts';

export type { LocalSockets, LocalVault, LocalVaultOptions as LocalOptions } from './local-vault-options.ts';

const defaultConcurrency = 4;
const operatorPrincipal: Principal = { name: 'operator', arn: iamArn('user/operator'), tags: {} };
const localPrincipal: Principal = { name: 'local', arn: iamArn('user/local'), tags: {} };
/** Cannot equal a logical ID, because those contain only letters and digits. */
const bootstrapKeyName = 'local/first-keys';

/**
 * Starts the vault. Resolves when the vault is ready. After an error, all opened resources are closed.
 * @throws LocalError with instructions if the vault cannot start
 */
export async function startLocalVault(options: LocalVaultOptions = {}): Promise<LocalVault> {
  const closers: (() => void | Promise<void>)[] = [];
  const close = runOnce(async () => {
    for (const closer of closers.toReversed()) await closer();
  });
  try {
    return await openVault(options, (closer) => void closers.push(closer), close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function openVault(
  options: LocalVaultOptions,
  onClose: RegisterCloser,
  close: () => Promise<void>,
): Promise<LocalVault> {
  const progress = options.onProgress ?? (() => {});
  const folder = openDataFolder(options, onClose);
  let listener: RequestListener = unavailableListener;
  const { server, port } = await listenOnLoopback((request, response) => listener(request, response), {
    port: options.port ?? localPort,
    timeouts: options.timeouts,
  });
  onClose(() => closeServer(server));
  const url = `http://127.0.0.1:${port}`;
  const portOf = (told: number | undefined, usual: number) => told ?? (options.port === undefined ? usual : 0);
  const page = await startDistributionServer(portOf(options.pagePort, localPagePort), options.timeouts);
  onClose(() => page.close());

  const assembly = readCloudAssembly(options.assembly ?? (await synthesizeAssembly(folder, options, onClose)));
  progress('starting the engines');
  const logs = folder === null ? memoryLogs() : fileLogs(join(folder, 'logs'));
  onClose(() => logs.close());
  let hooks = options.hooks ?? {};
  const calls = new CallLog();
  const interception = { calls, hooks: () => hooks, onError: (message: string) => logs.write('engines', message) };
  const objectPort = portOf(options.objectPort, localObjectPort);
  const timeScale = options.timeScale ?? 1;
  const engineOptions = {
    folder,
    objectPort,
    socketPort: portOf(options.socketPort, localSocketPort),
    onAccess: (line: string) => logs.write('access', line),
    timeScale,
    interception,
    timeouts: options.timeouts,
  };
  const engines = await startEmulatedServices(assembly, engineOptions, onClose);
  const {
    deployment,
    credentials,
    kmsKeys,
    kms,
    tableBackups,
    executions,
    functions,
    sqs,
    s3,
    serviceServer,
    providerEmulator,
    sockets,
  } = engines;

  const concurrency = options.functionConcurrency ?? defaultConcurrency;
  const urls = {
    api: url,
    page: page.url,
    signedServices: serviceServer.url,
    s3: s3.url,
    providerApis: providerEmulator.url,
    sockets: sockets?.domainName,
  };
  const origins = originReplacements(deployment, urls);
  const pool = new EnvironmentPool(options.environments);
  const hosts = createFunctionHosts(
    [...deployment.functions, ...engines.versions.all()],
    origins,
    credentials,
    urls,
    concurrency,
    pool,
    logs,
  );
  onClose(() => pool.close());
  onClose(() => {
    for (const host of hosts) host.close();
  });
  functions.add(hosts);
  onClose(startScheduledRules(deployment.schedules, functions));
  executions.resume();
  onClose(() => executions.close());
  onClose(startEventSourceMappings(engines, engineOptions, concurrency));

  const domainName = `127.0.0.1:${port}`;
  const operatorName = operatorPrincipal.name;
  listener = createHttpApiListener({ deployment, functions, credentials, operatorName, domainName, logs });
  const onError = (message: string) => logs.write('gateway', message);
  if (deployment.distribution !== undefined) page.serve(deployment.distribution, { apiUrl: url, origins, onError });
  // Registered a second time so that it runs first: no request must reach engines that are closing.
  onClose(() => closeServer(server));
  if (sockets !== undefined) onClose(() => sockets.close());

  const operatorCredentials = credentials.issue(operatorPrincipal);
  progress('opening the first organization');
  const ownKeyId = kmsKeys.store.getOrCreate(bootstrapKeyName, kmsKeys.now()).keyId;
  const vaultFile = folder === null ? null : kmsEncryptedFile(folder, kms, ownKeyId, localPrincipal);
  const keys = await ensureBootstrapOrg({ url, operator: operatorCredentials, vaultFile });
  calls.reset();
  return {
    ...keys,
    url,
    pageUrl: page.url,
    sockets: sockets && socketsOf(sockets, deployment),
    dataDir: folder,
    operator: { ...operatorCredentials, region: account.region },
    endpoints: { dynamodb: serviceServer.url, kms: serviceServer.url, s3: s3.url, sqs: serviceServer.url },
    credentials: credentials.issue(localPrincipal),
    policies: policiesOf(deployment),
    providerApisUrl: providerEmulator.url,
    resources: physicalNames(deployment, serviceServer.url),
    calls,
    tableBackups,
    whenQueuesEmpty: () => sqs.whenEmpty(deployment.eventSources.map(({ queue }) => queue.queueName)),
    providerRequests: () => providerEmulator.requests(),
    pageLog: () => page.log(),
    applyBucketLifecycles: (now) => s3.applyLifecycle(now),
    crashBusyEnvironment: (of) => pool.crashBusy(({ logicalId }) => logicalId.startsWith(of)),
    logs: () => logs.read(),
    reportError: (error) => logs.write('engines', failureLine({ engine: 'vault' }, error)),
    setHooks: (next = {}) => {
      hooks = next;
    },
    close,
  };
}

function socketsOf(server: SocketServer, { sockets }: Deployment): LocalSockets {
  const address = `${server.domainName}/${sockets?.stageName}`;
  return {
    url: `ws://${address}`,
    connectionsUrl: `http://${address}`,
    connectionIds: () => server.connectionIds(),
    advanceClock: (ms) => server.advanceClock(ms),
  };
}

function runOnce(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
