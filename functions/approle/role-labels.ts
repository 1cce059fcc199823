/**
 * An AppRole's name as a label of a metric. Without a map whoever creates pods chooses these names, and each is a series
 * for ever: after so many the rest are one.
 */
export function createRoleLabels(most = 500): (role: string) => string {
  const known = new Set<string>();
  return (role) => {
    if (known.size < most) known.add(role);
    return known.has(role) ? role : 'other';
  };
}
