/**
 * Labels of counters whose values come from pods' authors: each combination is a series for as long as the process
 * lives, and longer at the Pushgateway. Beyond a limit per counter, further combinations share one series.
 */

const CHOSEN_BY_OTHERS: ReadonlySet<string> = new Set([
  'namespace',
  'service_account_name',
  'db_role',
  'approle',
]);
/** Label value of the shared series. */
const OTHER = 'other';
// Maximum length of a Kubernetes name; Vault's role names may be longer.
const LONGEST = 253;

type Labels = Readonly<Record<string, string>>;

/** @returns a function of a counter's name and labels: it returns the same labels, or those of the shared series. */
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
