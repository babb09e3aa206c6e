import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Group } from '../contract/routes.ts';
import { ApiKeyTable } from './api-key-table.ts';
import { bundleHandlers } from './handler-code.ts';
import { Kek } from './kek.ts';
import { KeyringTable } from './keyring-table.ts';
import type { Settings } from './settings.ts';
import { ValueTable } from './value-table.ts';
import { VaultApi } from './vault-api.ts';
import { VaultFunction } from './vault-function.ts';

interface VaultStackProps {
  readonly settings: Settings;
  /** Folder with `<group>.ts` for every group of routes, each exporting `handler`. */
  readonly handlers: string;
}

/** One deployment of the vault, bound to no account and no region. */
export class VaultStack extends Stack {
  private readonly kek: Kek;
  private readonly keyrings: KeyringTable;
  private readonly apiKeys: ApiKeyTable;
  private readonly values: ValueTable;

  constructor(scope: Construct, props: VaultStackProps) {
    const name = `${props.settings.name}-${props.settings.stage}`;
    super(scope, 'Vault', { stackName: name, description: 'Anima Vault: envelope encryption for AI agents' });
    this.kek = new Kek(this, 'Kek', name);
    this.keyrings = new KeyringTable(this, 'Keyrings');
    this.apiKeys = new ApiKeyTable(this, 'ApiKeys');
    this.values = new ValueTable(this, 'Values');
    const functions = this.makeFunctions(props);
    this.grantAll(functions);
    const api = new VaultApi(this, 'Api', { name, settings: props.settings, functions });
    this.output('Url', api.url, 'Address of the vault: the client takes it as ANIMA_URL');
    this.output('KekArn', this.kek.arn, 'The key-encryption key');
    this.output('KeyringTable', this.keyrings.name, 'Wrapped data-encryption keys; never to be copied');
    this.output('ApiKeyTable', this.apiKeys.name, 'Records of API keys');
    this.output('ValueTable', this.values.name, 'Sealed values');
  }

  private makeFunctions({ settings, handlers }: VaultStackProps): Record<Group, VaultFunction> {
    const codeOf = bundleHandlers(handlers);
    const make = (group: Group): VaultFunction =>
      new VaultFunction(this, functionIds[group], {
        code: codeOf(group),
        stage: settings.stage,
        logRetention: settings.logRetention,
        description: `Anima Vault: routes of the group ${group}`,
      });
    return {
      public: make('public'),
      operator: make('operator'),
      admin: make('admin'),
      reader: make('reader'),
      writer: make('writer'),
    };
  }

  /** Who may do what; what is not here is denied. The public function gets nothing. */
  private grantAll({ operator, admin, reader, writer }: Record<Group, VaultFunction>): void {
    this.keyrings.grantPut(operator);
    this.apiKeys.grantPut(operator);

    this.keyrings.grantInspect(admin);
    this.apiKeys.grantManage(admin);
    this.kek.grantDecrypt(admin);

    this.keyrings.grantRead(reader);
    this.apiKeys.grantRead(reader);
    this.values.grantRead(reader);
    this.kek.grantDecrypt(reader);

    this.keyrings.grantRead(writer);
    this.keyrings.grantPut(writer);
    this.apiKeys.grantRead(writer);
    this.values.grantWrite(writer);
    this.kek.grantGenerate(writer);
    this.kek.grantDecrypt(writer);
  }

  private output(id: string, value: string, description: string): void {
    new CfnOutput(this, id, { value, description });
  }
}

/** Construct ids, hence beginnings of the physical names that one sees in the console. */
const functionIds: Record<Group, string> = {
  public: 'Public',
  operator: 'Operator',
  admin: 'Admin',
  reader: 'Reader',
  writer: 'Writer',
};
