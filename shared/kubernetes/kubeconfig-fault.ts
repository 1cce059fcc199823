import { printable } from '../secret.ts';

/** Why a kubeconfig, or an exec plugin in it, cannot be used. Parsers quote what they read, which may be a credential. */
export function kubeconfigFault(cause: unknown): string {
  if (!(cause instanceof Error)) return 'no reason is given';
  if (cause instanceof SyntaxError) return "its plugin's answer is not JSON";
  if ('reason' in cause && cause.name === 'YAMLException')
    return `it is not YAML: ${printable(String(cause.reason))}`;
  return printable(cause.message.trim()) || 'its plugin failed without a message';
}
