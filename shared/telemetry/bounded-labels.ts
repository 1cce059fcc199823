/**
 * Labels of counters whose values come from pods' authors: each combination is a series for as long as the process lives,
 * and at the Pushgateway for longer. After so many of a counter the rest are one.
 */

const CHOSEN_BY_OTHERS: ReadonlySet<string> = new Set([
  'namespace',
  'service_account_name',
  'db_role',
  'approle',
]);
/** What the rest are called. */
const OTHER = 'other';
// As long as any name of Kubernetes; those of roles are Vault's, and may be longer.
const LONGEST = 253;

type Labels = Readonly<Record<string, string>>;

/** @returns a function of a counter's name and labels: the same labels, or those of the rest. */
export function createBoundedLabels(most = 1_000): (counter: string, labels: Labels) => Labels {
  const known = new Map<string, Set<string>>();
  return (counter, labels) => {
    const chosen = Object.entries(labels).filter(([name]) => CHOSEN_BY_OTHERS.has(name));
    if (chosen.length === 0) return labels;
    const shortened = chosen.map(([name, value]) => [name, value.slice(0, LONGEST)] as const);
    const combinations = known.get(counter) ?? new Set();
    known.set(counter, combinations);
    const combination = JSON.stringify(shortened);
    if (combinations.size < most) combinations.add(combination);
    const isKnown = combinations.has(combination);
    return {
      ...labels,
      ...Object.fromEntries(shortened.map(([name, value]) => [name, isKnown ? value : OTHER])),
    };
  };
}
