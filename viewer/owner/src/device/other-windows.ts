/** A device is open in one window at a time. The window that a person opens last gets it. */

const channelName = 'anima-owner';

/** Asks the window that has the device to close it. */
export function askForDevice(): void {
  const channel = new BroadcastChannel(channelName);
  channel.postMessage('take');
  channel.close();
}

/** Calls back once when another window asks for the device. @returns ends it */
export function onDeviceAsked(give: () => void): () => void {
  const channel = new BroadcastChannel(channelName);
  channel.addEventListener('message', () => {
    channel.close();
    give();
  });
  return () => channel.close();
}
