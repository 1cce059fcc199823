/**
 * A valid name of a pod, service account, node or namespace, or an empty text: it may become part of an API server
 * path.
 */
export const NAME_OR_NONE = /^(?:[a-z\d][a-z\d.-]{0,252})?$/;
