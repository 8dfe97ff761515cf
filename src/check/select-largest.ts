/**
 * The places of the `count` largest of some values, the largest first; of equal ones the place seen first. For a few of
 * millions: nothing is sorted, nothing is stored.
 * @param places in the order in which they are looked at
 */
export function selectLargest(
  places: Iterable<number>,
  count: number,
  sizeOf: (place: number) => number,
): number[] {
  const chosen: number[] = []
  const values: number[] = []
  for (const place of places) {
    const value = sizeOf(place)
    if (chosen.length === count && !(value > values[count - 1])) continue
    let at = chosen.length
    while (at > 0 && value > values[at - 1]) at--
    chosen.splice(at, 0, place)
    values.splice(at, 0, value)
    if (chosen.length > count) {
      chosen.pop()
      values.pop()
    }
  }
  return chosen
}

/** The middle one of some values, the upper of two. They are put into another order for it. */
export function selectMiddle(values: Float64Array): number {
  const middle = Math.floor(values.length / 2)
  let [low, high] = [0, values.length - 1]
  // Hoare's selection: what is below the pivot goes left, what is above it right, and only one side goes on
  while (low < high) {
    const pivot = values[Math.floor((low + high) / 2)]
    let [left, right] = [low, high]
    while (left <= right) {
      while (values[left] < pivot) left++
      while (values[right] > pivot) right--
      if (left > right) break
      const kept = values[left]
      values[left++] = values[right]
      values[right--] = kept
    }
    if (middle <= right) high = right
    else if (middle >= left) low = left
    else break
  }
  return values[middle]
}
