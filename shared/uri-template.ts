/** A connection URI without user info, split at the position of the user info. */
export interface UriTemplate {
  /** The scheme with `://`, as written. */
  readonly beforeUserInfo: string;
  /** Host, port, path and query, as written: hosts may be several, and Kubernetes may expand `$(NAME)` in it. */
  readonly afterUserInfo: string;
  /** Whether the template contained user info, which the credentials replace. */
  readonly hadUserInfo: boolean;
}

const URI = /^([A-Za-z][A-Za-z\d+.-]*:\/\/)(?:([^@/?#]*)@)?([^@/?#\s][^\s]*)$/;

/** `undefined` for text that is not `scheme://host…`. */
export function parseUriTemplate(text: string): UriTemplate | undefined {
  const [, beforeUserInfo, userInfo, afterUserInfo] = URI.exec(text) ?? [];
  if (beforeUserInfo === undefined || afterUserInfo === undefined) return undefined;
  return { beforeUserInfo, afterUserInfo, hadUserInfo: userInfo !== undefined && userInfo !== '' };
}

/** The template with user and password inserted, percent-encoded (RFC 3986, 3.2.1). */
export function fillUriTemplate(template: UriTemplate, user: string, password: string): string {
  return `${template.beforeUserInfo}${percentEncode(user)}:${percentEncode(password)}@${template.afterUserInfo}`;
}

function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
