/**
 * Condition blocks of policies. An unsupported operator or condition key is an error when the policy is compiled,
 * because skipping a condition would weaken the policy.
 * Source: IAM user guide, "JSON policy elements: Condition operators".
 */
import { z } from 'zod';

export const oneOrMany = z
  .union([z.string(), z.boolean(), z.array(z.string())])
  .transform((value) => [value].flat().map(String));
export const conditionSchema = z.record(z.string(), z.record(z.string(), oneOrMany)).default({});
type Condition = z.infer<typeof conditionSchema>;

/** Reads the values of a condition key from a request; undefined if the request does not have the key. */
export type ConditionKeyReader<Request> = (request: Request) => readonly string[] | undefined;

type Operator = (present: readonly string[] | undefined, wanted: readonly string[]) => boolean;

const operators: Record<string, Operator> = {
  Null: (present, wanted) => wanted.includes(String(present === undefined)),
  ArnEquals: (present, wanted) => present?.some((value) => matchesAny(wanted, value)) ?? false,
  StringEquals: (present, wanted) => present?.some((value) => wanted.includes(value)) ?? false,
  StringNotEquals: (present, wanted) => !(present?.some((value) => wanted.includes(value)) ?? false),
  StringLike: (present, wanted) => present?.some((value) => matchesAny(wanted, value)) ?? false,
  StringNotLike: (present, wanted) => !(present?.some((value) => matchesAny(wanted, value)) ?? false),
  'ForAnyValue:StringEquals': (present, wanted) => present?.some((value) => wanted.includes(value)) ?? false,
  'ForAnyValue:StringNotEquals': (present, wanted) => present?.some((value) => !wanted.includes(value)) ?? false,
  'ForAllValues:StringEquals': (present, wanted) => present?.every((value) => wanted.includes(value)) ?? true,
  'ForAllValues:StringNotEquals': (present, wanted) => present?.every((value) => !wanted.includes(value)) ?? true,
};

/**
 * Returns a predicate that holds if a request meets every condition. `readerOf` returns the reader of a condition key,
 * or undefined for an unsupported key. `unknown` creates the error for an unsupported operator or key.
 */
export function compileConditions<Request>(
  condition: Condition,
  readerOf: (key: string) => ConditionKeyReader<Request> | undefined,
  unknown: (what: string) => Error,
): (request: Request) => boolean {
  const conditions = Object.entries(condition).flatMap(([operatorName, tests]) => {
    const operator = operators[operatorName];
    if (operator === undefined) throw unknown(`condition operator ${operatorName}`);
    return Object.entries(tests).map(([key, wanted]) => {
      const read = readerOf(key);
      if (read === undefined) throw unknown(`condition key ${key}`);
      return (request: Request) => operator(read(request), wanted);
    });
  });
  return (request) => conditions.every((holds) => holds(request));
}

/** Whether a value matches a policy pattern. `*` matches any text and `?` matches one character. */
export const matchesAny = (patterns: readonly string[], value: string): boolean =>
  patterns.some((pattern) => {
    const source = pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    return new RegExp(`^${source}$`, 's').test(value);
  });
