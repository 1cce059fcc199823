/** Knative's ingress settings: the class of its routes, and what a gateway logs. */

export type Settings = Readonly<Record<string, string>>;

export const KOURIER = 'kourier.ingress.networking.knative.dev';
export const ISTIO = 'istio.ingress.networking.knative.dev';

/** @param network the ConfigMap config-network; if it names no class, Knative waits for Istio. */
export function ingressClassIn(network: Settings): string {
  return network['ingress-class'] ?? network['ingress.class'] ?? ISTIO;
}

const patchOf = (configMap: string, data: Settings): string =>
  `kubectl --namespace knative-serving patch configmap ${configMap} --type=merge --patch='${JSON.stringify({ data })}'`;

export const useIngressClass = (name: string): string => patchOf('config-network', { 'ingress-class': name });

export const ACCESS_LOG_TOLD =
  "Kourier's access log contains the path of each request, and the path of an admission contains the webhook's secret";
export const SWITCH_ACCESS_LOG_OFF = patchOf('config-kourier', { 'enable-service-access-logging': 'false' });

/** @param kourier the ConfigMap config-kourier; if it is absent or sets nothing, Kourier writes an access log. */
export function writesPaths(kourier: Settings | undefined): boolean {
  const { 'enable-service-access-logging': enabled = 'true', 'service-access-log-template': template = '' } =
    kourier ?? {};
  if (/^(?:0|f|false)$/i.test(enabled)) return false;
  // A custom format, which may leave out the path.
  return template === '' || /path/i.test(template) || /%REQ\(:/i.test(template);
}
