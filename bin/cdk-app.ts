import { fileURLToPath } from 'node:url';
import { App, type AppProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { DataStack } from '../lib/data-stack.ts';
import { tagResources } from '../lib/operations/tags.ts';
import { OperationsStack } from '../lib/operations-stack.ts';
import { readSettings } from '../lib/shared/deployment-settings.ts';
import { VaultStack } from '../lib/vault-stack.ts';

interface VaultAppProps {
  /** Context in addition to that of the CDK CLI (settings: lib/shared/deployment-settings.ts). */
  readonly context?: Record<string, unknown>;
  /** Folder of the cloud assembly. Default: the folder that the CDK CLI sets, or a temporary folder. */
  readonly outdir?: string;
  /** Folder of the handlers' entries. Default: lambdas/functions. */
  readonly handlers?: string;
  /** Folder of the link page. Default: viewer. */
  readonly page?: string;
}

/**
 * The CDK app, not yet synthesized. Synthesis fails for any finding of cdk-nag's AwsSolutions that is not acknowledged
 * on its construct. Throws if a setting is invalid or a handler cannot be bundled.
 */
export const vaultApp = ({
  handlers = handlersFolder,
  page = pageFolder,
  context,
  ...rest
}: VaultAppProps = {}): App => {
  const app = new App({ ...appProps, ...rest, context: { ...featureFlags, ...context } });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const settings = readSettings(app.node);
  const data = new DataStack(app, settings);
  const code = new VaultStack(app, { settings, data, handlers, page });
  new OperationsStack(app, { settings, data, code });
  tagResources(app, settings);
  return app;
};

const handlersFolder = fileURLToPath(new URL('../lambdas/functions', import.meta.url));
const pageFolder = fileURLToPath(new URL('../viewer', import.meta.url));

/** The same settings as in cdk.json, so that the template does not depend on how it is synthesized. */
const appProps: AppProps = { analyticsReporting: false, treeMetadata: false };

const featureFlags = {
  // A new version is published for changes of code and configuration only. Without this flag, CDK also tries it for
  // changes that Lambda does not version, such as tags, and CloudFormation fails because the version exists already.
  '@aws-cdk/aws-lambda:recognizeVersionProps': true,
  // CloudFormation refuses to remove or replace a resource of the data stack that the code stack uses.
  '@aws-cdk/core:defaultCrossStackReferences': 'strong',
};
