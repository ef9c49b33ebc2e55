/** One version of a layer, as its cloud keeps it. */
export interface LayerVersion {
  readonly layerName: string;
  /** Counted by the cloud from 1; no number comes twice. */
  readonly version: number;
  /** ARN with the version at its end. */
  readonly arn: string;
  readonly createdAt: Date;
  /** Bytes of the zip. */
  readonly size: number;
  /** SHA-256 of the zip, in hexadecimal. */
  readonly sha256: string;
}

/** A stack or function that names layer versions, so that they cannot go. */
export interface Consumer {
  /** For a reader, e.g. `function shop-api:3` or `stack organization/shop/staging`. */
  readonly name: string;
  /** ARNs of versions; those of other layers may be among them. */
  readonly layerArns: readonly string[];
  /** The published version of a function that it is, where it is one. */
  readonly published?: PublishedFunction;
}

export interface PublishedFunction {
  readonly functionName: string;
  /** Counted by the cloud from 1. */
  readonly version: number;
  /** Names of the aliases that it has. */
  readonly aliases: readonly string[];
}

/** The layer versions of one region of a cloud. */
export interface LayerRegistry {
  /** Every version of the layers whose name begins with `prefix`. */
  versions(prefix: string): Promise<LayerVersion[]>;
  /** All functions of the region, each published version of one by itself. */
  functions(): Promise<Consumer[]>;
  /** Deletes a published version of a function for good, with its aliases. */
  deleteFunction(version: PublishedFunction): Promise<void>;
  /** Deletes a version for good. */
  delete(version: LayerVersion): Promise<void>;
}
