/** Which cluster a command is about to act on, so that a person sees a wrong one at once. */
import type { Kubectl } from './kubectl.ts';

const CONTEXT = '{.current-context}|{.clusters[0].cluster.server}';

/** @returns a sentence. */
export async function whereItActs(kubectl: Kubectl): Promise<string> {
  const { code, stdout } = await kubectl.run(['config', 'view', '--minify', `--output=jsonpath=${CONTEXT}`]);
  const [context = '', server = ''] = stdout.trim().split('|');
  // As inside of a cluster; what is wrong with a kubeconfig is said by what comes next.
  if (code !== 0 || server === '') return 'On a cluster that no context of a kubeconfig names.';
  return `On the cluster ${server}, context "${context}".`;
}
