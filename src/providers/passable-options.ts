/** Names under which callers have tried to bring their own credential or destination. */
const forbidden = new Set([
  ...['apikey', 'apibase', 'apiurl', 'apiversion', 'authorization', 'auth', 'accesstoken', 'secret', 'token', 'key'],
  ...['baseurl', 'url', 'endpoint', 'host', 'headers', 'extraheaders', 'extrabody', 'extraquery', 'xapikey'],
  ...['xgoogapikey', 'proto', 'constructor', 'prototype'],
])

/** A call's provider options without the `reserved` fields and without whatever looks like a key, header or address. */
export function passableOptions(
  options: Record<string, unknown>,
  reserved: readonly string[],
): Record<string, unknown> {
  const passable: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || reserved.includes(name)) continue
    if (forbidden.has(name.replace(/[-_]/g, '').toLowerCase())) continue
    passable[name] = value
  }
  return passable
}
