/** Of a pod, a service account, a node or a namespace, or nothing: what may become a part of the API server's paths. */
export const NAME_OR_NONE = /^(?:[a-z\d][a-z\d.-]{0,252})?$/;
