/** Starts the emulated AWS services of a vault with the template's resources and the data folder. */
import { join } from 'node:path';
import { type SocketServer, startSocketServer } from '../aws/api-gateway/sockets/socket-server.ts';
import type { CloudAssembly } from '../aws/cloudformation/cloud-assembly.ts';
import type { Deployment, FunctionSpec } from '../aws/cloudformation/deployment-spec.ts';
import { kmsKeySpecs, readDeployment } from '../aws/cloudformation/read-deployment.ts';
import { openDynamoDb } from '../aws/dynamodb/dynamodb-engine.ts';
import { backupEngine, TableBackups } from '../aws/dynamodb/table-backups.ts';
import { ensureTables } from '../aws/dynamodb/table-provisioning.ts';
import type { ServiceEngine } from '../aws/endpoint/service-engine.ts';
import {
  type CallInterception,
  createInProcessCaller,
  type SignedServiceServer,
  startSignedServiceServer,
} from '../aws/endpoint/signed-service-server.ts';
import { CredentialStore } from '../aws/iam/credential-store.ts';
import { KmsKeyRegistry } from '../aws/kms/key-registry.ts';
import { KmsKeyStore } from '../aws/kms/key-store.ts';
import { kmsEngine } from '../aws/kms/kms-engine.ts';
import { applyTemplateToKeys, ensureKmsKeys } from '../aws/kms/template-keys.ts';
import { DurableExecutions } from '../aws/lambda/durable-executions.ts';
import { DurableStore } from '../aws/lambda/durable-store.ts';
import { startEventSourceMapping } from '../aws/lambda/event-source-mapping.ts';
import { FunctionDirectory } from '../aws/lambda/function-directory.ts';
import { FunctionVersions } from '../aws/lambda/function-versions.ts';
import { lambdaEngine } from '../aws/lambda/lambda-engine.ts';
import { type S3Server, startS3Server } from '../aws/s3/s3-server.ts';
import { queueUrl } from '../aws/shared/aws-account.ts';
import type { ConnectionTimeouts } from '../aws/shared/loopback-server.ts';
import { createSqsEngine, type SqsEngine } from '../aws/sqs/sqs-engine.ts';
import { stsEngine } from '../aws/sts/sts-engine.ts';
import { localCustomResources } from './custom-resources.ts';
import type { RegisterCloser } from './data-folder.ts';
import { type LocalHooks, type ProviderEmulator, startProviderEmulator } from './provider-emulator.ts';

export interface EmulatedServiceOptions {
  /** The data folder; null keeps all data in memory. */
  readonly folder: string | null;
  readonly objectPort: number;
  readonly socketPort: number;
  /** Receives the lines of access logs. */
  readonly onAccess: (line: string) => void;
  readonly timeScale: number;
  readonly interception: CallInterception & { readonly hooks: () => LocalHooks };
  readonly timeouts?: Partial<ConnectionTimeouts> | undefined;
}

export interface EmulatedServices {
  readonly deployment: Deployment;
  readonly credentials: CredentialStore;
  readonly kmsKeys: KmsKeyRegistry;
  readonly kms: ServiceEngine;
  readonly tableBackups: TableBackups;
  readonly executions: DurableExecutions;
  /** Empty until the functions are created. */
  readonly functions: FunctionDirectory;
  /** The published versions that aliases route to, or that have running executions. */
  readonly versions: FunctionVersions;
  readonly sqs: SqsEngine;
  readonly s3: S3Server;
  readonly serviceServer: SignedServiceServer;
  readonly providerEmulator: ProviderEmulator;
  /** Undefined if the template has no WebSocket API. */
  readonly sockets: SocketServer | undefined;
}

const keyCheckMs = 3600_000;

export async function startEmulatedServices(
  assembly: CloudAssembly,
  options: EmulatedServiceOptions,
  onClose: RegisterCloser,
): Promise<EmulatedServices> {
  const { timeScale, interception, timeouts } = options;
  const folderOf = (name: string) => options.folder && join(options.folder, name);
  const kmsKeys = new KmsKeyRegistry(new KmsKeyStore(folderOf('kms')), () => new Date());
  const keyIds = ensureKmsKeys(kmsKeys, kmsKeySpecs(assembly));
  const versions = new FunctionVersions(folderOf('functions'));
  const deployment = readDeployment(assembly, keyIds, { ...localCustomResources, versions });
  applyTemplateToKeys(kmsKeys, deployment);
  const kms = kmsEngine(kmsKeys);
  // A key that nobody uses must lose its key material on its deletion date as well.
  const keyTimer = setInterval(() => kmsKeys.applyAllDueChanges(), keyCheckMs).unref();
  onClose(() => clearInterval(keyTimer));
  const tableBackups = new TableBackups();
  tableBackups.follow(deployment.tables, new Date());
  const dynamodb = await openDynamoDb(folderOf('dynamodb'), tableBackups);
  onClose(() => dynamodb.close());
  await ensureTables(dynamodb, deployment.tables);

  const credentials = new CredentialStore();
  const functions = new FunctionDirectory(deployment.functionAliases);
  const store = new DurableStore(folderOf('durable'));
  versions.deleteUnless((spec) => isDeployed(deployment, spec) || store.hasRunning(spec));
  const executions = new DurableExecutions({ store, functions, timeScale, onError: interception.onError });
  const sqs = createSqsEngine({
    folder: folderOf('sqs'),
    queues: deployment.queues,
    origin: () => serviceServer.url,
    timeScale,
  });
  const serviceServer: SignedServiceServer = await startSignedServiceServer({
    ...interception,
    engines: [
      dynamodb,
      backupEngine(tableBackups),
      kms,
      lambdaEngine(functions, executions),
      sqs,
      stsEngine(deployment.roles, credentials),
    ],
    credentials,
    timeouts,
  });
  onClose(() => serviceServer.close());
  onClose(() => sqs.close());
  const s3 = await startS3Server({
    ...interception,
    folder: folderOf('s3'),
    buckets: deployment.buckets,
    port: options.objectPort,
    credentials,
    timeouts,
  });
  onClose(() => s3.close());
  const providerEmulator = await startProviderEmulator({ ...interception, timeouts });
  onClose(() => providerEmulator.close());
  const sockets = await startSockets(deployment, functions, credentials, options);
  if (sockets !== undefined) onClose(() => sockets.close());
  return {
    deployment,
    credentials,
    kmsKeys,
    kms,
    tableBackups,
    executions,
    functions,
    versions,
    sqs,
    s3,
    serviceServer,
    providerEmulator,
    sockets,
  };
}

async function startSockets(
  { sockets: api }: Deployment,
  functions: FunctionDirectory,
  credentials: CredentialStore,
  { interception, onAccess, socketPort: port, timeouts }: EmulatedServiceOptions,
): Promise<SocketServer | undefined> {
  if (api === undefined) return undefined;
  return await startSocketServer({ ...interception, api, functions, credentials, port, onAccess, timeouts });
}

const isDeployed = ({ functionVersions }: Deployment, { functionName, version }: FunctionSpec): boolean =>
  functionVersions.some((one) => one.functionName === functionName && one.version === version);

/** Starts the event source mappings and returns a function that stops them. */
export function startEventSourceMappings(
  { deployment, sqs, serviceServer, functions }: EmulatedServices,
  { timeScale, interception }: Pick<EmulatedServiceOptions, 'timeScale' | 'interception'>,
  concurrency: number,
): () => Promise<void> {
  const sources = deployment.eventSources.flatMap((spec) => {
    const { logicalId, Role } = spec.function;
    const queue = sqs.queues.get(spec.queue.queueName);
    if (queue === undefined) return [];
    return [
      startEventSourceMapping({
        spec,
        queue,
        queueUrl: queueUrl(spec.queue.queueName, serviceServer.url),
        call: createInProcessCaller(interception, sqs, { name: logicalId, arn: Role, tags: {} }),
        invoke: (event) => functions.invoke(spec.targetArn, event),
        // Additional invocations would wait for an environment while their messages are hidden.
        concurrency: Math.min(spec.maxConcurrency ?? concurrency, concurrency),
        timeScale,
        onError: interception.onError,
      }),
    ];
  });
  return async () => void (await Promise.all(sources.map((source) => source.close())));
}
