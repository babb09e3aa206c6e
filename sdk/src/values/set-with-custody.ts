/** Stores values that this client seals before the vault gets them (docs/custody.md). */
import { valueRoutes } from '../../../contract/values/routes.ts';
import type { SetValueRequest, ValueInfo } from '../../../contract/values/wire.ts';
import type { Transport } from '../http/transport.ts';
import type { ValueCustody } from '../http/value-custody.ts';
import { buildSetRequest, notSentError, type ValueOptions, valueOptionNames } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { ConflictError } from '../shared/errors.ts';
import type { Decoder } from '../shared/json-decoders.ts';

/** Maximum number of attempts when other writers store versions at the same time. */
const maxAttempts = 8;

/**
 * Seals a value for the next version, and stores it. If another version is the next one, it is sealed again for that one:
 * a sealed value opens only as the version for which it was sealed.
 * @throws ConflictError version_conflict, if `ifVersion` does not match
 */
export async function setWithCustody(
  transport: Transport,
  name: string,
  value: string,
  { custody, ...options }: ValueOptions & CallOptions & { readonly custody: ValueCustody },
  decode: Decoder<ValueInfo>,
): Promise<ValueInfo> {
  // The same write gives other bytes each time, so the vault cannot recognize it across processes.
  if (options.writeId !== undefined)
    throw notSentError('invalid_argument', 'writeId cannot be given together with custody');
  const settings = transport.callSettings(options, ...valueOptionNames);
  let version = (options.ifVersion ?? 0) + 1;
  for (let attempt = 1; ; attempt++) {
    const { ifVersion, metadata = {}, ...request } = buildSetRequest(value, options);
    const sealed = await custody.seal({ name, version, value, metadata }, transport, settings);
    const body: SetValueRequest = { ...request, ...sealed };
    try {
      return await transport.request({ route: valueRoutes.setValue, name, body }, settings, decode);
    } catch (error) {
      const current = error instanceof ConflictError ? error.currentVersion : undefined;
      const isOther = current !== undefined && current + 1 !== version && ifVersion === undefined;
      if (!isOther || attempt >= maxAttempts) throw error;
      version = current + 1;
    }
  }
}
