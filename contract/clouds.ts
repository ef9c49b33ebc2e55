/** The clouds that a stack can be on, in the order in which everything names them. */
export const clouds = ["aws", "azure", "gcp"] as const;

export type Cloud = (typeof clouds)[number];
