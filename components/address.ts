/**
 * The public address of a host: HTTPS, except on the loopback interface, which no certificate authority signs for and
 * which browsers treat as a secure context without one.
 */
export function publicAddress(host: string): string {
  return `${/^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host) ? "http" : "https"}://${host}`;
}

/** The host of a URL, with its port where it has one: what a CDN's origin is configured with. */
export function hostOf(url: string): string {
  return new URL(url).host;
}
