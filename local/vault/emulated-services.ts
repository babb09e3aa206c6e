/** The engines of a vault, opened over its data folder for what the template asks of them. */
import { join } from 'node:path';
import type { Assembly } from '../aws/cloudformation/cloud-assembly.ts';
import type { Deployment } from '../aws/cloudformation/deployment-spec.ts';
import { kmsKeySpecs, readDeployment } from '../aws/cloudformation/read-deployment.ts';
import { openDynamoDb } from '../aws/dynamodb/dynamodb-engine.ts';
import { backupEngine, TableCopies } from '../aws/dynamodb/table-backups.ts';
import { ensureTables } from '../aws/dynamodb/table-provisioning.ts';
import type { Engine } from '../aws/endpoint/service-engine.ts';
import { callerOf, type Front, openFront, type Watched } from '../aws/endpoint/signed-service-server.ts';
import { CredentialStore } from '../aws/iam/credential-store.ts';
import { KmsKeyring } from '../aws/kms/key-registry.ts';
import { KmsStore } from '../aws/kms/key-store.ts';
import { kmsEngine } from '../aws/kms/kms-engine.ts';
import { configureKms, ensureKmsKeys } from '../aws/kms/template-keys.ts';
import { DurableExecutions, type Invocable } from '../aws/lambda/durable-executions.ts';
import { DurableStore } from '../aws/lambda/durable-store.ts';
import { startEventSource } from '../aws/lambda/event-source-mapping.ts';
import type { FunctionHost } from '../aws/lambda/function-host.ts';
import { lambdaEngine } from '../aws/lambda/lambda-engine.ts';
import { openS3, type S3 } from '../aws/s3/s3-server.ts';
import { queueUrl } from '../aws/shared/aws-account.ts';
import { openSqs, type Sqs } from '../aws/sqs/sqs-engine.ts';
import { stsEngine } from '../aws/sts/sts-engine.ts';
import type { OnClose } from './data-folder.ts';
import { type Outbox, openOutbox } from './provider-emulator.ts';

export interface EngineOptions {
  /** Of all data; null keeps none. */
  readonly folder: string | null;
  readonly objectPort: number;
  readonly timeScale: number;
  readonly watched: Watched;
  /** By name; asked at each invocation, since functions are opened after the engines. */
  readonly functions: () => ReadonlyMap<string, Invocable>;
}

export interface Engines {
  readonly deployment: Deployment;
  readonly credentials: CredentialStore;
  readonly keyring: KmsKeyring;
  readonly kms: Engine;
  readonly copies: TableCopies;
  readonly executions: DurableExecutions;
  readonly sqs: Sqs;
  readonly s3: S3;
  readonly front: Front;
  readonly outbox: Outbox;
}

export async function openEngines(assembly: Assembly, options: EngineOptions, onClose: OnClose): Promise<Engines> {
  const { timeScale, watched, functions } = options;
  const folderOf = (name: string) => options.folder && join(options.folder, name);
  const keyring = new KmsKeyring(new KmsStore(folderOf('kms')), () => new Date());
  const deployment = readDeployment(assembly, ensureKmsKeys(keyring, kmsKeySpecs(assembly)));
  configureKms(keyring, deployment);
  const kms = kmsEngine(keyring);
  const copies = new TableCopies();
  copies.follow(deployment.tables, new Date());
  const dynamodb = await openDynamoDb(folderOf('dynamodb'), copies);
  onClose(() => dynamodb.close());
  await ensureTables(dynamodb, deployment.tables);

  const credentials = new CredentialStore();
  const store = new DurableStore(folderOf('durable'));
  const executions = new DurableExecutions({ store, functions, timeScale, onError: watched.onError });
  const sqs = openSqs({ folder: folderOf('sqs'), queues: deployment.queues, origin: () => front.url, timeScale });
  const front: Front = await openFront({
    ...watched,
    engines: [
      dynamodb,
      backupEngine(copies),
      kms,
      lambdaEngine(functions, executions),
      sqs,
      stsEngine(deployment.roles, credentials),
    ],
    credentials,
  });
  onClose(() => front.close());
  onClose(() => sqs.close());
  const s3 = await openS3({
    ...watched,
    folder: folderOf('s3'),
    buckets: deployment.buckets,
    port: options.objectPort,
    credentials,
  });
  onClose(() => s3.close());
  const outbox = await openOutbox(watched);
  onClose(() => outbox.close());
  return { deployment, credentials, keyring, kms, copies, executions, sqs, s3, front, outbox };
}

/** Starts the mappings of queues to functions; what it returns ends them. */
export function startEventSources(
  { deployment, sqs, front }: Engines,
  hosts: ReadonlyMap<string, FunctionHost>,
  { timeScale, watched }: Pick<EngineOptions, 'timeScale' | 'watched'>,
  concurrency: number,
): () => Promise<void> {
  const sources = deployment.eventSources.flatMap((spec) => {
    const { logicalId, Role } = spec.function;
    const queue = sqs.queues.get(spec.queue.queueName);
    const host = hosts.get(logicalId);
    if (queue === undefined || host === undefined) return [];
    return [
      startEventSource({
        spec,
        queue,
        queueUrl: queueUrl(spec.queue.queueName, front.url),
        call: callerOf(watched, sqs, { name: logicalId, arn: Role, tags: {} }),
        invoke: (event) => host.invoke(event),
        // More than the function has environments would only wait, its messages hidden meanwhile.
        concurrency: Math.min(spec.maxConcurrency ?? concurrency, concurrency),
        timeScale,
        onError: watched.onError,
      }),
    ];
  });
  return async () => void (await Promise.all(sources.map((source) => source.close())));
}
