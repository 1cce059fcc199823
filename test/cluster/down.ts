import { rm } from 'node:fs/promises';
import { running, started, stop } from './daemons.ts';
import { mainDatabase, removeDatabase } from './databases.ts';
import { removePods } from './node.ts';
import { binary, paths } from './paths.ts';
import { command, unmount } from './run.ts';
import { node } from './settings.ts';

// Whatever needs another one ends before it.
const ORDER = [
  'kubelet',
  'kube-proxy',
  'kube-router',
  'kube-scheduler',
  'kube-controller-manager',
  'kube-apiserver',
  'etcd',
  'containerd',
  'bao',
  'postgres',
  'registry',
];

const OF_KUBE_ROUTER = /KUBE-(?:ROUTER|POD-FW|NWPLCY|NETWORK-POLICY)/;

/** Removes kube-router's rules and sets, which its own clean-up leaves where the API server is gone. */
async function removePolicies(): Promise<void> {
  const rules = await command('iptables-save', ['--table', 'filter']).catch(() => '');
  if (!OF_KUBE_ROUTER.test(rules)) return;
  const others = rules.split('\n').filter((line) => !OF_KUBE_ROUTER.test(line));
  await command('iptables-restore', ['--table', 'filter'], { input: `${others.join('\n')}\n` });
  const sets = (await command('ipset', ['list', '--name']).catch(() => '')).split('\n');
  for (const name of sets.filter((set) => /^KUBE-(?:SRC|DST)-|^kube-router-/.test(set)))
    await command('ipset', ['destroy', name]).catch(() => '');
}

/** Ends all of it. @param keep whether its state stays, so that the next one goes on where this one was. */
export async function down({ keep }: { readonly keep: boolean }): Promise<void> {
  await stop('kubelet');
  if (await running('containerd')) await removePods();
  const all = await started();
  for (const name of [...ORDER, ...all.filter((other) => !ORDER.includes(other))]) await stop(name);
  await removePolicies();
  await command(binary('kube-proxy'), [`--config=${paths.run}/kube-proxy.yaml`, '--cleanup']).catch(() => '');
  if (keep) return;
  await unmount([`${paths.run}/`, `${paths.state}/`]);
  await command('ip', ['link', 'delete', node.bridge]).catch(() => '');
  await removeDatabase(mainDatabase);
  await Promise.all([paths.run, paths.state].map((folder) => rm(folder, { recursive: true, force: true })));
}
