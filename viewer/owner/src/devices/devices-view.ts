/** The devices and agents of the person: confirm, name, suspend; and this device itself. */
import type { SessionDeviceInfo } from '../../../../sdk/src/session/index.ts';
import type { App } from '../app.ts';
import { describeError } from '../device/errors.ts';
import { block, createElement, heading, paragraph, trouble } from '../ui/elements.ts';
import type { View } from '../ui/view.ts';
import { agentCard } from './agent-card.ts';
import { confirmCard } from './confirm-card.ts';
import { thisDeviceCard } from './this-device-card.ts';

/** Time between two readings of the directory while it is shown, milliseconds. */
const readMs = 10_000;

export const pendingDevices = (app: App): readonly SessionDeviceInfo[] =>
  app.client.devices().filter(({ person, status }) => person === app.client.person && status === 'pending');

export const devicesView: View = (app, place) => {
  const waiting = block('cards');
  const agents = block('cards');
  const own = block('cards');
  const noAgents = paragraph('empty', 'No agents yet.');
  place.append(heading('Devices'), waiting, section('Your agents', agents), section('Your devices', own));
  const cards = new Cards();
  const show = () => {
    const mine = app.client
      .devices()
      .filter(({ person, status }) => person === app.client.person && status !== 'revoked');
    setCards(
      waiting,
      pendingDevices(app).map((one) => cards.of(one, '', () => confirmCard(app, one))),
    );
    const settled = mine.filter(({ status }) => status !== 'pending');
    const cardOf = (one: SessionDeviceInfo) =>
      one.isThis
        ? cards.of(one, '', () => thisDeviceCard(app, one))
        : cards.of(one, app.names.given(one.device), () => agentCard(app, one, show));
    const owned = settled.filter(({ role }) => role === 'owner').sort((a, b) => Number(b.isThis) - Number(a.isThis));
    const others = settled.filter(({ role }) => role !== 'owner');
    setCards(agents, others.length === 0 ? [noAgents] : others.map(cardOf));
    setCards(own, owned.map(cardOf));
  };
  const read = async () => {
    if (document.hidden || app.events.connection.state === 'offline') return;
    await app.client.sync();
    app.events.emit('directory');
  };
  const readOrSay = () => void read().catch((error: unknown) => own.append(trouble(describeError(error))));
  show();
  readOrSay();
  const timer = setInterval(() => void read().catch(() => undefined), readMs);
  const unsubscribe = app.events.subscribe((change) => {
    if (change === 'directory') show();
  });
  return () => {
    clearInterval(timer);
    unsubscribe();
  };
};

const section = (title: string, content: HTMLElement): HTMLElement =>
  createElement('section', {}, createElement('h2', {}, title), content);

/** Replaces the cards only if they are others, so that the focus stays. */
function setCards(place: HTMLElement, cards: readonly HTMLElement[]): void {
  const isSame = place.children.length === cards.length && cards.every((card, at) => place.children[at] === card);
  if (!isSame) place.replaceChildren(...cards);
}

/** A card is made again only if its device changed, so that what a person typed or opened stays. */
class Cards {
  readonly #made = new Map<string, { readonly key: string; readonly card: HTMLElement }>();

  of(info: SessionDeviceInfo, name: string, make: () => HTMLElement): HTMLElement {
    const key = JSON.stringify([info, name]);
    const found = this.#made.get(info.device);
    if (found?.key === key) return found.card;
    const card = make();
    this.#made.set(info.device, { key, card });
    return card;
  }
}
