/** What only Debian's own packages have: a container runtime's low end, an image builder, PostgreSQL's server. */
import { run, withClock } from '../../stack/install/run.ts';
import type { Report } from '../../stack/progress.ts';

const NEEDED = [
  'runc',
  'containernetworking-plugins',
  'nftables',
  'iptables',
  'conntrack',
  'ipset',
  'buildah',
  'mmdebstrap',
  'postgresql-15',
] as const;

const areInstalled = async (): Promise<boolean> => {
  try {
    await run({ command: 'dpkg', args: ['-s', ...NEEDED] });
    return true;
  } catch {
    return false;
  }
};

/** @throws where apt-get cannot install them: on other systems than Debian and Ubuntu. */
export async function installPackages(report: Report): Promise<void> {
  if (await areInstalled()) return;
  const apt = (...args: string[]) =>
    run({ command: 'env', args: ['DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args] });
  await withClock(report, () => "downloading the package manager's lists", apt('update', '-qq'));
  const install = apt('install', '-y', '-qq', '--no-install-recommends', ...NEEDED);
  await withClock(report, () => `installing ${NEEDED.join(', ')}`, install);
}
