/**
 * The order of the test files. Vitest knows how long each takes from the run before, which a fresh clone has not had: those that
 * take longest would be left over, and run alone.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The slowest files first; each takes tens of seconds or more. */
const LONGEST = [
  'cli/install.test.ts',
  'cli/uninstall.test.ts',
  'vault/policies-minimal.test.ts',
  'monitoring/alerts.test.ts',
  'renewal/failures.test.ts',
  'admission/own-identity.test.ts',
  'revocation/unavailable.test.ts',
  'faults/vault-gone.test.ts',
  'stack.test.ts',
  'cli/rotate.test.ts',
  'cli/doctor-faults.test.ts',
  'approle/init.test.ts',
  'monitoring/vault-sealed.test.ts',
  'revocation/hung-database.test.ts',
  'cli/grants.test.ts',
  'faults/foreign-answers.test.ts',
  'attacks/hostile-uploads.test.ts',
  'approle/knative.test.ts',
];

const rank = ({ moduleId }: TestSpecification): number => {
  const index = LONGEST.findIndex((file) => moduleId.endsWith(`/e2e/${file}`));
  return index === -1 ? LONGEST.length : index;
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const long = sorted.filter((file) => rank(file) < LONGEST.length).sort((a, b) => rank(a) - rank(b));
    const others = sorted.filter((file) => rank(file) === LONGEST.length);
    // Projects run one after the other in any case.
    return [...long, ...others];
  }
}
