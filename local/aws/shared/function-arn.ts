/** Names and ARNs of functions, which can end with a qualifier: a version or an alias. */
import { arn } from './aws-account.ts';

export interface FunctionReference {
  readonly name: string;
  readonly qualifier: string | undefined;
}

/** Parses a function name, ARN or partial ARN (`123456789012:function:name`), each with or without a qualifier. */
export function parseFunctionName(given: string): FunctionReference {
  const path = /^(?:arn:[^:]+:lambda:[^:]*:)?\d{12}:function:(.+)$/.exec(given)?.[1] ?? given;
  const [name = '', qualifier] = path.split(':');
  return { name, qualifier };
}

export const formatFunctionArn = (name: string, qualifier: string | undefined): string =>
  arn('lambda', `function:${name}${qualifier === undefined ? '' : `:${qualifier}`}`);
