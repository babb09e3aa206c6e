/** The opened device, and everything that the views share. */
import type { SessionClient } from '../../../sdk/src/session/index.ts';
import { ActivityBook } from './activity/activity-book.ts';
import { TripwireWatch } from './activity/tripwire-watch.ts';
import { AgentNames } from './device/agent-names.ts';
import type { DeviceEvents } from './device/device-events.ts';
import { describeError } from './device/errors.ts';
import { Notes } from './device/notes.ts';
import { storage } from './device/sessions.ts';
import { MessageBook } from './messages/message-book.ts';
import { QuestionBook } from './questions/question-book.ts';

export class App {
  readonly client: SessionClient;
  readonly events: DeviceEvents;
  readonly notes: Notes;
  readonly names: AgentNames;
  readonly book: MessageBook;
  readonly questions: QuestionBook;
  readonly activity: ActivityBook;
  readonly tripwires: TripwireWatch;
  readonly #stop = new AbortController();
  #listening: Promise<void> = Promise.resolve();

  private constructor(client: SessionClient, events: DeviceEvents, notes: Notes) {
    this.client = client;
    this.events = events;
    this.notes = notes;
    this.names = new AgentNames(notes);
    this.book = new MessageBook(client, notes);
    this.questions = new QuestionBook(client, events, notes);
    this.activity = new ActivityBook(client, notes);
    const mayLook = () => !document.hidden && this.questions.canAnswer && events.connection.state !== 'offline';
    this.tripwires = new TripwireWatch(this.activity, events, notes, mayLook);
  }

  /** Takes over an opened device, and begins to receive. */
  static async start(client: SessionClient, events: DeviceEvents): Promise<App> {
    const notes = await Notes.open(storage, client.org);
    const app = new App(client, events, notes);
    await app.names.load();
    await app.book.load();
    app.#listening = app.#listen();
    app.questions.begin();
    app.tripwires.begin();
    return app;
  }

  /** Ends when the page is left, or another window takes the device. */
  async close(): Promise<void> {
    this.questions.end();
    this.tripwires.end();
    this.#stop.abort();
    await this.#listening;
    await this.client.close();
    await this.notes.close();
  }

  async #listen(): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const message of this.client.messages({ signal })) {
        this.book.addReceived(message);
        this.events.emit('messages');
      }
    } catch (error) {
      this.events.addNotice({ kind: 'stopped', text: `Nothing is received any more. ${describeError(error)}` });
    }
  }
}
