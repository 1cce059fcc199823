/** A dry run is validated and authorized like any other, and leaves everything as it was. */
import { beforeEach, describe, expect, test } from 'vitest';
import { startAdmission } from '../support/admission-function.ts';
import { type Census, takeCensus } from '../support/census.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { secretNames } from '../support/pod-secrets.ts';
import { createPod, podWith, tryCreatePod, uuidsOf } from '../support/pods.ts';
import { databaseTemplate } from '../support/postgres.ts';
import { ask, patched, reviewOf } from '../support/reviews.ts';

let before: Census;
beforeEach(async () => {
  // An instance that has to be started for it would add its own login.
  await createPod(podWith(annotations), '?dryRun=All');
  before = await takeCensus();
});

const annotations = {
  'a.role': 'gule-rw',
  'b.role': 'other-rw',
  'b.mode': 'uri',
  'b.template': databaseTemplate,
  'b.env-key-uri': 'DATABASE_URL',
};

describe('a dry run through the API server', () => {
  test('shows where the credentials will stand, and counts nothing up', async () => {
    const pod = await createPod(podWith(annotations), '?dryRun=All');
    const nobody = '00000000-0000-0000-0000-000000000000';
    const name = `db-creds-${nobody}`;
    expect(pod.spec.containers[0]?.env).toEqual(
      ['DBUSER', 'DBPASSWORD', 'DATABASE_URL'].map((key) => ({
        name: key,
        valueFrom: { secretKeyRef: { name, key } },
      })),
    );
    expect(await secretNames()).not.toContain(name);
    expect(uuidsOf(pod)).toEqual([nobody, nobody]);
    expect(await takeCensus()).toEqual(before);
  });

  test('is refused where the pod would be', async () => {
    const { refusal } = await tryCreatePod(podWith({ role: 'nobody' }), '?dryRun=All');
    expect(refusal).toContain('Vault has no auth role "nobody"');
    const { refusal: invalid } = await tryCreatePod(podWith({ 'a.mode': 'none' }), '?dryRun=All');
    expect(invalid).toContain('a.mode" is "none": expected "classic", "uri" or "template"');
    expect(await takeCensus()).toEqual(before);
  });

  test('warns of what a real one would warn of', async () => {
    const pod = await createPod(podWith({ role: 'gule-rw', uuid: 'mine', colour: 'red' }), '?dryRun=All');
    expect(pod.warnings).toEqual([
      expect.stringContaining('colour" is not known'),
      expect.stringContaining('uuid" is the injector\'s own'),
    ]);
  });
});

describe('what a dry run asks Vault', () => {
  test('who may assume the roles and when the last sweep was, and nothing else', async () => {
    const proxy = await startFaultProxy();
    const admission = await startAdmission(proxy);
    const verdict = await ask(admission, reviewOf(podWith(annotations), { dryRun: true }));
    expect(verdict.allowed).toBe(true);
    const [app] = patched(podWith(annotations), verdict).spec.containers;
    expect(app?.env).toEqual([
      { name: 'DBUSER', value: 'dry-run-user' },
      { name: 'DBPASSWORD', value: 'dry-run-password' },
      { name: 'DATABASE_URL', value: databaseTemplate.replace('@', 'dry-run-user:dry-run-password@') },
    ]);
    const asked = (['login', 'role', 'last sweep'] as const).map((step) => proxy.count(step));
    expect(asked).toEqual([1, 2, 1]);
    expect(proxy.total()).toBe(4);
    expect(await admission.log()).toContain('"outcome":"dry_run"');
  });
});
