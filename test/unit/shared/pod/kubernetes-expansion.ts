/**
 * What the kubelet makes of a container's environment: `$(NAME)` becomes the value of a variable that stands before it,
 * `$$` a single `$`, and everything else stays
 * (https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/).
 */
export function expand(
  env: readonly { readonly name: string; readonly value: string }[],
): Map<string, string> {
  const expanded = new Map<string, string>();
  for (const { name, value } of env) {
    const result = value.replaceAll(/\$\$|\$\(([^)]*)\)/g, (found, reference: string | undefined) => {
      if (reference === undefined) return '$';
      return expanded.get(reference) ?? found;
    });
    expanded.set(name, result);
  }
  return expanded;
}
