/** The region in `arn:<partition>:<service>:<region>:<account>:<resource>`. */
export function regionOf(arn: string): string {
  return arn.split(":")[3] ?? "";
}
