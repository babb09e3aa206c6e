/** The policy that restricts a form upload. Source: S3 API reference, "POST policy". */
import { z } from 'zod';
import { firstIssue } from '../shared/json.ts';
import { S3Error } from './s3-errors.ts';

const policySchema = z.strictObject({
  expiration: z.iso.datetime(),
  conditions: z
    .array(
      z.union([
        z.record(z.string(), z.string()).refine((condition) => Object.keys(condition).length === 1),
        z.tuple([
          z
            .string()
            .toLowerCase()
            .pipe(z.enum(['eq', 'starts-with'])),
          z.string().startsWith('$'),
          z.string(),
        ]),
        z.tuple([z.string().toLowerCase().pipe(z.literal('content-length-range')), sizeSchema(), sizeSchema()]),
      ]),
    )
    .min(1),
});
type Condition = z.infer<typeof policySchema>['conditions'][number];

/** Some SDKs write these numbers as strings. */
function sizeSchema() {
  return z.union([
    z.number().int().min(0),
    z
      .string()
      .regex(/^\d{1,13}$/)
      .transform(Number),
  ]);
}

export interface SizeRange {
  readonly min: number;
  readonly max: number;
}

/** Fields that need no condition. */
const uncovered: ReadonlySet<string> = new Set(['policy', 'x-amz-signature', 'file']);
/** 5 GiB, the largest object that a single request can create. */
export const maxUploadBytes = 5 * 1024 ** 3;

/**
 * Checks the fields of a form against its policy. The policy's signature must be verified already. Returns the allowed
 * file size, which the caller must enforce while the file is received.
 * @param key the object key that results from the fields
 * @throws S3Error AccessDenied, InvalidPolicyDocument
 */
export function judgePolicy(
  policy: string,
  fields: ReadonlyMap<string, string>,
  target: { readonly bucket: string; readonly key: string },
  now: Date,
): SizeRange {
  const { expiration, conditions } = readPolicy(policy);
  if (new Date(expiration) <= now) throw denied('Policy expired.');
  const values = new Map([...fields, ['bucket', target.bucket], ['key', target.key]]);
  const covered = new Set<string>();
  let range: SizeRange = { min: 0, max: maxUploadBytes };
  for (const condition of conditions) {
    if (isRange(condition)) {
      const [, min, max] = condition;
      range = { min: Math.max(range.min, min), max: Math.min(range.max, max) };
      continue;
    }
    const { operator, name, wanted } = readMatch(condition);
    const value = values.get(name);
    const holds = operator === 'eq' ? value === wanted : value?.startsWith(wanted) === true;
    if (!holds) throw denied(`Policy Condition failed: ${JSON.stringify([operator, `$${name}`, wanted])}`);
    covered.add(name);
  }
  const extra = [...values.keys()].filter(
    (name) => !covered.has(name) && !uncovered.has(name) && !name.startsWith('x-ignore-'),
  );
  if (extra.length > 0) throw denied(`Extra input fields: ${extra.join(', ')}`);
  if (fields.has('bucket') && fields.get('bucket') !== target.bucket) {
    throw denied(`Policy Condition failed: ${JSON.stringify(['eq', '$bucket', target.bucket])}`);
  }
  return range;
}

function readPolicy(policy: string): z.infer<typeof policySchema> {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(policy, 'base64').toString());
  } catch {
    throw new S3Error('InvalidPolicyDocument', 'Invalid Policy: Invalid JSON.');
  }
  const parsed = policySchema.safeParse(document);
  if (!parsed.success) throw new S3Error('InvalidPolicyDocument', `Invalid Policy: ${firstIssue(parsed.error)}`);
  return parsed.data;
}

const isRange = (condition: Condition): condition is ['content-length-range', number, number] =>
  Array.isArray(condition) && condition[0] === 'content-length-range';

function readMatch(condition: Exclude<Condition, ['content-length-range', number, number]>) {
  if (Array.isArray(condition)) {
    const [operator, name, wanted] = condition;
    return { operator, name: name.slice(1).toLowerCase(), wanted };
  }
  const [[name = '', wanted = ''] = []] = Object.entries(condition);
  return { operator: 'eq' as const, name: name.toLowerCase(), wanted };
}

const denied = (why: string) => new S3Error('AccessDenied', `Invalid according to Policy: ${why}`);
