/** A whole cluster on this machine: what its users have, from the same parts. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import {
  allReady,
  installCertManager,
  installDns,
  installEventing,
  installKourier,
  installServing,
} from './addons.ts';
import { createBridge, startControlPlane, startRegistry } from './control-plane.ts';
import { mainDatabase, passwordFile, startDatabase } from './databases.ts';
import { makeImages } from './images.ts';
import { installAll } from './install/index.ts';
import { installPackages } from './install/packages.ts';
import { checkMachine } from './machine.ts';
import { startNode } from './node.ts';
import { paths } from './paths.ts';
import { createPki, pki } from './pki.ts';
import { node, ports, registry } from './settings.ts';
import { prepareVault, rootToken, startVault, vaultAddress } from './vault.ts';

export type OnStep = (step: string, detail: string | undefined) => void;

/** Brings up whatever is not up yet. */
export async function up(onStep: OnStep): Promise<void> {
  await checkMachine();
  const steps: readonly (readonly [string, (report: (detail: string) => void) => Promise<void>])[] = [
    ['packages', installPackages],
    ['programs', installAll],
    ['network and certificates', prepare],
    ['registry', startRegistry],
    ['images', makeImages],
    ['control plane', startControlPlane],
    ['node', startNode],
    ['PostgreSQL', () => startDatabase(mainDatabase)],
    ['OpenBao', startVault],
    ['DNS', installDns],
    ['cert-manager', installCertManager],
    ['Knative Serving', installServing],
    ['Kourier', installKourier],
    ['Knative Eventing', installEventing],
    ['auth method and mounts of Vault', prepareVault],
    ['all pods', allReady],
  ];
  for (const [name, work] of steps) {
    onStep(name, undefined);
    await work((detail) => onStep(name, detail));
  }
  await writeFile(paths.environment, dotenv(await environment()), { mode: 0o600 });
}

async function prepare(): Promise<void> {
  for (const folder of [paths.run, paths.state]) await mkdir(folder, { recursive: true, mode: 0o711 });
  await writeFile(paths.owner, paths.root);
  await createPki();
  await createBridge();
}

/** Addresses and keys by the names that command line tools know. */
export async function environment(): Promise<Record<string, string>> {
  return {
    KUBECONFIG: paths.kubeconfig,
    VAULT_ADDR: vaultAddress,
    VAULT_CACERT: pki('vault-ca.crt'),
    VAULT_TOKEN: await rootToken(),
    BAO_ADDR: vaultAddress,
    BAO_CACERT: pki('vault-ca.crt'),
    BAO_TOKEN: await rootToken(),
    VAULT_CLI: 'bao',
    PGHOST: node.address,
    PGPORT: String(ports.postgres),
    PGUSER: 'postgres',
    PGPASSWORD: await readFile(passwordFile, 'utf8'),
    PGSSLMODE: 'require',
    REGISTRY: registry.name,
  };
}

// In single quotes: taken literally by shells as well as by those who read the file.
const dotenv = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => `export ${name}='${value}'\n`)
    .join('');
