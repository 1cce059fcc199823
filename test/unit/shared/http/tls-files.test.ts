import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { followTlsFiles, readTlsFiles } from '../../../../shared/http/tls-files.ts';
import { type Authority, createAuthority, type KeyPair } from '../../../stack/certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'tls-files-'));
const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
let authority: Authority;
let [first, second]: (KeyPair | undefined)[] = [];
let server: Server;
let agents: Agent[];

beforeAll(async () => {
  authority = await createAuthority('test');
  [first, second] = await Promise.all(
    ['first', 'second'].map((commonName) => authority.issue({ commonName })),
  );
});

/** Replaces files like a mounted Secret: other files under the same names. */
function replace(file: string, content = ''): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}

beforeEach(async () => {
  replace(files.certFile, first?.certificate);
  replace(files.keyFile, first?.key);
  agents = [];
  // No other clock: what sockets need goes on.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  server = createServer(readTlsFiles(files), (_, response) => response.end('ok'));
  followTlsFiles(server, files);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

const close = () => new Promise<void>((resolve) => server.close(() => resolve()));

afterEach(async () => {
  for (const agent of agents) agent.destroy();
  if (server.listening) await close();
  vi.useRealTimers();
});
afterAll(() => rmSync(folder, { recursive: true }));

const lookAgain = () => vi.advanceTimersByTime(1_000);

function port(): number {
  const address: AddressInfo | string | null = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the server does not listen');
  return address.port;
}

/** A client that keeps its connection: whose certificate it was shown, and whether it had to connect for that. */
function createClient() {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 1,
    ca: authority.certificate,
    maxCachedSessions: 0,
  });
  agents.push(agent);
  return () =>
    new Promise<{ readonly shown: unknown; readonly reused: boolean }>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: port(), agent }, (response) => {
        const { socket } = response;
        if (!(socket instanceof TLSSocket)) return reject(new Error('the connection is not encrypted'));
        const shown = socket.getPeerCertificate().subject.CN;
        response.resume().on('end', () => resolve({ shown, reused: sent.reusedSocket }));
      });
      sent.on('error', reject).end();
    });
}
const shownNow = async () => (await createClient()()).shown;

test('a pair that takes the place of another is shown to new connections; one that is open goes on', async () => {
  const open = createClient();
  expect(await open()).toEqual({ shown: 'first', reused: false });
  replace(files.certFile, second?.certificate);
  replace(files.keyFile, second?.key);
  expect(await shownNow()).toBe('first');
  lookAgain();
  expect(await shownNow()).toBe('second');
  expect(await open()).toEqual({ shown: 'first', reused: true });
});

test('files that stay as they are are not read again', async () => {
  const setSecureContext = vi.spyOn(server, 'setSecureContext');
  lookAgain();
  expect(setSecureContext).not.toHaveBeenCalled();
  replace(files.certFile, first?.certificate);
  lookAgain();
  lookAgain();
  expect(setSecureContext).toHaveBeenCalledTimes(1);
});

describe('what is served stays as it is', () => {
  test.each([
    ['certificate', files.certFile, files.keyFile],
    ['key', files.keyFile, files.certFile],
  ])('while only the %s has been replaced', async (_, early, late) => {
    const contentOf = (file: string) => (file === files.certFile ? second?.certificate : second?.key);
    replace(early, contentOf(early));
    lookAgain();
    expect(await shownNow()).toBe('first');
    replace(late, contentOf(late));
    lookAgain();
    expect(await shownNow()).toBe('second');
  });

  test.each([
    ['certificate', files.certFile],
    ['key', files.keyFile],
  ])('while the %s is not there', async (_, file) => {
    const aside = join(folder, 'aside');
    copyFileSync(file, aside);
    rmSync(file);
    lookAgain();
    expect(await shownNow()).toBe('first');
    renameSync(aside, file);
    lookAgain();
    expect(await shownNow()).toBe('first');
  });

  test('while what is in the files is neither', async () => {
    replace(files.certFile, 'neither');
    replace(files.keyFile, 'neither');
    lookAgain();
    expect(await shownNow()).toBe('first');
  });
});

test('the files are followed as long as the server is there', async () => {
  expect(vi.getTimerCount()).toBe(1);
  await close();
  expect(vi.getTimerCount()).toBe(0);
});
