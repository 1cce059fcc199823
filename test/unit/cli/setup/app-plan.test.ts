import { expect, test } from 'vitest';
import { appPlan, policyText } from '../../../../cli/setup/app-plan.ts';

const settings = {
  namespace: 'team',
  serviceAccount: 'web',
  role: 'orders',
  name: 'team-web',
  database: 'orders',
  mount: 'databases',
  authPath: 'kubernetes',
};
const whole = policyText(settings);

test.each([
  ['nothing', undefined, 'missing'],
  ['all of it', whole, 'there'],
  ['all of it, as Vault keeps what ends without a new line', whole.trimEnd(), 'there'],
  ['all of it, and another database before it', `path "other/creds/x" {\n}\n${whole}`, 'there'],
  ['the credentials, but not their end', whole.slice(0, whole.indexOf('path "sys')), 'different'],
  ['a comment', whole.replaceAll(/^/gm, '# '), 'different'],
  ['less on that path', whole.replace('"read"', '"deny"'), 'different'],
])('of the policy there is %s', (_, policy, state) => {
  const [first] = appPlan(settings, { policy, authRole: undefined, connectionUrl: undefined });
  expect(first?.state).toBe(state);
});
