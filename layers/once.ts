/** What `make` gives for a key, made once; a failure is not kept, so that the next one tries again. */
export function once<Key, Value>(
  known: Map<Key, Promise<Value>>,
  key: Key,
  make: () => Promise<Value>,
): Promise<Value> {
  const present = known.get(key);
  if (present !== undefined) return present;
  const making = make();
  known.set(key, making);
  making.catch(() => known.delete(key));
  return making;
}
