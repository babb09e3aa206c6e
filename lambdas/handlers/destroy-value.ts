import { refuseShut } from '../domain/deks.ts';
import type { Destroying } from '../domain/destroying.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

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
