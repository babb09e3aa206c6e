import { fileURLToPath } from 'node:url';
import { App, type AppProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readSettings } from '../lib/shared/deployment-settings.ts';
import { VaultStack } from '../lib/vault-stack.ts';

interface VaultAppProps {
  /** Context beside that of the CDK CLI (settings: lib/shared/deployment-settings.ts). */
  readonly context?: Record<string, unknown>;
  /** Folder of the cloud assembly; by default what the CLI asks for, else a temporary one. */
  readonly outdir?: string;
  /** Folder of the handlers' entries; by default the vault's own. */
  readonly handlers?: string;
  /** Folder of the page that opens links; by default the vault's own. */
  readonly page?: string;
}

/**
 * The CDK app, not yet synthesized. Its synthesis fails on any finding of cdk-nag's AwsSolutions that is not
 * acknowledged on the construct concerned. Throws when a setting is not allowed or a handler can't be bundled.
 */
export const vaultApp = ({ handlers = handlersFolder, page = pageFolder, ...rest }: VaultAppProps = {}): App => {
  const app = new App({ ...appProps, ...rest });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  new VaultStack(app, { settings: readSettings(app.node), handlers, page });
  return app;
};

const handlersFolder = fileURLToPath(new URL('../lambdas/functions', import.meta.url));
const pageFolder = fileURLToPath(new URL('../viewer', import.meta.url));

/** With cdk.json, which says the same to the CLI: the template does not depend on who synthesizes it. */
const appProps: AppProps = { analyticsReporting: false, treeMetadata: false };
