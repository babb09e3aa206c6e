/** Composes the functions `reader` and `writer`. */
import { DynamoRecords } from '../api-keys/stores/dynamo-request-records.ts';
import { Deks, FirstDek } from '../org-keys/keyring-opener.ts';
import { RotationDue } from '../rotation/rotation-trigger.ts';
import { Reading } from '../values/value-reader.ts';
import { Writing } from '../values/value-writer.ts';
import { WriteStates } from '../values/write-precondition.ts';
import { clock, dynamo, gateOf, once, setting } from './common.ts';
import { rotationStore, rotationWorkflows } from './rotation.ts';
import { kek, keyrings, values, valueTables } from './stores.ts';

export function readerHost() {
  const gate = gateOf(valueTables(), new Deks(kek(), clock));
  return { gate, reading: new Reading(values(), clock) };
}

const rotationDue = () =>
  new RotationDue(
    { days: Number(setting('rotationDays')), messages: Number(setting('rotationMessages')) },
    once(() => rotationWorkflows()),
    once(() => rotationStore()),
    clock,
  );

export function writerHost() {
  const theKek = kek();
  const records = new DynamoRecords(dynamo(), valueTables());
  const deks = new Deks(theKek, clock);
  const states = new WriteStates(records, deks, new FirstDek(theKek, keyrings(), clock));
  return { gate: gateOf(valueTables(), deks), states, writing: new Writing(values(), clock, rotationDue()) };
}
