/** A server that tries to leak a secret or to block its caller. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** A request as it was received. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface HostileServer {
  readonly port: number;
  readonly received: Received[];
  /** Replaces what `/kept` responds with. */
  leave(text: string): void;
  close(): Promise<void>;
}

type HostileBehavior = (response: ServerResponse, secret: string, received: Received, socket: Socket) => void;

/** The secret of a request, from `Authorization: Bearer`, the query `key`, the JSON body's `key`, or the whole body. */
function secretIn({ headers, url, body }: Received): string {
  const bearer = headers.authorization?.replace(/^Bearer /, '');
  const query = new URL(url, 'http://x').searchParams.get('key');
  return bearer ?? query ?? body;
}

const escapes = (text: string, spell: (point: number) => string): string =>
  [...text].map((character) => spell(character.codePointAt(0) ?? 0)).join('');
const hex = (point: number, width: number): string => point.toString(16).padStart(width, '0');

/** A text in the encodings of ordinary and of malicious servers. */
export function spellings(text: string): string[] {
  const bytes = Buffer.from(text);
  const base64 = ['', 'u:', 'us'].map((before) => Buffer.from(before + text).toString('base64'));
  const json = JSON.stringify(text);
  return [
    text,
    ...base64,
    ...base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')),
    base64[0]?.replace(/(.{8})/g, '$1\r\n') ?? '',
    JSON.stringify(base64[1]).replaceAll('/', '\\/'),
    encodeURIComponent(text),
    encodeURIComponent(text).toLowerCase(),
    encodeURIComponent(encodeURIComponent(text)),
    new URLSearchParams({ text }).toString(),
    json,
    JSON.stringify(json),
    JSON.stringify(JSON.stringify(json)),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    bytes.toString('hex').replace(/(..)/g, '$1 '),
    escapes(text, (point) => `\\u${hex(point, 4)}`),
    escapes(text, (point) => `\\u${hex(point, 4).toUpperCase().replace('U', 'u')}`),
    escapes(text, (point) => `\\x${hex(point, 2)}`),
    escapes(text, (point) => `%${hex(point, 2)}`),
    escapes(text, (point) => `&#${point};`),
    escapes(text, (point) => `&#x${hex(point, 2)};`),
    escapes(text, (point) => `&#0${point} `),
    escapes(text, (point) => (point % 2 === 0 ? `%${hex(point, 2)}` : `\\u${hex(point, 4)}`)),
    text.toUpperCase(),
    text.toLowerCase(),
    `${text.slice(0, 14)}<b>${text.slice(14)}</b>`,
    text.match(/.{1,5}/gs)?.join('\n') ?? '',
  ];
}

const hostileBehaviors: Readonly<Record<string, HostileBehavior>> = {
  '/echo': (response, secret, received) => {
    response.setHeader('content-type', `text/plain; echo="${encodeURIComponent(secret)}"`);
    response.setHeader('etag', JSON.stringify(secret));
    response.setHeader('x-echo', encodeURIComponent(secret));
    response.setHeader('set-cookie', `session=${encodeURIComponent(secret)}`);
    response.end([...spellings(secret), JSON.stringify(received), 'the end'].join('\n'));
  },
  '/drops': (response, secret) => {
    const characters = [...spellings(secret).slice(0, 8).join('\n'), '\nthe end'];
    const next = () => {
      const character = characters.shift();
      if (character === undefined) return void response.end();
      response.write(character);
      setImmediate(next);
    };
    next();
  },
  '/status': (response, secret, _, socket) => {
    response.socket?.removeAllListeners('error');
    socket.end(`HTTP/1.1 418 no ${secret} here\r\nContent-Length: 2\r\n\r\nok`);
  },
  '/cut': (response, secret) => void response.end(`${'x'.repeat(4096 - 10)}${secret}${'y'.repeat(5000)}`),
  '/utf16': (response, secret) => void response.end(Buffer.from(secret, 'utf16le')),
  '/gzip': (response, secret) => {
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync(secret + '0'.repeat(20_000_000)));
  },
  '/metadata': (response, secret) => {
    response.writeHead(302, { location: `http://169.254.169.254/latest/${encodeURIComponent(secret)}` }).end(secret);
  },
  '/leak-host': (response, secret) => {
    response.writeHead(302, { location: `http://${secret.replace(/[^A-Za-z0-9_]/g, '')}.example.com/` }).end();
  },
  '/elsewhere': (response) => void response.writeHead(307, { location: '/stolen' }).end(),
  '/slow': (response, secret) => {
    const characters = [...secret.repeat(100)];
    const timer = setInterval(() => response.write(characters.shift() ?? '.'), 50);
    response.on('close', () => clearInterval(timer));
  },
  '/silent': () => undefined,
  '/endless': (response, secret) => {
    const more = () => {
      while (!response.destroyed && response.write(`${secret}${'z'.repeat(1000)}`));
    };
    response.on('drain', more);
    more();
  },
  '/headers': (_, secret, __, socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    for (let i = 0; i < 2000 && !socket.destroyed; i++) socket.write(`x-${i}: ${encodeURIComponent(secret)}\r\n`);
  },
  '/malformed': (_, secret, __, socket) => void socket.end(`HTP/1.1 2x0 ${secret}\r\n${secret}\r\n\r\n`),
  '/short': (_, secret, __, socket) => void socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${secret}`),
  '/upgrade': (_, secret, __, socket) =>
    void socket.end(`HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n${secret}`),
};

/** Starts the server on 127.0.0.1, with TLS if `secureServer` is given. */
export async function startHostileServer(
  listenOn: (handler: (request: IncomingMessage, response: ServerResponse) => void) => Server = createServer,
): Promise<HostileServer> {
  const received: Received[] = [];
  const notes: string[] = [];
  const server = listenOn((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString() };
      received.push(one);
      const path = new URL(url, 'http://x').pathname;
      if (path === '/keep') notes.push(secretIn(one));
      if (path === '/kept') response.end(notes.join('\n'));
      else if (hostileBehaviors[path] === undefined) response.end('ok');
      else hostileBehaviors[path](response, secretIn(one), one, request.socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    received,
    leave: (text) => void notes.splice(0, notes.length, text),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
