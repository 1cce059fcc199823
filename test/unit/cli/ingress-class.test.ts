import { expect, test } from 'vitest';
import { writesPaths } from '../../../cli/ingress-class.ts';

const LOGGING = 'enable-service-access-logging';
const TEMPLATE = 'service-access-log-template';

test.each([
  ['there is no ConfigMap', undefined, true],
  ['it does not say', {}, true],
  ['it is on', { [LOGGING]: 'true' }, true],
  ['it is off', { [LOGGING]: 'false' }, false],
  ['it is off, as Go reads it', { [LOGGING]: 'F' }, false],
  ['with the path in a form of their own', { [TEMPLATE]: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%' }, true],
  ['without it', { [TEMPLATE]: '%START_TIME% %RESPONSE_CODE%' }, false],
])("Kourier's access log, where %s", (_, settings, expected) => {
  expect(writesPaths(settings)).toBe(expected);
});
