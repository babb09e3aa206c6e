/** A fault for tests: S3 can refuse a conditional write because of another write at the same time. */
import type { EngineCall, EngineHooks } from '../../local/aws/endpoint/engine-hooks.ts';
import { isObject } from '../../local/aws/shared/json.ts';

/**
 * A hook that refuses the first conditional write with 409 ConditionalRequestConflict and lets later ones pass. A
 * client must then send the write again, or read the object again. Source: S3 user guide, "Conditional write behavior".
 * @param matches which conditional writes count; default: all
 */
export function conflictOnce(matches: (call: EngineCall) => boolean = () => true): NonNullable<EngineHooks['before']> {
  let answered = false;
  return (call) => {
    if (answered || !isConditionalWrite(call) || !matches(call)) return undefined;
    answered = true;
    return {
      type: 'ConditionalRequestConflict',
      status: 409,
      message: 'The conditional request cannot succeed due to a conflicting operation against this resource.',
    };
  };
}

const isConditionalWrite = ({ service, action, input }: EngineCall): boolean =>
  service === 's3' &&
  ['PutObject', 'CompleteMultipartUpload'].includes(action) &&
  isObject(input) &&
  (input.IfMatch !== undefined || input.IfNoneMatch !== undefined);
