/** This browser becomes a device of the person: by an invite, an admin, and another device of the person. */
import type { EnrollProgress, SessionClient } from '../../../../sdk/src/session/index.ts';
import type { DeviceEvents } from '../device/device-events.ts';
import { describeError, hasCode } from '../device/errors.ts';
import { forgetOrg, sessionDevices, storedOrg, storeOrg } from '../device/sessions.ts';
import {
  announce,
  block,
  button,
  confirmInDialog,
  createElement,
  facts,
  field,
  heading,
  paragraph,
  trouble,
} from '../ui/elements.ts';

type Done = (client: SessionClient) => void;

/** Asks for an invite. @param problem of an earlier one */
export function showWelcome(place: HTMLElement, events: DeviceEvents, done: Done, problem = ''): void {
  const text = createElement('textarea', { rows: 3, autocomplete: 'off', spellcheck: false });
  text.setAttribute('autocapitalize', 'off');
  const hint = 'It begins with anmi_. It works once, within ten minutes.';
  const title = heading('Add this device');
  place.replaceChildren(
    title,
    paragraph(
      '',
      'This page becomes one of your devices: you read and answer your agents, and allow what they do. Its keys are made here and stay here.',
    ),
    paragraph('', 'An admin of your organization makes an invite with the command anima invite.'),
    field('Invite', text, hint),
    button('Add this device', 'main', () => {
      const invite = text.value.trim();
      if (invite === '') return text.focus();
      void askBeforePairing(place, events, done, invite);
    }),
  );
  if (problem !== '') place.append(trouble(problem));
  title.focus();
}

/** The organization of an invite; undefined if it has another form. */
const orgOf = (invite: string): string | undefined => /^anmi_([0-9a-z]{16})_/.exec(invite)?.[1];

/**
 * What a device is paired with. Everything else about an organization comes from its directory, which is read and verified
 * later, and has no names.
 */
const pairedWith = (org: string): HTMLElement =>
  facts([
    ['Organization', org],
    ['Vault', location.host],
  ]);

/**
 * Shows what the device is about to be paired with. Anybody can send a link with an invite to an organization of theirs, so
 * nothing is made, signed or sent before the person agrees.
 */
export async function askBeforePairing(
  place: HTMLElement,
  events: DeviceEvents,
  done: Done,
  invite: string,
): Promise<void> {
  const org = orgOf(invite);
  // The SDK says what is wrong with the invite, before it sends anything.
  if (org === undefined) return await pair(place, events, done, invite);
  const title = heading('Add this device to this organization?');
  place.replaceChildren(
    title,
    pairedWith(org),
    paragraph(
      '',
      'Compare the organization with the one that your admin names to you. Do not go on if somebody else sent you the link, or if you expected none.',
    ),
    block(
      'actions',
      button('Add this device', 'main', () => void pair(place, events, done, invite)),
      button('Cancel', 'quiet', () => showWelcome(place, events, done)),
    ),
    paragraph('hint', 'Nothing was sent yet. The invite can still be used.'),
  );
  title.focus();
}

/** Enrolls with an invite, or goes on where an earlier start stopped. */
export async function pair(place: HTMLElement, events: DeviceEvents, done: Done, invite?: string): Promise<void> {
  const stop = new AbortController();
  const org = invite === undefined ? storedOrg() : orgOf(invite);
  const view = new PairingView(place, stop, org);
  try {
    if (org !== undefined) storeOrg(org);
    const sessions = sessionDevices(events.connection, events.onNotice);
    const options = invite === undefined ? { org } : { invite };
    const onProgress = (progress: EnrollProgress) => view.show(progress);
    done(await sessions.enroll({ ...options, signal: stop.signal, onProgress }));
  } catch (error) {
    // What was begun with an invite that does not count any more is of no use.
    const isOver = ['invite_refused', 'invite_malformed', 'enrollment_expired', 'not_enrolled', 'pin_not_reached'];
    if (isOver.some((code) => hasCode(error, code)) || stop.signal.aborted) await forgetBegun(events);
    showWelcome(place, events, done, stop.signal.aborted ? '' : describeError(error));
  }
}

/** Deletes a device that is not enrolled. One that is keeps its organization stored. */
async function forgetBegun(events: DeviceEvents): Promise<void> {
  const org = storedOrg();
  if (org === undefined) return;
  const sessions = sessionDevices(events.connection, () => undefined);
  try {
    const client = await sessions.open({ org });
    await client.close();
  } catch (error) {
    if (!hasCode(error, 'not_enrolled')) return;
    await sessions.forget({ org, confirm: org });
    forgetOrg();
  }
}

const steps = [
  { state: 'waiting', text: 'An admin compares this code and admits the device: anima directory admit.' },
  {
    state: 'admitted',
    text: 'One of your other devices confirms it with the same code, under “Devices”. If this is your first device, this step is left out.',
  },
  { state: 'active', text: 'Ready.' },
] as const;

class PairingView {
  readonly #place: HTMLElement;
  readonly #stop: AbortController;
  readonly #org: string | undefined;
  #list: readonly HTMLElement[] = [];

  constructor(place: HTMLElement, stop: AbortController, org: string | undefined) {
    this.#place = place;
    this.#stop = stop;
    this.#org = org;
    const title = heading('Adding this device …');
    place.replaceChildren(title, paragraph('', 'Asking the service.'));
    title.focus();
  }

  show({ state, fingerprint }: EnrollProgress): void {
    if (this.#list.length === 0) this.#begin(fingerprint);
    const reached = steps.findIndex((step) => step.state === (state === 'sent' ? 'waiting' : state));
    for (const [at, item] of this.#list.entries()) {
      item.className = at < reached ? 'done' : at === reached ? 'current' : '';
      if (at === reached) item.setAttribute('aria-current', 'step');
      else item.removeAttribute('aria-current');
    }
    announce(steps[reached]?.text ?? '');
  }

  #begin(fingerprint: string): void {
    this.#list = steps.map(({ text }) => createElement('li', {}, text));
    const title = heading('Compare this code');
    const cancel = button('Cancel', 'quiet', async () => {
      const text = 'The invite is used up. You need another one to add this device later.';
      if (await confirmInDialog('Cancel?', text, 'Cancel adding')) this.#stop.abort();
    });
    this.#place.replaceChildren(
      title,
      paragraph('', 'The code of this device. Whoever admits it must see the same one:'),
      codeOf(fingerprint),
      ...(this.#org === undefined ? [] : [pairedWith(this.#org)]),
      createElement('ol', { className: 'steps' }, ...this.#list),
      paragraph(
        'hint',
        'You can close this page meanwhile, and open it again. Nothing is read or written before the last step.',
      ),
      block('actions', cancel),
    );
    title.focus();
  }
}

/** A fingerprint in large letters, which screen readers spell. */
export function codeOf(fingerprint: string): HTMLElement {
  const code = createElement('p', { className: 'code' }, fingerprint);
  code.setAttribute('aria-label', [...fingerprint.replaceAll('-', '')].join(' '));
  code.setAttribute('role', 'img');
  return code;
}
