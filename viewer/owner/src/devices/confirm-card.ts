/** A device that waits for its countersignature. */
import { normalizeTypedCode, toCodeGroups } from '../../../../core/encoding/crockford-base32.ts';
import type { SessionDeviceInfo } from '../../../../sdk/src/session/index.ts';
import type { App } from '../app.ts';
import { describeError } from '../device/errors.ts';
import { announce, block, button, createElement, field, paragraph, trouble } from '../ui/elements.ts';

const kinds = { owner: 'A new device', agent: 'A new agent', broker: 'The broker of the vault' } as const;

/**
 * The person types the code that the other device shows. It is not shown here, because then nobody would compare it: the
 * service could have put a device of its own into the directory.
 */
export function confirmCard(app: App, info: SessionDeviceInfo): HTMLElement {
  const code = createElement('input', { autocomplete: 'off', spellcheck: false, inputMode: 'text', maxLength: 24 });
  code.setAttribute('autocapitalize', 'characters');
  const place = block('panel');
  const say = (problem: string) => {
    place.querySelector('.trouble')?.remove();
    place.append(trouble(problem));
    code.focus();
  };
  const confirm = async () => {
    const typed = toCodeGroups(normalizeTypedCode(code.value));
    if (typed === '') return code.focus();
    if (typed !== info.fingerprint)
      return say(
        'That is not the code of this device. Nothing was signed. Look again at the other device; if it really shows this code, somebody else’s device waits here: tell an admin.',
      );
    try {
      await app.client.countersign(info.device, { fingerprint: typed });
      announce('Confirmed.');
      app.events.emit('directory');
    } catch (error) {
      say(describeError(error));
    }
  };
  const what =
    info.role === 'owner'
      ? 'It will read and write everything that you do.'
      : info.role === 'broker'
        ? 'It asks you before agents use values that need your yes.'
        : 'It will act for you, and write to you.';
  place.append(
    createElement('h2', {}, `${kinds[info.role]} wants to join`),
    paragraph('', what),
    field(
      info.role === 'broker' ? 'Code that the admin tells you' : 'Code that the other device shows',
      code,
      'Four groups of four, for example 7K2M-…',
    ),
    block('actions', button('Confirm', 'main', confirm)),
  );
  return place;
}
