import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { routeGroups } from '../contract/routes.ts';
import { functionEnv } from '../contract/shared/environment-variables.ts';
import { AuditSealingSchedule } from './audit/audit-sealing-schedule.ts';
import type { DataStack } from './data-stack.ts';
import { GradualDeployment } from './deployment/gradual-deployment.ts';
import { iamPolicyReport } from './explain/iam-policy-report.ts';
import { JobConsumer } from './jobs/job-consumer.ts';
import { LinkPage } from './link-page/link-page.ts';
import { FailureQueue } from './operations/failure-queue.ts';
import { faultMetric } from './operations/log-metrics.ts';
import { PrivateNetwork } from './operations/private-network.ts';
import { grantSecretRequests } from './secret-requests/secret-request-grants.ts';
import { SocketApi } from './sessions/socket-api.ts';
import type { DeploymentSettings } from './shared/deployment-settings.ts';
import { deploymentName } from './shared/physical-names.ts';
import { createFunctions, type VaultFunctions } from './shared/vault-functions.ts';
import { VaultApi } from './vault-api.ts';
import { addVaultOutputs } from './vault-outputs.ts';

interface VaultStackProps {
  readonly settings: DeploymentSettings;
  /** The data that the functions access. */
  readonly data: DataStack;
  /** Folder with `<entry>.ts` for every entry; each file exports `handler`. */
  readonly handlers: string;
  /** Folder of the link page: `index.html`, `style.css` and `src/main.ts`, and the same of the owner's page in `owner`. */
  readonly page: string;
}

/**
 * The code of one deployment, independent of account and region: functions with their roles, the API and the link page.
 * It holds no data and can be deleted and deployed again (data-stack.ts).
 */
export class VaultStack extends Stack {
  readonly functions: VaultFunctions;
  readonly apiId: string;
  readonly failures: FailureQueue;
  private readonly data: DataStack;

  constructor(scope: Construct, { settings, data, handlers, page: folder }: VaultStackProps) {
    const name = deploymentName(settings);
    super(scope, 'Vault', { stackName: name, description: 'Anima Vault: envelope encryption for AI agents' });
    this.data = data;
    const functions = createFunctions(this, settings, handlers);
    const { network, logRetention } = settings;
    if (network !== 'none') {
      const subnets = new PrivateNetwork(this, 'Network', { name, logRetention, network });
      const { notifier, broker, ...others } = functions;
      // The notifier calls push services on the internet, and connections of a WebSocket API, which no VPC endpoint
      // reaches: those for API Gateway serve private REST APIs only. It has no key of data and reads ciphertext.
      // The broker must reach hosts on the internet too (docs/broker.md, section 9).
      for (const fn of Object.values(others)) fn?.placeIn(subnets);
    }
    this.failures = new FailureQueue(this, 'Failures');
    this.failures.catchFailuresOf([functions.sealer, functions['rotation-workflow'], functions['shred-workflow']]);
    this.grantAll(functions);
    this.grantBroker(functions);
    this.grantRecords(functions);
    this.grantRotation(functions, settings);
    this.grantShredding(functions);
    this.grantBlobs(functions, settings);
    this.grantAudit(functions);
    const api = new VaultApi(this, 'Api', { name, settings, functions });
    this.grantUsers(functions, settings, api.url);
    this.grantLogins(functions, settings, api.url);
    grantSecretRequests(functions, data);
    new JobConsumer(this, 'Jobs', data.users.jobs, functions.worker, settings.workerConcurrency);
    const sockets = new SocketApi(this, 'Sockets', { name, settings, relay: functions.relay });
    sockets.tellAddress(functions.relay);
    sockets.grantConnections(functions.notifier);
    const page = new LinkPage(this, 'Page', {
      name,
      folder,
      domain: settings.pageDomain,
      webAclArn: settings.pageWebAclArn,
      apiUrl: api.url,
      objectsOrigin: data.objects.origin,
      socketsOrigin: sockets.origin,
      publisher: functions.publisher,
    });
    page.tellAddress(functions.blobs);
    const { broker, devices, directory, relay, approvals, notifier, logins } = functions;
    for (const fn of [broker, devices, directory, relay, approvals, notifier, logins]) page.tellAddress(fn);
    page.tellAddress(functions['secret-requests']);
    for (const fn of [functions.links, functions['secret-requests']]) page.tellViewers(fn);
    this.functions = functions;
    this.apiId = api.id;
    if (settings.canary) new GradualDeployment(this, 'Deployment', functions, (fn) => faultMetric(name, fn));
    addVaultOutputs(this, { api, sockets, page, failures: this.failures });
  }

  /** All permissions of the functions; everything else is denied. The public function can only read a public key. */
  private grantAll(functions: VaultFunctions): void {
    const { operator, admin, reader, writer } = functions;
    this.data.signingKey.grantPublish(functions.public);

    this.data.keyrings.grantPut(operator);
    this.data.apiKeys.grantPut(operator);

    this.data.keyrings.grantRead(admin);
    this.data.apiKeys.grantManage(admin);

    this.data.keyrings.grantRead(reader);
    this.data.apiKeys.grantRead(reader);
    this.data.values.grantRead(reader);
    this.data.kek.grantDecrypt(reader);

    this.data.keyrings.grantRead(writer);
    this.data.keyrings.grantPut(writer);
    this.data.apiKeys.grantRead(writer);
    this.data.values.grantWrite(writer);
    this.data.kek.grantGenerate(writer);
    this.data.kek.grantDecrypt(writer);
  }

  /** The broker decrypts values, keeps refresh tokens current, and has a table. It cannot list values. */
  private grantBroker({ broker, shredder, ...others }: VaultFunctions): void {
    this.data.keyrings.grantRead(broker);
    this.data.apiKeys.grantRead(broker);
    this.data.values.grantWrite(broker);
    this.data.kek.grantDecrypt(broker);
    this.data.broker.grantUse(broker);
    for (const fn of [shredder, others['shred-workflow']]) this.data.broker.grantDestroy(fn);
  }

  /**
   * Every function that uses a keyring or an API key verifies it. The functions that end something replace the mark of
   * the org.
   */
  private grantRecords({ operator, admin, rotator, shredder, links, ...others }: VaultFunctions): void {
    const {
      reader,
      writer,
      broker,
      auditor,
      blobs,
      users,
      accounts,
      memory,
      devices,
      directory,
      relay,
      approvals,
      worker,
      explainer,
      logins,
    } = others;
    const callers = [reader, writer, broker, rotator, auditor, blobs, links, users, accounts, memory, devices];
    const readers = [...callers, directory, relay, approvals, worker, explainer, logins];
    for (const fn of [...readers, others['provider-secrets'], others['secret-requests']]) {
      this.data.recordsKey.grantMac(fn);
      this.data.locked.grantReadMark(fn);
    }
    for (const fn of [operator, admin, shredder, others['rotation-workflow'], others['shred-workflow']]) {
      this.data.recordsKey.grantMac(fn);
      this.data.locked.grantWriteMark(fn);
    }
  }

  /**
   * The rotator creates the next DEK, and its workflow re-encrypts the values. Writers can only start a due rotation.
   */
  private grantRotation(functions: VaultFunctions, { rotationDays, rotationMessages }: DeploymentSettings): void {
    const { rotator, writer } = functions;
    const workflow = functions['rotation-workflow'];
    this.data.apiKeys.grantRead(rotator);
    this.data.keyrings.grantRead(rotator);
    for (const fn of [rotator, workflow]) {
      this.data.keyrings.grantChange(fn);
      this.data.kek.grantGenerate(fn);
      this.data.kek.grantDecrypt(fn);
    }
    this.data.rotations.grantRead(rotator);
    workflow.grantStart(rotator, functionEnv.rotationFunction);
    this.data.rotations.grantWrite(workflow);
    this.data.values.grantReseal(workflow);
    this.data.kek.grantRewrap(workflow);
    writer.set(functionEnv.rotationDays, String(rotationDays));
    writer.set(functionEnv.rotationMessages, String(rotationMessages));
    if (rotationDays + rotationMessages > 0) workflow.grantStart(writer, functionEnv.rotationFunction);
    if (rotationMessages > 0) this.data.rotations.grantCount(writer);
  }

  /** The shredder replaces keyrings and deletes values but cannot decrypt them. Its workflow runs the delayed steps. */
  private grantShredding(functions: VaultFunctions): void {
    const { shredder } = functions;
    const workflow = functions['shred-workflow'];
    this.data.keyrings.grantRead(shredder);
    this.data.apiKeys.grantRead(shredder);
    this.data.values.grantDestroy(shredder);
    workflow.grantStart(shredder, functionEnv.shredFunction);
    for (const fn of [shredder, workflow]) {
      this.data.keyrings.grantChange(fn);
      this.data.keyrings.grantFindCopies(fn);
      this.data.values.grantCount(fn);
      this.data.signingKey.grantSign(fn);
    }
  }

  /**
   * Blobs are opened without an API key, by proof of the link key. None of these functions has a link key or the KEK.
   */
  private grantBlobs({ blobs, links, ...others }: VaultFunctions, { blobMaxBytes }: DeploymentSettings): void {
    this.data.keyrings.grantRead(blobs);
    this.data.apiKeys.grantRead(blobs);
    this.data.blobs.grantManage(blobs);
    this.data.objects.grantUpload(blobs);
    blobs.set(functionEnv.blobMaxBytes, String(blobMaxBytes));

    this.data.keyrings.grantRead(links);
    this.data.blobs.grantOpen(links);
    this.data.objects.grantOpen(links);

    this.data.objects.grantAttachments(others.relay);
    for (const fn of [others.shredder, others['shred-workflow']]) {
      this.data.blobs.grantDestroy(fn);
      this.data.objects.grantDestroy(fn);
    }
  }

  /**
   * Permissions for user data. Provider secrets are values of the org, so a function with access to the KEK provides
   * them.
   */
  private grantUsers(functions: VaultFunctions, settings: DeploymentSettings, apiUrl: string): void {
    const secrets = functions['provider-secrets'];
    this.data.keyrings.grantRead(secrets);
    this.data.values.grantGet(secrets);
    this.data.kek.grantDecrypt(secrets);
    this.data.users.grantAccounts(functions, this.data);
    this.data.users.grantConversations(functions, this.data, settings, apiUrl);
    this.data.users.grantExplaining(functions, this.data);
    this.data.users.grantShredding(functions);
    this.data.devices.grantAll(functions, this.data);
    this.data.sessions.grantAll(functions, this.data);
    this.data.approvals.grantAll(functions, this.data);
    this.data.audit.grantRecord(functions.worker);
    functions.explainer.set(functionEnv.grants, iamPolicyReport(this.explainedArns(functions), functions));
  }

  /**
   * The function that gives keys to identities of other systems can create an API key and read none. It has no
   * permission on values or keyrings.
   */
  private grantLogins(
    { admin, logins, explainer }: VaultFunctions,
    { publicUrl }: DeploymentSettings,
    apiUrl: string,
  ): void {
    this.data.logins.grantManage(admin);
    this.data.logins.grantUse(logins);
    this.data.logins.grantLook(explainer);
    this.data.apiKeys.grantPut(logins);
    logins.set(functionEnv.loginUrls, [apiUrl, ...(publicUrl === undefined ? [] : [publicUrl])].join(','));
  }

  private explainedArns({ responder }: VaultFunctions): Record<string, string> {
    const { kek, values, users, devices, sessions } = this.data;
    return {
      kek: kek.arn,
      value: values.arn,
      userKeyring: users.keyrings.arn,
      userRecord: users.records.arn,
      deviceRoster: devices.rosters.arn,
      deviceLog: devices.logs.arn,
      directory: sessions.directories.arn,
      mailbox: sessions.mailboxes.arn,
      custodyKey: users.custodyKey.arn,
      codeKey: users.codeKey.arn,
      ...(responder && { responder: responder.alias.functionArn }),
    };
  }

  /**
   * Every function that authenticates callers adds audit records, except for the relay: messages are not recorded
   * (docs/session-service.md, section 1). The auditor only reads. The function of approvals also reads: it shows people what
   * they allowed. Only the sealer adds seals,
   * to the locked bucket. Both verify them with the public key.
   */
  private grantAudit(functions: VaultFunctions): void {
    const recording = routeGroups.filter((group) => group !== 'public' && group !== 'relay');
    for (const group of recording) this.data.audit.grantRecord(functions[group]);
    const { auditor, approvals, sealer } = functions;
    for (const fn of [auditor, approvals]) this.data.audit.grantRead(fn);
    this.data.keyrings.grantRead(auditor);
    this.data.apiKeys.grantRead(auditor);
    sealer.grantInvoke(auditor, functionEnv.sealFunction);
    this.data.locked.grantReadHeads(auditor);
    this.data.signingKey.grantPublish(auditor);
    this.data.locked.grantAddHeads(sealer);
    this.data.audit.grantSeal(sealer);
    this.data.signingKey.grantSign(sealer);
    new AuditSealingSchedule(this, 'Sealing', sealer, this.failures.queue);
  }
}
