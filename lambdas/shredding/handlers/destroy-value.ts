import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import { refuseShut } from '../../org-keys/keyring-opener.ts';
import type { Destroying } from '../value-destruction-service.ts';

export const destroyValue = (gate: Gate, destroying: Destroying) =>
  memberChain('destroyValue', gate, {
    names: ({ params }) => [params.name],
    history: () => true,
    run: async ({ params, body }, { caller, stored, values }) => {
      const keyring = stored();
      refuseShut(keyring);
      const { name } = params;
      const reread = async () =>
        (await gate.records.read({ org: caller.org, keyId: caller.keyId, names: [name], history: true })).values.get(
          name,
        );
      return await destroying.destroy(caller, keyring, name, body.confirm, values.get(name), reread);
    },
  });
