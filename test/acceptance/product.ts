/** The product as it stands in the cluster, and its commands as its operators give them. */
import * as v from 'valibot';
import { cli, kubectl, type World } from './world.ts';

/** Vault as pods of the cluster reach it, where that is another address than from here (VAULT_ADDR_IN_CLUSTER). */
export const vaultInCluster = ({ env, own }: World): string =>
  env['VAULT_ADDR_IN_CLUSTER'] ?? (own ? 'https://vault.example.com:8200' : String(env['VAULT_ADDR']));

export const NAMESPACE = '--namespace=vault-injector';

/** One run of the renewal job at once. @throws with its log where it did not do all it had to do. */
export const sweep = (world: World) => cli(world, 'sweep');

/** @returns each image that a part of the product has or would have with its next run, by the part's kind and name. */
export async function imagesOf(world: World): Promise<Map<string, string>> {
  const path = (kind: string, spec: string) =>
    kubectl(
      world,
      'get',
      kind,
      NAMESPACE,
      `--output=jsonpath={range .items[*]}{.kind}/{.metadata.name} {${spec}.containers[0].image}{"\\n"}{end}`,
    );
  const told = `${await path('ksvc', '.spec.template.spec')}
${await path('cronjobs', '.spec.jobTemplate.spec.template.spec')}`;
  const lines = told.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => v.parse(v.tuple([v.string(), v.string()]), line.split(' '))));
}
