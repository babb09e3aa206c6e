import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { workerTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import type { DeploymentSettings } from './deployment-settings.ts';
import { bundleHandlers, type Entry } from './handler-bundles.ts';
import { VaultFunction } from './vault-function.ts';

/** The functions of a deployment: one per entry. The responder exists only if the settings deploy it. */
export type VaultFunctions = Readonly<
  Record<Exclude<Entry, 'responder'>, VaultFunction> & { responder: VaultFunction | undefined }
>;

/** @param handlers folder with `<entry>.ts` for every entry; each file exports `handler` */
export const createFunctions = (scope: Construct, settings: DeploymentSettings, handlers: string): VaultFunctions => {
  const codeOf = bundleHandlers(handlers);
  const make = (
    entry: Entry,
    limits: { timeout?: Duration; durableFor?: Duration; reservedConcurrency?: number | undefined } = {},
  ): VaultFunction =>
    new VaultFunction(scope, constructIds[entry], {
      entry,
      code: codeOf(entry),
      settings,
      memoryMb: settings.memoryMb.of[entry] ?? settings.memoryMb.all,
      ...limits,
    });
  return {
    public: make('public'),
    operator: make('operator'),
    admin: make('admin'),
    reader: make('reader'),
    writer: make('writer'),
    broker: make('broker', { reservedConcurrency: settings.brokerConcurrency }),
    rotator: make('rotator'),
    shredder: make('shredder'),
    auditor: make('auditor'),
    blobs: make('blobs'),
    links: make('links'),
    users: make('users'),
    accounts: make('accounts'),
    memory: make('memory'),
    devices: make('devices'),
    directory: make('directory'),
    relay: make('relay'),
    approvals: make('approvals'),
    webhooks: make('webhooks'),
    explainer: make('explainer'),
    logins: make('logins'),
    'secret-requests': make('secret-requests'),
    'rotation-workflow': make('rotation-workflow', { durableFor: rotationTime }),
    'shred-workflow': make('shred-workflow', { durableFor: shredTime }),
    sealer: make('sealer'),
    publisher: make('publisher'),
    'provider-secrets': make('provider-secrets'),
    notifier: make('notifier'),
    worker: make('worker', {
      timeout: Duration.seconds(workerTimeoutSeconds),
      reservedConcurrency: settings.workerConcurrency,
    }),
    responder: settings.responder === 'sample' ? make('responder') : undefined,
  };
};

/** Construct IDs, which are also prefixes of the physical names in the console. */
const constructIds: Record<Entry, string> = {
  public: 'Public',
  operator: 'Operator',
  admin: 'Admin',
  reader: 'Reader',
  writer: 'Writer',
  broker: 'Broker',
  rotator: 'Rotator',
  shredder: 'Shredder',
  auditor: 'Auditor',
  blobs: 'Blobs',
  links: 'Links',
  users: 'Users',
  accounts: 'Accounts',
  memory: 'Memory',
  devices: 'Devices',
  directory: 'Directory',
  relay: 'Relay',
  approvals: 'Approvals',
  webhooks: 'Webhooks',
  explainer: 'Explainer',
  logins: 'Logins',
  'secret-requests': 'SecretRequests',
  'rotation-workflow': 'RotationWorkflow',
  'shred-workflow': 'ShredWorkflow',
  sealer: 'Sealer',
  publisher: 'Publisher',
  'provider-secrets': 'ProviderSecrets',
  notifier: 'Notifier',
  worker: 'Worker',
  responder: 'Responder',
};

/**
 * Maximum time of one rotation. Longer than any waiting period of a shredding, so that a rotation survives a canceled
 * one.
 */
const rotationTime = Duration.days(60);
/** The maximum waiting period of a shredding, plus time to look for copies afterwards. */
const shredTime = Duration.days(366);
