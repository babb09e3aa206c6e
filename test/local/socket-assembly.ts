/** A small stack with the WebSocket API of the product, a test function, and the HTTP routes that a local vault needs. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App, Stack, Validations } from 'aws-cdk-lib';
import { HttpApi, HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { build } from 'esbuild';
import { expect } from 'vitest';
import { SocketApi } from '../../lib/sessions/socket-api.ts';
import { VaultFunction } from '../../lib/shared/vault-function.ts';
import type { Resources } from './small-assembly.ts';

const settings = {
  name: 'sockets',
  stage: 'test',
  logRetention: RetentionDays.ONE_WEEK,
  sessionTags: false,
  endpoints: { fips: false, dualStack: false },
  requestsPerSecond: 5000,
  socketDomain: undefined,
};

/** The app, not yet synthesized. With `strict`, findings of cdk-nag fail the synthesis; the HTTP API is then left out. */
export function socketApp(
  outdir: string,
  codeFolder: string,
  { strict = false }: { readonly strict?: boolean } = {},
): App {
  const context = { '@aws-cdk/aws-lambda:recognizeVersionProps': true };
  const app = new App({ outdir, analyticsReporting: false, treeMetadata: false, context });
  const stack = new Stack(app, 'Sockets');
  const relay = new VaultFunction(stack, 'Relay', {
    entry: 'relay',
    code: Code.fromAsset(codeFolder),
    settings,
    memoryMb: 256,
  });
  const sockets = new SocketApi(stack, 'SocketApi', { name: 'test', settings, relay });
  sockets.tellAddress(relay);
  sockets.grantConnections(relay);
  // It has no permission for connections.
  const other = new VaultFunction(stack, 'Other', {
    entry: 'other',
    code: Code.fromAsset(codeFolder),
    settings,
    memoryMb: 256,
  });
  if (strict) Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  else addHttpApi(stack, other);
  return app;
}

function addHttpApi(stack: Stack, fn: VaultFunction): void {
  const api = new HttpApi(stack, 'Http');
  const integration = new HttpLambdaIntegration('ToOther', fn.target);
  const methods = [HttpMethod.POST];
  api.addRoutes({ path: '/v1/orgs', methods, integration, authorizer: new HttpIamAuthorizer() });
  api.addRoutes({ path: '/v1/keys', methods, integration });
  api.addRoutes({ path: '/page', methods: [HttpMethod.GET], integration });
}

/** Takes the answers of the function away from the route of messages. */
function makeOneWay(resources: Resources): void {
  const [route, { Properties }] =
    Object.entries(resources).find(([, one]) => one.Properties.RouteKey === '$default') ?? expect.fail('no route');
  delete Properties.RouteResponseSelectionExpression;
  for (const [id, one] of Object.entries(resources)) {
    if (one.Type.endsWith('::RouteResponse') && Object(one.Properties.RouteId).Ref === route) delete resources[id];
  }
}

export interface SocketWorkspace {
  readonly folder: string;
  readonly codeFolder: string;
  /**
   * Synthesizes an assembly and returns its folder. `change` edits the resources of the template. The route of messages
   * sends no answers of the function, unless `answers` is set as in the product.
   */
  assembly(change?: (resources: Resources) => void, options?: { readonly answers: boolean }): string;
  remove(): void;
}

/** Creates a temporary folder and builds the bundle of the function once. */
export async function createSocketWorkspace(): Promise<SocketWorkspace> {
  const folder = mkdtempSync(join(tmpdir(), 'anima-sockets-'));
  const codeFolder = join(folder, 'code');
  mkdirSync(codeFolder);
  await build({
    entryPoints: [fileURLToPath(new URL('socket-handler.ts', import.meta.url))],
    outfile: join(codeFolder, 'index.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
  });
  let assemblies = 0;
  return {
    folder,
    codeFolder,
    assembly(change = () => {}, { answers } = { answers: false }) {
      const path = join(folder, `assembly-${++assemblies}`);
      socketApp(path, codeFolder).synth();
      const file = join(path, 'Sockets.template.json');
      const template = JSON.parse(readFileSync(file, 'utf8'));
      if (!answers) makeOneWay(template.Resources);
      change(template.Resources);
      writeFileSync(file, JSON.stringify(template));
      return path;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
