/** The cluster that a command is about to act on, so that a person notices a wrong one at once. */
import type { Kubectl } from './kubectl.ts';

const CONTEXT = '{.current-context}|{.clusters[0].cluster.server}';

/** @returns a sentence. */
export async function whereItActs(kubectl: Kubectl): Promise<string> {
  const { code, stdout } = await kubectl.run(['config', 'view', '--minify', `--output=jsonpath=${CONTEXT}`]);
  const [context = '', server = ''] = stdout.trim().split('|');
  // Assumes the in-cluster configuration; a broken kubeconfig is reported by the next request.
  if (code !== 0 || server === '') return 'On a cluster without a kubeconfig context.';
  return `On the cluster ${server}, context "${context}".`;
}
