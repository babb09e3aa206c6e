/**
 * Published versions and aliases of functions, with every accepted property (see resource-schemas.ts).
 * Source: AWS CloudFormation template reference, AWS::Lambda::Version and AWS::Lambda::Alias.
 */
import { z } from 'zod';

const ignoredProperty = z.unknown().optional();

export const functionVersionSchema = z.strictObject({
  FunctionName: z.string(),
  Description: ignoredProperty,
  CodeSha256: ignoredProperty,
  ProvisionedConcurrencyConfig: ignoredProperty,
  RuntimePolicy: ignoredProperty,
});

export const functionAliasSchema = z.strictObject({
  FunctionName: z.string(),
  // Lambda rejects names that could be version numbers.
  Name: z.string().regex(/^(?![0-9]+$)[\w-]{1,128}$/),
  FunctionVersion: z.string().regex(/^(\$LATEST|[0-9]+)$/),
  RoutingConfig: z
    .strictObject({
      // Lambda accepts one additional version.
      AdditionalVersionWeights: z
        .array(
          z.strictObject({ FunctionVersion: z.string().regex(/^[0-9]+$/), FunctionWeight: z.number().min(0).max(1) }),
        )
        .max(1),
    })
    .optional(),
  Description: ignoredProperty,
  ProvisionedConcurrencyConfig: ignoredProperty,
});
