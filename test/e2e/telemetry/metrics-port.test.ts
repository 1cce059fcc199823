/** Figures on a port of their own: for everybody there, or for those only who show a certificate. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createAuthority } from '../../stack/certificates.ts';
import { request } from '../../stack/http.ts';
import { freePort } from '../../stack/process/ports.ts';
import { replaceFile } from '../../stack/replace-file.ts';
import { until } from '../../stack/wait.ts';
import { startAdmission } from '../support/admission-function.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { stack } from '../support/stack.ts';

const proxy = await startFaultProxy();

describe('in the clear', () => {
  test('the main port has none of them any more', async () => {
    const port = await freePort();
    const admission = await startAdmission(proxy, { overrides: { metricsPort: port } });
    const { status, body } = await request(`http://127.0.0.1:${port}/metrics`);
    expect([status, body]).toEqual([
      200,
      expect.stringContaining('vault_injector_mutated_pods_success_count'),
    ]);
    expect((await admission.get('/metrics')).status).toBe(404);
    expect((await admission.get('/healthz')).status).toBe(200);
  });

  test('nothing else is there', async () => {
    const port = await freePort();
    await startAdmission(proxy, { overrides: { metricsPort: port } });
    expect((await request(`http://127.0.0.1:${port}/`)).status).toBe(404);
    expect((await request(`http://127.0.0.1:${port}/metrics`, { method: 'POST' })).status).toBe(405);
  });

  test('a port that is taken stops the start with its name', async () => {
    const port = await freePort();
    const first = await startAdmission(proxy, { overrides: { metricsPort: port } });
    const second = await startAdmission(proxy, { overrides: { metricsPort: port }, until: 'spawned' });
    expect(await second.exited).toBe(1);
    expect(await second.log()).toContain(`metricsPort: cannot listen on ${port}`);
    expect((await first.get('/healthz')).status).toBe(200);
  });
});

describe('with certificates', async () => {
  const file = (name: string) => join(stack.description.functions.folder, `metrics-${name}`);
  const [server, readers, strangers] = await Promise.all([
    createAuthority('metrics'),
    createAuthority('readers'),
    createAuthority('strangers'),
  ]);
  const reader = await readers.issue({ commonName: 'prometheus' });
  let url: string;

  beforeAll(async () => {
    const { certificate, key } = await server.issue({ commonName: 'metrics' });
    await writeFile(file('tls.crt'), certificate);
    await writeFile(file('tls.key'), key);
    await writeFile(file('client-ca.crt'), readers.certificate);
    const metricsPort = await freePort();
    const overrides = {
      metricsPort,
      metricsCertFile: file('tls.crt'),
      metricsKeyFile: file('tls.key'),
      metricsClientCaFile: file('client-ca.crt'),
    };
    await startAdmission(proxy, { overrides });
    url = `https://127.0.0.1:${metricsPort}/metrics`;
  });

  const read = (ca: string, { certificate, key } = reader) => request(url, { ca, cert: certificate, key });

  test('who shows one of the authority reads them', async () => {
    expect((await read(server.certificate)).status).toBe(200);
  });

  test('who shows none, or one of somebody else, does not', async () => {
    await expect(request(url, { ca: server.certificate })).rejects.toThrow();
    const stranger = await strangers.issue({ commonName: 'prometheus' });
    await expect(read(server.certificate, stranger)).rejects.toThrow();
  });

  test('its own is read again when it is replaced, and readers still have to show theirs', async () => {
    const next = await createAuthority('next');
    const { certificate, key } = await next.issue({ commonName: 'metrics' });
    await replaceFile(file('tls.key'), key);
    await replaceFile(file('tls.crt'), certificate);
    await until('the new one is shown', async () => (await read(next.certificate)).status === 200);
    await expect(request(url, { ca: next.certificate })).rejects.toThrow();
    const others = await createAuthority('other readers');
    await replaceFile(file('client-ca.crt'), others.certificate);
    const other = await others.issue({ commonName: 'prometheus' });
    await until('others are readers now', async () => (await read(next.certificate, other)).status === 200);
    await expect(read(next.certificate)).rejects.toThrow();
  });
});
