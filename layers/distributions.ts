import { normalisedName } from "./lock";

/** Distributions whose modules have another name, by module name; the most used ones. */
const distributionOf: Readonly<Record<string, string>> = {
  attr: "attrs",
  bs4: "beautifulsoup4",
  Crypto: "pycryptodome",
  cv2: "opencv-python-headless",
  dateutil: "python-dateutil",
  distutils: "setuptools",
  dns: "dnspython",
  docx: "python-docx",
  dotenv: "python-dotenv",
  email_validator: "email-validator",
  fitz: "pymupdf",
  git: "gitpython",
  "google.api": "googleapis-common-protos",
  "google.auth": "google-auth",
  "google.oauth2": "google-auth",
  "google.protobuf": "protobuf",
  googleapiclient: "google-api-python-client",
  grpc: "grpcio",
  grpc_status: "grpcio-status",
  jose: "python-jose",
  jwt: "pyjwt",
  ldap: "python-ldap",
  ldap3: "ldap3",
  magic: "python-magic",
  markdown_it: "markdown-it-py",
  multipart: "python-multipart",
  mysql: "mysql-connector-python",
  MySQLdb: "mysqlclient",
  nacl: "pynacl",
  OpenSSL: "pyopenssl",
  PIL: "pillow",
  pkg_resources: "setuptools",
  psycopg2: "psycopg2-binary",
  pyasn1_modules: "pyasn1-modules",
  pptx: "python-pptx",
  "ruamel.yaml": "ruamel-yaml",
  sentry_sdk: "sentry-sdk",
  serial: "pyserial",
  skimage: "scikit-image",
  sklearn: "scikit-learn",
  slugify: "python-slugify",
  socks: "pysocks",
  telegram: "python-telegram-bot",
  websocket: "websocket-client",
  win32api: "pywin32",
  yaml: "pyyaml",
  zmq: "pyzmq",
  _cffi_backend: "cffi",
};

/**
 * Namespaces that several distributions share, with the number of module name parts that make up a distribution's name.
 */
const namespaces: Readonly<Record<string, number>> = {
  "google.cloud": 3,
  google: 2,
  "azure.storage": 3,
  "azure.keyvault": 3,
  "azure.mgmt": 3,
  "azure.data": 3,
  "azure.monitor": 3,
  "azure.ai": 3,
  azure: 2,
  opentelemetry: 3,
};

/**
 * Normalised name of the distribution that most likely provides a module.
 *
 * @param locked names in the locks, which take precedence.
 */
export function distributionFor(module: string, locked: ReadonlySet<string>): string {
  const parts = module.split(".");
  const prefixes = parts.map((_, index) => parts.slice(0, parts.length - index).join("."));
  const listed = prefixes.map((prefix) => distributionOf[prefix]).find((name) => name !== undefined);
  if (listed !== undefined) return listed;
  const inLock = prefixes.map(normalisedName).find((name) => locked.has(name));
  if (inLock !== undefined) return inLock;
  const length = prefixes.map((prefix) => namespaces[prefix]).find((count) => count !== undefined) ?? 1;
  return normalisedName(parts.slice(0, length).join("."));
}

/** Modules that a distribution presumably provides, judged by its normalised name only. */
export function providedModules(distribution: string): string[] {
  const listed = Object.entries(distributionOf).flatMap(([module, name]) => (name === distribution ? [module] : []));
  return [...listed, distribution.replaceAll("-", "_"), distribution.replaceAll("-", ".")];
}

/** Full name of a file's module, without a platform suffix; empty for a file that is no module. */
export function moduleName(file: string): string[] {
  const name = /^(.+?)(?:\/__init__)?(?:\.[\w-]+)?\.(?:py|so|pyd)$/.exec(file)?.[1];
  return name === undefined ? [] : [name.replaceAll("/", ".")];
}
