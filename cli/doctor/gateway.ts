/** Knative's gateway: whether its routes are open to anyone, and whether its access log contains the path's secret. */
import * as v from 'valibot';
import { readObject } from '../../shared/kubernetes/objects.ts';
import {
  ACCESS_LOG_TOLD,
  ingressClassIn,
  KOURIER,
  SWITCH_ACCESS_LOG_OFF,
  useIngressClass,
  writesPaths,
} from '../ingress-class.ts';
import { type Check, failed, ok } from './check.ts';
import type { Facts } from './facts.ts';
import { readWebhook } from './webhook.ts';

const ConfigMap = v.object({ data: v.optional(v.record(v.string(), v.string()), {}) });
const SETTINGS = '/api/v1/namespaces/knative-serving/configmaps';

export const gateway = (facts: Facts): Check => ({
  name: 'gateway',
  needs: ['API server', 'webhook'],
  async look() {
    const { api, deadline } = facts;
    if ((await readWebhook(facts))?.clientConfig.service?.namespace !== 'kourier-system')
      return ok("not Knative's Kourier");
    const read = (name: string) => readObject(api, `${SETTINGS}/${name}`, ConfigMap, deadline());
    const [network, kourier] = await Promise.all([read('config-network'), read('config-kourier')]);
    const ingressClass = ingressClassIn(network?.data ?? {});
    if (network && ingressClass !== KOURIER)
      return failed(
        `admissions go to Kourier, and Knative's routes are for ${ingressClass} (config-network, ingress-class)`,
        useIngressClass(KOURIER),
      );
    if (writesPaths(kourier?.data))
      return failed(ACCESS_LOG_TOLD, `${SWITCH_ACCESS_LOG_OFF}, then npx vault-db-injector rotate`);
    return ok('Kourier, which writes no paths to its access log');
  },
});
