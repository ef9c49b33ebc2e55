/** Memoises `make` by key. A failure is not cached, so that the next call tries again. */
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
