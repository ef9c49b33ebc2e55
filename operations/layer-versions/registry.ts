/** One version of a layer in its cloud. */
export interface LayerVersion {
  readonly layerName: string;
  /** Assigned by the cloud from 1; numbers are not reused. */
  readonly version: number;
  /** ARN including the version. */
  readonly arn: string;
  readonly createdAt: Date;
  /** Bytes of the zip. */
  readonly size: number;
  /** SHA-256 of the zip, in hexadecimal: as it was built, where it is signed. */
  readonly sha256: string;
}

/** A stack or function that references layer versions, so that they must be kept. */
export interface Consumer {
  /** Display name, e.g. `function shop-api:3` or `stack organization/shop/staging`. */
  readonly name: string;
  /** ARNs of layer versions, possibly of other layers too. */
  readonly layerArns: readonly string[];
  /** Set if the consumer is a published version of a function. */
  readonly published?: PublishedFunction;
}

export interface PublishedFunction {
  readonly functionName: string;
  /** Assigned by the cloud from 1. */
  readonly version: number;
  /** Names of its aliases. */
  readonly aliases: readonly string[];
}

/** The layer versions of one region of a cloud. */
export interface LayerRegistry {
  /** All versions of layers with a name that begins with `prefix`. */
  versions(prefix: string): Promise<LayerVersion[]>;
  /** All functions of the region; each published version is a consumer of its own. */
  functions(): Promise<Consumer[]>;
  /** Deletes a published version of a function permanently, with its aliases. */
  deleteFunction(version: PublishedFunction): Promise<void>;
  /** Deletes a version permanently. */
  delete(version: LayerVersion): Promise<void>;
}

/**
 * The hash of what a signing job signed, which the components put into its key: a signature makes another zip of it.
 *
 * @returns undefined for a key of others.
 */
export function signedHash(sourceKey: string): string | undefined {
  return /(?:^|\/)([0-9a-f]{64})\.zip$/.exec(sourceKey)?.[1];
}
