/** The custom resources of the template, which a deployment lets the publisher function provide. */
import { createHash } from 'node:crypto';
import { customResources } from '../../contract/shared/environment-variables.ts';
import type { TemplateOptions } from '../aws/cloudformation/template-resources.ts';

/**
 * On AWS, the secret is random. Here it is constant, so that a restart publishes no new function version. It protects
 * nothing here: it proves where an address in the audit comes from, and all callers are on this machine.
 */
const localOriginSecret = 'local-vault-origin-secret';

export const localCustomResources: TemplateOptions = {
  publishedObjectType: customResources.page,
  customAttributes: {
    [customResources.originSecret]: {
      Secret: localOriginSecret,
      SecretSha256: createHash('sha256').update(localOriginSecret).digest('hex'),
    },
  },
};
