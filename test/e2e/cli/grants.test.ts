/** `list` and `revoke` over a fleet of pods with real credentials. */
import { v7 as newUuid } from 'uuid';
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configurationFile, normalised, run, runAtTerminal, runInPod } from '../support/command-line.ts';
import { type Fleet, type Given, openFleet } from '../support/fleet.ts';
import { canLogIn, changePod, deletePod } from '../support/fleet-state.ts';
import { createPod, podWith } from '../support/pods.ts';
import { exampleNamespace } from '../support/stack.ts';
import { sweepAt } from '../support/sweeping.ts';

const golden = (name: string) => `../../golden/cli/${name}.txt`;
let fleet: Fleet;
let config: string;

beforeAll(async () => {
  fleet = await openFleet();
  config = await configurationFile(fleet.keys);
});

const list = (...args: string[]) => run(['list', '--config', config, ...args]);
const revoke = (...args: string[]) => run(['revoke', '--config', config, ...args]);

const Listed = v.object({
  grants: v.array(
    v.object({
      uuid: v.string(),
      pod: v.string(),
      namespace: v.string(),
      role: v.string(),
      user: v.string(),
      state: v.string(),
      leaseEndsAt: v.optional(v.number()),
      renewalAt: v.optional(v.number()),
    }),
  ),
  foreign: v.number(),
});
async function listed(...args: string[]) {
  const { out } = await list('--json', ...args);
  return v.parse(Listed, JSON.parse(out));
}
const stateOf = async (uuid: string) => (await listed()).grants.find((grant) => grant.uuid === uuid)?.state;

describe('list', () => {
  let pod: Given;

  test('a pod that was just admitted, and one that a sweep has seen', async () => {
    pod = await fleet.pod();
    expect(await stateOf(pod.uuid)).toBe('ok');
    await sweepAt(Date.now(), fleet);
    const { grants } = await listed();
    expect(grants).toEqual([
      {
        uuid: pod.uuid,
        pod: pod.name,
        namespace: pod.namespace,
        role: 'gule-rw',
        user: pod.user,
        state: 'ok',
        leaseEndsAt: expect.any(Number),
        renewalAt: expect.any(Number),
      },
    ]);
  });

  test('in a pipe and at a terminal', async () => {
    const { code, out } = await list();
    expect(code).toBe(0);
    expect(out.split('\t')).toHaveLength(9);
    await expect(normalised(out)).toMatchFileSnapshot(golden('list-pipe'));
    const seen = await runAtTerminal(['list', '--config', config]);
    const table = seen.out.trimEnd().split('\n');
    expect([seen.code, table.length]).toEqual([0, 3]);
    expect(table[0]).toMatch(/NAMESPACE +POD +DATABASE +ROLE +USER +LEASE ENDS +RENEWAL +STATE +UUID$/);
    expect(table[1]).toMatch(/gule-rw +gule-rw-\S+ +in \d+m +in \d+m +ok /);
    const wide = await list('--output', 'wide');
    expect(wide.out).toMatch(/gule-rw\tgule-rw-\S+\t\d+s ago\tin \d+m\tin \d+d\tin \d+m\tok\t/);
    expect((await list('-o', 'name')).out).toBe(pod.uuid);
    expect(parse((await list('-o', 'yaml')).out)).toEqual(JSON.parse((await list('--json')).out));
  });

  test('colours and progress are for a terminal, and colours not with NO_COLOR', async () => {
    const green = '\u001b[32mok';
    const args = ['list', '--config', config];
    const coloured = await runAtTerminal(args, '', { NO_COLOR: '' });
    expect([coloured.raw.includes(green), coloured.raw.includes('reading the ledger')]).toEqual([true, true]);
    const plain = await runAtTerminal(args);
    expect([plain.raw.includes(green), plain.out.includes('reading the ledger')]).toEqual([false, false]);
    const piped = await run(args, { env: { NO_COLOR: '' } });
    expect([piped.out.includes('\u001b'), piped.err]).toEqual([false, '']);
  });

  test('in the image, as the renewal job itself', async () => {
    const { code, out, err } = await runInPod(['list'], fleet.keys);
    expect([code, err, normalised(out)]).toEqual([0, '', normalised((await list()).out)]);
  });

  test('one that should have been renewed', async () => {
    const late = await fleet.pod();
    await fleet.write(late.uuid, { ...(await fleet.record(late.uuid)), LeaseTtlSeconds: 1 });
    await expect.poll(() => stateOf(late.uuid), { timeout: 10_000 }).toBe('overdue');
  });

  test('one without a pod, and one whose pod lost the label', async () => {
    const orphan = await fleet.aged(await fleet.admission(), 3_600_000);
    expect(await stateOf(orphan.uuid)).toBe('orphaned');
    const unlabelled = await fleet.pod();
    await changePod(unlabelled, () => ({ labels: { app: 'web' } }));
    expect(await stateOf(unlabelled.uuid)).toBe('ok');
  });

  test('one that a pod names and the ledger does not know', async () => {
    const forged = newUuid();
    const stranger = podWith(
      { uuid: forged },
      { labels: { [fleet.label]: 'true', 'stack.test/unguarded': 'true' } },
    );
    await createPod(stranger);
    expect(await stateOf(forged)).toBe('unknown');
  });

  test('of one namespace, and not those of another cluster', async () => {
    expect((await listed('--namespace', 'default')).grants).toEqual([]);
    const { code, err } = await list('-n', 'typo');
    expect([code, err]).toEqual([1, 'there is no namespace "typo", and no grant of it']);
    const before = await listed('--namespace', exampleNamespace);
    await fleet.write(pod.uuid, { ...(await fleet.record(pod.uuid)), ClusterId: 'another' });
    const after = await listed('--namespace', exampleNamespace);
    expect([after.grants.length, after.foreign]).toEqual([before.grants.length - 1, 1]);
  });

  test('no password and no token is in it', async () => {
    const { out, err } = await list('--json');
    const tokens = await Promise.all(
      (await fleet.records()).map(async (uuid) => (await fleet.record(uuid)).TokenId),
    );
    for (const secret of [...tokens, ...fleet.given().map(({ password }) => password)])
      expect(out + err).not.toContain(secret);
  });
});

describe('revoke', () => {
  const inNamespace = ['--namespace', exampleNamespace] as const;

  test('by pod: it says what it did, and the user is gone', async () => {
    const pod = await fleet.pod();
    const { code, out } = await revoke(pod.name, ...inNamespace, '--yes');
    expect(code).toBe(0);
    await expect(normalised(out)).toMatchFileSnapshot(golden('revoke-pod'));
    expect([await canLogIn(pod), await fleet.records()]).toEqual([
      false,
      expect.not.arrayContaining([pod.uuid]),
    ]);
    const again = await revoke(pod.name, ...inNamespace, '--yes');
    expect([again.code, normalised(again.err)]).toEqual([
      1,
      `there is nothing to revoke for pod POD in namespace ${exampleNamespace}: it is running, but the ledger has no grant of it (already revoked, or never issued)\n`,
    ]);
  });

  test('of a pod whose name its record does not have, since the API server made it: by its name', async () => {
    const pod = await fleet.pod();
    await fleet.write(pod.uuid, { ...(await fleet.record(pod.uuid)), PodName: '' });
    const byPod = await revoke(pod.name, ...inNamespace, '--yes');
    expect(byPod.out).toContain(`${pod.uuid} of ${exampleNamespace}/${pod.name} (`);
    const gone = await fleet.pod();
    await fleet.write(gone.uuid, { ...(await fleet.record(gone.uuid)), PodName: '' });
    await deletePod(gone);
    const byUuid = await revoke(gone.uuid, '--yes');
    expect(byUuid.out).toContain(
      `${gone.uuid} of a pod of generateName that is gone (namespace ${exampleNamespace}) (`,
    );
  });

  test('by the name of a pod that is gone', async () => {
    const pod = await fleet.pod();
    await deletePod(pod);
    expect((await revoke(pod.name, ...inNamespace, '--yes')).code).toBe(0);
    expect(await canLogIn(pod)).toBe(false);
  });

  test('by uuid; a second time there is nothing', async () => {
    const pod = await fleet.pod();
    expect((await revoke(pod.uuid, '--yes')).code).toBe(0);
    expect(await canLogIn(pod)).toBe(false);
    const { code, err } = await revoke(pod.uuid, '--yes');
    expect([code, normalised(err)]).toEqual([
      1,
      'the ledger has no grant UUID: it was already revoked, or never existed\n',
    ]);
  });

  test('not in another namespace, neither by uuid nor by pod', async () => {
    const pod = await fleet.pod();
    const byUuid = await revoke(pod.uuid, '--namespace', 'default', '--yes');
    expect([byUuid.code, normalised(byUuid.err)]).toEqual([
      1,
      `grant UUID is of namespace ${exampleNamespace}, not of default: nothing was revoked\n`,
    ]);
    const byPod = await revoke(pod.name, '--namespace', 'default', '--yes');
    expect([byPod.code, byPod.err]).toEqual([
      1,
      expect.stringMatching(/^there is nothing to revoke for pod/),
    ]);
    expect(await canLogIn(pod)).toBe(true);
  });

  test("not another pod's, whose uuid a pod names", async () => {
    const pod = await fleet.pod();
    const thief = podWith(
      { uuid: pod.uuid },
      { namespace: 'default', serviceAccount: null, labels: { 'stack.test/unguarded': 'true' } },
    );
    await createPod(thief);
    const { code } = await revoke(String(thief.metadata.name), '--namespace', 'default', '--yes');
    expect([code, await canLogIn(pod)]).toEqual([1, true]);
  });

  describe('several at once', () => {
    const several = async () => {
      const pods = [await fleet.pod(), await fleet.pod()];
      for (const pod of pods)
        await changePod(pod, () => ({ labels: { [fleet.label]: 'true', batch: pod.uuid.slice(-12) } }));
      return pods;
    };

    test('by name, as kubectl prints it, and by uuid', async () => {
      const [one, other] = await several();
      if (!one || !other) throw new Error('two were asked for');
      const { code, out } = await revoke(`pod/${one.name}`, other.uuid, ...inNamespace, '--yes');
      expect([code, out.match(/^✓/gm)?.length]).toEqual([0, 2]);
      expect([await canLogIn(one), await canLogIn(other)]).toEqual([false, false]);
    });

    test('by the labels of their pods, and only of these', async () => {
      const [one, other] = await several();
      if (!one || !other) throw new Error('two were asked for');
      const selector = `batch=${one.uuid.slice(-12)}`;
      expect((await list('-l', selector, '-o', 'name')).out).toBe(one.uuid);
      const { code, out } = await revoke('-l', selector, ...inNamespace, '--yes');
      expect([code, out.match(/^✓/gm)?.length]).toEqual([0, 1]);
      expect([await canLogIn(one), await canLogIn(other)]).toEqual([false, true]);
      const none = await revoke('-l', 'app=none', ...inNamespace, '--yes');
      expect([none.code, none.err]).toEqual([1, 'there is nothing to revoke for pods with app=none']);
    });

    test('of a role: how many is said before anybody is asked, and other namespaces are only theirs with -A', async () => {
      const pod = await fleet.pod();
      const elsewhere = await revoke('--role', 'gule-rw', '-n', 'default', '--yes');
      expect([elsewhere.code, elsewhere.err]).toEqual([1, 'there is nothing to revoke for role "gule-rw"']);
      const asked = await runAtTerminal(['revoke', '--config', config, '--role', 'gule-rw', '-A'], 'n\n');
      expect([asked.code, asked.raw]).toEqual([1, expect.stringMatching(/Revoke these \d+ grants\?/)]);
      expect(await canLogIn(pod)).toBe(true);
      expect((await revoke('--role', 'gule-rw', '--all-namespaces', '--yes')).code).toBe(0);
      expect(await canLogIn(pod)).toBe(false);
    });
  });

  test('not without a yes: where nobody can be asked, and where somebody says no', async () => {
    const pod = await fleet.pod();
    const { code, err } = await revoke(pod.uuid);
    expect([code, err]).toEqual([
      1,
      'nothing was revoked: there is no terminal to ask on; to confirm, add --yes',
    ]);
    const asked = await runAtTerminal(['revoke', '--config', config, pod.uuid], 'n\n');
    expect([asked.code, asked.raw]).toEqual([
      1,
      expect.stringContaining('is running, and will lose its databases.'),
    ]);
    expect(await canLogIn(pod)).toBe(true);
    expect((await runAtTerminal(['revoke', '--config', config, pod.uuid], 'y\n')).code).toBe(0);
    expect(await canLogIn(pod)).toBe(false);
  });
});
